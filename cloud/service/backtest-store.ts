import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Verdict } from "./core/backtest.ts";
import type { Firing } from "./core/replay.ts";
import type { RuleDefinition } from "./core/rule.ts";

export const backtestStatuses = ["running", "done", "cancelled", "failed"] as const;

/** Which appliances: all that is given must hold. */
export interface BacktestFilter {
  model?: string | undefined;
  deviceIds?: string[] | undefined;
  /** In CEL, as targets of rollouts are. */
  target?: string | undefined;
}

export interface Backtest {
  id: string;
  by: string;
  definition: RuleDefinition;
  sha256: string;
  ruleId: string | null;
  fromMs: number;
  toMs: number;
  filter: BacktestFilter;
  status: (typeof backtestStatuses)[number];
  reason: string | null;
  matching: number;
  /** Of them, those whose household did not agree that what they say improves the product. */
  leftOut: number;
  devices: number;
  done: number;
  fired: number;
  neverFired: number;
  noData: number;
  /** How often its cause came, over all appliances. */
  raises: number;
  /** Readings, events, comings and goings that were read. */
  lookedAt: number;
  startedAtMs: number;
  endedAtMs: number | null;
}

export interface BacktestDevice {
  deviceKey: number;
  verdict: Verdict;
  evaluated: number;
  raises: number;
  firings: readonly Firing[];
}

interface BacktestRow {
  id: string;
  by: string;
  definition: RuleDefinition;
  definition_sha256: string;
  rule_id: string | null;
  from_ms: number;
  to_ms: number;
  filter: BacktestFilter;
  status: Backtest["status"];
  reason: string | null;
  matching: number;
  left_out: number;
  devices: number;
  done: number;
  fired: number;
  never_fired: number;
  no_data: number;
  raises: number;
  looked_at: number;
  started_at_ms: number;
  ended_at_ms: number | null;
}

const toBacktest = (row: BacktestRow): Backtest => ({
  id: row.id,
  by: row.by,
  definition: row.definition,
  sha256: row.definition_sha256,
  ruleId: row.rule_id,
  fromMs: row.from_ms,
  toMs: row.to_ms,
  filter: row.filter,
  status: row.status,
  reason: row.reason,
  matching: row.matching,
  leftOut: row.left_out,
  devices: row.devices,
  done: row.done,
  fired: row.fired,
  neverFired: row.never_fired,
  noData: row.no_data,
  raises: row.raises,
  lookedAt: row.looked_at,
  startedAtMs: row.started_at_ms,
  endedAtMs: row.ended_at_ms,
});

/** SQL of back-tests. */
export class BacktestStore {
  /** @returns whether it may run: false where the same principal has one that runs */
  async begin(db: Db, backtest: Backtest): Promise<boolean> {
    const { rows } = await sql<{ id: string }>`
      INSERT INTO backtest (id, by, definition, definition_sha256, rule_id, from_ms, to_ms, filter, status, matching, left_out,
        devices, started_at_ms)
      VALUES (${backtest.id}, ${backtest.by}, ${JSON.stringify(backtest.definition)}::jsonb, ${backtest.sha256},
        ${backtest.ruleId}, ${backtest.fromMs}, ${backtest.toMs}, ${JSON.stringify(backtest.filter)}::jsonb, 'running',
        ${backtest.matching}, ${backtest.leftOut}, ${backtest.devices}, ${backtest.startedAtMs})
      ON CONFLICT (by) WHERE status = 'running' DO NOTHING RETURNING id`.execute(db);
    return rows.length > 0;
  }

  /** Stores what was found on some appliances, and with it how far it is. */
  async add(tx: Db, id: string, devices: readonly BacktestDevice[], lookedAt: number): Promise<void> {
    const rows = devices.map(({ deviceKey, verdict, evaluated, raises, firings }) => ({
      device_key: deviceKey,
      verdict,
      evaluated,
      raises,
      firings,
    }));
    await sql`
      WITH added AS (
        INSERT INTO backtest_device (backtest_id, device_key, verdict, evaluated, raises, firings)
        SELECT ${id}, r.* FROM json_to_recordset(${JSON.stringify(rows)}::json)
          AS r(device_key int, verdict text, evaluated bigint, raises int, firings jsonb)
        RETURNING verdict, raises
      ), counted AS (
        SELECT count(*) AS done, count(*) FILTER (WHERE verdict = 'fired') AS fired,
          count(*) FILTER (WHERE verdict = 'never_fired') AS never_fired, count(*) FILTER (WHERE verdict = 'no_data') AS no_data,
          coalesce(sum(raises), 0) AS raises
        FROM added
      )
      UPDATE backtest b SET done = b.done + c.done, fired = b.fired + c.fired, never_fired = b.never_fired + c.never_fired,
        no_data = b.no_data + c.no_data, raises = b.raises + c.raises, looked_at = b.looked_at + ${lookedAt}
      FROM counted c WHERE b.id = ${id}`.execute(tx);
  }

  async end(db: Db, id: string, status: Backtest["status"], reason: string | null, nowMs: number): Promise<void> {
    await sql`UPDATE backtest SET status = ${status}, reason = ${reason}, ended_at_ms = ${nowMs}
      WHERE id = ${id} AND status = 'running'`.execute(db);
  }

  /** What ran when the service ended is over. */
  async endAll(db: Db, reason: string, nowMs: number): Promise<void> {
    await sql`UPDATE backtest SET status = 'failed', reason = ${reason}, ended_at_ms = ${nowMs}
      WHERE status = 'running'`.execute(db);
  }

  async get(db: Db, id: string): Promise<Backtest | null> {
    const { rows } = await sql<BacktestRow>`SELECT * FROM backtest WHERE id = ${id}`.execute(db);
    return rows.map(toBacktest)[0] ?? null;
  }

  /** Newest first. */
  async list(db: Db, limit: number): Promise<Backtest[]> {
    const { rows } = await sql<BacktestRow>`SELECT * FROM backtest ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toBacktest);
  }

  /** The last one that ended as it should, of whatever fires alike. */
  async lastDone(db: Db, sha256: string): Promise<Backtest | null> {
    const { rows } = await sql<BacktestRow>`
      SELECT * FROM backtest WHERE definition_sha256 = ${sha256} AND status = 'done'
      ORDER BY started_at_ms DESC LIMIT 1`.execute(db);
    return rows.map(toBacktest)[0] ?? null;
  }

  /** In the order of the devices' keys. */
  async devices(
    db: Db,
    id: string,
    page: { verdict: Verdict | null; afterKey: number; limit: number },
  ): Promise<BacktestDevice[]> {
    const { rows } = await sql<Omit<BacktestDevice, "deviceKey"> & { device_key: number }>`
      SELECT device_key, verdict, evaluated, raises, firings FROM backtest_device
      WHERE backtest_id = ${id} AND device_key > ${page.afterKey}
        AND (${page.verdict}::text IS NULL OR verdict = ${page.verdict})
      ORDER BY device_key LIMIT ${page.limit}`.execute(db);
    return rows.map(({ device_key: deviceKey, ...row }) => ({ ...row, deviceKey }));
  }

  /** Forgets all but the newest. */
  async trim(db: Db, kept: number): Promise<void> {
    await sql`DELETE FROM backtest WHERE id IN (
      SELECT id FROM backtest WHERE status <> 'running' ORDER BY id DESC OFFSET ${kept})`.execute(db);
  }
}
