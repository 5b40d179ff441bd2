import { type RawBuilder, sql } from "kysely";
import type { DeliveryKind } from "#protocol/delivery.ts";
import { amongIds, type Db } from "../platform/database.ts";
import {
  type CancelCause,
  type DeliveryPhase,
  type DeliveryState,
  type DeliveryTerms,
  dueAtMs,
} from "./core/delivery-life.ts";

/** A delivery as its table holds it, without its body. */
export interface DeliveryRow {
  id: string;
  device_key: number;
  device_id: string;
  kind: DeliveryKind;
  subject: string;
  label: string;
  generation: number;
  priority: number;
  phase: DeliveryPhase;
  step: string | null;
  attempt: number;
  sends: number;
  not_before_ms: number;
  since_ms: number;
  cause: string | null;
  created_at_ms: number;
  expires_at_ms: number;
  changed_at_ms: number;
  attempts_max: number | null;
  quiet_until_ms: number | null;
}

export type Body = Record<string, unknown>;

export const columns = sql.raw(
  `d.id, d.device_key, d.device_id, d.kind, d.subject, d.label, d.generation, d.priority, d.phase, d.step, d.attempt, d.sends,
   d.not_before_ms, d.since_ms, d.cause, d.created_at_ms, d.expires_at_ms, d.changed_at_ms, d.attempts_max,
   d.quiet_until_ms`,
);

/** The partial indexes say the same words. */
export const isOpenRow = sql.raw(`d.phase IN ('queued', 'sent', 'received')`);

export const termsOf = (row: DeliveryRow): DeliveryTerms => ({
  kind: row.kind,
  expiresAtMs: row.expires_at_ms,
  attemptsMax: row.attempts_max,
  quietUntilMs: row.quiet_until_ms,
});

export function stateOf(row: DeliveryRow): DeliveryState {
  const { attempt, step, sends } = row;
  switch (row.phase) {
    case "queued":
      return { phase: "queued", attempt, sends, notBeforeMs: row.not_before_ms };
    case "sent":
      return { phase: "sent", attempt, sends, sentAtMs: row.since_ms };
    case "received":
      return { phase: "received", attempt, step: known(row, step), sinceMs: row.since_ms };
    case "done":
      return { phase: "done", attempt, step: known(row, step) };
    case "failed":
      return { phase: "failed", attempt, step, cause: row.cause === "timed_out" ? "timed_out" : "device" };
    case "expired":
      return { phase: "expired", attempt, step, cause: row.cause === "deadline" ? "deadline" : "device" };
    case "cancelled":
      return { phase: "cancelled", attempt, step, cause: cancelCauseOf(row) };
    case "rejected":
      return { phase: "rejected", attempt, step, cause: row.cause === "owner" ? "owner" : "device" };
    case "superseded":
      return { phase: "superseded", attempt, step };
  }
}

const cancelCauseOf = ({ cause }: DeliveryRow): CancelCause =>
  cause === "household_left" || cause === "limit" ? cause : "person";

function known(row: DeliveryRow, step: string | null): string {
  if (step === null) throw new Error(`delivery ${row.id} is ${row.phase} without a step`);
  return step;
}

/** The columns of a state, as `updateStates` and `insertDeliveries` write them. */
export function stateColumns(terms: DeliveryTerms, state: DeliveryState, nowMs: number) {
  return {
    phase: state.phase,
    step: "step" in state ? state.step : null,
    attempt: state.attempt,
    sends: "sends" in state ? state.sends : 0,
    not_before_ms: state.phase === "queued" ? state.notBeforeMs : 0,
    since_ms: state.phase === "sent" ? state.sentAtMs : state.phase === "received" ? state.sinceMs : 0,
    cause: "cause" in state ? state.cause : null,
    due_at_ms: dueAtMs(terms, state, nowMs),
  };
}

export interface StateUpdate extends ReturnType<typeof stateColumns> {
  id: string;
  changed_at_ms: number;
}

/** Rows by their ids, locked. Always in the order of ids, so that two who lock several never wait for each other in a ring. */
export async function lockDeliveries(tx: Db, ids: readonly string[]): Promise<DeliveryRow[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d WHERE d.id = ${amongIds(ids)} ORDER BY d.id FOR UPDATE`.execute(tx);
  return rows;
}

/** Takes the words out of messages, whatever became of them; what is left says that there was one. */
export async function blankMessages(tx: Db, ids: readonly string[]): Promise<void> {
  await sql`
    UPDATE delivery SET label = 'Message', body = body || '{"title": "Message", "text": ""}'::jsonb
    WHERE kind = 'message' AND id = ANY(${ids}::uuid[])`.execute(tx);
}

/** Takes out of deliveries why they were sent, whatever became of them. */
export async function removeWhy(tx: Db, deliveries: RawBuilder<unknown>): Promise<void> {
  await sql`UPDATE delivery SET body = body - 'why' WHERE id IN (${deliveries}) AND body ? 'why'`.execute(tx);
}

/** How many deliveries to these devices are open that were made until a time. */
export async function countOpenBefore(db: Db, deviceIds: readonly string[], atMs: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM delivery
    WHERE device_id = ANY(${[...deviceIds]}) AND created_at_ms <= ${atMs} AND phase IN ('queued', 'sent', 'received')`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}

/** Everything open of one device, locked. */
export async function lockOpenOfDevice(tx: Db, deviceId: string): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d WHERE d.device_id = ${deviceId} AND ${isOpenRow} ORDER BY d.id FOR UPDATE`.execute(
    tx,
  );
  return rows;
}

/** Those of some devices for which a delivery of a kind and subject was made since a moment. */
export async function devicesWith(
  tx: Db,
  asked: readonly { key: number; sinceMs: number }[],
  { kind, subject }: { kind: DeliveryKind; subject: string },
): Promise<number[]> {
  const { rows } = await sql<{ key: number }>`
    SELECT a.key FROM json_to_recordset(${JSON.stringify(asked)}::json) AS a(key int, "sinceMs" bigint)
    WHERE EXISTS (
      SELECT FROM delivery d
      WHERE d.device_key = a.key AND d.kind = ${kind} AND d.subject = ${subject} AND d.created_at_ms >= a."sinceMs")`.execute(
    tx,
  );
  return rows.map(({ key }) => key);
}

/** What a limit took back; the partial index says the same words. */
const isTakenBackRow = sql.raw(`d.phase = 'cancelled' AND d.cause = 'limit'`);

export interface Carrying {
  kind: DeliveryKind;
  /** What the body has. */
  part: Body;
  /** The keys of the devices that are meant, as a query; null: all. */
  among: RawBuilder<unknown> | null;
  /** Whether what a limit took back counts as well. */
  takenBackToo: boolean;
}

/** Open ones of a kind whose body has these parts, locked, in the order of their ids after `afterId`. */
export async function lockOpenCarrying(
  tx: Db,
  { kind, part, among, takenBackToo, afterId, limit }: Carrying & { afterId: string | null; limit: number },
): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d
    WHERE d.kind = ${kind} AND (${isOpenRow} OR ${takenBackToo ? isTakenBackRow : sql`false`})
      AND d.body @> ${JSON.stringify(part)}::jsonb
      AND ${among === null ? sql`true` : sql`d.device_key IN (${among})`}
      AND (${afterId}::uuid IS NULL OR d.id > ${afterId}::uuid)
    ORDER BY d.id LIMIT ${limit} FOR UPDATE`.execute(tx);
  return rows;
}

/** The versions of items that open ones of a kind carry to some devices, each once. */
export async function openItems(
  tx: Db,
  kind: DeliveryKind,
  among: RawBuilder<unknown>,
): Promise<{ id: string; version: number }[]> {
  const { rows } = await sql<{ id: string; version: number }>`
    SELECT DISTINCT d.body ->> 'id' AS id, (d.body ->> 'version')::int AS version FROM delivery d
    WHERE d.kind = ${kind} AND ${isOpenRow} AND d.device_key IN (${among}) ORDER BY 1, 2`.execute(tx);
  return rows;
}

/**
 * What a limit took back of a subject, locked, in the order of their ids after `afterId`: what would still be in time, and what is the last
 * word on the subject for its device.
 */
export async function lockTakenBack(
  tx: Db,
  query: { kind: DeliveryKind; subject: string; afterId: string | null; nowMs: number; limit: number },
): Promise<(DeliveryRow & { body: Body })[]> {
  const { kind, subject, afterId, nowMs, limit } = query;
  const { rows } = await sql<DeliveryRow & { body: Body }>`
    SELECT ${columns}, d.body FROM delivery d JOIN delivery_generation g USING (device_key, kind, subject)
    WHERE d.kind = ${kind} AND d.subject = ${subject} AND ${isTakenBackRow} AND d.expires_at_ms > ${nowMs}
      AND g.generation = d.generation AND (${afterId}::uuid IS NULL OR d.id > ${afterId}::uuid)
    ORDER BY d.id LIMIT ${limit} FOR UPDATE OF d`.execute(tx);
  return rows;
}

/** Open rows that the clock has something to do with, locked. */
export async function lockDue(tx: Db, nowMs: number, limit: number): Promise<DeliveryRow[]> {
  // SKIP LOCKED: what another transaction is moving right now comes with the next tick.
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d WHERE d.due_at_ms <= ${nowMs}
    ORDER BY d.due_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(tx);
  return rows;
}

export interface SubjectKey {
  device_key: number;
  kind: DeliveryKind;
  subject: string;
}

/** Open rows of the given subjects, locked: those that a newer one may supersede. */
export async function lockOpenOfSubjects(tx: Db, keys: readonly SubjectKey[]): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d
    JOIN json_to_recordset(${JSON.stringify(keys)}::json) AS k(device_key int, kind text, subject text)
      ON k.device_key = d.device_key AND k.kind = d.kind AND k.subject = d.subject
    WHERE ${isOpenRow} ORDER BY d.id FOR UPDATE OF d`.execute(tx);
  return rows;
}

/**
 * Takes the next `count` generations of each subject.
 *
 * @returns the last one taken of each
 */
export async function takeGenerations(
  tx: Db,
  keys: readonly (SubjectKey & { count: number })[],
): Promise<(SubjectKey & { generation: number })[]> {
  const { rows } = await sql<SubjectKey & { generation: number }>`
    INSERT INTO delivery_generation AS g (device_key, kind, subject, generation)
    SELECT device_key, kind, subject, count
    FROM json_to_recordset(${JSON.stringify(keys)}::json) AS k(device_key int, kind text, subject text, count int)
    ORDER BY device_key, kind, subject
    ON CONFLICT (device_key, kind, subject) DO UPDATE SET generation = g.generation + excluded.generation
    RETURNING device_key, kind, subject, generation`.execute(tx);
  return rows;
}

export interface DeliveryInsert extends SubjectKey, ReturnType<typeof stateColumns> {
  id: string;
  device_id: string;
  label: string;
  generation: number;
  priority: number;
  /** Position in `bodies`. */
  body_at: number;
  created_at_ms: number;
  expires_at_ms: number;
}

/** Inserts any number of deliveries in one statement. `bodies` holds each distinct body once: ten thousand often share one. */
export async function insertDeliveries(
  tx: Db,
  rows: readonly DeliveryInsert[],
  bodies: readonly Body[],
): Promise<void> {
  await sql`
    WITH body AS MATERIALIZED (
      SELECT ordinality - 1 AS body_at, value
      FROM jsonb_array_elements(${JSON.stringify(bodies)}::jsonb) WITH ORDINALITY
    )
    INSERT INTO delivery (id, device_key, device_id, kind, subject, label, generation, priority, body, phase, step, attempt, sends,
      not_before_ms, since_ms, cause, due_at_ms, created_at_ms, expires_at_ms, changed_at_ms)
    SELECT id, device_key, device_id, kind, subject, label, generation, priority, body.value, phase, step, attempt, sends,
      not_before_ms, since_ms, cause, due_at_ms, created_at_ms, expires_at_ms, created_at_ms
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(id uuid, device_key int, device_id text, kind text, subject text,
      label text, generation int, priority smallint, body_at int, phase text, step text, attempt int, sends int,
      not_before_ms bigint, since_ms bigint, cause text, due_at_ms bigint, created_at_ms bigint, expires_at_ms bigint)
    JOIN body USING (body_at)`.execute(tx);
}

export async function updateStates(tx: Db, updates: readonly StateUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  await sql`
    UPDATE delivery d SET phase = u.phase, step = u.step, attempt = u.attempt, sends = u.sends, not_before_ms = u.not_before_ms,
      since_ms = u.since_ms, cause = u.cause, due_at_ms = u.due_at_ms, changed_at_ms = u.changed_at_ms
    FROM json_to_recordset(${JSON.stringify(updates)}::json) AS u(id uuid, phase text, step text, attempt int, sends int,
      not_before_ms bigint, since_ms bigint, cause text, due_at_ms bigint, changed_at_ms bigint)
    WHERE d.id = u.id`.execute(tx);
}

/** Whatever becomes of the attempt that is under way, no other follows it. */
export async function makeLastAttempt(tx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`UPDATE delivery SET attempts_max = attempt WHERE id = ANY(${ids}::uuid[])`.execute(tx);
}

export interface ReceiptRow {
  delivery_id: string;
  attempt: number;
  step: string;
  device_key: number;
  at_ms: number;
  received_at_ms: number;
  order_at_ms: number;
  progress: number | null;
  reason: string | null;
  result: Body | null;
  refused: string | null;
}

/** From so many receipts on, what makes no sense leaves no further mark: its attempt and step are whatever a device makes up. */
const receiptsMax = 200;

/** Keeps receipts. The first of an identity stays; a later one only moves its progress forward. No identity twice in one call. */
export async function insertReceipts(tx: Db, rows: readonly ReceiptRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    INSERT INTO delivery_receipt AS kept (delivery_id, attempt, step, device_key, at_ms, received_at_ms, order_at_ms, progress,
      reason, result, refused)
    SELECT delivery_id, attempt, step, device_key, at_ms, received_at_ms, order_at_ms, progress, reason, result, refused
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(delivery_id uuid, attempt bigint, step text, device_key int,
      at_ms bigint, received_at_ms bigint, order_at_ms bigint, progress float8, reason text, result jsonb, refused text)
    WHERE refused IS NULL
      OR EXISTS (
        SELECT FROM delivery_receipt k
        WHERE k.delivery_id = r.delivery_id AND k.attempt = r.attempt AND k.step = r.step)
      OR (
        SELECT count(*) FROM (
          SELECT FROM delivery_receipt k WHERE k.delivery_id = r.delivery_id LIMIT ${receiptsMax}
        ) AS kept_already) < ${receiptsMax}
    ORDER BY delivery_id, attempt, step
    ON CONFLICT (delivery_id, attempt, step) DO UPDATE SET progress = excluded.progress
    WHERE excluded.progress > coalesce(kept.progress, 0)`.execute(tx);
}

export interface SendableRow {
  id: string;
  device_id: string;
  kind: DeliveryKind;
  attempt: number;
  generation: number;
  priority: number;
  body: Body;
  created_at_ms: number;
  expires_at_ms: number;
}

/**
 * What can be sent now to some devices, at most `perDevice` each: what waits before what the device already has, then by priority.
 *
 * @param queuedOnly leaves out what was already written or received
 */
export async function sendable(
  db: Db,
  query: { deviceIds: readonly string[]; queuedOnly: boolean; nowMs: number; perDevice: number },
): Promise<SendableRow[]> {
  const { deviceIds, queuedOnly, nowMs, perDevice } = query;
  if (deviceIds.length === 0) return [];
  const { rows } = await sql<SendableRow>`
    SELECT open.* FROM unnest(${deviceIds}::text[]) AS wanted(device_id)
    CROSS JOIN LATERAL (
      SELECT d.id, d.device_id, d.kind, d.attempt, d.generation, d.priority, d.body, d.created_at_ms, d.expires_at_ms
      FROM delivery d
      WHERE d.device_id = wanted.device_id AND ${isOpenRow} AND (NOT ${queuedOnly}::boolean OR d.phase = 'queued')
        AND d.expires_at_ms > ${nowMs} AND d.not_before_ms <= ${nowMs}
      ORDER BY d.phase = 'received', d.priority DESC, d.id LIMIT ${perDevice}
    ) AS open`.execute(db);
  return rows;
}

/** Devices for which something waits that was made since a time, each with the most urgent of it. */
export async function waitingSince(
  db: Db,
  sinceMs: number,
  nowMs: number,
): Promise<Pick<DeliveryRow, "device_id" | "priority">[]> {
  const { rows } = await sql<Pick<DeliveryRow, "device_id" | "priority">>`
    SELECT device_id, max(priority) AS priority FROM delivery
    WHERE phase = 'queued' AND created_at_ms >= ${sinceMs} AND not_before_ms <= ${nowMs} GROUP BY device_id`.execute(
    db,
  );
  return rows;
}

/** First attempts that are not to be sent yet: a second one waits for its back-off. */
export async function heldAt(db: Db, deviceIds: readonly string[], nowMs: number): Promise<string[]> {
  if (deviceIds.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    SELECT d.id FROM delivery d
    WHERE d.device_id = ANY(${[...deviceIds]}::text[]) AND ${isOpenRow} AND d.phase = 'queued' AND d.attempt = 1
      AND d.not_before_ms > ${nowMs} ORDER BY d.id`.execute(db);
  return rows.map((row) => row.id);
}

/** Until when first attempts wait that are not to be sent yet. */
export async function heldUntil(db: Db, ids: readonly string[], nowMs: number): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: string; not_before_ms: number }>`
    SELECT id, not_before_ms FROM delivery
    WHERE id = ${amongIds(ids)} AND phase = 'queued' AND attempt = 1 AND not_before_ms > ${nowMs}`.execute(db);
  return new Map(rows.map((row) => [row.id, row.not_before_ms]));
}

export interface ListQuery {
  deviceKey: number | null;
  kind: DeliveryKind | null;
  phase: DeliveryPhase | null;
  beforeId: string | null;
  limit: number;
}

/** Newest first, below `beforeId` where given. */
export async function listDeliveries(db: Db, query: ListQuery): Promise<DeliveryRow[]> {
  // Only the conditions that were asked for, so that the index of each can serve.
  const conditions = [sql`true`];
  if (query.deviceKey !== null) conditions.push(sql`d.device_key = ${query.deviceKey}`);
  if (query.kind !== null) conditions.push(sql`d.kind = ${query.kind}`);
  if (query.phase !== null) conditions.push(sql`d.phase = ${query.phase}`);
  if (query.beforeId !== null) conditions.push(sql`d.id < ${query.beforeId}::uuid`);
  const { rows } = await sql<DeliveryRow>`
    SELECT ${columns} FROM delivery d WHERE ${sql.join(conditions, sql` AND `)} ORDER BY d.id DESC LIMIT ${query.limit}`.execute(
    db,
  );
  return rows;
}

export async function findDelivery(db: Db, id: string): Promise<(DeliveryRow & { body: Body }) | null> {
  const { rows } = await sql<DeliveryRow & { body: Body }>`
    SELECT ${columns}, d.body FROM delivery d WHERE d.id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/** What is open of one kind for a device, and those of the named ones that are its own, open or not. */
export async function standingDeliveries(
  db: Db,
  device: { key: number; id: string },
  kind: DeliveryKind,
  alsoIds: readonly string[],
): Promise<(DeliveryRow & { body: Body })[]> {
  const { rows } = await sql<DeliveryRow & { body: Body }>`
    SELECT ${columns}, d.body FROM delivery d WHERE d.device_id = ${device.id} AND ${isOpenRow} AND d.kind = ${kind}
    UNION ALL
    SELECT ${columns}, d.body FROM delivery d
    WHERE d.id = ANY(${alsoIds}::uuid[]) AND d.device_key = ${device.key} AND d.kind = ${kind} AND NOT (${isOpenRow})`.execute(
    db,
  );
  return rows;
}

/** Everything that the device said of one delivery, in order. */
export async function receiptsOf(db: Db, deliveryId: string): Promise<ReceiptRow[]> {
  const { rows } = await sql<ReceiptRow>`
    SELECT * FROM delivery_receipt WHERE delivery_id = ${deliveryId} ORDER BY order_at_ms, received_at_ms LIMIT 500`.execute(
    db,
  );
  return rows;
}

export async function countPhases(db: Db): Promise<{ phase: DeliveryPhase; kind: DeliveryKind; n: number }[]> {
  const { rows } = await sql<{ phase: DeliveryPhase; kind: DeliveryKind; n: number }>`
    SELECT phase, kind, count(*) AS n FROM delivery GROUP BY phase, kind`.execute(db);
  return rows;
}
