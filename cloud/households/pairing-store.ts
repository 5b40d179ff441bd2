import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** SQL of the codes that appliances show, one an appliance. */
export class PairingStore {
  /** Keeps codes, each in place of the one before. */
  async put(tx: Db, codes: readonly { deviceKey: number; hmac: Buffer; expiresAtMs: number }[]): Promise<void> {
    if (codes.length === 0) return;
    await sql`
      INSERT INTO pairing_code (device_key, code_hmac, expires_at_ms)
      SELECT * FROM unnest(${codes.map(({ deviceKey }) => deviceKey)}::int[], ${codes.map(({ hmac }) => hmac)}::bytea[],
        ${codes.map(({ expiresAtMs }) => expiresAtMs)}::bigint[])
      ON CONFLICT (device_key) DO UPDATE SET code_hmac = excluded.code_hmac, expires_at_ms = excluded.expires_at_ms`.execute(
      tx,
    );
  }

  async remove(tx: Db, deviceKeys: readonly number[]): Promise<void> {
    if (deviceKeys.length === 0) return;
    await sql`DELETE FROM pairing_code WHERE device_key = ANY(${[...deviceKeys]}::int[])`.execute(tx);
  }

  /** The appliance that shows this code. Null where none does, or two do: then it proves nothing. */
  async deviceKeyOf(db: Db, hmac: Buffer, nowMs: number): Promise<number | null> {
    const { rows } = await sql<{ device_key: number }>`
      SELECT device_key FROM pairing_code WHERE code_hmac = ${hmac} AND expires_at_ms > ${nowMs} LIMIT 2`.execute(db);
    const [only, second] = rows;
    return only === undefined || second !== undefined ? null : only.device_key;
  }

  /** Whether the appliance still shows it, held until the transaction ends: of two who redeem it at once, one does. */
  async holdCode(tx: Db, deviceKey: number, hmac: Buffer, nowMs: number): Promise<boolean> {
    const { rows } = await sql`
      SELECT 1 FROM pairing_code WHERE device_key = ${deviceKey} AND code_hmac = ${hmac} AND expires_at_ms > ${nowMs}
      FOR UPDATE`.execute(tx);
    return rows.length > 0;
  }

  async removeExpired(db: Db, nowMs: number): Promise<void> {
    await sql`DELETE FROM pairing_code WHERE expires_at_ms <= ${nowMs}`.execute(db);
  }
}
