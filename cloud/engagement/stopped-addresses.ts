import { createHmac, type Hmac } from "node:crypto";
import { sql } from "kysely";
import { inPieces } from "../platform/clock.ts";
import { affected, type Db } from "../platform/database.ts";

export type StopReason = "bounced" | "complained" | "unsubscribed";

/** A bounce is the hardest no, and no later word makes it softer. */
const hardness: Record<StopReason, number> = { unsubscribed: 0, complained: 1, bounced: 2 };

/** Addresses before everything else gets its turn. */
const hashedInARow = 100;

/** Addresses that are not written to any more, known by a keyed hash alone. */
export class StoppedAddresses {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  hash(address: string): Buffer {
    return this.#keyed(address).digest();
  }

  /** Which of these addresses are stopped, and why. */
  async of(db: Db, addresses: readonly string[]): Promise<Map<string, StopReason>> {
    if (addresses.length === 0) return new Map();
    const byHash = new Map<string, string>();
    for await (const piece of inPieces(addresses, hashedInARow))
      for (const address of piece) byHash.set(this.#keyed(address).digest("hex"), address);
    const { rows } = await sql<{ hash: string; reason: StopReason }>`
      SELECT encode(address_hash, 'hex') AS hash, reason FROM stopped_address
      WHERE address_hash IN (SELECT decode(h, 'hex') FROM unnest(${[...byHash.keys()]}::text[]) AS h)`.execute(db);
    return new Map(
      rows.flatMap(({ hash, reason }): [string, StopReason][] => {
        const address = byHash.get(hash);
        return address === undefined ? [] : [[address, reason]];
      }),
    );
  }

  /** @returns whether that is news */
  async stop(tx: Db, hash: Buffer, reason: StopReason, atMs: number, detail: string | null): Promise<boolean> {
    const softer = Object.entries(hardness).flatMap(([name, value]) => (value < hardness[reason] ? [name] : []));
    const changed = await affected(tx)`
      INSERT INTO stopped_address AS s (address_hash, reason, at_ms, detail) VALUES (${hash}, ${reason}, ${atMs}, ${detail})
      ON CONFLICT (address_hash) DO UPDATE SET reason = excluded.reason, at_ms = excluded.at_ms, detail = excluded.detail
      WHERE s.reason = ANY(${softer}::text[])`;
    return changed > 0;
  }

  #keyed(address: string): Hmac {
    return createHmac("sha256", this.#secret).update(`mail address\n${address.trim().toLowerCase()}`);
  }
}
