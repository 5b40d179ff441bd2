import { mkdirSync, statfsSync } from "node:fs";
import { type Database, type RootDatabase, open } from "lmdb";
import { z } from "zod";

/** What the spool remembers besides its chunks. */
export interface SpoolState {
  /** A UUID made with the spool: the cloud's watermark counts for this epoch alone. */
  epoch: string;
  /** The key at which the epoch counts 0. */
  base: number;
  /** The key of the next record: never used again, not even after a full trim. */
  nextKey: number;
}

/** What one commit changes, all of it or nothing. */
export interface SpoolCommit {
  puts: { key: number; value: Uint8Array }[];
  removes: number[];
  /** Chunks whose CRC was wrong, moved out of the way for a person to look at. */
  damaged: { key: number; value: Uint8Array }[];
  state: SpoolState;
}

/** Where the spool keeps its chunks. `commit` resolves once they would survive a power failure, and refuses otherwise. */
export interface SpoolStore {
  state(): SpoolState | null;
  /** Every chunk by key, oldest first. */
  chunks(): Iterable<{ key: number; value: Uint8Array }>;
  /** The value's bytes, which may belong to the store: a caller that gives them away copies them. */
  read(key: number): Uint8Array | undefined;
  commit(commit: SpoolCommit): Promise<void>;
  diskFreeBytes(): number;
  close(): Promise<void>;
}

/** Damaged chunks kept; those beyond are reported and dropped. */
const damagedMax = 100;

const storedState = z.object({ epoch: z.string(), base: z.number(), nextKey: z.number() });

/** LMDB's promises carry a second one with the cause; unhandled it would end the process. */
async function causeOf(failed: unknown): Promise<unknown> {
  if (!(failed instanceof Error) || !("commitError" in failed)) return failed;
  try {
    return await failed.commitError;
  } catch (cause) {
    return cause;
  }
}

export class LmdbSpoolStore implements SpoolStore {
  readonly #root: RootDatabase<unknown, string>;
  readonly #chunks: Database<Uint8Array, number>;
  readonly #damaged: Database<Uint8Array, number>;
  readonly #meta: Database<unknown, string>;
  readonly #dir: string;

  /** @param bytesMax what the spool will hold; the map is larger, since a value of many pages needs them side by side */
  constructor(dir: string, bytesMax: number) {
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#root = open<unknown, string>({
      path: dir,
      mapSize: bytesMax * 2 + 67_108_864,
      // A put then resolves after the flush to disk, and not before it.
      overlappingSync: false,
      // The spool groups its commits itself.
      eventTurnBatching: false,
    });
    this.#chunks = this.#root.openDB<Uint8Array, number>({ name: "chunks", encoding: "binary" });
    this.#damaged = this.#root.openDB<Uint8Array, number>({ name: "damaged", encoding: "binary" });
    this.#meta = this.#root.openDB<unknown, string>({ name: "meta", encoding: "json" });
  }

  state(): SpoolState | null {
    return storedState.safeParse(this.#meta.get("state")).data ?? null;
  }

  *chunks(): Iterable<{ key: number; value: Uint8Array }> {
    for (const { key, value } of this.#chunks.getRange()) yield { key, value };
  }

  read(key: number): Uint8Array | undefined {
    return this.#chunks.getBinary(key);
  }

  async commit({ puts, removes, damaged, state }: SpoolCommit): Promise<void> {
    const results: Promise<unknown>[] = [];
    results.push(
      this.#root.batch(() => {
        for (const { key, value } of puts) results.push(this.#chunks.put(key, value));
        for (const key of removes) results.push(this.#chunks.remove(key));
        for (const { key, value } of damaged) {
          results.push(this.#chunks.remove(key));
          if (this.#damaged.getKeysCount() < damagedMax) results.push(this.#damaged.put(key, value));
        }
        results.push(this.#meta.put("state", state));
      }),
    );
    const settled = await Promise.allSettled(results);
    const failed = settled.find((result) => result.status === "rejected");
    if (failed !== undefined)
      throw new Error("the spool could not be written", { cause: await causeOf(failed.reason) });
  }

  diskFreeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#dir);
    return bavail * bsize;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}
