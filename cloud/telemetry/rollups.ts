/**
 * The follower that keeps the rollups right, whatever comes late, twice or out of order.
 *
 *   ingest    BEGIN, share the lock, note the hours that memory does not know as dirty, readings, COMMIT, learn them
 *   follower  choose dirty hours with their generations -> memory forgets them -> take the lock alone once, which waits for every
 *             transaction that relied on memory -> BEGIN, make their rollups anew from the readings, take out the hours whose
 *             generation is still the one that was chosen, COMMIT
 *
 * So an hour that is not noted as dirty has rollups with every reading that is committed, at any moment and after any crash.
 */
import { type RawBuilder, sql } from "kysely";
import type pg from "pg";
import type { MetricLayout } from "../devices/devices.ts";
import { type Clock, sleep } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type DeviceHour, DirtyHours } from "./core/dirty-hours.ts";
import type { Retention } from "./core/retention.ts";
import { floorTo, hourMs, type RollupLevel, rollupLevels } from "./core/rollup-levels.ts";
import { valueIn } from "./reading-values.ts";
import {
  foldColumns,
  foldOfRollup,
  foldOfValue,
  foldVector,
  undeclaredOfReadings,
  undeclaredOfRollups,
} from "./rollup-folds.ts";
import type { ErasedSpan } from "./telemetry-store.ts";
import type { TimePartitions } from "./time-partitions.ts";

/** The advisory lock between ingest, which shares it, and the follower, which takes it alone for a moment. */
const barrier = "7140190, 1";
/** What every transaction runs that brings readings, before `note`: the follower waits for those who rely on its memory. */
export const sharesBarrier = `SELECT pg_advisory_xact_lock_shared(${barrier})`;
/** And the one between those who write rollups. */
const rollLock = "7140190, 2";
const barrierMsMax = 10_000;

/** Hours of devices worked in at once: some hundred thousand readings where each comes every ten seconds. */
const hoursAtOnce = 200;
/** An hour is rolled up once it is over, so that the one under way is not made anew for every reading. */
const closedForMs = 60_000;
/** And not while readings of it are probably still coming. */
const quietForMs = 15_000;
/** The follower looks every few seconds: until then nobody is behind. */
const ordinaryBeatMs = 10_000;
/** Between two pieces of work, so that ingest and questions have their turn. */
const restMs = 60;

/** What the follower asks of the registry: the model of each device, by key. */
export type ModelsOf = (deviceKeys: readonly number[]) => Promise<ReadonlyMap<number, string>>;

export interface RollupsDeps {
  db: Db;
  clock: Clock;
  layoutOf: (model: string) => MetricLayout;
  modelsOf: ModelsOf;
  partitions: Readonly<Record<RollupLevel, TimePartitions>>;
  retention: Retention;
}

/** What of the rollups should be there, and is not. */
export interface RollupsBehind {
  /** Hours of appliances. */
  hours: number;
  behindMs: number;
}

/** The hours that are over, and of which nothing has come for `quietMs`. */
const dueAt = (nowMs: number, quietMs: number): RawBuilder<boolean> =>
  sql<boolean>`since_ms <= ${nowMs - quietMs} AND at_ms <= ${nowMs - hourMs - closedForMs}`;

interface ChosenHour extends DeviceHour {
  generation: number;
}

export class Rollups {
  readonly #deps: RollupsDeps;
  readonly #dirty = new DirtyHours();
  /** What was due before this is done; before its first round a follower counts from its own beginning. */
  #caughtUpAtMs: number;
  #stopped = false;

  constructor(deps: RollupsDeps) {
    this.#deps = deps;
    this.#caughtUpAtMs = deps.clock.nowMs();
  }

  /**
   * Notes in the open transaction which hours get readings. The transaction has run `sharesBarrier` before.
   *
   * @param hours each once, in the order of device and time
   * @returns what to do once the transaction is committed
   */
  async note(client: pg.Client, hours: readonly DeviceHour[]): Promise<() => void> {
    const { hours: unknown, round } = this.#dirty.unknown(hours);
    if (unknown.length > 0) {
      await client.query(
        `INSERT INTO rollup_dirty (device_key, at_ms, since_ms)
         SELECT device_key, at_ms, $3 FROM unnest($1::int[], $2::bigint[]) AS hour(device_key, at_ms)
         ON CONFLICT (device_key, at_ms) DO UPDATE SET generation = rollup_dirty.generation + 1, since_ms = excluded.since_ms`,
        [unknown.map(({ deviceKey }) => deviceKey), unknown.map(({ atMs }) => atMs), this.#deps.clock.nowMs()],
      );
    }
    return () => this.#dirty.learn(unknown, round);
  }

  /**
   * Takes a span of a device out of the rollups; its readings are gone already. What cannot be told apart goes with it, up to an hour
   * on either side, where the readings of that hour are not kept any more.
   */
  async erase({ deviceKey, fromMs, toMs }: ErasedSpan): Promise<void> {
    const { db, clock, modelsOf, layoutOf, retention } = this.#deps;
    const model = (await modelsOf([deviceKey])).get(deviceKey);
    const day = rollupLevels[0];
    // A device's last day may end long before the span does, and its first begin long after.
    const edges = [fromMs, toMs].filter(
      (atMs) => atMs > clock.nowMs() - retention.readingsMs && atMs <= clock.nowMs() + day.ms,
    );
    await transaction(db, async (tx) => {
      await sql`SELECT pg_advisory_xact_lock(${sql.raw(rollLock)})`.execute(tx);
      for (const atMs of edges) {
        await sql`INSERT INTO rollup_dirty (device_key, at_ms, since_ms) VALUES (${deviceKey}, ${floorTo(atMs, hourMs)}, 0)
          ON CONFLICT (device_key, at_ms) DO UPDATE SET generation = rollup_dirty.generation + 1`.execute(tx);
      }
      for (const { table, ms } of rollupLevels) {
        await sql`DELETE FROM ${sql.table(table)}
          WHERE device_key = ${deviceKey} AND at_ms > ${fromMs - ms} AND at_ms < ${toMs}`.execute(tx);
      }
      if (model === undefined) return;
      const days = [...new Set([fromMs, toMs].map((atMs) => floorTo(atMs, day.ms)))].map((atMs) => ({
        deviceKey,
        atMs,
      }));
      await rollStretches(tx, 0, days, layoutOf(model));
    });
  }

  /** How many hours wait. */
  async waiting(): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM rollup_dirty`.execute(this.#deps.db);
    return rows[0]?.n ?? 0;
  }

  /** How many hours wait that should be worked in by now, and for how long the oldest of them has. Asks only where there may be any. */
  async behind(): Promise<RollupsBehind> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    if (nowMs - this.#caughtUpAtMs < ordinaryBeatMs) return { hours: 0, behindMs: 0 };
    const { rows } = await sql<{ hours: number; since: number | null }>`
      SELECT count(*)::int AS hours, min(greatest(since_ms + ${quietForMs}, at_ms + ${hourMs + closedForMs})) AS since
      FROM rollup_dirty WHERE ${dueAt(nowMs, quietForMs)}`.execute(db);
    const { hours = 0, since = null } = rows[0] ?? {};
    return { hours, behindMs: since === null ? 0 : nowMs - Math.max(since, this.#caughtUpAtMs) };
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Works until no hour that is over waits any more. */
  async follow(quietMs = quietForMs): Promise<void> {
    while (!this.#stopped) {
      const done = await this.followOnce(quietMs);
      if (done < hoursAtOnce) return;
      await sleep(restMs);
    }
  }

  /** One piece of work. @returns how many hours it had */
  async followOnce(quietMs = quietForMs): Promise<number> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const { rows } = await sql<ChosenHour>`
      SELECT device_key AS "deviceKey", at_ms AS "atMs", generation FROM rollup_dirty
      WHERE ${dueAt(nowMs, quietMs)}
      ORDER BY since_ms, device_key, at_ms LIMIT ${hoursAtOnce}`.execute(db);
    if (rows.length > 0) {
      this.#dirty.beginRound(rows);
      await this.#waitForIngest();
      await this.#roll(rows, nowMs);
    }
    if (rows.length < hoursAtOnce) this.#caughtUpAtMs = nowMs;
    return rows.length;
  }

  /** Every transaction that began before this call and relied on memory has ended when it returns. */
  async #waitForIngest(): Promise<void> {
    await transaction(this.#deps.db, async (tx) => {
      await sql`SET LOCAL lock_timeout = ${sql.lit(barrierMsMax)}`.execute(tx);
      await sql`SELECT pg_advisory_xact_lock(${sql.raw(barrier)})`.execute(tx);
    });
  }

  async #roll(chosen: readonly ChosenHour[], nowMs: number): Promise<void> {
    const { db, partitions, modelsOf, layoutOf } = this.#deps;
    for (const { level } of rollupLevels) await partitions[level].ensure(chosen, nowMs);
    const models = await modelsOf([...new Set(chosen.map(({ deviceKey }) => deviceKey))]);
    await transaction(db, async (tx) => {
      await sql`SELECT pg_advisory_xact_lock(${sql.raw(rollLock)})`.execute(tx);
      // A device that the registry does not know any more has no readings that anybody could ask for.
      for (const [model, hours] of Map.groupBy(chosen, ({ deviceKey }) => models.get(deviceKey) ?? ""))
        await rollHours(tx, hours, layoutOf(model));
      // Last, and without waiting: ingest locks in its own order, and what it holds it has dirtied anew.
      await sql`
        DELETE FROM rollup_dirty WHERE (device_key, at_ms) IN (
          SELECT d.device_key, d.at_ms FROM rollup_dirty d
          JOIN unnest(${chosen.map(({ deviceKey }) => deviceKey)}::int[], ${chosen.map(({ atMs }) => atMs)}::bigint[],
                      ${chosen.map(({ generation }) => generation)}::bigint[]) AS c(device_key, at_ms, generation)
            ON d.device_key = c.device_key AND d.at_ms = c.at_ms AND d.generation = c.generation
          FOR UPDATE OF d SKIP LOCKED)`.execute(tx);
    });
  }
}

/** Makes the rollups of these hours anew, and of the days that they are in. The devices are of one model. */
async function rollHours(tx: Db, hours: readonly DeviceHour[], layout: MetricLayout): Promise<void> {
  const dayMs = rollupLevels[0].ms;
  const days = new Map(
    hours.map(({ deviceKey, atMs }) => [
      `${deviceKey} ${floorTo(atMs, dayMs)}`,
      { deviceKey, atMs: floorTo(atMs, dayMs) },
    ]),
  );
  for (const [at, { level }] of [...rollupLevels.entries()].toReversed())
    await rollStretches(tx, at, level === "day" ? [...days.values()] : hours, layout);
}

/**
 * Makes the rollups of one level anew from the level below.
 *
 * @param at the level's place in `rollupLevels`
 * @param stretches hours; days where the level is that
 */
async function rollStretches(
  tx: Db,
  at: number,
  stretches: readonly DeviceHour[],
  layout: MetricLayout,
): Promise<void> {
  const [own, finer] = [rollupLevels[at], rollupLevels[at + 1]];
  if (own === undefined) throw new Error(`there is no level ${at}`);
  const lengthMs = sql.lit(Math.max(own.ms, hourMs));
  const names = [...layout.positions].toSorted(([, a], [, b]) => a - b).map(([name]) => name);
  const source = finer === undefined ? readingSource(names, layout) : rollupSource(finer.table, names, layout);
  const undeclared = finer === undefined ? undeclaredOfReadings(names) : undeclaredOfRollups(names);
  const inStretch = sql`at_ms >= s.at AND at_ms < s.at + ${lengthMs} AND ${within(stretches, Math.max(own.ms, hourMs))}`;
  await sql`
    DELETE FROM ${sql.table(own.table)} USING ${stretchRows(stretches)} WHERE device_key = s.key AND ${inStretch}`.execute(
    tx,
  );
  await sql`
    INSERT INTO ${sql.table(own.table)} (device_key, at_ms, folds, undeclared)
    SELECT device_key, at_ms, folds, ${undeclared} FROM (
      SELECT device_key, at_ms / ${sql.lit(own.ms)} * ${sql.lit(own.ms)} AS at_ms, ${foldVector(names.length)} AS folds,
        jsonb_agg(undeclared) FILTER (WHERE undeclared IS NOT NULL) AS extras
      FROM ${stretchRows(stretches)} CROSS JOIN LATERAL (
        ${source} WHERE device_key = s.key AND ${inStretch} OFFSET 0
      ) AS picked GROUP BY 1, 2
    ) AS folded`.execute(tx);
}

const stretchRows = (hours: readonly DeviceHour[]): RawBuilder<unknown> => sql`
  unnest(${hours.map(({ deviceKey }) => deviceKey)}::int[], ${hours.map(({ atMs }) => atMs)}::bigint[]) AS s(key, at)`;

/** The time that all stretches lie in, as plain numbers: by them the database leaves out whole partitions before it looks at any. */
function within(stretches: readonly DeviceHour[], lengthMs: number): RawBuilder<unknown> {
  const times = stretches.map(({ atMs }) => atMs);
  return sql`at_ms >= ${Math.min(...times)} AND at_ms < ${Math.max(...times) + lengthMs}`;
}

/** Readings with each metric's fold, but for those whose time cannot be right. */
function readingSource(names: readonly string[], layout: MetricLayout): RawBuilder<unknown> {
  const values = names.map((name, at) => sql`, ${valueIn(name, layout)} AS ${sql.ref(`v${at}`)}`);
  const folds = foldColumns(names.map((_, at) => foldOfValue(sql.ref(`v${at}`))));
  return sql`SELECT device_key, at_ms, undeclared, ${folds} FROM (
    SELECT device_key, at_ms, undeclared${values.length === 0 ? sql`` : sql.join(values, sql``)}
    FROM reading WHERE suspect_received_at_ms IS NULL) AS valued`;
}

function rollupSource(table: string, names: readonly string[], layout: MetricLayout): RawBuilder<unknown> {
  const folds = foldColumns(names.map((name) => foldOfRollup(name, layout)));
  return sql`SELECT device_key, at_ms, undeclared, ${folds} FROM ${sql.table(table)}`;
}
