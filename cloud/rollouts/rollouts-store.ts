/** SQL of rollouts themselves; their members are in members-store.ts and member-lists-store.ts. */
import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { MeasuredMetric } from "./core/gates.ts";
import type { Plan } from "./core/plan.ts";
import type { RolloutState } from "./core/rollout.ts";

export interface RolloutRow {
  id: string;
  name: string;
  release_id: string;
  model: string;
  version: string;
  release_kind: "security" | "feature";
  release_counter: number;
  plan: Plan;
  state: RolloutState;
  created_at_ms: number;
  created_by: string;
  changed_at_ms: number;
  /** null until members are assigned. */
  followed_to_ms: number | null;
  measured_at_ms: number;
}

const columns = sql.raw(
  `r.id, r.name, r.release_id, r.model, r.version, r.release_kind, r.release_counter, r.plan, r.state, r.created_at_ms, r.created_by,
   r.changed_at_ms, r.followed_to_ms, r.measured_at_ms`,
);

/** The partial indexes say the same words. */
export const isAlive = sql.raw(`r.state_kind IN ('awaiting_approval', 'scheduled', 'running', 'paused')`);
export const stillFollows = sql.raw(`(r.state_kind = 'finished' AND (r.plan ->> 'autoAssign')::boolean)`);

export async function insertRollout(tx: Db, row: Omit<RolloutRow, "followed_to_ms" | "measured_at_ms">): Promise<void> {
  await sql`
    INSERT INTO rollout (id, name, release_id, model, version, release_kind, release_counter, plan, state, created_at_ms, created_by,
      changed_at_ms)
    VALUES (${row.id}, ${row.name}, ${row.release_id}, ${row.model}, ${row.version}, ${row.release_kind}, ${row.release_counter},
      ${JSON.stringify(row.plan)}::jsonb, ${JSON.stringify(row.state)}::jsonb, ${row.created_at_ms}, ${row.created_by},
      ${row.changed_at_ms})`.execute(tx);
}

export async function findRollout(db: Db, id: string): Promise<RolloutRow | null> {
  const { rows } = await sql<RolloutRow>`SELECT ${columns} FROM rollout r WHERE r.id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/** The row, locked: whoever holds it is the only one who plans or changes this rollout. */
export async function lockRollout(tx: Db, id: string): Promise<RolloutRow | null> {
  const { rows } = await sql<RolloutRow>`SELECT ${columns} FROM rollout r WHERE r.id = ${id} FOR UPDATE`.execute(tx);
  return rows[0] ?? null;
}

/** The row, locked; null also where somebody else holds it. */
export async function lockFreeRollout(tx: Db, id: string): Promise<RolloutRow | null> {
  const { rows } = await sql<RolloutRow>`
    SELECT ${columns} FROM rollout r WHERE r.id = ${id} FOR UPDATE SKIP LOCKED`.execute(tx);
  return rows[0] ?? null;
}

/**
 * Until the transaction ends, nobody else claims appliances of the model for a rollout: two whose targets meet would otherwise not see
 * each other.
 */
export async function claimModel(tx: Db, model: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(4711003, hashtext(${model}))`.execute(tx);
}

/**
 * Statements of this transaction may take ten minutes instead of one: what is done to a whole target at once grows with the fleet, and
 * cut off each time it would never be done.
 */
export async function allowLong(tx: Db): Promise<void> {
  await sql`SET LOCAL statement_timeout = '10min'`.execute(tx);
}

/** Everything that the tick has to look at; those of the latest release first, so that an appliance gets the latest it may have. */
export async function aliveRollouts(db: Db): Promise<RolloutRow[]> {
  const { rows } = await sql<RolloutRow>`
    SELECT ${columns} FROM rollout r WHERE ${isAlive} OR ${stillFollows} ORDER BY r.release_counter DESC, r.id`.execute(
    db,
  );
  return rows;
}

/** Those that lay claim to appliances of a model, but for one. */
export async function otherClaims(db: Db, model: string, exceptId: string | null): Promise<RolloutRow[]> {
  const { rows } = await sql<RolloutRow>`
    SELECT ${columns} FROM rollout r
    WHERE r.model = ${model} AND ${isAlive} AND (${exceptId}::uuid IS NULL OR r.id <> ${exceptId}::uuid)`.execute(db);
  return rows;
}

export interface ListQuery {
  model: string | null;
  releaseId: string | null;
  state: RolloutState["kind"] | null;
  beforeId: string | null;
  limit: number;
}

/** Newest first. */
export async function listRollouts(db: Db, query: ListQuery): Promise<RolloutRow[]> {
  const conditions = [sql`true`];
  if (query.model !== null) conditions.push(sql`r.model = ${query.model}`);
  if (query.releaseId !== null) conditions.push(sql`r.release_id = ${query.releaseId}::uuid`);
  if (query.state !== null) conditions.push(sql`r.state_kind = ${query.state}`);
  if (query.beforeId !== null) conditions.push(sql`r.id < ${query.beforeId}::uuid`);
  const { rows } = await sql<RolloutRow>`
    SELECT ${columns} FROM rollout r WHERE ${sql.join(conditions, sql` AND `)} ORDER BY r.id DESC LIMIT ${query.limit}`.execute(
    db,
  );
  return rows;
}

/** What rollouts are called, by id. */
export async function namesOf(db: Db, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    SELECT r.id, r.name FROM rollout r WHERE r.id = ANY(${[...ids]}::uuid[])`.execute(db);
  return rows;
}

/** Rollouts for the schedule: those alive, and those that ended after a time. */
export async function rolloutsSince(db: Db, sinceMs: number, limit: number): Promise<RolloutRow[]> {
  const { rows } = await sql<RolloutRow>`
    SELECT ${columns} FROM rollout r
    WHERE ${isAlive} OR (r.state_kind IN ('finished', 'aborted', 'halted') AND r.changed_at_ms >= ${sinceMs})
    ORDER BY ${isAlive} DESC, r.id DESC LIMIT ${limit}`.execute(db);
  return rows;
}

export async function setState(tx: Db, id: string, state: RolloutState, nowMs: number): Promise<void> {
  await sql`UPDATE rollout SET state = ${JSON.stringify(state)}::jsonb, changed_at_ms = ${nowMs} WHERE id = ${id}`.execute(
    tx,
  );
}

export async function setPlan(tx: Db, id: string, plan: Plan, nowMs: number): Promise<void> {
  await sql`
    UPDATE rollout SET plan = ${JSON.stringify(plan)}::jsonb, name = ${plan.name}, changed_at_ms = ${nowMs} WHERE id = ${id}`.execute(
    tx,
  );
}

export async function setFollowed(tx: Db, id: string, toMs: number): Promise<void> {
  await sql`UPDATE rollout SET followed_to_ms = ${toMs} WHERE id = ${id}`.execute(tx);
}

export async function setMeasured(
  tx: Db,
  id: string,
  measured: readonly { stage: number; measured: MeasuredMetric | null }[],
  nowMs: number,
): Promise<void> {
  await sql`UPDATE rollout SET measured_at_ms = ${nowMs} WHERE id = ${id}`.execute(tx);
  await sql`
    UPDATE rollout_stage s SET measured = m.measured
    FROM json_to_recordset(${JSON.stringify(measured)}::json) AS m(stage smallint, measured jsonb)
    WHERE s.rollout_id = ${id}::uuid AND s.stage = m.stage`.execute(tx);
}

export async function measuredOf(
  db: Db,
  ids: readonly string[],
): Promise<{ rollout_id: string; stage: number; measured: MeasuredMetric | null }[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ rollout_id: string; stage: number; measured: MeasuredMetric | null }>`
    SELECT rollout_id, stage, measured FROM rollout_stage
    WHERE rollout_id = ANY(${[...ids]}::uuid[]) AND measured IS NOT NULL`.execute(db);
  return rows;
}

// Start rate

export async function noteStarts(tx: Db, id: string, start: { atMs: number; stage: number; n: number }): Promise<void> {
  await sql`INSERT INTO rollout_start (rollout_id, at_ms, stage, n) VALUES (${id}, ${start.atMs}, ${start.stage}, ${start.n})`.execute(
    tx,
  );
}

export async function startsSince(
  db: Db,
  ids: readonly string[],
  sinceMs: number,
): Promise<{ rollout_id: string; n: number }[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ rollout_id: string; n: number }>`
    SELECT rollout_id, sum(n)::bigint AS n FROM rollout_start
    WHERE rollout_id = ANY(${[...ids]}::uuid[]) AND at_ms > ${sinceMs} GROUP BY 1`.execute(db);
  return rows;
}

// History

export interface HistoryRow {
  id: number;
  at_ms: number;
  by: string;
  what: string;
  stage: number | null;
  reason: string | null;
  data: Record<string, unknown>;
}

export async function addHistory(tx: Db, rolloutId: string, entry: Omit<HistoryRow, "id">): Promise<void> {
  await sql`
    INSERT INTO rollout_history (rollout_id, at_ms, by, what, stage, reason, data)
    VALUES (${rolloutId}, ${entry.at_ms}, ${entry.by}, ${entry.what}, ${entry.stage}, ${entry.reason},
      ${JSON.stringify(entry.data)}::jsonb)`.execute(tx);
}

/** Whether a principal had a hand in a draft. */
export async function hasChangedPlan(tx: Db, rolloutId: string, by: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM rollout_history WHERE rollout_id = ${rolloutId}::uuid AND by = ${by} AND what = 'changed' LIMIT 1`.execute(
    tx,
  );
  return rows.length > 0;
}

/** Newest first. */
export async function historyOf(
  db: Db,
  rolloutId: string,
  page: { beforeId: number | null; limit: number },
): Promise<HistoryRow[]> {
  const { rows } = await sql<HistoryRow>`
    SELECT id, at_ms, by, what, stage, reason, data FROM rollout_history
    WHERE rollout_id = ${rolloutId}::uuid AND (${page.beforeId}::bigint IS NULL OR id < ${page.beforeId})
    ORDER BY id DESC LIMIT ${page.limit}`.execute(db);
  return rows;
}

// Freezes

/** Most freezes that are looked at. */
const freezesMax = 1_000;

export interface FreezeRow {
  id: string;
  countries: string[];
  models: string[];
  from_ms: number;
  to_ms: number;
  reason: string;
  created_at_ms: number;
  created_by: string;
}

export async function insertFreeze(tx: Db, row: FreezeRow): Promise<void> {
  await sql`
    INSERT INTO rollout_freeze (id, countries, models, from_ms, to_ms, reason, created_at_ms, created_by)
    VALUES (${row.id}, ${row.countries}::text[], ${row.models}::text[], ${row.from_ms}, ${row.to_ms}, ${row.reason},
      ${row.created_at_ms}, ${row.created_by})`.execute(tx);
}

/** Takes one away and returns it, or null. */
export async function deleteFreeze(tx: Db, id: string): Promise<FreezeRow | null> {
  const { rows } = await sql<FreezeRow>`DELETE FROM rollout_freeze WHERE id = ${id} RETURNING *`.execute(tx);
  return rows[0] ?? null;
}

/** Those that are not over at a time, in the order in which they begin. */
export async function freezesUntil(db: Db, endsAfterMs: number): Promise<FreezeRow[]> {
  const { rows } = await sql<FreezeRow>`
    SELECT * FROM rollout_freeze WHERE to_ms > ${endsAfterMs} ORDER BY from_ms, id LIMIT ${freezesMax}`.execute(db);
  return rows;
}

export async function countStates(db: Db): Promise<Partial<Record<RolloutState["kind"], number>>> {
  const { rows } = await sql<{ state_kind: RolloutState["kind"]; n: number }>`
    SELECT state_kind, count(*) AS n FROM rollout GROUP BY 1`.execute(db);
  return Object.fromEntries(rows.map(({ state_kind, n }) => [state_kind, n]));
}
