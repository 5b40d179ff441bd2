import { sql } from "kysely";
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import type { Db } from "../platform/database.ts";

/** A token as people may see it: when it was made and when it ends, and nothing to log in with. */
export interface TokenAge {
  createdAtMs: number;
  /** The end of its grace after a rotation; null for the one in force. */
  validUntilMs: number | null;
}

/** SQL of the devices' tokens. */
export class TokensStore {
  /** Gives each device one token. The devices must be there. */
  async insert(tx: Db, tokens: readonly { id: string; sha256: string }[], nowMs: number): Promise<void> {
    await sql`
      INSERT INTO device_token (device_key, sha256, created_at_ms)
      SELECT key, sha256, ${nowMs}
      FROM json_to_recordset(${JSON.stringify(tokens)}::json) AS r(id text, sha256 text) JOIN device USING (id)`.execute(
      tx,
    );
  }

  /** What the gateway may know of those of the devices that may connect, by id. */
  async identities(db: Db, ids: readonly string[], nowMs: number): Promise<Map<string, DeviceIdentity>> {
    const { rows } = await sql<{ id: string; model: string; tokens: DeviceIdentity["tokens"] }>`
      SELECT id, model, ARRAY(
        SELECT json_build_object('sha256', sha256, 'validUntilMs', valid_until_ms) FROM device_token
        WHERE device_key = device.key AND (valid_until_ms IS NULL OR valid_until_ms > ${nowMs})
        ORDER BY valid_until_ms DESC NULLS FIRST
      ) AS tokens
      FROM device WHERE id = ANY(${ids}::text[]) AND blocked_at_ms IS NULL`.execute(db);
    return new Map(rows.map(({ id, model, tokens }) => [id, { kind: "device", deviceId: id, model, tokens }]));
  }

  /** A device's key, its row locked, so that changes of its tokens come one after the other; null where there is none. */
  async lock(tx: Db, id: string): Promise<number | null> {
    const { rows } = await sql<{ key: number }>`SELECT key FROM device WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows[0]?.key ?? null;
  }

  /** The tokens that work, the newest first. */
  async valid(db: Db, key: number, nowMs: number): Promise<TokenAge[]> {
    const { rows } = await sql<TokenAge>`
      SELECT created_at_ms AS "createdAtMs", valid_until_ms AS "validUntilMs" FROM device_token
      WHERE device_key = ${key} AND (valid_until_ms IS NULL OR valid_until_ms > ${nowMs})
      ORDER BY valid_until_ms DESC NULLS FIRST, created_at_ms DESC`.execute(db);
    return rows;
  }

  /** Ends every token at a time, unless it ends before. */
  async endAt(tx: Db, key: number, atMs: number): Promise<void> {
    await sql`UPDATE device_token SET valid_until_ms = least(valid_until_ms, ${atMs}) WHERE device_key = ${key}`.execute(
      tx,
    );
  }

  /** @returns how many there were */
  async removeAll(tx: Db, key: number): Promise<number> {
    const { rows } = await sql`DELETE FROM device_token WHERE device_key = ${key} RETURNING 1`.execute(tx);
    return rows.length;
  }

  async removeEnded(db: Db, nowMs: number): Promise<void> {
    await sql`DELETE FROM device_token WHERE valid_until_ms <= ${nowMs}`.execute(db);
  }
}
