/** SQL of what stands for appliances and metrics in InfluxDB, and what of it is remembered. */
import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";

/** An appliance, as the writer knows it. */
export interface Series {
  /** The name that its readings lie under. */
  name: string;
  /** What was received before is not stored. */
  sinceReceivedMs: number;
  /** Newest time by a sound clock that was written since the process began; nothing later is there already. Null: who knows. */
  newestMs: number | null;
}

/** Metrics that a model's appliances may send without its declaring them, and have a field. */
const undeclaredPerModelMax = 100;
/** Appliances that are remembered; one more, and all are looked up again. */
const rememberedMax = 1_000_000;
/** 132 random bits, and nothing in them wants escaping. */
const nameChars = 22;

interface SeriesRow {
  device_key: number;
  series: string;
  since_received_ms: number;
}

export class InfluxSeries {
  readonly #db: Db;
  readonly #ids: Ids;
  readonly #known = new Map<number, Series>();
  /** By model and metric, whether it came as a flag. */
  readonly #undeclared = new Map<string, Map<string, boolean>>();

  constructor(deps: { db: Db; ids: Ids }) {
    this.#db = deps.db;
    this.#ids = deps.ids;
  }

  async load(): Promise<void> {
    const { rows } = await sql<{ model: string; metric: string; is_flag: boolean }>`
      SELECT model, metric, is_flag FROM undeclared_field`.execute(this.#db);
    for (const { model, metric, is_flag } of rows) this.#noteUndeclared(model, metric, is_flag);
  }

  /** The names of those of the appliances that have one: of the others nothing was ever stored. */
  async find(deviceKeys: readonly number[]): Promise<Map<number, Series>> {
    const missing = deviceKeys.filter((key) => !this.#known.has(key));
    if (missing.length > 0) {
      const { rows } = await sql<SeriesRow>`
        SELECT device_key, series, since_received_ms FROM reading_series WHERE device_key = ANY(${missing}::int[])`.execute(
        this.#db,
      );
      this.#remember(rows);
    }
    return new Map(
      deviceKeys.flatMap((key): [number, Series][] => {
        const series = this.#known.get(key);
        return series === undefined ? [] : [[key, series]];
      }),
    );
  }

  /** The names of all of them, made where there are none. */
  async ensure(deviceKeys: readonly number[]): Promise<Map<number, Series>> {
    const found = await this.find(deviceKeys);
    const missing = deviceKeys.filter((key) => !found.has(key)).toSorted((a, b) => a - b);
    if (missing.length === 0) return found;
    await sql`
      INSERT INTO reading_series (device_key, series)
      SELECT * FROM unnest(${missing}::int[], ${missing.map(() => this.#newName())}::text[])
      ON CONFLICT DO NOTHING`.execute(this.#db);
    return this.find(deviceKeys);
  }

  /**
   * Gives an appliance another name, under which nothing of before is stored.
   *
   * @param tx the transaction; whoever calls says `forget` once it is committed
   */
  async rename(tx: Db, deviceKey: number, nowMs: number): Promise<void> {
    await sql`UPDATE reading_series SET series = ${this.#newName()}, since_received_ms = ${nowMs}
      WHERE device_key = ${deviceKey}`.execute(tx);
  }

  forget(deviceKey: number): void {
    this.#known.delete(deviceKey);
  }

  /** Whether a metric came as a flag, of those that a model does not declare. */
  isUndeclaredFlag(model: string, metric: string): boolean {
    return this.#undeclared.get(model)?.get(metric) === true;
  }

  hasField(model: string, metric: string): boolean {
    return this.#undeclared.get(model)?.has(metric) === true;
  }

  /** Gives fields to metrics that a model does not declare, as long as there are any left; the first ones get them. */
  async addFields(model: string, metrics: ReadonlyMap<string, boolean>): Promise<void> {
    const room = undeclaredPerModelMax - (this.#undeclared.get(model)?.size ?? 0);
    const fresh = [...metrics].filter(([metric]) => !this.hasField(model, metric)).slice(0, Math.max(0, room));
    if (fresh.length === 0) return;
    await sql`
      INSERT INTO undeclared_field (model, metric, is_flag)
      SELECT ${model}, * FROM unnest(${fresh.map(([metric]) => metric)}::text[], ${fresh.map(([, isFlag]) => isFlag)}::boolean[])
      ON CONFLICT DO NOTHING`.execute(this.#db);
    for (const [metric, isFlag] of fresh) this.#noteUndeclared(model, metric, isFlag);
  }

  #noteUndeclared(model: string, metric: string, isFlag: boolean): void {
    const known = this.#undeclared.get(model);
    if (known === undefined) this.#undeclared.set(model, new Map([[metric, isFlag]]));
    else known.set(metric, isFlag);
  }

  #remember(rows: readonly SeriesRow[]): void {
    if (this.#known.size + rows.length > rememberedMax) this.#known.clear();
    for (const { device_key, series, since_received_ms } of rows) {
      this.#known.set(device_key, { name: series, sinceReceivedMs: since_received_ms, newestMs: null });
    }
  }

  #newName(): string {
    return this.#ids.secret().slice(0, nameChars);
  }
}
