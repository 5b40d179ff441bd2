import { sql } from "kysely";
import { z } from "zod";
import type { Db } from "../platform/database.ts";
import type { Try } from "../platform/sending-view.ts";
import { type Notice, noticeKinds, noticeSeverities } from "./core/notice.ts";

export const deliveryStatuses = ["queued", "delivered", "failed", "dropped"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** One message to one channel. */
export interface NoticeDelivery {
  id: string;
  channelId: string;
  status: DeliveryStatus;
  /** How many notices are in it. */
  notices: number;
  createdAtMs: number;
  untilMs: number;
  attempts: number;
  nextAtMs: number;
  endedAtMs: number | null;
}

interface DeliveryRow {
  id: string;
  channel_id: string;
  status: DeliveryStatus;
  notices: number;
  created_at_ms: number;
  until_ms: number;
  attempts: number;
  next_at_ms: number;
  ended_at_ms: number | null;
}

const toDelivery = (row: DeliveryRow): NoticeDelivery => ({
  id: row.id,
  channelId: row.channel_id,
  status: row.status,
  notices: row.notices,
  createdAtMs: row.created_at_ms,
  untilMs: row.until_ms,
  attempts: row.attempts,
  nextAtMs: row.next_at_ms,
  endedAtMs: row.ended_at_ms,
});

const noticeRow = z
  .object({
    id: z.string(),
    kind: z.enum(noticeKinds),
    severity: z.enum(noticeSeverities).nullable(),
    level: z.number(),
    reaches: z.string().nullable(),
    subject: z.string(),
    title: z.string(),
    at_ms: z.number(),
    data: z.record(z.string(), z.unknown()),
  })
  .transform(({ at_ms: atMs, ...rest }): Notice => ({ ...rest, atMs }));

/** SQL of notices and of the messages that they become. */
export class NoticesStore {
  /** Stores notices with whom they are for. */
  async add(
    tx: Db,
    notices: readonly Notice[],
    items: readonly { channelId: string; noticeId: string }[],
    nowMs: number,
  ): Promise<void> {
    const rows = notices.map(({ atMs, ...notice }) => ({ ...notice, at_ms: atMs }));
    await sql`
      INSERT INTO notice (id, kind, severity, level, reaches, subject, title, at_ms, created_at_ms, data)
      SELECT id, kind, severity, level, reaches, subject, title, at_ms, ${nowMs}, data
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        id uuid, kind text, severity text, level int, reaches text, subject text, title text, at_ms bigint, data jsonb)`.execute(
      tx,
    );
    await sql`
      INSERT INTO notice_item (channel_id, notice_id)
      SELECT c.id, r.notice_id FROM unnest(
        ${items.map(({ channelId }) => channelId)}::uuid[], ${items.map(({ noticeId }) => noticeId)}::uuid[]) AS r(channel_id, notice_id)
      JOIN notice_channel c ON c.id = r.channel_id`.execute(tx);
  }

  /** Channels that have something pending; the channel is held until the transaction ends, so that one puts it into messages, while more may become pending. */
  async lockPending(tx: Db): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM notice_channel c
      WHERE EXISTS (SELECT FROM notice_item i WHERE i.channel_id = c.id AND i.delivery_id IS NULL)
      ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`.execute(tx);
    return rows.map(({ id }) => id);
  }

  async pending(tx: Db, channelId: string, limit: number): Promise<string[]> {
    const { rows } = await sql<{ notice_id: string }>`
      SELECT notice_id FROM notice_item WHERE channel_id = ${channelId} AND delivery_id IS NULL
      ORDER BY notice_id LIMIT ${limit}`.execute(tx);
    return rows.map((row) => row.notice_id);
  }

  /** When messages were made for a channel since a time, and with how many notices. */
  async madeSince(tx: Db, channelId: string, sinceMs: number): Promise<{ atMs: number; notices: number }[]> {
    const { rows } = await sql<{ created_at_ms: number; notices: number }>`
      SELECT created_at_ms, notices FROM notice_delivery WHERE channel_id = ${channelId} AND created_at_ms > ${sinceMs}`.execute(
      tx,
    );
    return rows.map((row) => ({ atMs: row.created_at_ms, notices: row.notices }));
  }

  async makeDelivery(
    tx: Db,
    made: { id: string; channelId: string; noticeIds: readonly string[]; nowMs: number; untilMs: number },
  ): Promise<void> {
    const { id, channelId, noticeIds, nowMs, untilMs } = made;
    await sql`INSERT INTO notice_delivery (id, channel_id, status, notices, created_at_ms, until_ms, next_at_ms)
      VALUES (${id}, ${channelId}, 'queued', ${noticeIds.length}, ${nowMs}, ${untilMs}, ${nowMs})`.execute(tx);
    await sql`UPDATE notice_item SET delivery_id = ${id}
      WHERE channel_id = ${channelId} AND notice_id = ANY(${[...noticeIds]}::uuid[])`.execute(tx);
  }

  /**
   * Takes hold of messages that are to be sent now, and counts the attempt: one whose sender dies in the middle is due again when
   * the lease is over, under the same id.
   */
  async claim(db: Db, nowMs: number, leaseUntilMs: number, limit: number): Promise<NoticeDelivery[]> {
    const { rows } = await sql<DeliveryRow>`
      UPDATE notice_delivery SET next_at_ms = ${leaseUntilMs}, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM notice_delivery WHERE status = 'queued' AND next_at_ms <= ${nowMs}
        ORDER BY next_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING *`.execute(db);
    return rows.map(toDelivery);
  }

  async noticesOf(db: Db, deliveryId: string): Promise<Notice[]> {
    const { rows } = await sql`
      SELECT n.id, n.kind, n.severity, n.level, n.reaches, n.subject, n.title, n.at_ms, n.data
      FROM notice_item i JOIN notice n ON n.id = i.notice_id WHERE i.delivery_id = ${deliveryId} ORDER BY n.id`.execute(
      db,
    );
    return rows.map((row) => noticeRow.parse(row));
  }

  /** Writes what became of an attempt. A message that somebody else's attempt ended meanwhile stays ended. */
  async settle(
    tx: Db,
    delivery: NoticeDelivery,
    attempt: Try,
    after: { status: DeliveryStatus; nextAtMs: number },
  ): Promise<void> {
    await sql`INSERT INTO notice_attempt (delivery_id, attempt, at_ms, took_ms, outcome, detail)
      VALUES (${delivery.id}, ${attempt.attempt}, ${attempt.atMs}, ${attempt.tookMs}, ${attempt.outcome}, ${attempt.detail})
      ON CONFLICT DO NOTHING`.execute(tx);
    const ended = after.status === "queued" ? null : attempt.atMs;
    await sql`UPDATE notice_delivery SET status = ${after.status}, next_at_ms = ${after.nextAtMs}, ended_at_ms = ${ended}
      WHERE id = ${delivery.id} AND status = 'queued'`.execute(tx);
  }

  /** What a channel was still to be told is told no more. */
  async dropQueued(tx: Db, channelId: string, nowMs: number): Promise<void> {
    await sql`UPDATE notice_delivery SET status = 'dropped', ended_at_ms = ${nowMs}
      WHERE channel_id = ${channelId} AND status = 'queued'`.execute(tx);
    await sql`DELETE FROM notice_item WHERE channel_id = ${channelId} AND delivery_id IS NULL`.execute(tx);
  }

  async get(db: Db, id: string): Promise<{ delivery: NoticeDelivery; attempts: Try[] } | null> {
    const { rows } = await sql<DeliveryRow>`SELECT * FROM notice_delivery WHERE id = ${id}`.execute(db);
    const [row] = rows;
    if (row === undefined) return null;
    const { rows: attempts } = await sql<{
      attempt: number;
      at_ms: number;
      took_ms: number;
      outcome: string;
      detail: string;
    }>`SELECT * FROM notice_attempt WHERE delivery_id = ${id} ORDER BY attempt`.execute(db);
    return {
      delivery: toDelivery(row),
      attempts: attempts.map(({ attempt, at_ms: atMs, took_ms: tookMs, outcome, detail }) => ({
        attempt,
        atMs,
        tookMs,
        outcome,
        detail,
      })),
    };
  }

  /** Newest first. */
  async list(
    db: Db,
    filter: { channelId: string | null; status: DeliveryStatus | null; beforeId: string | null; limit: number },
  ): Promise<NoticeDelivery[]> {
    const { channelId, status, beforeId, limit } = filter;
    const { rows } = await sql<DeliveryRow>`
      SELECT * FROM notice_delivery
      WHERE (${channelId}::uuid IS NULL OR channel_id = ${channelId}::uuid) AND (${status}::text IS NULL OR status = ${status})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId}::uuid)
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toDelivery);
  }

  /** Queues a message again. @returns false where it is queued already, or there is none */
  async queueAgain(tx: Db, id: string, nowMs: number, untilMs: number): Promise<boolean> {
    const { rows } = await sql`
      UPDATE notice_delivery SET status = 'queued', next_at_ms = ${nowMs}, until_ms = ${untilMs}, ended_at_ms = NULL
      WHERE id = ${id} AND status <> 'queued' RETURNING id`.execute(tx);
    return rows.length > 0;
  }

  /** Deletes what ended, and notices, from before a time. @returns how many rows went */
  async forget(db: Db, beforeMs: number, limit: number): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      WITH old AS (
        DELETE FROM notice_delivery WHERE id IN (
          SELECT id FROM notice_delivery WHERE created_at_ms < ${beforeMs} AND status <> 'queued' LIMIT ${limit})
        RETURNING 1
      ), gone AS (
        DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE created_at_ms < ${beforeMs} LIMIT ${limit}) RETURNING 1
      )
      SELECT greatest((SELECT count(*) FROM old), (SELECT count(*) FROM gone)) AS count`.execute(db);
    return rows[0]?.count ?? 0;
  }
}
