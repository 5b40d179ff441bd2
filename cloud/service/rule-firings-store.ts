import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { Todo } from "./rules-store.ts";

export interface RuleFiringRow {
  id: string;
  rule_id: string;
  rule_version: number;
  device_key: number;
  cause: string;
  kind: "raise" | "clear";
  at_ms: number;
  mode: "live" | "shadow";
  trace: Record<string, unknown>;
}

export type NewFiring = RuleFiringRow & { todo: Todo[] | null };

export interface FiringFilter {
  ruleId: string | null;
  deviceKey: number | null;
  beforeId: string | null;
  limit: number;
}

/** SQL of what rules found. */
export class RuleFiringsStore {
  async insert(tx: Db, firings: readonly NewFiring[]): Promise<void> {
    if (firings.length === 0) return;
    await sql`
      INSERT INTO rule_firing (id, rule_id, rule_version, device_key, cause, kind, at_ms, mode, trace, todo)
      SELECT id, rule_id, rule_version, device_key, cause, kind, at_ms, mode, trace, nullif(todo, 'null'::jsonb)
      FROM json_to_recordset(${JSON.stringify(firings)}::json) AS r(id uuid, rule_id uuid, rule_version int,
        device_key int, cause text, kind text, at_ms bigint, mode text, trace jsonb, todo jsonb)`.execute(tx);
  }

  /** Newest first, by when they were found. */
  async list(db: Db, { ruleId, deviceKey, beforeId, limit }: FiringFilter): Promise<RuleFiringRow[]> {
    const { rows } = await sql<RuleFiringRow>`
      SELECT id, rule_id, rule_version, device_key, cause, kind, at_ms, mode, trace FROM rule_firing
      WHERE (${ruleId}::uuid IS NULL OR rule_id = ${ruleId}) AND (${deviceKey}::int IS NULL OR device_key = ${deviceKey})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Of one device, newest first by the time of what was found. */
  async ofDevice(db: Db, deviceKey: number, page: TimelinePage): Promise<Omit<RuleFiringRow, "trace">[]> {
    const { rows } = await sql<Omit<RuleFiringRow, "trace">>`
      SELECT id, rule_id, rule_version, device_key, cause, kind, at_ms, mode FROM rule_firing
      WHERE device_key = ${deviceKey} AND at_ms >= ${pageSinceMs(page)} AND at_ms < ${page.beforeMs}
      ORDER BY at_ms DESC, id DESC LIMIT ${page.limit}`.execute(db);
    return rows;
  }

  /** Firings after which something is still to be done, oldest first. */
  async todo(
    db: Db,
    limit: number,
  ): Promise<{ id: string; rule_id: string; device_key: number; todo: unknown; at_ms: number }[]> {
    const { rows } = await sql<{ id: string; rule_id: string; device_key: number; todo: unknown; at_ms: number }>`
      SELECT id, rule_id, device_key, todo, at_ms FROM rule_firing WHERE todo IS NOT NULL ORDER BY id LIMIT ${limit}`.execute(
      db,
    );
    return rows;
  }

  /** Takes what is to be done off a firing, for whoever does it in the same transaction. @returns whether it was still there */
  async take(tx: Db, id: string): Promise<boolean> {
    const { rows } = await sql`
      UPDATE rule_firing SET todo = NULL WHERE id = ${id} AND todo IS NOT NULL RETURNING 1`.execute(tx);
    return rows.length > 0;
  }

  /** Keeps the newest `rowsMax`. */
  async trim(db: Db, rowsMax: number): Promise<void> {
    await sql`
      DELETE FROM rule_firing WHERE todo IS NULL AND id <= (
        SELECT id FROM rule_firing ORDER BY id DESC OFFSET ${rowsMax} LIMIT 1)`.execute(db);
  }
}
