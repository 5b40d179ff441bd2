import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type ChangeRow, changeColumns, type ShownChange, toChange } from "./change-row.ts";
import { type Stage, stages } from "./core/definition.ts";
import type { Life } from "./core/life.ts";
import type { RiskKind } from "./core/risk.ts";
import type { Cause } from "./core/stage.ts";

export type StageCounts = Record<Stage, number>;

/** How many households went from one stage to another between two moments; `from` null: they were not known at the first. */
export interface Flow {
  from: Stage | null;
  to: Stage;
  households: number;
}

/** How often a change happened within a period, and how many days after the change before it, in the middle. */
export interface Pace {
  from: Stage;
  to: Stage;
  changes: number;
  daysMedian: number;
}

export interface LifeNow {
  householdId: string;
  stage: Stage;
  sinceMs: number;
  life: Life;
  risks: RiskKind[];
  risk: number;
}

interface NowRow {
  household_id: string;
  stage: Stage;
  since_ms: number;
  state: Life;
  risks: RiskKind[];
  risk: number;
}

const toNow = (row: NowRow): LifeNow => ({
  householdId: row.household_id,
  stage: row.stage,
  sinceMs: row.since_ms,
  life: row.state,
  risks: row.risks,
  risk: row.risk,
});

const nowColumns = sql`household_id, stage, since_ms, state, risks, risk`;

export const noCounts = (): StageCounts => ({
  acquisition: 0,
  activation: 0,
  engagement: 0,
  satisfaction: 0,
  loyalty: 0,
  advocacy: 0,
  disengaged: 0,
});

/** Of each change, the newest so many say how fast it usually is. */
const paceSample = 5_000;
/** Fewer say nothing. */
const paceMin = 5;
const previewPage = 5_000;

/** SQL of what is read of lives by people. */
export class LifecycleViews {
  async counts(db: Db): Promise<StageCounts> {
    const { rows } = await sql<{ stage: Stage; count: number }>`
      SELECT stage, count(*) AS count FROM lifecycle_household GROUP BY stage`.execute(db);
    const counts = noCounts();
    for (const row of rows) counts[row.stage] = row.count;
    return counts;
  }

  /** How the counts changed in each part of a period, and after its end (part `parts`). */
  async deltas(
    db: Db,
    { fromMs, toMs, parts }: { fromMs: number; toMs: number; parts: number },
  ): Promise<{ part: number; stage: Stage; delta: number }[]> {
    const { rows } = await sql<{ part: number; stage: Stage; delta: number }>`
      SELECT least(${parts}::int, ceil((at_ms - ${fromMs}::bigint)::float * ${parts} / ${toMs - fromMs}) - 1)::int AS part,
        stage, sum(delta)::int AS delta
      FROM (
        SELECT at_ms, to_stage AS stage, 1 AS delta FROM lifecycle_change WHERE at_ms > ${fromMs}
        UNION ALL
        SELECT at_ms, from_stage, -1 FROM lifecycle_change WHERE at_ms > ${fromMs} AND from_stage IS NOT NULL
      ) AS moved GROUP BY 1, 2`.execute(db);
    return rows;
  }

  /** Between two moments: where those were at the first who changed meanwhile, and where at the second. */
  async flows(db: Db, fromMs: number, toMs: number): Promise<Flow[]> {
    const { rows } = await sql<{ from_stage: Stage | null; to_stage: Stage; households: number }>`
      SELECT from_stage, to_stage, count(*) AS households
      FROM (
        SELECT household_id, (array_agg(from_stage ORDER BY place))[1] AS from_stage,
          (array_agg(to_stage ORDER BY place DESC))[1] AS to_stage
        FROM lifecycle_change WHERE at_ms > ${fromMs} AND at_ms <= ${toMs} GROUP BY household_id
      ) AS moved GROUP BY 1, 2`.execute(db);
    return rows.map((row) => ({ from: row.from_stage, to: row.to_stage, households: row.households }));
  }

  async paces(db: Db, fromMs: number, toMs: number): Promise<Pace[]> {
    const { rows } = await sql<{ from_stage: Stage; to_stage: Stage; changes: number; days: number }>`
      SELECT from_stage, to_stage, count(*) AS changes, percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS days
      FROM lifecycle_change WHERE at_ms > ${fromMs} AND at_ms <= ${toMs} AND from_stage IS NOT NULL
      GROUP BY 1, 2 ORDER BY changes DESC`.execute(db);
    return rows.map((row) => ({
      from: row.from_stage,
      to: row.to_stage,
      changes: row.changes,
      daysMedian: row.days,
    }));
  }

  /** Days that a change usually takes, by `from to`. */
  async usualDays(db: Db): Promise<Map<string, number>> {
    const pairs = stages.flatMap((from) => stages.filter((to) => to !== from).map((to) => ({ from, to })));
    const { rows } = await sql<{ from_stage: Stage; to_stage: Stage; days: number }>`
      SELECT p.from_stage, p.to_stage, s.days
      FROM unnest(${pairs.map(({ from }) => from)}::text[], ${pairs.map(({ to }) => to)}::text[]) AS p(from_stage, to_stage)
      CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS days, count(*) AS count
        FROM (
          SELECT days FROM lifecycle_change c
          WHERE c.from_stage = p.from_stage AND c.to_stage = p.to_stage ORDER BY c.at_ms DESC LIMIT ${paceSample}
        ) AS newest
      ) AS s WHERE s.count >= ${paceMin}`.execute(db);
    return new Map(rows.map((row) => [`${row.from_stage} ${row.to_stage}`, row.days]));
  }

  async now(
    db: Db,
    householdId: string,
  ): Promise<(LifeNow & { tooLate: { count: number; newestMs: number } | null }) | null> {
    const { rows } = await sql<NowRow & { too_late: number; too_late_at_ms: number | null }>`
      SELECT ${nowColumns}, too_late, too_late_at_ms FROM lifecycle_household WHERE household_id = ${householdId}`.execute(
      db,
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { too_late: count, too_late_at_ms: newestMs } = row;
    return { ...toNow(row), tooLate: newestMs === null ? null : { count, newestMs } };
  }

  /** Newest first. */
  async history(db: Db, householdId: string, beforePlace: number | null, limit: number): Promise<ShownChange[]> {
    const { rows } = await sql<ChangeRow>`
      SELECT ${changeColumns} FROM lifecycle_change
      WHERE household_id = ${householdId} AND place < ${beforePlace ?? 2_147_483_647}
      ORDER BY place DESC LIMIT ${limit}`.execute(db);
    return rows.map(toChange);
  }

  /** Changes before a moment, newest first. */
  async changesBefore(db: Db, householdId: string, beforeMs: number, limit: number): Promise<ShownChange[]> {
    const { rows } = await sql<ChangeRow>`
      SELECT ${changeColumns} FROM lifecycle_change WHERE household_id = ${householdId} AND at_ms < ${beforeMs}
      ORDER BY place DESC LIMIT ${limit}`.execute(db);
    return rows.map(toChange);
  }

  /** The most endangered first. */
  async atRisk(db: Db, after: { risk: number; householdId: string } | null, limit: number): Promise<LifeNow[]> {
    const beyond =
      after === null
        ? sql`true`
        : sql`(risk < ${after.risk} OR (risk = ${after.risk} AND household_id > ${after.householdId}))`;
    const { rows } = await sql<NowRow>`
      SELECT ${nowColumns} FROM lifecycle_household WHERE risk > 0 AND ${beyond}
      ORDER BY risk DESC, household_id LIMIT ${limit}`.execute(db);
    return rows.map(toNow);
  }

  /** How many are endangered, and by what: a household counts at each of its causes. */
  async risks(db: Db): Promise<{ households: number; byKind: { kind: RiskKind; households: number }[] }> {
    const [all, kinds] = await Promise.all([
      sql<{ count: number }>`SELECT count(*) AS count FROM lifecycle_household WHERE risk > 0`.execute(db),
      sql<{ kind: RiskKind; households: number }>`
        SELECT kind, count(*) AS households FROM lifecycle_household, unnest(risks) AS kind WHERE risk > 0
        GROUP BY kind ORDER BY households DESC, kind`.execute(db),
    ]);
    return { households: all.rows[0]?.count ?? 0, byKind: kinds.rows };
  }

  /** Who was lost since a moment, and by what; the newest first. */
  async lost(
    db: Db,
    sinceMs: number,
    limit: number,
  ): Promise<{ householdId: string; from: Stage | null; atMs: number; causes: Cause[] }[]> {
    const { rows } = await sql<{ household_id: string; from_stage: Stage | null; at_ms: number; causes: Cause[] }>`
      SELECT h.household_id, c.from_stage, c.at_ms, c.causes
      FROM lifecycle_household h
      CROSS JOIN LATERAL (
        SELECT * FROM lifecycle_change c WHERE c.household_id = h.household_id ORDER BY c.place DESC LIMIT 1
      ) AS c
      WHERE h.stage = 'disengaged' AND h.since_ms >= ${sinceMs}
      ORDER BY h.since_ms DESC, h.household_id LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({
      householdId: row.household_id,
      from: row.from_stage,
      atMs: row.at_ms,
      causes: row.causes,
    }));
  }

  /** All lives, in pages of some thousand, in the order of their households' ids, which are as good as any sample. */
  async *lives(db: Db): AsyncGenerator<LifeNow[]> {
    for (let last = "00000000-0000-0000-0000-000000000000"; ;) {
      const { rows } = await sql<NowRow>`
        SELECT ${nowColumns} FROM lifecycle_household WHERE household_id > ${last}
        ORDER BY household_id LIMIT ${previewPage}`.execute(db);
      if (rows.length > 0) yield rows.map(toNow);
      if (rows.length < previewPage) return;
      last = rows.at(-1)?.household_id ?? last;
    }
  }
}
