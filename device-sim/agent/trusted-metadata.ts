import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fetcher, Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import { metadataBytesMax, targetCustom, type UpdateFailure } from "#protocol/update.ts";
import type { SignedTarget } from "./core/decide-image.ts";
import { namesDistinctKeys } from "./core/distinct-keys.ts";
import { metadataFailure } from "./core/metadata-failure.ts";
import { type Fetched, limitedFetch, type Reach } from "./limited-fetch.ts";
import { readJson } from "./read-json.ts";
import { type TrustedSet, trustedSet } from "./trusted-set.ts";

export interface MetadataRequest {
  /** What was verified last, or null where that is lost. */
  stored: TrustedSet | null;
  factoryRoot: string;
  href: string;
  /** The target to look up; null where only the freshness matters. */
  path: string | null;
  /** What expiry is held against. */
  nowMs: number;
  signal: AbortSignal;
}

/** `set` is what was verified, also where the rest could not be: a root that takes a key away counts at once. */
export type MetadataOutcome =
  | { kind: "verified"; set: TrustedSet; target: SignedTarget | null }
  | { kind: "refused"; set: TrustedSet | null; rule: UpdateFailure };

const rootBytesMax = 512_000;
const timestampBytesMax = 16_384;

/**
 * Brings the trusted metadata up to date by the client workflow of TUF, and looks up a target.
 *
 * tuf-js writes its metadata file by file, which a power cut tears; so it works in a scratch folder that is seeded from the stored set and
 * removed afterwards, and what it verified goes back as one record.
 */
export async function refreshMetadata(reach: Reach, request: MetadataRequest): Promise<MetadataOutcome> {
  const scratch = mkdtempSync(join(tmpdir(), "hearth-metadata-"));
  try {
    return await refreshIn(scratch, reach, request);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function refreshIn(scratch: string, reach: Reach, request: MetadataRequest): Promise<MetadataOutcome> {
  const { href, path, nowMs, signal } = request;
  const fetcher = new MetadataFetcher(reach, signal);
  const updater = newUpdater(scratch, request, fetcher);
  setTime(updater, nowMs);
  try {
    await updater.refresh();
    const found = path === null ? undefined : await updater.getTargetInfo(path);
    const set = readSet(scratch);
    if (set === null) return { kind: "refused", set: null, rule: "metadata_malformed" };
    if (found === undefined) return { kind: "verified", set, target: null };
    const custom = targetCustom.safeParse(found.custom).data;
    const sha256 = found.hashes["sha256"];
    if (custom === undefined || sha256 === undefined) return { kind: "refused", set, rule: "metadata_malformed" };
    return { kind: "verified", set, target: { path: found.path, length: found.length, sha256, custom } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "refused", set: readSet(scratch), rule: fetcher.failure ?? metadataFailure(message) };
  }

  function newUpdater(folder: string, { stored, factoryRoot }: MetadataRequest, own: Fetcher): Updater {
    const make = (set: TrustedSet): Updater => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { mode: 0o700 });
      for (const [role, text] of Object.entries(set))
        writeFileSync(join(folder, `${encodeURIComponent(role)}.json`), text);
      return new Updater({
        metadataDir: folder,
        metadataBaseUrl: href,
        fetcher: own,
        config: {
          rootMaxLength: rootBytesMax,
          timestampMaxLength: timestampBytesMax,
          snapshotMaxLength: metadataBytesMax,
          targetsMaxLength: metadataBytesMax,
        },
      });
    };
    try {
      if (stored !== null && rootVersion(stored) >= rootVersion({ root: factoryRoot })) return make(stored);
    } catch {
      // A stored root that does not verify is as good as none.
    }
    return make({ root: factoryRoot });
  }
}

function rootVersion(set: TrustedSet): number {
  const { signed }: { signed: { version: number } } = JSON.parse(set["root"] ?? "");
  return signed.version;
}

function readSet(scratch: string): TrustedSet | null {
  const files = readdirSync(scratch).filter((file) => file.endsWith(".json"));
  const set = files.map((file) => [
    decodeURIComponent(file.slice(0, -".json".length)),
    readFileSync(join(scratch, file), "utf8"),
  ]);
  return trustedSet.safeParse(Object.fromEntries(set)).data ?? null;
}

/** tuf-js reads the machine's clock as it is made, and takes no other. An appliance holds expiry against a clock that never goes back. */
function setTime(updater: Updater, nowMs: number): void {
  const store: unknown = Reflect.get(updater, "trustedSet");
  const isWhereItWas = store instanceof Object && Reflect.get(store, "referenceTime") instanceof Date;
  if (!isWhereItWas)
    throw new Error("tuf-js keeps its reference time somewhere else: expiry would go by the wrong clock");
  Reflect.set(store, "referenceTime", new Date(nowMs));
}

/** Fetches metadata within limits, and notes why it could not: tuf-js hides what it catches. */
class MetadataFetcher implements Fetcher {
  failure: UpdateFailure | null = null;
  readonly #reach: Reach;
  readonly #signal: AbortSignal;

  constructor(reach: Reach, signal: AbortSignal) {
    this.#reach = reach;
    this.#signal = signal;
  }

  async downloadBytes(url: string, bytesMax: number): Promise<Buffer> {
    this.failure = null;
    const fetched = await limitedFetch(this.#reach, url, bytesMax, this.#signal);
    if (fetched.kind === "body") {
      const bytes = Buffer.from(fetched.bytes);
      if (!namesDistinctKeys(readJson(bytes))) this.#fail("metadata_not_signed");
      return bytes;
    }
    // How the end of the chain of roots looks.
    if (fetched.kind === "status" && fetched.status === 404 && url.endsWith(".root.json"))
      throw new DownloadHTTPError("no newer root", 404);
    return this.#fail(failureOf(fetched));
  }

  /** Images go another way, which can go on where it was cut. */
  downloadFile(): Promise<never> {
    return Promise.reject(new Error("images are not fetched by tuf-js"));
  }

  #fail(rule: UpdateFailure): never {
    this.failure = rule;
    throw new Error(rule);
  }
}

function failureOf(fetched: Exclude<Fetched, { kind: "body" }>): UpdateFailure {
  if (fetched.kind === "status") return fetched.status === 404 ? "metadata_incomplete" : "metadata_unreachable";
  return fetched.why === "not_allowed" ? "link_not_allowed" : `metadata_${fetched.why}`;
}
