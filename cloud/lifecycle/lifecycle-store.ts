import { sql } from "kysely";
import { type Merged, moveRows, moveRowsBack, type Unmerged } from "../households/households.ts";
import { affected, amongIds, type Db } from "../platform/database.ts";
import { type ChangeRow, type ShownChange, toChange } from "./change-row.ts";
import type { Stage } from "./core/definition.ts";
import type { Life } from "./core/life.ts";
import type { RiskKind } from "./core/risk.ts";
import { parseSignal, type Signal } from "./core/signal.ts";

/** A household's life as it stands, held until the transaction ends. */
export interface HeldLife {
  householdId: string;
  /** What the world was told last; null where it was told nothing. */
  told: Stage | null;
  life: Life;
  /** The life up to `baseAtMs`: signals until then are no longer kept one by one. */
  base: Life | null;
  baseAtMs: number;
  /** When it is to be looked at. */
  dueAtMs: number | null;
}

export interface WrittenLife {
  householdId: string;
  stage: Stage;
  sinceMs: number;
  life: Life;
  version: number;
  dueAtMs: number | null;
  risks: RiskKind[];
  risk: number;
}

export type WrittenChange = ShownChange & { householdId: string };

interface LifeRow {
  household_id: string;
  stage: Stage;
  state: Life;
  base: Life | null;
  base_at_ms: number;
  due_at_ms: number | null;
}

interface SignalRow {
  household_id: string;
  source: string;
  at_ms: number;
  kind: string;
  data: object;
}

const toSignal = (row: SignalRow): Signal => ({
  householdId: row.household_id,
  source: row.source,
  atMs: row.at_ms,
  body: parseSignal(row.kind, row.data),
});

type WrittenRow = ChangeRow & { household_id: string };

const toWritten = (row: WrittenRow): WrittenChange => ({ householdId: row.household_id, ...toChange(row) });

const toHeld = (row: LifeRow): HeldLife => ({
  householdId: row.household_id,
  told: row.state.stage,
  life: row.state,
  base: row.base,
  baseAtMs: row.base_at_ms,
  dueAtMs: row.due_at_ms,
});

/** What a life comes to, and what is asked because of it. */
const told = ["lifecycle_change", "lifecycle_household", "lifecycle_ask"] as const;

/** SQL of lives that are told on: what one transaction holds, reads and writes. */
export class LifecycleStore {
  /** Holds the lives of households, in the order of their ids, so that two who hold many never wait for each other. */
  async hold(tx: Db, householdIds: readonly string[], noLife: Life): Promise<HeldLife[]> {
    const select = (ids: readonly string[]) =>
      sql<LifeRow>`
      SELECT household_id, stage, state, base, base_at_ms, due_at_ms FROM lifecycle_household
      WHERE household_id = ANY(${[...ids]}::uuid[]) ORDER BY household_id FOR UPDATE`.execute(tx);
    const found = (await select(householdIds)).rows;
    if (found.length === householdIds.length) return found.map(toHeld);
    const had = new Set(found.map((row) => row.household_id));
    const missing = householdIds.filter((id) => !had.has(id));
    await this.#begin(tx, missing, noLife);
    return [...found, ...(await select(missing)).rows].map(toHeld);
  }

  async #begin(tx: Db, householdIds: readonly string[], noLife: Life): Promise<void> {
    await sql`INSERT INTO lifecycle_household (household_id, stage, since_ms, state, version)
      SELECT id, 'acquisition', 0, ${JSON.stringify(noLife)}::jsonb, 1 FROM unnest(${[...householdIds]}::uuid[]) AS id ORDER BY id
      ON CONFLICT (household_id) DO NOTHING`.execute(tx);
  }

  /** Those whose time has come, or who were judged by an older definition, up to `limit`; others' are left to them. */
  async holdDue(tx: Db, nowMs: number, version: number, limit: number): Promise<HeldLife[]> {
    const { rows } = await sql<LifeRow>`
      SELECT household_id, stage, state, base, base_at_ms, due_at_ms FROM lifecycle_household
      WHERE household_id IN (
        (SELECT household_id FROM lifecycle_household WHERE due_at_ms <= ${nowMs} ORDER BY due_at_ms LIMIT ${limit})
        UNION
        (SELECT household_id FROM lifecycle_household WHERE version < ${version} ORDER BY version LIMIT ${limit})
      )
      ORDER BY household_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows.map(toHeld);
  }

  /**
   * Holds the lives of households as `hold` does, and keeps signals of theirs, in one statement where none of them is new.
   *
   * @returns with each life the signals that are news: not there yet, or, of being known, earlier than was known; and how many happened
   * when only the sum is kept
   */
  async holdAndKeep(
    tx: Db,
    householdIds: readonly string[],
    noLife: Life,
    signals: readonly Signal[],
  ): Promise<{ held: HeldLife; fresh: Signal[]; tooLate: Signal[] }[]> {
    const found = await this.#keep(tx, householdIds, signals);
    if (found.length < householdIds.length) {
      const had = new Set(found.map(({ household_id: id }) => id));
      const missing = householdIds.filter((id) => !had.has(id));
      await this.#begin(tx, missing, noLife);
      found.push(...(await this.#keep(tx, missing, signals)));
    }
    const ofHousehold = Map.groupBy(signals, ({ householdId }) => householdId);
    return found.map((row) => {
      const own = ofHousehold.get(row.household_id) ?? [];
      const fresh = new Set(row.fresh);
      return {
        held: toHeld(row),
        fresh: own.filter(({ source }) => fresh.has(source)),
        tooLate: own.filter(({ atMs, body }) => atMs <= row.base_at_ms && body.kind !== "known"),
      };
    });
  }

  async #keep(tx: Db, householdIds: readonly string[], signals: readonly Signal[]) {
    const wanted = new Set(householdIds);
    const rows = signals
      .filter(({ householdId }) => wanted.has(householdId))
      .map(({ householdId, source, atMs, body: { kind, ...data } }) => {
        return { household_id: householdId, source, at_ms: atMs, kind, data };
      });
    const { rows: found } = await sql<LifeRow & { fresh: string[] | null }>`
      WITH held AS MATERIALIZED (
        SELECT household_id, stage, state, base, base_at_ms, due_at_ms FROM lifecycle_household
        WHERE household_id = ANY(${[...householdIds]}::uuid[]) ORDER BY household_id FOR UPDATE
      ), kept AS (
        INSERT INTO lifecycle_signal AS s (household_id, source, at_ms, kind, data)
        SELECT r.household_id, r.source, r.at_ms, r.kind, r.data
        FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
          household_id uuid, source text, at_ms bigint, kind text, data jsonb)
        JOIN held h ON h.household_id = r.household_id
        -- Nothing from a time of which only the sum is kept; of being known, only what is not later.
        WHERE r.at_ms > h.base_at_ms
          AND (r.kind <> 'known' OR coalesce((h.state->'facts'->>'knownSinceMs')::bigint >= r.at_ms, true))
        ON CONFLICT (household_id, source) DO UPDATE SET at_ms = excluded.at_ms
          WHERE excluded.kind = 'known' AND excluded.at_ms < s.at_ms
        RETURNING household_id, source
      )
      SELECT h.*, f.fresh FROM held h
      LEFT JOIN (SELECT household_id, json_agg(source) AS fresh FROM kept GROUP BY household_id) AS f USING (household_id)
      ORDER BY h.household_id`.execute(tx);
    return found;
  }

  /** Notes what was told too late to change anything. */
  async noteTooLate(tx: Db, late: readonly { householdId: string; count: number; newestMs: number }[]): Promise<void> {
    if (late.length === 0) return;
    await sql`
      UPDATE lifecycle_household h SET too_late = h.too_late + l.count, too_late_at_ms = greatest(h.too_late_at_ms, l.newest_ms)
      FROM unnest(${late.map(({ householdId }) => householdId)}::uuid[], ${late.map(({ count }) => count)}::int[],
        ${late.map(({ newestMs }) => newestMs)}::bigint[]) AS l(household_id, count, newest_ms)
      WHERE h.household_id = l.household_id`.execute(tx);
  }

  /** All kept signals of households, each household's in their order. */
  async signals(tx: Db, householdIds: readonly string[]): Promise<Map<string, Signal[]>> {
    const { rows } = await sql<SignalRow>`
      SELECT household_id, source, at_ms, kind, data FROM lifecycle_signal
      WHERE household_id = ANY(${[...householdIds]}::uuid[])
      ORDER BY household_id, at_ms, source COLLATE "C"`.execute(tx);
    return Map.groupBy(rows.map(toSignal), ({ householdId }) => householdId);
  }

  /** Changes as they are written, each household's in their order. */
  async changes(tx: Db, householdIds: readonly string[]): Promise<Map<string, WrittenChange[]>> {
    const { rows } = await sql<WrittenRow>`
      SELECT * FROM lifecycle_change WHERE household_id = ANY(${[...householdIds]}::uuid[])
      ORDER BY household_id, place`.execute(tx);
    return Map.groupBy(rows.map(toWritten), ({ householdId }) => householdId);
  }

  /** One household's changes after a place, in their order. */
  async changesAfter(db: Db, householdId: string, place: number, limit: number): Promise<WrittenChange[]> {
    const { rows } = await sql<WrittenRow>`
      SELECT * FROM lifecycle_change WHERE household_id = ${householdId} AND place > ${place}
      ORDER BY place LIMIT ${limit}`.execute(db);
    return rows.map(toWritten);
  }

  /** One household's signals after another one, in their order. */
  async signalsAfter(
    db: Db,
    householdId: string,
    after: Pick<Signal, "atMs" | "source"> | null,
    limit: number,
  ): Promise<Signal[]> {
    const { atMs, source } = after ?? { atMs: -1, source: "" };
    const { rows } = await sql<SignalRow>`
      SELECT household_id, source, at_ms, kind, data FROM lifecycle_signal
      WHERE household_id = ${householdId} AND (at_ms, source) > (${atMs}, ${source})
      ORDER BY at_ms, source LIMIT ${limit}`.execute(db);
    return rows.map(toSignal);
  }

  /** Those whose oldest signals were not put together since `beforeMs`, up to `limit`. */
  async holdOld(tx: Db, beforeMs: number, limit: number): Promise<HeldLife[]> {
    const { rows } = await sql<LifeRow>`
      SELECT household_id, stage, state, base, base_at_ms, due_at_ms FROM lifecycle_household
      WHERE household_id IN (
        SELECT household_id FROM lifecycle_household WHERE base_at_ms < ${beforeMs} ORDER BY base_at_ms LIMIT ${limit})
      ORDER BY household_id FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows.map(toHeld);
  }

  /** Keeps lives up to a time in place of the signals until then. */
  async putTogether(
    tx: Db,
    bases: readonly { householdId: string; base: Life | null }[],
    untilMs: number,
  ): Promise<void> {
    const ids = bases.map(({ householdId }) => householdId);
    const lives = bases.map(({ base }) => (base === null ? null : JSON.stringify(base)));
    await sql`
      UPDATE lifecycle_household h SET base = r.base::jsonb, base_at_ms = ${untilMs}
      FROM unnest(${ids}::uuid[], ${lives}::text[]) AS r(household_id, base)
      WHERE h.household_id = r.household_id`.execute(tx);
    await sql`DELETE FROM lifecycle_signal WHERE household_id = ANY(${ids}::uuid[]) AND at_ms <= ${untilMs}`.execute(
      tx,
    );
  }

  /**
   * Writes lives, and the changes that they came to, in one statement; a second one where a life was told anew.
   *
   * @param keptPlaces for each household whose life was told anew: up to which place its lines stay as they are
   */
  async write(
    tx: Db,
    lives: readonly WrittenLife[],
    changes: readonly WrittenChange[],
    keptPlaces: ReadonlyMap<string, number>,
  ): Promise<void> {
    if (keptPlaces.size > 0) {
      await sql`DELETE FROM lifecycle_change c
        USING unnest(${[...keptPlaces.keys()]}::uuid[], ${[...keptPlaces.values()]}::int[]) AS k(household_id, place)
        WHERE c.household_id = k.household_id AND c.place > k.place`.execute(tx);
    }
    if (lives.length === 0) return;
    const lifeRows = lives.map((one) => ({
      household_id: one.householdId,
      stage: one.stage,
      since_ms: one.sinceMs,
      state: one.life,
      version: one.version,
      due_at_ms: one.dueAtMs,
      risks: one.risks,
      risk: one.risk,
    }));
    const changeRows = changes.map((one) => ({
      household_id: one.householdId,
      place: one.place,
      at_ms: one.atMs,
      from_stage: one.from,
      to_stage: one.to,
      causes: one.causes,
      days: one.days,
      days_median: one.daysMedian,
    }));
    await sql`
      WITH lives AS (
        UPDATE lifecycle_household h SET stage = r.stage, since_ms = r.since_ms, state = r.state, version = r.version,
          due_at_ms = r.due_at_ms, risks = r.risks, risk = r.risk
        FROM json_to_recordset(${JSON.stringify(lifeRows)}::json) AS r(
          household_id uuid, stage text, since_ms bigint, state jsonb, version int, due_at_ms bigint, risks text[], risk smallint)
        WHERE h.household_id = r.household_id
      )
      INSERT INTO lifecycle_change (household_id, place, at_ms, from_stage, to_stage, causes, days, days_median)
      SELECT household_id, place, at_ms, from_stage, to_stage, causes, days, days_median
      FROM json_to_recordset(${JSON.stringify(changeRows)}::json) AS r(
        household_id uuid, place int, at_ms bigint, from_stage text, to_stage text, causes jsonb, days double precision,
        days_median double precision)`.execute(tx);
  }

  async stages(db: Db, householdIds: readonly string[]): Promise<Map<string, Stage>> {
    const { rows } = await sql<{ household_id: string; stage: Stage }>`
      SELECT household_id, stage FROM lifecycle_household WHERE household_id = ${amongIds(householdIds)}`.execute(db);
    return new Map(rows.map((row) => [row.household_id, row.stage]));
  }

  async erase(tx: Db, householdIds: readonly string[]): Promise<number> {
    let gone = 0;
    for (const table of ["lifecycle_change", "lifecycle_signal", "lifecycle_household", "lifecycle_aside"]) {
      gone += await affected(tx)`DELETE FROM ${sql.id(table)} WHERE household_id = ANY(${[...householdIds]}::uuid[])`;
    }
    return gone;
  }

  /** Gives what one household's life was told from to another, and puts the life itself aside: it goes on there. */
  async merge(tx: Db, merge: Merged): Promise<void> {
    await moveRows(tx, "lifecycle_signal", merge, "source");
    await sql`
      INSERT INTO lifecycle_aside (household_id, life, changes, asks)
      SELECT household_id, to_jsonb(h),
        (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM lifecycle_change c WHERE c.household_id = h.household_id),
        (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM lifecycle_ask a WHERE a.household_id = h.household_id)
      FROM lifecycle_household h WHERE household_id = ${merge.from}`.execute(tx);
    await this.#forget(tx, merge.from);
  }

  /** Gives back what a merge brought, and the life as it was before. */
  async unmerge(tx: Db, merge: Unmerged): Promise<void> {
    await moveRowsBack(tx, "lifecycle_signal", merge, "source");
    await this.#forget(tx, merge.from);
    await sql`
      WITH aside AS (DELETE FROM lifecycle_aside WHERE household_id = ${merge.from} RETURNING *),
      changes AS (
        INSERT INTO lifecycle_change SELECT c.* FROM aside, jsonb_populate_recordset(NULL::lifecycle_change, aside.changes) AS c),
      asks AS (INSERT INTO lifecycle_ask SELECT a.* FROM aside, jsonb_populate_recordset(NULL::lifecycle_ask, aside.asks) AS a)
      INSERT INTO lifecycle_household SELECT h.* FROM aside, jsonb_populate_record(NULL::lifecycle_household, aside.life) AS h`.execute(
      tx,
    );
  }

  async #forget(tx: Db, householdId: string): Promise<void> {
    for (const table of told)
      await sql`DELETE FROM ${sql.table(table)} WHERE household_id = ${householdId}`.execute(tx);
  }
}
