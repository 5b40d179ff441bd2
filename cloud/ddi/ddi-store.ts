import { sql } from "kysely";
import type { HawkbitClient } from "#protocol/model.ts";
import type { Db } from "../platform/database.ts";
import type { Attributes } from "./core/attributes.ts";
import type { LiveAction } from "./core/offer.ts";

export interface Target {
  attributesWanted: boolean;
  attributes: Attributes;
  autoConfirmSinceMs: number | null;
  autoConfirmBy: string | null;
}

/** What an appliance is before its first request. */
export const newTarget: Target = {
  attributesWanted: true,
  attributes: {},
  autoConfirmSinceMs: null,
  autoConfirmBy: null,
};

export interface Action extends LiveAction {
  success: HawkbitClient["success"];
  handedOverAtMs: number | null;
  /** What went wrong on the way, in the client's words. */
  errors: string[];
  endedAtMs: number | null;
}

const targetColumns = sql.raw(
  `attributes_wanted AS "attributesWanted", attributes, auto_confirm_since_ms AS "autoConfirmSinceMs", auto_confirm_by AS "autoConfirmBy"`,
);
const actionColumns = sql.raw(
  `action_id AS "actionId", delivery_id AS "deliveryId", begun_at_ms AS "begunAtMs", handed_over_at_ms AS "handedOverAtMs",
   recalled_at_ms AS "recalledAtMs", cancel_since_ms AS "cancelSinceMs", ended_at_ms AS "endedAtMs", success, errors`,
);

export async function findTarget(db: Db, deviceKey: number): Promise<Target | null> {
  const { rows } = await sql<Target>`SELECT ${targetColumns} FROM ddi_target WHERE device_key = ${deviceKey}`.execute(
    db,
  );
  return rows[0] ?? null;
}

/** The appliance's row, made where it is missing and locked: what its requests change comes one after the other. */
export async function lockTarget(tx: Db, deviceKey: number): Promise<Target> {
  await sql`INSERT INTO ddi_target (device_key) VALUES (${deviceKey}) ON CONFLICT DO NOTHING`.execute(tx);
  const { rows } = await sql<Target>`
    SELECT ${targetColumns} FROM ddi_target WHERE device_key = ${deviceKey} FOR UPDATE`.execute(tx);
  const [target] = rows;
  if (target === undefined) throw new Error(`the target of device ${deviceKey} is gone`);
  return target;
}

export async function wantAttributes(tx: Db, deviceKey: number, wanted: boolean): Promise<void> {
  await sql`UPDATE ddi_target SET attributes_wanted = ${wanted} WHERE device_key = ${deviceKey}`.execute(tx);
}

export async function writeAttributes(tx: Db, deviceKey: number, attributes: Attributes): Promise<void> {
  await sql`
    UPDATE ddi_target SET attributes = ${JSON.stringify(attributes)}::jsonb WHERE device_key = ${deviceKey}`.execute(
    tx,
  );
}

export async function setAutoConfirm(
  tx: Db,
  deviceKey: number,
  auto: { sinceMs: number; by: string | null } | null,
): Promise<void> {
  await sql`
    UPDATE ddi_target SET auto_confirm_since_ms = ${auto?.sinceMs ?? null}, auto_confirm_by = ${auto?.by ?? null}
    WHERE device_key = ${deviceKey}`.execute(tx);
}

/** The actions on which the client has not said its last word. */
export async function liveActions(db: Db, deviceKey: number): Promise<Action[]> {
  const { rows } = await sql<Action>`
    SELECT ${actionColumns} FROM ddi_action WHERE device_key = ${deviceKey} AND ended_at_ms IS NULL
    ORDER BY action_id`.execute(db);
  return rows;
}

export async function findAction(db: Db, deviceKey: number, actionId: number): Promise<Action | null> {
  const { rows } = await sql<Action>`
    SELECT ${actionColumns} FROM ddi_action WHERE device_key = ${deviceKey} AND action_id = ${actionId}`.execute(db);
  return rows[0] ?? null;
}

/** The newest action of each device, where it had begun, with its device's key. */
export async function lastActions(db: Db, deviceKeys: readonly number[]): Promise<(Action & { deviceKey: number })[]> {
  const { rows } = await sql<Action & { deviceKey: number }>`
    SELECT DISTINCT ON (device_key) device_key AS "deviceKey", ${actionColumns} FROM ddi_action
    WHERE device_key = ANY(${deviceKeys}::int[]) AND begun_at_ms IS NOT NULL
    ORDER BY device_key, action_id DESC`.execute(db);
  return rows;
}

/** Gives a delivery its number. The target is locked. */
export async function addAction(
  tx: Db,
  deviceKey: number,
  { deliveryId, success, nowMs }: { deliveryId: string; success: HawkbitClient["success"]; nowMs: number },
): Promise<number> {
  const { rows } = await sql<{ actionId: number }>`
    WITH next AS (
      UPDATE ddi_target SET last_action_id = last_action_id + 1 WHERE device_key = ${deviceKey} RETURNING last_action_id
    )
    INSERT INTO ddi_action (device_key, action_id, delivery_id, made_at_ms, success)
    SELECT ${deviceKey}, last_action_id, ${deliveryId}, ${nowMs}, ${success} FROM next RETURNING action_id AS "actionId"`.execute(
    tx,
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`device ${deviceKey} has no target`);
  return row.actionId;
}

export async function endActions(
  tx: Db,
  deviceKey: number,
  actionIds: readonly number[],
  nowMs: number,
): Promise<void> {
  if (actionIds.length === 0) return;
  await sql`
    UPDATE ddi_action SET ended_at_ms = ${nowMs}
    WHERE device_key = ${deviceKey} AND action_id = ANY(${actionIds}::int[]) AND ended_at_ms IS NULL`.execute(tx);
}

type Mark = "begun_at_ms" | "handed_over_at_ms" | "cancel_since_ms";

/** Notes when something happened for the first time. */
export async function markAction(
  tx: Db,
  deviceKey: number,
  actionId: number,
  marks: readonly Mark[],
  nowMs: number,
): Promise<void> {
  if (marks.length === 0) return;
  const changes = marks.map((mark) => sql`${sql.ref(mark)} = coalesce(${sql.ref(mark)}, ${nowMs})`);
  await sql`UPDATE ddi_action SET ${sql.join(changes)} WHERE device_key = ${deviceKey} AND action_id = ${actionId}`.execute(
    tx,
  );
}

export async function writeErrors(
  tx: Db,
  deviceKey: number,
  actionId: number,
  errors: readonly string[],
): Promise<void> {
  await sql`
    UPDATE ddi_action SET errors = ${JSON.stringify(errors)}::jsonb
    WHERE device_key = ${deviceKey} AND action_id = ${actionId}`.execute(tx);
}

/** Asks an action back, or takes that back where `recalled` is null. */
export async function setRecalled(
  tx: Db,
  deviceKey: number,
  actionId: number,
  recalled: { atMs: number; by: string } | null,
): Promise<void> {
  await sql`
    UPDATE ddi_action SET recalled_at_ms = ${recalled?.atMs ?? null}, recalled_by = ${recalled?.by ?? null}, cancel_since_ms = NULL
    WHERE device_key = ${deviceKey} AND action_id = ${actionId}`.execute(tx);
}

/** The action of a delivery that is still under way, and whose it is. */
export async function liveActionOf(tx: Db, deliveryId: string): Promise<(Action & { deviceKey: number }) | null> {
  const { rows } = await sql<Action & { deviceKey: number }>`
    SELECT device_key AS "deviceKey", ${actionColumns} FROM ddi_action
    WHERE delivery_id = ${deliveryId} AND ended_at_ms IS NULL`.execute(tx);
  return rows[0] ?? null;
}
