import { type RawBuilder, sql } from "kysely";
import { type DeliveryKind, deliveryKinds } from "#protocol/delivery.ts";
import type { Db } from "../platform/database.ts";
import { committedSteps } from "./core/delivery-life.ts";
import { kindPolicies } from "./core/step-table.ts";
import { type Body, isOpenRow } from "./deliveries-store.ts";

/** Deliveries of one kind and subject, for any number of devices. */
export interface DeliverySet {
  /** A statement that yields `(device_key int, device_id text, online boolean)`, no device twice. */
  devices: RawBuilder<unknown>;
  kind: DeliveryKind;
  subject: string;
  label: string;
  /** What all of them carry. Left out: `devices` yields a further column `body jsonb`, each device's own. */
  body?: Body | undefined;
  priority: number;
  expiresAtMs: number;
  /** Nothing is sent before. */
  notBeforeMs?: number | undefined;
  /** How often it is tried; left out: as often as its kind is. */
  attemptsMax?: number | undefined;
  /**
   * The end of the statement, which the caller writes: it may read `created (delivery_id, device_key)`, `busy (device_key)`, the devices that
   * have gone too far with an older one to be given another, and `older (id, device_key, stays)`, the deliveries that were open before; those
   * that do not stay are superseded.
   */
  andThen: RawBuilder<unknown>;
}

/** As `isCommitted` of the pure core has it, which says which steps those are. */
const isCommittedRow = (kind: DeliveryKind): RawBuilder<boolean> =>
  sql<boolean>`(d.phase = 'received' AND d.step = ANY(${committedSteps(kind)}::text[]))`;

/**
 * Creates a set in two statements, however many there are; `devices` is asked in both. An open older one of the same subject is superseded where its device has not
 * gone too far with it; where it has, the device is left out.
 *
 * @returns the rows that `andThen` yields
 */
export async function createSet<Row>(tx: Db, set: DeliverySet, nowMs: number): Promise<Row[]> {
  const { kind, subject, label, priority, expiresAtMs } = set;
  const notBeforeMs = set.notBeforeMs ?? 0;
  const mayReplaceSent = kindPolicies[kind].supersedableOnceSent;
  const body = set.body === undefined ? sql`t.body` : sql`${JSON.stringify(set.body)}::jsonb`;
  await holdSubjects(tx, set);
  const { rows } = await sql<Row>`
    WITH target AS MATERIALIZED (${set.devices}),
    -- Locked, so that a word of the device which comes at the same moment is before this or after it.
    older AS MATERIALIZED (
      SELECT d.id, d.device_key, ${isCommittedRow(kind)} OR NOT (${mayReplaceSent} OR d.phase = 'queued') AS stays
      FROM target t JOIN delivery d ON d.device_key = t.device_key
      WHERE d.kind = ${kind} AND d.subject = ${subject} AND ${isOpenRow} FOR UPDATE OF d
    ),
    busy AS MATERIALIZED (SELECT DISTINCT device_key FROM older WHERE stays),
    superseded AS (
      UPDATE delivery d SET phase = 'superseded', cause = NULL, due_at_ms = NULL, since_ms = 0, not_before_ms = 0, sends = 0,
        changed_at_ms = ${nowMs}
      FROM older o WHERE d.id = o.id AND NOT o.stays
    ),
    numbered AS (
      INSERT INTO delivery_generation AS g (device_key, kind, subject, generation)
      SELECT t.device_key, ${kind}, ${subject}, 1 FROM target t
      WHERE NOT EXISTS (SELECT 1 FROM busy b WHERE b.device_key = t.device_key) ORDER BY t.device_key
      ON CONFLICT (device_key, kind, subject) DO UPDATE SET generation = g.generation + 1
      RETURNING g.device_key, g.generation
    ),
    created AS (
      INSERT INTO delivery (id, device_key, device_id, kind, subject, label, generation, priority, body, phase, step, attempt, sends,
        not_before_ms, since_ms, cause, due_at_ms, created_at_ms, expires_at_ms, changed_at_ms, attempts_max)
      SELECT uuidv7(), n.device_key, t.device_id, ${kind}, ${subject}, ${label}, n.generation, ${priority}::smallint,
        ${body}, 'queued', NULL, 1, 0, ${notBeforeMs}::bigint, 0, NULL,
        -- A device that is here has it sent by the next tick; one that is away, when it comes.
        CASE WHEN ${notBeforeMs}::bigint > ${nowMs} THEN ${notBeforeMs}::bigint WHEN t.online THEN ${nowMs}::bigint
          ELSE ${expiresAtMs}::bigint END,
        ${nowMs}::bigint, ${expiresAtMs}::bigint, ${nowMs}::bigint, ${set.attemptsMax ?? null}::smallint
      FROM numbered n JOIN target t ON t.device_key = n.device_key
      RETURNING id AS delivery_id, device_key
    )
    ${set.andThen}`.execute(tx);
  return rows;
}

/**
 * Waits for whoever creates for the same subjects at this moment, and has others wait, until the transaction ends: the statement that
 * follows must see what they created.
 */
async function holdSubjects(tx: Db, { devices, kind, subject }: DeliverySet): Promise<void> {
  await sql`
    WITH target AS MATERIALIZED (${devices}),
    first AS (
      INSERT INTO delivery_generation (device_key, kind, subject, generation)
      SELECT device_key, ${kind}, ${subject}, 0 FROM target ORDER BY device_key ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM (
      SELECT 1 FROM delivery_generation g JOIN target t USING (device_key)
      WHERE g.kind = ${kind} AND g.subject = ${subject} ORDER BY g.device_key FOR UPDATE OF g
    ) AS held`.execute(tx);
}

/**
 * Cancels what can still be taken back, in one statement. What the devices have gone too far with gets no further attempt.
 *
 * @param deliveries a statement that yields their ids
 * @param andThen the end of the statement: it may read `cancelled (delivery_id, device_key)`
 */
export async function cancelSet<Row>(
  tx: Db,
  deliveries: RawBuilder<unknown>,
  andThen: RawBuilder<unknown>,
  nowMs: number,
): Promise<Row[]> {
  const committed = sql.join(
    deliveryKinds.map((kind) => sql`(d.kind = ${kind} AND ${isCommittedRow(kind)})`),
    sql` OR `,
  );
  const { rows } = await sql<Row>`
    WITH open AS MATERIALIZED (
      SELECT d.id, ${committed} AS stays FROM delivery d WHERE d.id IN (${deliveries}) AND ${isOpenRow} ORDER BY d.id FOR UPDATE
    ),
    cancelled AS (
      UPDATE delivery d SET phase = 'cancelled', cause = 'person', due_at_ms = NULL, since_ms = 0, not_before_ms = 0, sends = 0,
        changed_at_ms = ${nowMs}
      FROM open o WHERE d.id = o.id AND NOT o.stays RETURNING d.id AS delivery_id, d.device_key
    ),
    last_attempt AS (UPDATE delivery d SET attempts_max = d.attempt FROM open o WHERE d.id = o.id AND o.stays)
    ${andThen}`.execute(tx);
  return rows;
}

/**
 * Changes what an open delivery carries and has it wait for its device again, however far the device was.
 *
 * @returns the device, or null where there is no such open delivery
 */
export async function amendBody(tx: Db, id: string, patch: Body): Promise<string | null> {
  const { rows } = await sql<{ device_id: string }>`
    UPDATE delivery d SET body = body || ${JSON.stringify(patch)}::jsonb WHERE d.id = ${id} AND ${isOpenRow}
    RETURNING d.device_id`.execute(tx);
  return rows[0]?.device_id ?? null;
}
