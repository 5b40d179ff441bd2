import { X509Certificate } from "node:crypto";
import { sql } from "kysely";
import type { Model } from "#protocol/model.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { checkSwu } from "./core/swu.ts";
import { refused, type Refused } from "./refused.ts";
import type { Release } from "./release-shapes.ts";

/** Somebody by whom images may be signed. */
export interface ImageCertificate {
  fingerprint: string;
  subject: string;
  validFromMs: number;
  validToMs: number;
  createdAtMs: number;
  createdBy: string;
}

const certificatesMax = 20;

interface Row {
  pem: string;
  created_at_ms: number;
  created_by: string;
}

interface ImageCertificatesDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  devices: { model(key: string): Promise<Model | null> };
}

const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(":", "").toLowerCase();

function toView({ pem, created_at_ms: createdAtMs, created_by: createdBy }: Row): ImageCertificate {
  const certificate = new X509Certificate(pem);
  return {
    fingerprint: fingerprintOf(certificate),
    subject: certificate.subject.replaceAll("\n", ", "),
    validFromMs: certificate.validFromDate.getTime(),
    validToMs: certificate.validToDate.getTime(),
    createdAtMs,
    createdBy,
  };
}

/**
 * The images' own signatures. Clients of hawkBit's device API know nothing of the signed repository: SWUpdate verifies the image itself,
 * by the maker's certificate. What it would refuse is refused here first.
 */
export class ImageCertificates {
  readonly #deps: ImageCertificatesDeps;

  constructor(deps: ImageCertificatesDeps) {
    this.#deps = deps;
  }

  async list(): Promise<ImageCertificate[]> {
    return (await this.#rows(this.#deps.db)).map(toView);
  }

  async #rows(db: Db): Promise<Row[]> {
    const { rows } = await sql<Row>`
      SELECT pem, created_at_ms, created_by FROM firmware_image_certificate ORDER BY created_at_ms, fingerprint`.execute(
      db,
    );
    return rows;
  }

  /** Trusts exactly these from now on. */
  async put(
    by: Principal,
    pem: string,
  ): Promise<{ kind: "put"; certificates: ImageCertificate[] } | Refused<"image_certificates_not_valid">> {
    const certificates = certificatesIn(pem);
    if (certificates === null || certificates.length > certificatesMax) return refused("image_certificates_not_valid");
    const { db, clock, audit } = this.#deps;
    const wanted = new Map(certificates.map((one) => [fingerprintOf(one), one.toString()]));
    return transaction(db, async (tx) => {
      await sql`LOCK TABLE firmware_image_certificate IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = (await this.#rows(tx)).map((row) => toView(row).fingerprint);
      const gone = before.filter((fingerprint) => !wanted.has(fingerprint));
      await sql`DELETE FROM firmware_image_certificate WHERE fingerprint = ANY(${gone}::text[])`.execute(tx);
      const rows = [...wanted].map(([fingerprint, text]) => ({ fingerprint, pem: text }));
      await sql`
        INSERT INTO firmware_image_certificate (fingerprint, pem, created_at_ms, created_by)
        SELECT fingerprint, pem, ${clock.nowMs()}, ${principalText(by)}
        FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(fingerprint text, pem text)
        ON CONFLICT (fingerprint) DO NOTHING`.execute(tx);
      await audit.record(tx, {
        principal: by,
        action: "image_certificates.put",
        subject: "firmware:image_certificates",
        before,
        after: [...wanted.keys()],
      });
      return { kind: "put", certificates: (await this.#rows(tx)).map(toView) };
    });
  }

  /**
   * Why an image may not be a release's, or null. Only images for SWUpdate are looked into, of models that speak hawkBit's device API.
   *
   * @param bytes the image from its beginning, in pieces; asked for only where it is looked into
   */
  async refusal(release: Release, bytes: () => AsyncIterable<Buffer>): Promise<Refused | null> {
    if (!release.path.endsWith(".swu")) return null;
    if ((await this.#deps.devices.model(release.model))?.hawkbit === undefined) return null;
    const certificates = (await this.#rows(this.#deps.db)).map(({ pem }) => pem);
    if (certificates.length === 0) return refused("image_certificates_missing");
    const nowMs = this.#deps.clock.nowMs();
    const outcome = await checkSwu(bytes(), { certificates, version: release.version, nowMs });
    return outcome.kind === "good" ? null : refused(outcome.rule, outcome.detail);
  }
}

/** Null where there is something else in the text, such as a private key. */
function certificatesIn(pem: string): X509Certificate[] | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (/-----BEGIN (?!CERTIFICATE-----)/.test(pem) || (blocks.length === 0 && pem.trim() !== "")) return null;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}
