import { sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import { householdFacts } from "../households/households.ts";
import type { Db } from "../platform/database.ts";
import type { OwnerWord } from "./core/update-terms.ts";
import { type Body, columns, type DeliveryRow, isOpenRow } from "./deliveries-store.ts";

/** Most updates of one appliance, and of one household, that are shown. */
const perDevice = 20;
const perHousehold = 500;

export interface UpdateRow extends DeliveryRow {
  body: Body;
  online: boolean;
  time_zone: string;
  /** Of the step that it is at. */
  progress: number | null;
  reason: string | null;
}

/**
 * The newest firmware deliveries of some devices, newest first: those that are open, and those that were made since the device is its
 * household's. What is open is theirs whenever it was made: nothing stays open when a household leaves.
 */
export async function updatesOf(
  db: Db,
  devices: readonly { key: number; sinceMs: number }[],
  onlyId: string | null = null,
): Promise<UpdateRow[]> {
  if (devices.length === 0) return [];
  const { rows } = await sql<UpdateRow>`
    SELECT ${columns}, d.body, f.online, f.time_zone, said.progress, said.reason
    FROM unnest(${devices.map(({ key }) => key)}::int[], ${devices.map(({ sinceMs }) => sinceMs)}::bigint[]) AS mine(device_key, since_ms)
    JOIN ${deviceFacts(householdFacts)} f ON f.key = mine.device_key
    CROSS JOIN LATERAL (
      SELECT * FROM delivery d
      WHERE d.device_key = mine.device_key AND d.kind = 'firmware' AND (${isOpenRow} OR d.created_at_ms >= mine.since_ms)
        AND (${onlyId}::uuid IS NULL OR d.id = ${onlyId})
      ORDER BY d.id DESC LIMIT ${perDevice}
    ) d
    LEFT JOIN delivery_receipt said ON said.delivery_id = d.id AND said.attempt = d.attempt AND said.step = d.step
    ORDER BY d.id DESC LIMIT ${perHousehold}`.execute(db);
  return rows;
}

/** Keeps what a household said. The same word at the same moment is one. */
export async function insertWord(
  tx: Db,
  row: { deliveryId: string; deviceKey: number; atMs: number; word: OwnerWord },
): Promise<void> {
  const { deliveryId, deviceKey, atMs, word } = row;
  await sql`
    INSERT INTO delivery_owner_word (delivery_id, device_key, at_ms, word, until_ms)
    VALUES (${deliveryId}, ${deviceKey}, ${atMs}, ${word.kind}, ${word.kind === "postponed" ? word.untilMs : null})
    ON CONFLICT (delivery_id, at_ms, word) DO UPDATE SET until_ms = excluded.until_ms`.execute(tx);
}
