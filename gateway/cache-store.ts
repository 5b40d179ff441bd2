import { mkdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { type Database, type RootDatabase, open } from "lmdb";
import { z } from "zod";
import { type Identity, type RetainedItem, identityName } from "#protocol/link/messages.ts";

const tokens = z.array(z.object({ sha256: z.string(), validUntilMs: z.number().nullable() }));
const storedIdentity: z.ZodType<Identity> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("device"), deviceId: z.string(), model: z.string(), tokens }),
  z.object({ kind: z.literal("claim"), batch: z.string(), tokens }),
]);

/**
 * What the cloud has told the gateway, kept so that known devices can come in and feeds can be read while the cloud is away. In an
 * LMDB of its own: all of it can be asked for again, and it must not swell the spool's commits.
 */
export class CacheStore {
  readonly #root: RootDatabase<unknown, string>;
  readonly #identities: Database<unknown, string>;
  readonly #feeds: Database<string, string>;
  readonly #denied: Database<boolean, string>;
  readonly #meta: Database<unknown, string>;
  readonly #inFlight = new Map<string, Identity | null>();
  readonly #identitiesMax: number;
  #identityCount: number;

  constructor(dir: string, identitiesMax: number) {
    mkdirSync(dir, { recursive: true });
    this.#root = open<unknown, string>({ path: dir });
    this.#identities = this.#root.openDB<unknown, string>({ name: "identities", encoding: "json" });
    this.#feeds = this.#root.openDB<string, string>({ name: "feeds", encoding: "string" });
    this.#denied = this.#root.openDB<boolean, string>({ name: "denied", encoding: "json" });
    this.#meta = this.#root.openDB<unknown, string>({ name: "meta", encoding: "json" });
    this.#identitiesMax = identitiesMax;
    this.#identityCount = this.#identities.getKeysCount();
  }

  identity(name: string): Identity | null {
    const inFlight = this.#inFlight.get(name);
    if (inFlight !== undefined) return inFlight;
    return storedIdentity.safeParse(this.#identities.get(name)).data ?? null;
  }

  async putIdentity(identity: Identity): Promise<void> {
    const name = identityName(identity);
    if (isDeepStrictEqual(this.identity(name), identity)) return;
    await this.#change(name, identity, async () => {
      const isNew = !this.#identities.doesExist(name);
      if (isNew && this.#identityCount >= this.#identitiesMax) await this.#evictOne(name);
      if (isNew) this.#identityCount += 1;
      await this.#identities.put(name, identity);
    });
  }

  async removeIdentity(name: string): Promise<void> {
    if (!this.#identities.doesExist(name) && !this.#inFlight.has(name)) return;
    await this.#change(name, null, async () => {
      if (await this.#identities.remove(name)) this.#identityCount -= 1;
    });
  }

  /** What is being written counts at once: a write is seen by others only once it is on disk. */
  async #change(name: string, to: Identity | null, write: () => Promise<void>): Promise<void> {
    this.#inFlight.set(name, to);
    try {
      await write();
    } finally {
      if (this.#inFlight.get(name) === to) this.#inFlight.delete(name);
    }
  }

  /** Fingerprints of the certificates that let nobody in. */
  denied(): Iterable<string> {
    return this.#denied.getKeys();
  }

  async putDenied(fingerprints: ReadonlySet<string>, whole: boolean): Promise<void> {
    const results: Promise<unknown>[] = [];
    results.push(
      this.#root.batch(() => {
        const ended = whole ? [...this.#denied.getKeys()].filter((one) => !fingerprints.has(one)) : [];
        for (const one of ended) results.push(this.#denied.remove(one));
        for (const one of fingerprints) results.push(this.#denied.put(one, true));
      }),
    );
    await Promise.all(results);
  }

  /** The version of the feeds held, or null where none were ever received. */
  feedsVersion(): number | null {
    return z.number().safeParse(this.#meta.get("feedsVersion")).data ?? null;
  }

  *feeds(): Iterable<RetainedItem> {
    for (const { key, value } of this.#feeds.getRange()) yield { topic: key, payload: value };
  }

  feed(topic: string): string | undefined {
    return this.#feeds.get(topic);
  }

  get feedCount(): number {
    return this.#feeds.getKeysCount();
  }

  /** Puts and removes (an empty payload) topics together with the version that they make. */
  async putFeeds(version: number, items: readonly RetainedItem[]): Promise<void> {
    const results: Promise<unknown>[] = [];
    results.push(
      this.#root.batch(() => {
        for (const { topic, payload } of items) {
          results.push(payload === "" ? this.#feeds.remove(topic) : this.#feeds.put(topic, payload));
        }
        results.push(this.#meta.put("feedsVersion", version));
      }),
    );
    await Promise.all(results);
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  /** Makes room: any other entry will do, since what is dropped is only asked for again. */
  async #evictOne(before: string): Promise<void> {
    const [after] = this.#identities.getKeys({ start: before, limit: 1 });
    const [first] = this.#identities.getKeys({ limit: 1 });
    const victim = after ?? first;
    if (victim !== undefined) await this.removeIdentity(victim);
  }
}
