import { type RawBuilder, sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { Candidate, Circumstances, Failed, HouseholdState } from "./core/candidate.ts";
import type { TraceLine } from "./core/decide.ts";
import { cappedClasses, type ItemClass } from "./core/policy.ts";
import { tierSources } from "./sources.ts";
import type { Term } from "./core/score.ts";

export interface Trace {
  tests: TraceLine[];
  terms: Term[];
}

export interface DecisionRow {
  id: string;
  source: string;
  household_id: string;
  item_id: string;
  item_version: number;
  title: string;
  class: ItemClass;
  priority: number;
  answer: "send" | "hold" | "suppress" | "human";
  reason: string | null;
  channels: string[];
  until_ms: number | null;
  decided_at_ms: number;
  expires_at_ms: number | null;
  score: number;
  context_id: string;
  state: HouseholdState;
  trace: Trace;
  sent_at_ms: number | null;
  shown_at_ms: number | null;
  acted_at_ms: number | null;
  ended: string | null;
}

export type NewDecision = Omit<DecisionRow, "sent_at_ms" | "shown_at_ms" | "acted_at_ms" | "ended">;

/** What its household is owed: what nobody caps, and that a tier ends. */
const mustReach = sql`(d.class <> ALL(${[...cappedClasses]}::text[]) OR starts_with(d.source, ${tierSources}))`;

/** Without what it was decided from: that lies beside it. */
type DecisionAlone = Omit<NewDecision, "state" | "trace">;

/** As it is read: what it was decided from is there for `traceDays`. */
export type StoredDecision = Omit<DecisionRow, "state" | "trace"> & {
  state: HouseholdState | null;
  trace: Trace | null;
};

export interface ContextRow {
  id: string;
  made_at_ms: number;
  circumstances: Circumstances;
  candidates: Candidate[];
}

type PastRow = Pick<DecisionRow, "decided_at_ms" | "answer" | "reason" | "until_ms">;

/** What a delivery's move says about the decision behind it. */
export interface Moved {
  deliveryId: string;
  sent: boolean;
  shown: boolean;
  acted: boolean;
  ended: string | null;
}

/** A household that nothing but a person reaches. */
export type HumanRow = Pick<DecisionRow, "household_id" | "item_id" | "title" | "decided_at_ms">;

type Ended = Pick<DecisionRow, "id" | "household_id" | "item_id"> & { must_reach: boolean; ended: string };

const shown = sql`d.id, d.source, d.household_id, d.item_id, d.item_version, d.title, d.class, d.priority, d.answer, d.reason, d.channels,
  d.until_ms, d.decided_at_ms, d.expires_at_ms, d.score, d.context_id, why->'state' AS state, why->'trace' AS trace, d.sent_at_ms, d.shown_at_ms, d.acted_at_ms,
  d.ended`;
/** Decisions `d`, each with `why`, its evidence: that is kept for a while only. */
export const withEvidence = sql`decision d LEFT JOIN decision_context c ON c.id = d.context_id
  CROSS JOIN LATERAL evidence_of(c.evidence, d.id) AS why`;

/** Decisions as they come. What those about one item share is said once. */
function given(rows: readonly DecisionAlone[]) {
  const items = new Map<string, Partial<DecisionAlone>>();
  for (const { source, item_id, item_version, title, class: itemClass, priority, expires_at_ms, context_id } of rows) {
    if (items.has(item_id)) continue;
    items.set(item_id, { source, item_id, item_version, title, class: itemClass, priority, expires_at_ms, context_id });
  }
  const of = <K extends keyof DecisionAlone>(column: K) => rows.map((row) => row[column]);
  return sql`(
    SELECT own.*, string_to_array(words, ' ') AS channels, source, item_version, title, class, priority, expires_at_ms, context_id
    FROM unnest(${of("id")}::uuid[], ${of("household_id")}::uuid[], ${of("item_id")}::uuid[], ${of("answer")}::text[],
      ${of("reason")}::text[], ${of("channels").map((words) => words.join(" "))}::text[], ${of("until_ms")}::bigint[],
      ${of("decided_at_ms")}::bigint[], ${of("score")}::int[])
      AS own(id, household_id, item_id, answer, reason, words, until_ms, decided_at_ms, score)
    JOIN json_to_recordset(${JSON.stringify([...items.values()])}::json) AS item(source text, item_id uuid, item_version int, title text,
      class text, priority smallint, expires_at_ms bigint, context_id uuid) USING (item_id)) AS r`;
}

/** Why, of each, as `decision_context.evidence` holds it. */
const evidenceOf = (rows: readonly NewDecision[]): string =>
  rows.map(({ id, state, trace }) => `\n${id} ${JSON.stringify({ state, trace })}`).join("");

/** The SQL of decisions, and of the deliveries that came of them. */
export class DecisionsStore {
  /** Writes down what these decisions were made from. They are all of one page. */
  async insertContext(tx: Db, row: ContextRow, made: readonly NewDecision[]): Promise<void> {
    const { id, made_at_ms: madeAtMs, circumstances, candidates } = row;
    await sql`
      INSERT INTO decision_context (id, made_at_ms, circumstances, candidates, evidence)
      VALUES (${id}, ${madeAtMs}, ${JSON.stringify(circumstances)}::jsonb, ${JSON.stringify(candidates)}::jsonb, ${evidenceOf(made)})`.execute(
      tx,
    );
  }

  /** Adds decisions. One about the same (source, household, item) that was there already stays. @returns the ids of those that are new */
  async insert(tx: Db, rows: readonly DecisionAlone[]): Promise<Set<string>> {
    if (rows.length === 0) return new Set();
    const { rows: added } = await sql<{ id: string }>`
      INSERT INTO decision (id, source, household_id, item_id, item_version, title, class, priority, answer, reason, channels, until_ms,
        decided_at_ms, expires_at_ms, score, context_id)
      SELECT id, source, household_id, item_id, item_version, title, class, priority, answer, reason, channels, until_ms, decided_at_ms,
        expires_at_ms, score, context_id FROM ${given(rows)}
      ON CONFLICT (source, household_id, item_id) DO NOTHING
      RETURNING id`.execute(tx);
    return new Set(added.map(({ id }) => id));
  }

  /** Decisions that were held until now, locked; those that somebody else has are left to them. */
  async due(
    tx: Db,
    source: string,
    nowMs: number,
    limit: number,
  ): Promise<Pick<DecisionRow, "id" | "household_id" | "item_id" | "reason">[]> {
    const { rows } = await sql<Pick<DecisionRow, "id" | "household_id" | "item_id" | "reason">>`
      SELECT id, household_id, item_id, reason FROM decision
      WHERE answer = 'hold' AND until_ms <= ${nowMs} AND source = ${source} AND rests_merge_id IS NULL
      ORDER BY household_id, item_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows;
  }

  /** What waits for the end of these households' quiet hours is due now. */
  async quietOver(tx: Db, householdIds: readonly string[], nowMs: number): Promise<void> {
    await sql`
      UPDATE decision SET until_ms = ${nowMs}
      WHERE household_id = ANY(${[...householdIds]}::uuid[]) AND answer = 'hold' AND reason = 'quiet_hours' AND until_ms > ${nowMs}`.execute(
      tx,
    );
  }

  /** Puts new answers in the place of the old ones, which are kept beside. */
  async again(tx: Db, rows: readonly NewDecision[]): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    await sql`
      INSERT INTO decision_past (decision_id, decided_at_ms, answer, reason, until_ms, context_id)
      SELECT id, decided_at_ms, answer, reason, until_ms, context_id FROM decision WHERE id = ANY(${ids}::uuid[])
      ON CONFLICT DO NOTHING`.execute(tx);
    await sql`
      UPDATE decision d SET item_version = r.item_version, title = r.title, class = r.class, priority = r.priority, answer = r.answer,
        reason = r.reason, channels = r.channels, until_ms = r.until_ms, decided_at_ms = r.decided_at_ms,
        expires_at_ms = r.expires_at_ms, score = r.score, context_id = r.context_id,
        home_id = NULL
      FROM ${given(rows)} WHERE d.id = r.id`.execute(tx);
  }

  /** What waits of a source goes no more; but what did not arrive is a person's still. @returns how many */
  async drop(tx: Db, source: string, reason: string): Promise<number> {
    return affected(tx)`
      UPDATE decision SET answer = 'suppress', reason = ${reason}, until_ms = NULL
      WHERE source = ${source} AND answer = 'hold' AND reason IS DISTINCT FROM 'way_failed'`;
  }

  /** These go no more, since what they were about cannot be sent. */
  async withdraw(tx: Db, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await sql`
      UPDATE decision SET answer = 'suppress', reason = 'withdrawn', until_ms = NULL WHERE id = ANY(${[...ids]}::uuid[])`.execute(
      tx,
    );
  }

  /**
   * A household is to get nothing promotional any more: what waits goes no more, and what is on its way is taken back.
   *
   * @param reason why, as the decisions say it from then on
   * @returns the deliveries that may still be open
   */
  async takeBack(tx: Db, householdId: string, reason: "consent_withdrawn" | "turned_away"): Promise<string[]> {
    await sql`
      UPDATE decision SET answer = 'suppress', reason = ${reason}, until_ms = NULL
      WHERE household_id = ${householdId} AND class = 'promotional' AND answer = 'hold'`.execute(tx);
    await sql`
      UPDATE engagement_message m SET status = 'dropped', detail = ${reason} FROM decision d
      WHERE d.id = m.decision_id AND d.household_id = ${householdId} AND d.class = 'promotional' AND m.status = 'queued'`.execute(
      tx,
    );
    const { rows } = await sql<{ delivery_id: string }>`
      WITH taken AS (
        UPDATE decision d SET ended = 'cancelled', reason = ${reason}
        WHERE d.household_id = ${householdId} AND d.class = 'promotional' AND d.answer = 'send' AND d.shown_at_ms IS NULL
          AND (d.ended IS NULL OR d.ended = 'limit')
        RETURNING d.id
      )
      SELECT dd.delivery_id FROM taken t JOIN decision_delivery dd ON dd.decision_id = t.id ORDER BY dd.delivery_id`.execute(
      tx,
    );
    return rows.map((row) => row.delivery_id);
  }

  /** What decisions sent to a household's appliances, as a query. */
  deliveriesTo(householdId: string): RawBuilder<unknown> {
    return sql`
      SELECT dd.delivery_id FROM decision d JOIN decision_delivery dd ON dd.decision_id = d.id WHERE d.household_id = ${householdId}`;
  }

  /** How many households of a source nothing but a person reaches. */
  async humans(db: Db, source: string): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM decision WHERE source = ${source} AND answer = 'human'`.execute(db);
    return rows[0]?.n ?? 0;
  }

  /** Those households, in the order of their ids. @param after the household and the item that the page before ended with */
  async humanPage(db: Db, source: string, after: readonly [string, string] | null, limit: number): Promise<HumanRow[]> {
    const [afterHousehold, afterItem] = after ?? [null, null];
    const { rows } = await sql<HumanRow>`
      SELECT household_id, item_id, title, decided_at_ms FROM decision
      WHERE source = ${source} AND answer = 'human' AND rests_merge_id IS NULL
        AND (${afterHousehold}::uuid IS NULL OR (household_id, item_id) > (${afterHousehold}::uuid, ${afterItem}::uuid))
      ORDER BY household_id, item_id LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** The deliveries that came of some decisions, each with its decision. */
  async deliveriesOf(db: Db, decisionIds: readonly string[]): Promise<Map<string, string>> {
    if (decisionIds.length === 0) return new Map();
    const { rows } = await sql<{ delivery_id: string; decision_id: string }>`
      SELECT delivery_id, decision_id FROM decision_delivery WHERE decision_id = ANY(${[...decisionIds]}::uuid[])`.execute(
      db,
    );
    return new Map(rows.map((row) => [row.delivery_id, row.decision_id]));
  }

  async insertDeliveries(tx: Db, rows: readonly { deliveryId: string; decisionId: string }[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      INSERT INTO decision_delivery (delivery_id, decision_id)
      SELECT * FROM unnest(${rows.map((row) => row.deliveryId)}::uuid[], ${rows.map((row) => row.decisionId)}::uuid[])`.execute(
      tx,
    );
  }

  /** What became of deliveries. @returns the decisions whose deliveries ended without being acted on, and how */
  async moved(tx: Db, moves: readonly Moved[], nowMs: number): Promise<Ended[]> {
    const { rows } = await sql<Omit<Ended, "ended"> & { ended: string | null }>`
      WITH moved AS (
        SELECT dd.decision_id, bool_or(m.sent) AS sent, bool_or(m.shown) AS shown, bool_or(m.acted) AS acted, max(m.ended) AS ended
        FROM json_to_recordset(${JSON.stringify(moves)}::json) AS m("deliveryId" uuid, sent boolean, shown boolean, acted boolean, ended text)
        JOIN decision_delivery dd ON dd.delivery_id = m."deliveryId" GROUP BY 1
      ),
      ended AS (
        UPDATE decision_delivery dd SET ended = m.ended
        FROM json_to_recordset(${JSON.stringify(moves.filter(({ ended }) => ended !== null))}::json) AS m("deliveryId" uuid, ended text), decision d
        WHERE dd.delivery_id = m."deliveryId" AND d.id = dd.decision_id AND ${mustReach}
      )
      UPDATE decision d SET
        sent_at_ms = CASE WHEN m.sent THEN coalesce(d.sent_at_ms, ${nowMs}) ELSE d.sent_at_ms END,
        shown_at_ms = CASE WHEN m.shown THEN coalesce(d.shown_at_ms, ${nowMs}) ELSE d.shown_at_ms END,
        acted_at_ms = CASE WHEN m.acted THEN coalesce(d.acted_at_ms, ${nowMs}) ELSE d.acted_at_ms END,
        ended = coalesce(m.ended, d.ended)
      FROM moved m WHERE d.id = m.decision_id RETURNING d.id, ${mustReach} AS must_reach, d.household_id, d.item_id, m.ended`.execute(
      tx,
    );
    return rows.flatMap((row) => (row.ended === null ? [] : [{ ...row, ended: row.ended }]));
  }

  /**
   * A way of these decisions came to nothing. Those that have none left end, but what must reach people is decided anew with the next look,
   * without the ways that failed: until then it waits as `way_failed`. Whom a recall does not reach is on its list instead, and that a tier ends
   * is not told once it has.
   */
  async waysFailed(tx: Db, decisionIds: readonly string[], nowMs: number): Promise<void> {
    if (decisionIds.length === 0) return;
    const ids = [...decisionIds];
    // Two ways that fail at once wait for each other, so that the second one sees that it was the last.
    await sql`SELECT FROM decision WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`.execute(tx);
    const hasNoLetter = sql`NOT EXISTS (
      SELECT FROM engagement_message m WHERE m.decision_id = d.id AND m.status IN ('queued', 'delivered'))`;
    await sql`
      WITH failed AS (
        SELECT d.id, d.decided_at_ms, d.answer, d.reason, d.until_ms, d.context_id FROM decision d
        WHERE d.id = ANY(${ids}::uuid[]) AND d.answer = 'send' AND ${mustReach} AND d.shown_at_ms IS NULL
          AND (EXISTS (SELECT FROM campaign c WHERE 'campaign:' || c.id = d.source AND c.kind = 'campaign')
            OR (starts_with(d.source, ${tierSources}) AND d.expires_at_ms > ${nowMs}))
          AND ${hasNoLetter} AND NOT EXISTS (SELECT FROM decision_delivery dd WHERE dd.decision_id = d.id AND dd.ended IS NULL)
      ),
      kept AS (
        INSERT INTO decision_past (decision_id, decided_at_ms, answer, reason, until_ms, context_id) SELECT * FROM failed
        ON CONFLICT DO NOTHING
      )
      UPDATE decision d SET answer = 'hold', reason = 'way_failed', until_ms = ${nowMs}, sent_at_ms = NULL, ended = NULL
      FROM failed WHERE d.id = failed.id`.execute(tx);
    await sql`
      UPDATE decision d SET ended = 'failed' WHERE d.id = ANY(${ids}::uuid[]) AND d.answer = 'send' AND d.ended IS NULL AND ${hasNoLetter}
        AND NOT EXISTS (SELECT FROM decision_delivery dd WHERE dd.decision_id = d.id)`.execute(tx);
  }

  /**
   * On what these decisions came to nothing so far. A letter that a mail server refused for good, at once or later, says that of its address
   * alone; one that nobody took in its time, of the way.
   */
  async failed(tx: Db, decisionIds: readonly string[]): Promise<Map<string, Failed>> {
    const ids = [...decisionIds];
    const { rows } = await sql<{ decision_id: string } & Required<Failed>>`
      SELECT decision_id, coalesce(array_agg(DISTINCT channel) FILTER (WHERE member_id IS NULL), '{}') AS channels,
        coalesce(array_agg(DISTINCT member_id) FILTER (WHERE member_id IS NOT NULL), '{}') AS addresses
      FROM (
        SELECT decision_id, channel, CASE WHEN status = 'bounced' OR (status = 'failed' AND next_at_ms < until_ms)
          OR detail IN ('no_address', 'address_stopped') THEN member_id END AS member_id
        FROM engagement_message WHERE decision_id = ANY(${ids}::uuid[]) AND status IN ('failed', 'dropped', 'bounced')
        UNION ALL SELECT decision_id, 'display', NULL FROM decision_delivery WHERE decision_id = ANY(${ids}::uuid[]) AND ended IS NOT NULL
      ) AS way GROUP BY 1`.execute(tx);
    return new Map(rows.map(({ decision_id, ...failed }) => [decision_id, failed]));
  }

  /** What appliances say was shown or acted on, by the item's name. */
  async noticed(
    tx: Db,
    acts: readonly { householdId: string; itemId: string; acted: boolean; atMs: number }[],
  ): Promise<void> {
    await sql`
      WITH act AS (
        SELECT "householdId" AS household_id, "itemId" AS item_id, min("atMs") AS shown, min("atMs") FILTER (WHERE acted) AS acted
        FROM json_to_recordset(${JSON.stringify(acts)}::json) AS a("householdId" uuid, "itemId" uuid, acted boolean, "atMs" bigint)
        GROUP BY 1, 2
      )
      UPDATE decision d SET shown_at_ms = coalesce(d.shown_at_ms, act.shown), acted_at_ms = coalesce(d.acted_at_ms, act.acted)
      FROM act WHERE d.household_id = act.household_id AND d.item_id = act.item_id AND d.answer = 'send'`.execute(tx);
  }

  /** A letter or a message to the app is out. */
  async letterSent(tx: Db, decisionId: string, nowMs: number): Promise<void> {
    await sql`UPDATE decision SET sent_at_ms = coalesce(sent_at_ms, ${nowMs}) WHERE id = ${decisionId}`.execute(tx);
  }

  async get(db: Db, id: string): Promise<StoredDecision | null> {
    const { rows } = await sql<StoredDecision>`SELECT ${shown} FROM ${withEvidence} WHERE d.id = ${id}`.execute(db);
    return rows[0] ?? null;
  }

  async context(db: Db, id: string): Promise<ContextRow | null> {
    const { rows } = await sql<ContextRow>`
      SELECT id, made_at_ms, circumstances, candidates FROM decision_context WHERE id = ${id}`.execute(db);
    return rows[0] ?? null;
  }

  /** Of a household, newest first; of one item where given. */
  async ofHousehold(
    db: Db,
    query: { householdId: string; itemId: string | null; before: [number, string] | null; limit: number },
  ): Promise<StoredDecision[]> {
    const [beforeMs, beforeId] = query.before ?? [null, null];
    const { rows } = await sql<StoredDecision>`
      SELECT ${shown} FROM ${withEvidence}
      WHERE d.household_id = ${query.householdId} AND (${query.itemId}::uuid IS NULL OR d.item_id = ${query.itemId})
        AND (${beforeMs}::bigint IS NULL OR (d.decided_at_ms, d.id) < (${beforeMs}, ${beforeId}::uuid))
      ORDER BY d.decided_at_ms DESC, d.id DESC LIMIT ${query.limit}`.execute(db);
    return rows;
  }

  /** What was answered before, newest first. */
  async past(db: Db, decisionId: string): Promise<PastRow[]> {
    const { rows } = await sql<PastRow>`
      SELECT decided_at_ms, answer, reason, until_ms FROM decision_past WHERE decision_id = ${decisionId}
      ORDER BY decided_at_ms DESC LIMIT 50`.execute(db);
    return rows;
  }
}
