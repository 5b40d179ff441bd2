import { sql } from "kysely";
import type pg from "pg";
import { z } from "zod";
import type { Db } from "../platform/database.ts";
import type { Rejected } from "./core/decode.ts";

/** Where records come from: a gateway, and the spool that numbers them. */
export interface Source {
  gatewayId: string;
  spoolEpoch: string;
}

export interface Gap {
  gatewayId: string;
  spoolEpoch: string;
  fromSequence: number;
  /** Null where nobody can know: the spool itself is gone. */
  toSequence: number | null;
  reason: string;
  foundAtMs: number;
}

export interface QuarantineFilter {
  deviceId: string | null;
  reason: string | null;
  beforeId: string | null;
  limit: number;
}

export interface Quarantined {
  id: string;
  deviceId: string;
  channel: string;
  receivedAtMs: number;
  payload: Buffer;
  reason: string;
  detail: string;
}

interface QuarantineRow {
  id: string;
  device_id: string;
  channel: string;
  received_at_ms: number;
  payload: Buffer;
  reason: string;
  detail: string;
}

const toQuarantined = (row: QuarantineRow): Quarantined => ({
  id: row.id,
  deviceId: row.device_id,
  channel: row.channel,
  receivedAtMs: row.received_at_ms,
  payload: row.payload,
  reason: row.reason,
  detail: row.detail,
});

/** What is answered to BEGIN, and to the question behind it. */
const begun = z.tuple([z.unknown(), z.object({ rows: z.array(z.object({ sequence: z.number() })) })]);

const ofSource = (client: pg.Client, { gatewayId, spoolEpoch }: Source): string =>
  `gateway_id = ${client.escapeLiteral(gatewayId)} AND spool_epoch = ${client.escapeLiteral(spoolEpoch)}`;

/** SQL of the up road: watermarks, gaps, and quarantine. */
export class IngestStore {
  /** The watermark of a source, made where the source is new; -1 when nothing of it is committed. */
  async openSource(db: Db, source: Source, nowMs: number): Promise<{ watermark: number; isNew: boolean }> {
    const { rows } = await sql<{ sequence: number }>`
      SELECT sequence FROM watermark WHERE gateway_id = ${source.gatewayId} AND spool_epoch = ${source.spoolEpoch}`.execute(
      db,
    );
    if (rows[0] !== undefined) return { watermark: rows[0].sequence, isNew: false };
    await sql`INSERT INTO watermark (gateway_id, spool_epoch, sequence, first_seen_at_ms, moved_at_ms)
      VALUES (${source.gatewayId}, ${source.spoolEpoch}, -1, ${nowMs}, ${nowMs}) ON CONFLICT DO NOTHING`.execute(db);
    return { watermark: -1, isNew: true };
  }

  /** The source that a gateway spoke with before this one, or null. */
  async previousSource(db: Db, source: Source): Promise<{ spoolEpoch: string; watermark: number } | null> {
    const { rows } = await sql<{ spool_epoch: string; sequence: number }>`
      SELECT spool_epoch, sequence FROM watermark
      WHERE gateway_id = ${source.gatewayId} AND spool_epoch <> ${source.spoolEpoch}
      ORDER BY first_seen_at_ms DESC LIMIT 1`.execute(db);
    const row = rows[0];
    return row === undefined ? null : { spoolEpoch: row.spool_epoch, watermark: row.sequence };
  }

  /**
   * Begins a transaction with the watermark locked until it ends: a predecessor whose last transaction still commits is waited for.
   *
   * Here and in `commit` two statements are one question: every batch waits for each answer that it needs.
   *
   * @returns the watermark
   */
  async begin(client: pg.Client, source: Source): Promise<number> {
    const [, { rows }] = begun.parse(
      await client.query(`BEGIN; SELECT sequence FROM watermark WHERE ${ofSource(client, source)} FOR UPDATE`),
    );
    const row = rows[0];
    if (row === undefined) throw new Error("the source has no watermark");
    return row.sequence;
  }

  /** Ends a transaction that `begin` began. */
  async commit(client: pg.Client, source: Source, sequence: number, nowMs: number): Promise<void> {
    await client.query(
      `UPDATE watermark SET sequence = ${sequence}, moved_at_ms = ${nowMs} WHERE ${ofSource(client, source)}; COMMIT`,
    );
  }

  /** The watermark of the reader of points, made where it is new: it begins where the reader of effects is. */
  async openPoints(tx: Db, source: Source, nowMs: number): Promise<{ watermark: number; isNew: boolean }> {
    const { rows: known } = await sql<{ sequence: number }>`
      SELECT sequence FROM points_watermark
      WHERE gateway_id = ${source.gatewayId} AND spool_epoch = ${source.spoolEpoch}`.execute(tx);
    if (known[0] !== undefined) return { watermark: known[0].sequence, isNew: false };
    const { rows } = await sql<{ sequence: number }>`
      INSERT INTO points_watermark (gateway_id, spool_epoch, sequence, moved_at_ms)
      SELECT gateway_id, spool_epoch, sequence, ${nowMs} FROM watermark
      WHERE gateway_id = ${source.gatewayId} AND spool_epoch = ${source.spoolEpoch} RETURNING sequence`.execute(tx);
    return { watermark: rows[0]?.sequence ?? -1, isNew: true };
  }

  /** Never back: a reader whose link is over may still finish what it stored. */
  async movePoints(tx: Db, source: Source, sequence: number, nowMs: number): Promise<void> {
    await sql`UPDATE points_watermark SET sequence = ${sequence}, moved_at_ms = ${nowMs}
      WHERE gateway_id = ${source.gatewayId} AND spool_epoch = ${source.spoolEpoch} AND sequence < ${sequence}`.execute(
      tx,
    );
  }

  /** Forgets the reader of points. @returns what it had not read of that which effects has, or null */
  async closePoints(tx: Db, source: Source): Promise<{ fromSequence: number; toSequence: number } | null> {
    const { rows } = await sql<{ sequence: number; effects: number }>`
      DELETE FROM points_watermark p USING watermark w
      WHERE p.gateway_id = ${source.gatewayId} AND p.spool_epoch = ${source.spoolEpoch}
        AND w.gateway_id = p.gateway_id AND w.spool_epoch = p.spool_epoch
      RETURNING p.sequence, w.sequence AS effects`.execute(tx);
    const row = rows[0];
    return row === undefined || row.sequence >= row.effects
      ? null
      : { fromSequence: row.sequence + 1, toSequence: row.effects };
  }

  /** What the reader of points had not read of the spool that the gateway spoke with before this one, though effects had; or null. */
  async previousUnreadPoints(
    tx: Db,
    source: Source,
  ): Promise<{ spoolEpoch: string; fromSequence: number; toSequence: number } | null> {
    const { rows } = await sql<{ spool_epoch: string; sequence: number; effects: number }>`
      SELECT spool_epoch, p.sequence, w.sequence AS effects FROM points_watermark p JOIN watermark w USING (gateway_id, spool_epoch)
      WHERE gateway_id = ${source.gatewayId} AND spool_epoch <> ${source.spoolEpoch}
      ORDER BY w.first_seen_at_ms DESC LIMIT 1`.execute(tx);
    const row = rows[0];
    return row === undefined || row.sequence >= row.effects
      ? null
      : { spoolEpoch: row.spool_epoch, fromSequence: row.sequence + 1, toSequence: row.effects };
  }

  async recordGap(db: Db, id: string, gap: Gap): Promise<void> {
    await sql`INSERT INTO gap (id, gateway_id, spool_epoch, from_sequence, to_sequence, reason, found_at_ms)
      VALUES (${id}, ${gap.gatewayId}, ${gap.spoolEpoch}, ${gap.fromSequence}, ${gap.toSequence}, ${gap.reason}, ${gap.foundAtMs})
      ON CONFLICT DO NOTHING`.execute(db);
  }

  /** Newest first. */
  async gaps(db: Db, limit: number): Promise<Gap[]> {
    const { rows } = await sql<{
      gateway_id: string;
      spool_epoch: string;
      from_sequence: number;
      to_sequence: number | null;
      reason: string;
      found_at_ms: number;
    }>`SELECT * FROM gap ORDER BY found_at_ms DESC, id DESC LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({
      gatewayId: row.gateway_id,
      spoolEpoch: row.spool_epoch,
      fromSequence: row.from_sequence,
      toSequence: row.to_sequence,
      reason: row.reason,
      foundAtMs: row.found_at_ms,
    }));
  }

  /** Sets records aside, whole. The bytes are stored as bytes, so that nothing in them can refuse this too. */
  async quarantine(tx: Db, source: Source, rejected: readonly Rejected[], nextId: () => string): Promise<void> {
    if (rejected.length === 0) return;
    const column = <T>(pick: (item: Rejected) => T) => rejected.map(pick);
    await sql`
      INSERT INTO quarantine (id, gateway_id, spool_epoch, sequence, device_id, channel, received_at_ms, payload, reason, detail)
      SELECT id, ${source.gatewayId}, ${source.spoolEpoch}, sequence, device_id, channel, received_at_ms, payload, reason, detail
      FROM unnest(
        ${column(nextId)}::uuid[], ${column(({ record }) => record.sequence)}::bigint[],
        ${column(({ record }) => record.deviceId)}::text[], ${column(({ record }) => record.channel)}::text[],
        ${column(({ record }) => record.receivedAtMs)}::bigint[], ${column(({ record }) => Buffer.from(record.payload))}::bytea[],
        ${column(({ reason }) => reason)}::text[], ${column(({ detail }) => safeDetail(detail))}::text[]
      ) AS t(id, sequence, device_id, channel, received_at_ms, payload, reason, detail)
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  async listQuarantine(db: Db, filter: QuarantineFilter): Promise<Quarantined[]> {
    const { deviceId, reason, beforeId, limit } = filter;
    const { rows } = await sql<QuarantineRow>`
      SELECT id, device_id, channel, received_at_ms, payload, reason, detail FROM quarantine
      WHERE (${deviceId}::text IS NULL OR device_id = ${deviceId}) AND (${reason}::text IS NULL OR reason = ${reason})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toQuarantined);
  }

  /** Of one device before a time, newest first. */
  async quarantineTimeline(db: Db, deviceId: string, beforeMs: number, limit: number): Promise<Quarantined[]> {
    const { rows } = await sql<QuarantineRow>`
      SELECT id, device_id, channel, received_at_ms, payload, reason, detail FROM quarantine
      WHERE device_id = ${deviceId} AND received_at_ms < ${beforeMs}
      ORDER BY received_at_ms DESC LIMIT ${limit}`.execute(db);
    return rows.map(toQuarantined);
  }

  async quarantineCounts(db: Db): Promise<Record<string, number>> {
    const { rows } = await sql<{ reason: string; count: number }>`
      SELECT reason, count(*) AS count FROM quarantine GROUP BY reason`.execute(db);
    return Object.fromEntries(rows.map((row) => [row.reason, row.count]));
  }

  /** Drops what lies here longest, so that a device gone mad cannot fill the disk. */
  async trimQuarantine(db: Db, rowsMax: number): Promise<void> {
    await sql`DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine ORDER BY id DESC OFFSET ${rowsMax} LIMIT 10000)`.execute(
      db,
    );
  }
}

/** A parser's message quotes its input, which may hold what PostgreSQL's text cannot. */
const safeDetail = (detail: string) => detail.toWellFormed().replaceAll("\u0000", "\u2400");
