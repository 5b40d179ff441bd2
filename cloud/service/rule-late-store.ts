/** SQL of what came too late for rules: a line for each rule and device. */
import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";

/** What came too late for a rule from one device: readings and events from `from_ms` to `to_ms` by their own time. */
export interface RuleLateRow {
  rule_id: string;
  device_key: number;
  count: number;
  from_ms: number;
  to_ms: number;
  /** When the last of it came. */
  noted_at_ms: number;
}

export class RuleLateStore {
  /** Adds to what is there already. */
  async note(tx: Db, rows: readonly RuleLateRow[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      INSERT INTO rule_late AS l (rule_id, device_key, count, from_ms, to_ms, noted_at_ms)
      SELECT rule_id, device_key, count, from_ms, to_ms, noted_at_ms
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        rule_id uuid, device_key int, count bigint, from_ms bigint, to_ms bigint, noted_at_ms bigint)
      ORDER BY rule_id, device_key
      ON CONFLICT (rule_id, device_key) DO UPDATE SET count = l.count + excluded.count,
        from_ms = least(l.from_ms, excluded.from_ms), to_ms = greatest(l.to_ms, excluded.to_ms),
        noted_at_ms = excluded.noted_at_ms`.execute(tx);
  }

  /** Of one rule, those that were late last first. */
  async ofRule(db: Db, ruleId: string, limit: number): Promise<RuleLateRow[]> {
    const { rows } = await sql<RuleLateRow>`
      SELECT * FROM rule_late WHERE rule_id = ${ruleId} ORDER BY noted_at_ms DESC, device_key LIMIT ${limit}`.execute(
      db,
    );
    return rows;
  }

  /** Of one device, newest first by when it came. */
  async ofDevice(db: Db, deviceKey: number, page: TimelinePage): Promise<RuleLateRow[]> {
    const { rows } = await sql<RuleLateRow>`
      SELECT * FROM rule_late
      WHERE device_key = ${deviceKey} AND noted_at_ms >= ${pageSinceMs(page)} AND noted_at_ms < ${page.beforeMs}
      ORDER BY noted_at_ms DESC, rule_id LIMIT ${page.limit}`.execute(db);
    return rows;
  }
}
