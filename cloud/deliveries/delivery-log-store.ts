import { sql } from "kysely";
import type { DeliveryKind } from "#protocol/delivery.ts";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { DeliveryPhase } from "./core/delivery-life.ts";
import type { ReceiptRow } from "./deliveries-store.ts";

/** The newest of what a device said of its deliveries, newest first. */
export async function receiptsOfDevice(
  db: Db,
  deviceKey: number,
  beforeMs: number,
  limit: number,
): Promise<ReceiptRow[]> {
  const { rows } = await sql<ReceiptRow>`
    SELECT * FROM delivery_receipt WHERE device_key = ${deviceKey} AND order_at_ms < ${beforeMs}
    ORDER BY order_at_ms DESC LIMIT ${limit}`.execute(db);
  return rows;
}

interface HappeningRow {
  at_ms: number;
  what: string;
  attempt: number;
  delivery_id: string;
  kind: DeliveryKind;
  subject: string;
  label: string;
  phase: DeliveryPhase;
  progress: number | null;
  reason: string | null;
  refused: string | null;
  /** Where the household put it off: until when. */
  until_ms: number | null;
  rollout_id: string | null;
}

/** What happened to a device's deliveries, newest first: created, said by the device or its household, ended by the cloud. */
export async function happenings(db: Db, deviceKey: number, page: TimelinePage): Promise<HappeningRow[]> {
  const { beforeMs, limit } = page;
  // A delivery that was made for the household before is not seen, nor what is said of it later.
  const sinceMs = pageSinceMs(page);
  const { rows } = await sql<HappeningRow>`
    (SELECT d.created_at_ms AS at_ms, 'queued' AS what, 1 AS attempt, d.id AS delivery_id, d.kind, d.subject, d.label, d.phase,
        NULL::float8 AS progress, NULL AS reason, NULL AS refused, NULL::bigint AS until_ms, d.body ->> 'rolloutId' AS rollout_id
      FROM delivery d WHERE d.device_key = ${deviceKey} AND d.created_at_ms < ${beforeMs} AND d.created_at_ms >= ${sinceMs}
      ORDER BY d.created_at_ms DESC LIMIT ${limit})
    UNION ALL
    (SELECT r.order_at_ms, r.step, r.attempt, d.id, d.kind, d.subject, d.label, d.phase, r.progress, r.reason, r.refused,
        NULL, d.body ->> 'rolloutId'
      FROM delivery_receipt r JOIN delivery d ON d.id = r.delivery_id
      WHERE r.device_key = ${deviceKey} AND r.order_at_ms < ${beforeMs} AND d.created_at_ms >= ${sinceMs}
      ORDER BY r.order_at_ms DESC LIMIT ${limit})
    UNION ALL
    (SELECT d.changed_at_ms, d.phase, d.attempt, d.id, d.kind, d.subject, d.label, d.phase, NULL, d.cause, NULL, NULL, d.body ->> 'rolloutId'
      FROM delivery d WHERE d.device_key = ${deviceKey} AND d.changed_at_ms < ${beforeMs} AND d.created_at_ms >= ${sinceMs}
        AND (d.phase IN ('superseded', 'cancelled') OR d.cause IN ('deadline', 'timed_out'))
      ORDER BY d.changed_at_ms DESC LIMIT ${limit})
    UNION ALL
    (SELECT w.at_ms, 'owner_' || w.word, d.attempt, d.id, d.kind, d.subject, d.label, d.phase, NULL, NULL, NULL, w.until_ms,
        d.body ->> 'rolloutId'
      FROM delivery_owner_word w JOIN delivery d ON d.id = w.delivery_id
      WHERE w.device_key = ${deviceKey} AND w.at_ms < ${beforeMs} AND d.created_at_ms >= ${sinceMs}
      ORDER BY w.at_ms DESC LIMIT ${limit})
    ORDER BY at_ms DESC, delivery_id DESC LIMIT ${limit}`.execute(db);
  return rows;
}
