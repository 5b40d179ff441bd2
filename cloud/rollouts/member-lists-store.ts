/** Members of rollouts as people and planners read them: counts, lists, samples. */
import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { MemberState } from "./core/plan.ts";
import { fleet } from "./eligibility.ts";

export interface TallyRow {
  rollout_id: string;
  stage: number;
  state: MemberState;
  time_zone: string;
  country: string;
  n: number;
}

/** Where the members of some rollouts stand. */
export async function tallies(db: Db, rolloutIds: readonly string[]): Promise<TallyRow[]> {
  if (rolloutIds.length === 0) return [];
  const { rows } = await sql<TallyRow>`
    SELECT rollout_id, stage, state, time_zone, country, n FROM rollout_tally
    WHERE rollout_id = ANY(${[...rolloutIds]}::uuid[]) AND n > 0`.execute(db);
  return rows;
}

/** Counts of some rollouts by stage and state alone, for lists. */
export async function stateCounts(
  db: Db,
  rolloutIds: readonly string[],
): Promise<{ rollout_id: string; state: MemberState; n: number }[]> {
  if (rolloutIds.length === 0) return [];
  const { rows } = await sql<{ rollout_id: string; state: MemberState; n: number }>`
    SELECT rollout_id, state, sum(n)::bigint AS n FROM rollout_tally WHERE rollout_id = ANY(${[...rolloutIds]}::uuid[]) GROUP BY 1, 2`.execute(
    db,
  );
  return rows;
}

export interface MemberRow {
  device_key: number;
  device_id: string;
  stage: number;
  state: MemberState;
  reason: string | null;
  delivery_id: string | null;
  offered_at_ms: number | null;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  time_zone: string;
  country: string | null;
}

/** A page of members in the order of their keys. */
export async function listMembers(
  db: Db,
  query: {
    rolloutId: string;
    state: MemberState | null;
    stage: number | null;
    reason: string | null;
    afterKey: number;
    limit: number;
  },
): Promise<MemberRow[]> {
  const conditions = [sql`rd.rollout_id = ${query.rolloutId}::uuid`, sql`rd.device_key > ${query.afterKey}`];
  if (query.state !== null) conditions.push(sql`rd.state = ${query.state}`);
  // The index of states leaves out those who wait, who are found by their own.
  if (query.state !== null && query.state !== "waiting") conditions.push(sql`rd.state <> 'waiting'`);
  if (query.stage !== null) conditions.push(sql`rd.stage = ${query.stage}`);
  if (query.reason !== null) conditions.push(sql`rd.reason = ${query.reason}`);
  const { rows } = await sql<MemberRow>`
    SELECT m.*, f.id AS device_id FROM (
      SELECT rd.device_key, rd.stage, rd.state, rd.reason, rd.delivery_id, rd.offered_at_ms, rd.started_at_ms, rd.ended_at_ms, rd.time_zone, rd.country
      FROM rollout_device rd WHERE ${sql.join(conditions, sql` AND `)} ORDER BY rd.device_key LIMIT ${query.limit}
    ) AS m JOIN (SELECT f.key, f.id FROM ${fleet}) AS f ON f.key = m.device_key ORDER BY m.device_key`.execute(db);
  return rows;
}

export interface PlaceRow {
  rollout_id: string;
  name: string;
  version: string;
  state: MemberState;
  reason: string | null;
  stage: number;
  at_ms: number;
}

/** When rollouts left an appliance out or called it back, newest first. What became of deliveries is the deliveries' own to tell. */
export async function leftOut(
  db: Db,
  device: { key: number; model: string },
  page: { beforeMs: number; limit: number },
): Promise<PlaceRow[]> {
  const { rows } = await sql<PlaceRow>`
    SELECT r.id AS rollout_id, r.name, r.version, rd.state, rd.reason, rd.stage, rd.ended_at_ms AS at_ms
    FROM rollout r JOIN rollout_device rd ON rd.rollout_id = r.id AND rd.device_key = ${device.key}
    WHERE r.model = ${device.model} AND rd.state IN ('skipped', 'cancelled') AND rd.ended_at_ms < ${page.beforeMs}
    ORDER BY rd.ended_at_ms DESC LIMIT ${page.limit}`.execute(db);
  return rows;
}

export interface FailureRow {
  state: "failed" | "timed_out";
  reason: string;
  n: number;
  examples: string[];
}

const failuresMax = 100;

/** Failures by reason, the most frequent first. */
export async function failuresByReason(db: Db, rolloutId: string): Promise<FailureRow[]> {
  const { rows } = await sql<FailureRow>`
    SELECT g.state, g.reason, g.n, array(
      SELECT f.id FROM unnest(g.keys) AS k JOIN (SELECT f.key, f.id FROM ${fleet}) AS f ON f.key = k) AS examples
    FROM (
      SELECT rd.state, coalesce(rd.reason, 'unknown') AS reason, count(*) AS n, (array_agg(rd.device_key))[1:5] AS keys
      FROM rollout_device rd WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.state IN ('failed', 'timed_out')
      GROUP BY 1, 2 ORDER BY 3 DESC LIMIT ${failuresMax}
    ) AS g ORDER BY g.n DESC`.execute(db);
  return rows;
}

/** How long it took from the offer to the outcome, for those who are done: the median of the last few. */
export async function medianUpdateMs(db: Db, rolloutId: string): Promise<number | null> {
  const { rows } = await sql<{ median: number | null }>`
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ended_at_ms - started_at_ms) AS median FROM (
      SELECT ended_at_ms, started_at_ms FROM rollout_device
      WHERE rollout_id = ${rolloutId}::uuid AND state = 'done' AND started_at_ms IS NOT NULL LIMIT 1000
    ) AS ended`.execute(db);
  return rows[0]?.median ?? null;
}

/** Appliances of a stage that are done, and since when; the first by bucket. */
export async function treatedSample(
  db: Db,
  query: { rolloutId: string; stage: number; limit: number },
): Promise<{ device_key: number; since_ms: number }[]> {
  const { rows } = await sql<{ device_key: number; since_ms: number }>`
    SELECT device_key, ended_at_ms AS since_ms FROM rollout_device
    WHERE rollout_id = ${query.rolloutId}::uuid AND state = 'done' AND stage = ${query.stage}
    ORDER BY bucket LIMIT ${query.limit}`.execute(db);
  return rows;
}

/** Appliances of the later stages, which have not been offered it; the first by stage and bucket. */
export async function untreatedSample(
  db: Db,
  query: { rolloutId: string; stage: number; limit: number },
): Promise<{ device_key: number }[]> {
  const { rows } = await sql<{ device_key: number }>`
    SELECT device_key FROM rollout_device
    WHERE rollout_id = ${query.rolloutId}::uuid AND state = 'waiting' AND stage > ${query.stage}
    ORDER BY stage, bucket LIMIT ${query.limit}`.execute(db);
  return rows;
}
