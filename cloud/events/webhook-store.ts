import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { Try } from "../platform/sending-view.ts";
import type { OutboxEvent } from "./core/cloud-event.ts";
import type { Position } from "./core/position.ts";
import type { WebhookStatus } from "./core/webhook.ts";

/** One event for one endpoint, and how far it has come. */
export interface WebhookDelivery {
  id: string;
  endpointId: string;
  /** The event's, and the message's. */
  eventId: string;
  type: string;
  subject: string;
  status: WebhookStatus;
  attempts: number;
  createdAtMs: number;
  nextAtMs: number;
  endedAtMs: number | null;
}

/** One that was taken hold of, to be sent now. */
export interface ClaimedDelivery extends WebhookDelivery {
  position: Position;
  /** Attempts since it was queued, this one among them. */
  tries: number;
}

interface DeliveryRow {
  id: string;
  endpoint_id: string;
  outbox_xid: string;
  outbox_id: number;
  event_id: string;
  type: string;
  subject: string;
  status: WebhookStatus;
  attempts: number;
  attempts_before: number;
  created_at_ms: number;
  next_at_ms: number;
  ended_at_ms: number | null;
}

const columns = sql`id, endpoint_id, outbox_xid::text AS outbox_xid, outbox_id, event_id, type, subject, status, attempts,
  attempts_before, created_at_ms, next_at_ms, ended_at_ms`;

const toDelivery = (row: DeliveryRow): WebhookDelivery => ({
  id: row.id,
  endpointId: row.endpoint_id,
  eventId: row.event_id,
  type: row.type,
  subject: row.subject,
  status: row.status,
  attempts: row.attempts,
  createdAtMs: row.created_at_ms,
  nextAtMs: row.next_at_ms,
  endedAtMs: row.ended_at_ms,
});

const toClaimed = (row: DeliveryRow): ClaimedDelivery => ({
  ...toDelivery(row),
  position: { xid: row.outbox_xid, id: row.outbox_id },
  tries: row.attempts - row.attempts_before,
});

/** SQL of what is sent to webhooks. */
export class WebhookStore {
  /** Where an endpoint that is enabled is in the outbox; it is held, so that one alone moves it on. Null where somebody else has it. */
  async hold(tx: Db, endpointId: string): Promise<{ after: Position; types: string[] } | null> {
    const { rows } = await sql<{ xid: string; id: number; types: string[] }>`
      SELECT after_xid::text AS xid, after_id AS id, types FROM webhook_endpoint
      WHERE id = ${endpointId} AND disabled_at_ms IS NULL FOR UPDATE SKIP LOCKED`.execute(tx);
    const [row] = rows;
    return row === undefined ? null : { after: { xid: row.xid, id: row.id }, types: row.types };
  }

  async moveOn(tx: Db, endpointId: string, after: Position, missedAtMs: number | null): Promise<void> {
    await sql`UPDATE webhook_endpoint SET after_xid = ${after.xid}::xid8, after_id = ${after.id},
      missed_at_ms = coalesce(${missedAtMs}::bigint, missed_at_ms) WHERE id = ${endpointId}`.execute(tx);
  }

  /** The newest position that retention removed. */
  async floor(db: Db): Promise<Position> {
    const { rows } = await sql<Position>`SELECT xid::text AS xid, id FROM outbox_floor`.execute(db);
    return rows[0] ?? { xid: "0", id: 0 };
  }

  async queue(
    tx: Db,
    endpointId: string,
    events: readonly (OutboxEvent & { deliveryId: string })[],
    nowMs: number,
  ): Promise<void> {
    const rows = events.map(({ deliveryId, position, eventId, type, subject }) => ({
      id: deliveryId,
      xid: position.xid,
      outbox_id: position.id,
      event_id: eventId,
      type,
      subject,
    }));
    await sql`
      INSERT INTO webhook_delivery (id, endpoint_id, outbox_xid, outbox_id, event_id, type, subject, status, created_at_ms, next_at_ms)
      SELECT id, ${endpointId}, xid::xid8, outbox_id, event_id, type, subject, 'queued', ${nowMs}, ${nowMs}
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        id uuid, xid text, outbox_id bigint, event_id uuid, type text, subject text)
      ON CONFLICT (endpoint_id, outbox_id) DO NOTHING`.execute(tx);
  }

  async waiting(db: Db, endpointId: string): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*) AS count FROM webhook_delivery WHERE endpoint_id = ${endpointId} AND status = 'queued'`.execute(
      db,
    );
    return rows[0]?.count ?? 0;
  }

  /** Those that are due, in the order of the outbox, held until the transaction ends. */
  async due(tx: Db, endpointId: string, nowMs: number, limit: number): Promise<ClaimedDelivery[]> {
    const { rows } = await sql<DeliveryRow>`
      SELECT ${columns} FROM webhook_delivery
      WHERE endpoint_id = ${endpointId} AND status = 'queued' AND next_at_ms <= ${nowMs}
      ORDER BY webhook_delivery.outbox_xid, webhook_delivery.outbox_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(
      tx,
    );
    return rows.map(toClaimed);
  }

  /** Counts an attempt before it is made: one whose sender dies in the middle is due again when the lease is over. */
  async claim(tx: Db, ids: readonly string[], leaseUntilMs: number): Promise<ClaimedDelivery[]> {
    const { rows } = await sql<DeliveryRow>`
      UPDATE webhook_delivery SET attempts = attempts + 1, next_at_ms = ${leaseUntilMs}
      WHERE id = ANY(${[...ids]}::uuid[]) RETURNING ${columns}`.execute(tx);
    return rows.map(toClaimed).toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
  }

  /** What the event says; null where it is no longer kept. */
  async event(db: Db, { position, eventId, type, subject }: ClaimedDelivery): Promise<OutboxEvent | null> {
    const { rows } = await sql<{ at_ms: number; data: Record<string, unknown> }>`
      SELECT at_ms, data FROM outbox WHERE id = ${position.id}`.execute(db);
    const [row] = rows;
    return row === undefined ? null : { position, eventId, type, subject, atMs: row.at_ms, data: row.data };
  }

  /** Writes what became of an attempt. One that ended meanwhile, or was queued anew, stays so. */
  async settle(
    tx: Db,
    delivery: WebhookDelivery,
    attempt: Try,
    after: { status: WebhookStatus; nextAtMs: number },
  ): Promise<void> {
    const { id } = delivery;
    await sql`INSERT INTO webhook_attempt (delivery_id, attempt, at_ms, took_ms, outcome, detail)
      SELECT id, ${attempt.attempt}, ${attempt.atMs}, ${attempt.tookMs}, ${attempt.outcome}, ${attempt.detail}
      FROM webhook_delivery WHERE id = ${id}
      ON CONFLICT DO NOTHING`.execute(tx);
    const endedAtMs = after.status === "queued" ? null : attempt.atMs + attempt.tookMs;
    await sql`UPDATE webhook_delivery SET status = ${after.status}, next_at_ms = ${after.nextAtMs}, ended_at_ms = ${endedAtMs}
      WHERE id = ${id} AND status = 'queued' AND attempts = ${attempt.attempt}`.execute(tx);
  }

  async arrived(tx: Db, endpointId: string): Promise<void> {
    await sql`UPDATE webhook_endpoint SET failing_since_ms = NULL
      WHERE id = ${endpointId} AND failing_since_ms IS NOT NULL`.execute(tx);
  }

  /** @returns since when nothing has arrived there */
  async failed(tx: Db, endpointId: string, atMs: number): Promise<number> {
    const { rows } = await sql<{ since: number }>`
      UPDATE webhook_endpoint SET failing_since_ms = coalesce(failing_since_ms, ${atMs})
      WHERE id = ${endpointId} RETURNING failing_since_ms AS since`.execute(tx);
    return rows[0]?.since ?? atMs;
  }

  async get(db: Db, endpointId: string, id: string): Promise<{ delivery: ClaimedDelivery; attempts: Try[] } | null> {
    const { rows } = await sql<DeliveryRow>`
      SELECT ${columns} FROM webhook_delivery WHERE id = ${id} AND endpoint_id = ${endpointId}`.execute(db);
    const [row] = rows;
    if (row === undefined) return null;
    const { rows: attempts } = await sql<Try>`
      SELECT attempt, at_ms AS "atMs", took_ms AS "tookMs", outcome, detail
      FROM webhook_attempt WHERE delivery_id = ${id} ORDER BY attempt`.execute(db);
    return { delivery: toClaimed(row), attempts };
  }

  /** Newest first, below `beforeId` where given. */
  async list(
    db: Db,
    filter: { endpointId: string; status: WebhookStatus | null; beforeId: string | null; limit: number },
  ): Promise<WebhookDelivery[]> {
    const { endpointId, status, beforeId, limit } = filter;
    const { rows } = await sql<DeliveryRow>`
      SELECT ${columns} FROM webhook_delivery
      WHERE endpoint_id = ${endpointId} AND (${status}::text IS NULL OR status = ${status})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId}::uuid)
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toDelivery);
  }

  /** How many wait and how many failed, of each endpoint that has any. */
  async counts(db: Db): Promise<Map<string, { waiting: number; failed: number }>> {
    const { rows } = await sql<{ endpoint_id: string; waiting: number; failed: number }>`
      SELECT endpoint_id, count(*) FILTER (WHERE status = 'queued') AS waiting,
        count(*) FILTER (WHERE status = 'failed') AS failed
      FROM webhook_delivery WHERE status IN ('queued', 'failed') GROUP BY endpoint_id`.execute(db);
    return new Map(rows.map(({ endpoint_id: id, waiting, failed }) => [id, { waiting, failed }]));
  }

  /** Queues again what ended, with all its attempts before it. @returns how many */
  async queueAgain(
    tx: Db,
    endpointId: string,
    which: { id: string } | { fromMs: number; toMs: number; statuses: readonly WebhookStatus[]; limit: number },
    nowMs: number,
  ): Promise<number> {
    const chosen =
      "id" in which
        ? sql`SELECT id FROM webhook_delivery WHERE id = ${which.id} AND endpoint_id = ${endpointId} AND status <> 'queued'`
        : sql`SELECT id FROM webhook_delivery
            WHERE endpoint_id = ${endpointId} AND created_at_ms >= ${which.fromMs} AND created_at_ms < ${which.toMs}
              AND status = ANY(${[...which.statuses]}) AND status <> 'queued'
            ORDER BY id LIMIT ${which.limit}`;
    return affected(tx)`
      UPDATE webhook_delivery SET status = 'queued', next_at_ms = ${nowMs}, attempts_before = attempts, ended_at_ms = NULL
      WHERE id IN (${chosen})`;
  }

  /** Deletes what ended, from before a time, with its attempts. @returns how many went */
  async forget(db: Db, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM webhook_delivery WHERE id IN (
        SELECT id FROM webhook_delivery WHERE created_at_ms < ${beforeMs} AND status <> 'queued' LIMIT ${limit})`;
  }
}
