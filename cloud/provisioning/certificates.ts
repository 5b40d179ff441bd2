import type { CloudMessage } from "#protocol/link/messages.ts";
import type { Outbox } from "../events/events.ts";
import { type Authority, type RevocationReason, signCrl } from "../pki/pki.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { type Certificate, type CertificateFilter, CertificatesStore } from "./certificates-store.ts";

/** How long a revocation list says that it holds. A new one is made once half of that is over, and with each revocation. */
const listHoldsMs = 86_400_000;

export interface CertificatesDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  fleet: () => Authority;
  /** To the gateway, after the commit. */
  announce: (message: CloudMessage) => void;
}

interface SignedList {
  der: Buffer;
  /** The certificate of the authority that signed it. */
  signer: string;
  renewAtMs: number;
}

/** The devices' certificates as they are told of, revoked, and refused from then on. */
export class Certificates {
  readonly #deps: CertificatesDeps;
  readonly #store = new CertificatesStore();
  /** Says one thing after the other, so that the whole deny-list never overtakes a revocation that it does not hold. */
  #saying: Promise<void> = Promise.resolve();
  #list: Promise<SignedList> | null = null;

  constructor(deps: CertificatesDeps) {
    this.#deps = deps;
  }

  page(filter: CertificateFilter): Promise<Certificate[]> {
    return this.#store.page(this.#deps.db, filter, this.#deps.clock.nowMs());
  }

  /** Of one device, the newest first. */
  ofDevice(deviceId: string): Promise<Certificate[]> {
    return this.#store.ofDevice(this.#deps.db, deviceId);
  }

  /**
   * Revokes a certificate, for ever: it lets nobody in from now on, and ends the connection that it let in. Again, it changes nothing.
   */
  async revoke(
    by: Principal,
    fingerprint: string,
    reason: RevocationReason,
  ): Promise<{ kind: "revoked"; certificate: Certificate } | Refused<"certificate_not_found">> {
    const { db, clock, audit, outbox } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const atMs = clock.nowMs();
      const isNew = await this.#store.revoke(tx, fingerprint, reason, atMs);
      const certificate = await this.#store.find(tx, fingerprint);
      if (certificate === null) return refused("certificate_not_found");
      if (!isNew) return { kind: "revoked" as const, certificate };
      const { deviceId } = certificate;
      await audit.record(tx, {
        principal: by,
        action: "certificate.revoked",
        subject: `device:${deviceId}`,
        after: { fingerprint, reason },
      });
      const subject = `device:${deviceId}`;
      await outbox.add(tx, [{ type: "hearth.certificate.revoked", subject, atMs, data: { fingerprint, reason } }]);
      return { kind: "revoked" as const, certificate };
    });
    // Also where it was revoked before: that may have been committed without anybody hearing of it.
    if (outcome.kind === "revoked") this.revoked([fingerprint]);
    return outcome;
  }

  /** Certificates whose revocation is committed: the gateway and the list hear of it. */
  revoked(fingerprints: string[]): void {
    if (fingerprints.length === 0) return;
    this.#list = null;
    const { announce } = this.#deps;
    void this.#say(async () => announce({ kind: "revoked", fingerprints, whole: false }));
  }

  /**
   * Says everything that is denied over a new link.
   *
   * @throws where the database does not answer
   */
  denyList(send: (message: CloudMessage) => void): Promise<void> {
    return this.#say(async () => {
      const fingerprints = await this.#store.denied(this.#deps.db, this.#deps.clock.nowMs());
      send({ kind: "revoked", fingerprints, whole: true });
    });
  }

  #say(word: () => Promise<void>): Promise<void> {
    const said = this.#saying.then(word);
    this.#saying = said.catch(() => {});
    return said;
  }

  /** The list of revoked certificates in DER (RFC 5280), signed by the fleet CA. */
  async revocationList(): Promise<Buffer> {
    const fleet = this.#deps.fleet();
    const known = this.#list;
    // Whoever comes while one is being made waits for that one.
    const held = await known?.catch(() => null);
    const isFresh = held && held.signer === fleet.certificate && this.#deps.clock.nowMs() < held.renewAtMs;
    if (isFresh && this.#list === known) return held.der;
    if (this.#list === known) this.#list = this.#sign(fleet);
    return (await (this.#list ?? this.#sign(fleet))).der;
  }

  async #sign(fleet: Authority): Promise<SignedList> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const number = await this.#store.nextListNumber(db);
    const revoked = await this.#store.revocations(db, nowMs);
    const times = { thisUpdateMs: nowMs, nextUpdateMs: nowMs + listHoldsMs };
    const der = await signCrl(fleet, { number, ...times, revoked });
    return { der, signer: fleet.certificate, renewAtMs: nowMs + listHoldsMs / 2 };
  }
}
