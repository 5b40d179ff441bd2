import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { FiringAround } from "./core/rule-effects.ts";
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
  /** What became of what it left to be done. */
  done: Done[];
}

/** One thing that a firing left to be done: `earned`, `sent`, or why not. */
export interface Done {
  kind: "award_points" | "send_content";
  outcome: string;
  points?: number;
  itemId?: string;
  /** Of what was sent: the delivery; where a limit took that back, the one that followed it. */
  deliveryId?: string;
}

/** What a firing had sent. */
export interface SentByRule {
  delivery_id: string;
  rule_id: string;
  item_id: string;
  /** What was found is over. */
  cleared: boolean;
}

export type NewFiring = Omit<RuleFiringRow, "done"> & { todo: Todo[] | null };
export type FiringTodo = Pick<RuleFiringRow, "id" | "rule_id" | "device_key" | "cause" | "at_ms"> & { todo: unknown };

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
      SELECT id, rule_id, rule_version, device_key, cause, kind, at_ms, mode, trace, done FROM rule_firing
      WHERE (${ruleId}::uuid IS NULL OR rule_id = ${ruleId}) AND (${deviceKey}::int IS NULL OR device_key = ${deviceKey})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Of one device, newest first by the time of what was found. */
  async ofDevice(db: Db, deviceKey: number, page: TimelinePage): Promise<Omit<RuleFiringRow, "trace" | "done">[]> {
    const { rows } = await sql<Omit<RuleFiringRow, "trace" | "done">>`
      SELECT id, rule_id, rule_version, device_key, cause, kind, at_ms, mode FROM rule_firing
      WHERE device_key = ${deviceKey} AND at_ms >= ${pageSinceMs(page)} AND at_ms < ${page.beforeMs}
      ORDER BY at_ms DESC, id DESC LIMIT ${page.limit}`.execute(db);
    return rows;
  }

  /** Firings after which something is still to be done, oldest first. */
  async todo(db: Db, limit: number): Promise<FiringTodo[]> {
    const { rows } = await sql<FiringTodo>`
      SELECT id, rule_id, device_key, cause, at_ms, todo FROM rule_firing
      WHERE todo IS NOT NULL ORDER BY id LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** What others of the same rule, appliance and cause say around one. */
  async around(tx: Db, { id, rule_id, device_key, cause }: FiringTodo): Promise<FiringAround> {
    const same = sql`rule_id = ${rule_id} AND device_key = ${device_key} AND cause = ${cause}`;
    const { rows } = await sql<{ before: "raise" | "clear" | null; cleared_after: boolean }>`
      SELECT (SELECT kind FROM rule_firing WHERE ${same} AND id < ${id} AND (mode = 'live' OR kind = 'clear')
          ORDER BY id DESC LIMIT 1) AS before,
        EXISTS (SELECT 1 FROM rule_firing WHERE ${same} AND id > ${id} AND kind = 'clear') AS cleared_after`.execute(
      tx,
    );
    const [row] = rows;
    return { before: row?.before ?? null, clearedAfter: row?.cleared_after ?? false };
  }

  async writeDone(tx: Db, id: string, done: readonly Done[]): Promise<void> {
    if (done.length === 0) return;
    await sql`UPDATE rule_firing SET done = ${JSON.stringify(done)}::jsonb WHERE id = ${id}`.execute(tx);
  }

  /** Which of some deliveries came of firings, and of which. */
  async sentBy(tx: Db, deliveryIds: readonly string[]): Promise<SentByRule[]> {
    const { rows } = await sql<SentByRule>`
      SELECT s.id AS delivery_id, f.rule_id, one ->> 'itemId' AS item_id,
        EXISTS (SELECT 1 FROM rule_firing c WHERE c.rule_id = f.rule_id AND c.device_key = f.device_key AND c.cause = f.cause
          AND c.id > f.id AND c.kind = 'clear') AS cleared
      FROM unnest(${[...deliveryIds]}::text[]) AS s(id)
      JOIN rule_firing f ON f.done <> '[]' AND f.done @> jsonb_build_array(jsonb_build_object('deliveryId', s.id)),
      jsonb_array_elements(f.done) AS one WHERE one ->> 'deliveryId' = s.id`.execute(tx);
    return rows;
  }

  /** Other deliveries took the place of those that firings had sent. */
  async followed(tx: Db, pairs: readonly { before: string; after: string }[]): Promise<void> {
    await sql`
      UPDATE rule_firing f SET done = replace(f.done::text, p.before, p.after)::jsonb
      FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS p(before text, after text)
      WHERE f.done <> '[]' AND f.done @> jsonb_build_array(jsonb_build_object('deliveryId', p.before))`.execute(tx);
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
