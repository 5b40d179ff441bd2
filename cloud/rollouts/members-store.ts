/** Members of rollouts as they move, always as sets: one statement for a million of them. */
import { type RawBuilder, sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { MemberMove } from "./core/member.ts";
import type { Stage } from "./core/plan.ts";
import { bucketOf, exclusion, fleet, isEligible, type Target } from "./eligibility.ts";
import { isAlive, stillFollows } from "./rollouts-store.ts";

/** Members to whom something is still promised: they belong to their rollout alone. */
const isUnsettled = sql.raw(`rd.state IN ('waiting', 'offered', 'started')`);

/** Of whatever rollout `r`: one that has ended promises nothing to those who still wait in it. */
const isPromised = sql`(rd.state IN ('offered', 'started') OR (rd.state = 'waiting' AND (${isAlive} OR ${stillFollows})))`;

/** Whether another rollout has `f` now, so that an offer of this one would take it away: of a later release, or of the same one. */
const isOfAnother = (
  rolloutId: string,
  { model, releaseCounter }: Target["release"],
): RawBuilder<boolean> => sql<boolean>`EXISTS (
  SELECT FROM rollout r JOIN rollout_device rd ON rd.rollout_id = r.id AND rd.device_key = f.key
  WHERE r.model = ${model} AND r.id <> ${rolloutId}::uuid AND ${isPromised}
    AND (r.release_counter > ${releaseCounter} OR (r.release_counter = ${releaseCounter} AND rd.state <> 'waiting')))`;

/** The first stage that goes by a tag which `f` bears, or null. */
function tagStage(stages: readonly Stage[]): RawBuilder<number | null> {
  const cases = stages.flatMap(({ size }, stage) =>
    size.kind === "tag" ? [sql`WHEN ${size.tag}::text = ANY(f.tags) THEN ${sql.lit(stage)}`] : [],
  );
  return cases.length === 0 ? sql`NULL::int` : sql`CASE ${sql.join(cases, sql` `)} END`;
}

/**
 * The stage at a place in the order of buckets. Shares are of the whole target, those with a tag included; the last stage takes what
 * rounding leaves.
 *
 * @param place from 1 on, among those that no tag stage takes
 */
function placeStage(
  stages: readonly Stage[],
  place: RawBuilder<unknown>,
  total: RawBuilder<unknown>,
): RawBuilder<number> {
  let share = 0;
  let count = 0;
  const bounds = stages.flatMap(({ size }, stage) => {
    if (size.kind === "tag") return [];
    if (size.kind === "share") share += size.share;
    if (size.kind === "count") count += size.count;
    return [{ stage, share, count }];
  });
  const last = bounds.at(-1)?.stage ?? stages.length - 1;
  const cases = bounds
    .slice(0, -1)
    .map(
      (bound) =>
        sql`WHEN ${place} <= floor(${bound.share}::float8 * ${total} + 0.5::float8) + ${bound.count}::bigint THEN ${sql.lit(bound.stage)}`,
    );
  return cases.length === 0
    ? sql`${sql.lit(last)}::int`
    : sql`CASE ${sql.join(cases, sql` `)} ELSE ${sql.lit(last)} END`;
}

/** Assigns every appliance of the target to its stage. @returns how many there are */
export async function assignMembers(
  tx: Db,
  rollout: { id: string; stages: readonly Stage[] },
  target: Target,
  nowMs: number,
): Promise<number> {
  const { id, stages } = rollout;
  // Sorting a million places by bucket in memory and not on disk.
  await sql`SET LOCAL work_mem = '128MB'`.execute(tx);
  const byTag = tagStage(stages);
  const hasTags = stages.some(({ size }) => size.kind === "tag");
  // Those with a tag are passed over as they come: sorting by a number alone is quick, and by a flag before it is not.
  const place = hasTags
    ? sql`count(*) FILTER (WHERE e.tag_stage IS NULL) OVER (ORDER BY e.bucket, e.key ROWS UNBOUNDED PRECEDING)`
    : sql`row_number() OVER (ORDER BY e.bucket, e.key)`;
  const stage = placeStage(stages, sql`p.place`, sql`t.n`);
  const { rows } = await sql<{ n: number }>`
    WITH eligible AS MATERIALIZED (
      SELECT f.key, f.time_zone, f.country, ${bucketOf(id)} AS bucket, ${byTag} AS tag_stage
      FROM ${fleet} WHERE ${isEligible(target, nowMs)}
    ),
    total AS MATERIALIZED (SELECT count(*) AS n FROM eligible),
    assigned AS (
      INSERT INTO rollout_device (rollout_id, device_key, stage, bucket, state, time_zone, country)
      SELECT ${id}::uuid, p.key, coalesce(p.tag_stage, ${stage}), p.bucket, 'waiting', p.time_zone, p.country
      FROM total t CROSS JOIN (SELECT e.*, ${place} AS place FROM eligible e) AS p
    )
    SELECT n FROM total`.execute(tx);
  await sql`
    INSERT INTO rollout_stage (rollout_id, stage, bucket_max)
    SELECT ${id}::uuid, stage, CASE WHEN NOT is_tag THEN (
      SELECT max(bucket) FROM rollout_device rd
      WHERE rd.rollout_id = ${id}::uuid AND rd.stage = s.stage AND rd.state = 'waiting') END
    FROM json_to_recordset(${JSON.stringify(stages.map(({ size }, at) => ({ stage: at, is_tag: size.kind === "tag" })))}::json)
      AS s(stage smallint, is_tag boolean)`.execute(tx);
  // What follows is planned for a table with these members in it, and not for one that was empty when it was last looked at: until the
  // server did so by itself, each look at a few changed appliances would go through all who wait.
  await sql`ANALYZE rollout_device`.execute(tx);
  return rows[0]?.n ?? 0;
}

/** What a dry run counts: appliances by reason (null: would get it), tag and place. */
export interface TargetGroup {
  reason: string | null;
  tag_stage: number | null;
  time_zone: string;
  country: string | null;
  n: number;
}

export async function targetGroups(
  db: Db,
  stages: readonly Stage[],
  target: Target,
  nowMs: number,
): Promise<TargetGroup[]> {
  const { rows } = await sql<TargetGroup>`
    SELECT reason, tag_stage, time_zone, country, count(*) AS n FROM (
      SELECT ${exclusion(target, nowMs)} AS reason, ${tagStage(stages)} AS tag_stage, f.time_zone, f.country
      FROM ${fleet} WHERE f.model = ${target.release.model}
    ) AS asked GROUP BY 1, 2, 3, 4`.execute(db);
  return rows;
}

/** A few appliances that are left out for each of some reasons. */
export async function exclusionExamples(
  db: Db,
  target: Target,
  reasons: readonly string[],
  nowMs: number,
): Promise<Map<string, string[]>> {
  if (reasons.length === 0) return new Map();
  const { rows } = await sql<{ reason: string; examples: string[] }>`
    SELECT reason, (array_agg(id))[1:5] AS examples FROM (
      SELECT ${exclusion(target, nowMs)} AS reason, f.id FROM ${fleet} WHERE f.model = ${target.release.model}
    ) AS asked WHERE reason = ANY(${[...reasons]}::text[]) GROUP BY 1`.execute(db);
  return new Map(rows.map(({ reason, examples }) => [reason, examples]));
}

/** Whether anybody at all would get it. */
export async function targetHasAny(db: Db, target: Target, nowMs: number): Promise<boolean> {
  const { rows } = await sql`SELECT FROM ${fleet} WHERE ${isEligible(target, nowMs)} LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** How many of a target are unsettled members of some other rollouts. */
export async function sharedWithMembers(
  db: Db,
  target: Target,
  others: readonly string[],
  nowMs: number,
): Promise<{ rollout_id: string; n: number }[]> {
  if (others.length === 0) return [];
  const { rows } = await sql<{ rollout_id: string; n: number }>`
    SELECT rd.rollout_id, count(*) AS n FROM rollout_device rd JOIN ${fleet} ON f.key = rd.device_key
    WHERE rd.rollout_id = ANY(${[...others]}::uuid[]) AND ${isUnsettled} AND ${isEligible(target, nowMs)}
    GROUP BY 1`.execute(db);
  return rows;
}

/** How many appliances two targets of one model have in common. */
export async function sharedWithTarget(db: Db, target: Target, other: Target, nowMs: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM ${fleet} WHERE ${isEligible(target, nowMs)} AND ${isEligible(other, nowMs)}`.execute(db);
  return rows[0]?.n ?? 0;
}

// Starting

/**
 * Picks waiting members in the order of their buckets and notes them in the temporary table `starting (device_key, device_id, online,
 * reason)`, which is gone with the transaction. A reason says why one does not get it after all: its facts may have changed since it
 * was assigned.
 */
export async function pickStarting(
  tx: Db,
  rolloutId: string,
  step: { stage: number; limit: number; openZones: readonly string[]; frozenCountries: readonly string[] },
  target: Target,
  nowMs: number,
): Promise<void> {
  await sql`DROP TABLE IF EXISTS pg_temp.starting`.execute(tx);
  await sql`CREATE TEMPORARY TABLE starting (device_key int, device_id text, online boolean, reason text) ON COMMIT DROP`.execute(
    tx,
  );
  const frozen = [...step.frozenCountries];
  await sql`
    INSERT INTO pg_temp.starting (device_key, device_id, online, reason)
    SELECT f.key, f.id, f.online,
      coalesce(${exclusion(target, nowMs)}, CASE WHEN ${isOfAnother(rolloutId, target.release)} THEN 'other_rollout' END)
    FROM (
      SELECT rd.device_key FROM rollout_device rd
      WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.stage = ${step.stage} AND rd.state = 'waiting'
        AND rd.time_zone = ANY(${[...step.openZones]}::text[])
        AND (cardinality(${frozen}::text[]) = 0 OR coalesce(rd.country, '') <> ALL(${frozen}::text[]))
      ORDER BY rd.bucket LIMIT ${step.limit}
    ) AS picked JOIN ${fleet} ON f.key = picked.device_key`.execute(tx);
  // Otherwise it counts as a handful, however many were picked.
  await sql`ANALYZE pg_temp.starting`.execute(tx);
}

/** Those picked whom nothing stands against, as `createForSet` wants them. */
export const startingDevices = sql`SELECT device_key, device_id, online FROM pg_temp.starting WHERE reason IS NULL`;

/** Leaves out those picked against whom something stands now. */
export async function skipStarting(tx: Db, rolloutId: string, nowMs: number): Promise<void> {
  await sql`
    UPDATE rollout_device rd SET state = 'skipped', reason = s.reason, ended_at_ms = ${nowMs}
    FROM pg_temp.starting s
    WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.device_key = s.device_key AND s.reason IS NOT NULL`.execute(tx);
}

/**
 * The end of `createForSet`'s statement: members get their delivery, those that are busy with another are left out, and members of
 * whatever rollout whose delivery was replaced are told.
 */
export const offerStarting = (rolloutId: string, nowMs: number): RawBuilder<{ offered: number }> => sql<{
  offered: number;
}>`,
  offered AS (
    UPDATE rollout_device rd
    SET state = CASE WHEN c.delivery_id IS NULL THEN 'skipped' ELSE 'offered' END,
      reason = CASE WHEN c.delivery_id IS NULL THEN 'other_update_under_way' END,
      delivery_id = c.delivery_id,
      offered_at_ms = CASE WHEN c.delivery_id IS NOT NULL THEN ${nowMs}::bigint END,
      ended_at_ms = CASE WHEN c.delivery_id IS NULL THEN ${nowMs}::bigint END
    FROM (SELECT device_key, delivery_id FROM created UNION ALL SELECT device_key, NULL FROM busy) AS c
    WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.device_key = c.device_key
    RETURNING rd.delivery_id
  ),
  replaced AS (
    UPDATE rollout_device rd SET state = 'cancelled', reason = 'superseded', ended_at_ms = ${nowMs}::bigint
    FROM older o WHERE rd.delivery_id = o.id AND NOT o.stays AND rd.rollout_id <> ${rolloutId}::uuid AND ${isUnsettled}
  )
  SELECT count(delivery_id) AS offered FROM offered`;

/** Those who were offered it in this transaction, as `createForSet` wants them; to be asked after `offerStarting`. */
export const justOffered = (rolloutId: string, nowMs: number): RawBuilder<unknown> => sql`
  SELECT s.device_key, s.device_id, s.online FROM pg_temp.starting s
  JOIN rollout_device rd ON rd.rollout_id = ${rolloutId}::uuid AND rd.device_key = s.device_key
  WHERE rd.state = 'offered' AND rd.offered_at_ms = ${nowMs}`;

// Ending

/** Ids of the deliveries of members to whom something is on its way: what they have begun is not called back, another attempt is. */
export const openDeliveries = (rolloutId: string): RawBuilder<unknown> =>
  sql`SELECT rd.delivery_id FROM rollout_device rd WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.state IN ('offered', 'started')`;

/** The end of `cancelForSet`'s statement. */
export const cancelOffered = (reason: string, nowMs: number): RawBuilder<{ cancelled: number }> => sql<{
  cancelled: number;
}>`,
  called_back AS (
    UPDATE rollout_device rd SET state = 'cancelled', reason = ${reason}::text, ended_at_ms = ${nowMs}::bigint
    FROM cancelled c WHERE rd.delivery_id = c.delivery_id
    RETURNING 1
  )
  SELECT count(*) AS cancelled FROM called_back`;

/** Failed and timed-out members wait once more. `notAgain`: reasons after which another try cannot help. */
export async function retryFailed(tx: Db, rolloutId: string, notAgain: readonly string[]): Promise<number> {
  return affected(tx)`
    UPDATE rollout_device SET state = 'waiting', reason = NULL, delivery_id = NULL, offered_at_ms = NULL, started_at_ms = NULL, ended_at_ms = NULL
    WHERE rollout_id = ${rolloutId}::uuid AND state IN ('failed', 'timed_out')
      AND (reason IS NULL OR reason <> ALL(${[...notAgain]}::text[]))`;
}

// Following

/** Applies what became of deliveries, in the transaction in which it did. Deliveries of no rollout are passed over. */
export async function moveMembers(
  tx: Db,
  moves: readonly (MemberMove & { deliveryId: string })[],
  nowMs: number,
): Promise<void> {
  if (moves.length === 0) return;
  const rows = moves.map(({ deliveryId, fresh, begun, reason }) => ({ delivery_id: deliveryId, fresh, begun, reason }));
  await sql`
    WITH moved AS MATERIALIZED (
      SELECT rd.rollout_id, rd.device_key, m.reason, CASE WHEN rd.started_at_ms IS NULL THEN m.fresh ELSE m.begun END AS next
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS m(delivery_id uuid, fresh text, begun text, reason text)
      JOIN rollout_device rd ON rd.delivery_id = m.delivery_id
      -- In the order of the key, so that two who move several never wait for each other in a ring.
      ORDER BY rd.rollout_id, rd.device_key FOR UPDATE OF rd
    )
    UPDATE rollout_device rd SET
      state = m.next,
      reason = m.reason,
      started_at_ms = CASE WHEN m.next IN ('started', 'done', 'failed') THEN coalesce(rd.started_at_ms, ${nowMs}) ELSE rd.started_at_ms END,
      ended_at_ms = CASE WHEN m.next <> 'started' THEN ${nowMs}::bigint END
    FROM moved m
    WHERE rd.rollout_id = m.rollout_id AND rd.device_key = m.device_key AND m.next IS NOT NULL AND m.next <> rd.state
      AND (rd.state IN ('offered', 'started') OR m.next = 'done')`.execute(tx);
}

/** Brings places of waiting members up to date with appliances that changed since. */
export async function refreshPlaces(tx: Db, rolloutId: string, model: string, sinceMs: number): Promise<void> {
  // The changed ones first and by themselves: they are few, and those who wait may be a million.
  await sql`
    WITH changed AS MATERIALIZED (
      SELECT f.key, f.time_zone, f.country FROM ${fleet} WHERE f.facts_at_ms >= ${sinceMs} AND f.model = ${model}
    )
    UPDATE rollout_device rd SET time_zone = c.time_zone, country = c.country
    FROM changed c
    WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.device_key = c.key
      AND rd.state = 'waiting' AND (rd.time_zone <> c.time_zone OR rd.country IS DISTINCT FROM c.country)`.execute(tx);
}

/**
 * Takes in appliances whose facts changed since and that the target now means: new ones, and those that were left out before. None that
 * another rollout lays claim to, nor one that a rollout of a later release has dealt with.
 *
 * @returns how many
 */
export async function followTarget(
  tx: Db,
  rollout: { id: string; stages: readonly Stage[]; releaseCounter: number },
  target: Target,
  range: { sinceMs: number; nowMs: number },
): Promise<number> {
  const { id, stages, releaseCounter } = rollout;
  const last = stages.length - 1;
  return affected(tx)`
    INSERT INTO rollout_device AS mine (rollout_id, device_key, stage, bucket, state, time_zone, country)
    SELECT ${id}::uuid, key, coalesce(tag_stage, (
        SELECT s.stage FROM rollout_stage s WHERE s.rollout_id = ${id}::uuid AND s.bucket_max >= came.bucket
        ORDER BY s.stage LIMIT 1), ${sql.lit(last)}), bucket, 'waiting', time_zone, country
    FROM (
      SELECT f.key, f.time_zone, f.country, ${bucketOf(id)} AS bucket, ${tagStage(stages)} AS tag_stage
      FROM ${fleet}
      WHERE f.facts_at_ms >= ${range.sinceMs} AND ${isEligible(target, range.nowMs)}
        -- Who was left out is asked again only once something of it changed after that.
        AND NOT EXISTS (
          SELECT FROM rollout_device own WHERE own.rollout_id = ${id}::uuid AND own.device_key = f.key
            AND NOT (own.state = 'skipped' AND own.ended_at_ms <= f.facts_at_ms))
        AND NOT EXISTS (
          SELECT FROM rollout r JOIN rollout_device rd ON rd.rollout_id = r.id AND rd.device_key = f.key
          WHERE r.model = ${target.release.model} AND r.id <> ${id}::uuid AND (${isPromised} OR r.release_counter > ${releaseCounter}))
    ) AS came
    ON CONFLICT (rollout_id, device_key) DO UPDATE
      SET state = 'waiting', reason = NULL, delivery_id = NULL, offered_at_ms = NULL, ended_at_ms = NULL,
        time_zone = excluded.time_zone, country = excluded.country
      WHERE mine.state = 'skipped'`;
}

/**
 * Has members wait again whose offer came to nothing because they were away, and who have been seen since.
 *
 * @returns how many
 */
export async function takeBackReturned(tx: Db, rolloutId: string, target: Target, nowMs: number): Promise<number> {
  return affected(tx)`
    UPDATE rollout_device rd
    SET state = 'waiting', reason = NULL, delivery_id = NULL, offered_at_ms = NULL, ended_at_ms = NULL
    FROM ${fleet}
    WHERE rd.rollout_id = ${rolloutId}::uuid AND rd.state = 'skipped' AND rd.delivery_id IS NOT NULL AND f.key = rd.device_key
      AND f.last_seen_ms > rd.ended_at_ms AND ${isEligible(target, nowMs)}`;
}
