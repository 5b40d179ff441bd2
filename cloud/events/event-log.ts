import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { OutboxEvent } from "./core/cloud-event.ts";
import type { Position } from "./core/position.ts";

interface OutboxRow {
  xid: string;
  id: number;
  event_id: string;
  type: string;
  subject: string;
  at_ms: number;
  data: Record<string, unknown>;
}

const toEvent = (row: OutboxRow): OutboxEvent => ({
  position: { xid: row.xid, id: row.id },
  eventId: row.event_id,
  type: row.type,
  subject: row.subject,
  atMs: row.at_ms,
  data: row.data,
});

/** The reading side of the outbox: its SQL. */
export class EventLog {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * The events after `after`, or from the oldest kept, in the order of their positions. No event ever appears later at or before a
   * position that was returned: a row whose transaction overlaps an older one that still runs is held back until that one ends.
   */
  async after(after: Position | null, limit: number): Promise<OutboxEvent[]> {
    const { rows } = await sql<OutboxRow>`
      SELECT xid::text AS xid, id, event_id, type, subject, at_ms, data FROM outbox
      WHERE (xid, id) > (${after?.xid ?? "0"}::xid8, ${after?.id ?? 0}::bigint)
        AND xid < hearth_xid_horizon()
      ORDER BY outbox.xid, outbox.id LIMIT ${limit}`.execute(this.#db);
    return rows.map(toEvent);
  }

  /** The position after everything that is final now and before everything that is not. */
  async head(): Promise<Position> {
    const { rows } = await sql<{ xid: string }>`
      SELECT hearth_xid_horizon()::text AS xid`.execute(this.#db);
    return { xid: rows[0]?.xid ?? "0", id: 0 };
  }

  /** Whether retention removed something after `position`. */
  async isBelowFloor(position: Position): Promise<boolean> {
    const { rows } = await sql<{ below: boolean }>`
      SELECT (${position.xid}::xid8, ${position.id}::bigint) < (xid, id) AS below FROM outbox_floor`.execute(this.#db);
    return rows[0]?.below ?? false;
  }

  /**
   * Deletes the oldest events that were written before `beforeMs`, and moves the floor.
   *
   * @param limit most rows in one call; the caller repeats until fewer were deleted
   * @returns how many were deleted
   */
  async prune(beforeMs: number, limit: number): Promise<number> {
    // In the order of positions, so that the floor is exact and no index on the time is needed.
    const { rows } = await sql<{ count: number }>`
      WITH oldest AS (
        SELECT id, recorded_at_ms FROM outbox
        WHERE xid < hearth_xid_horizon() ORDER BY xid, id LIMIT ${limit}
      ), gone AS (
        DELETE FROM outbox WHERE id IN (SELECT id FROM oldest WHERE recorded_at_ms < ${beforeMs}) RETURNING xid, id
      ), floor AS (
        UPDATE outbox_floor SET xid = newest.xid, id = newest.id
        FROM (SELECT xid, id FROM gone ORDER BY xid DESC, id DESC LIMIT 1) AS newest
        WHERE (newest.xid, newest.id) > (outbox_floor.xid, outbox_floor.id)
      )
      SELECT count(*) AS count FROM gone`.execute(this.#db);
    return rows[0]?.count ?? 0;
  }
}
