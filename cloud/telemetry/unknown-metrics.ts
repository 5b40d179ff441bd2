import { sql } from "kysely";
import type { MetricDeclaration, Model } from "#protocol/model.ts";
import type { MetricLayout, ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Principal } from "../staff/staff.ts";
import type { ReadingRow } from "./core/reading-rows.ts";
import { devicesAbout, SeenMetrics, sketchBits } from "./core/seen-metrics.ts";

/** Names kept for each model; the first ones. */
const namesPerModelMax = 500;

export interface UnknownMetric {
  name: string;
  firstSeenMs: number;
  lastSeenMs: number;
  /** What its values look like. */
  kind: "gauge" | "flag";
  min: number | null;
  max: number | null;
  devicesAbout: number;
}

/** What adopting needs of the models. */
export interface AdoptingModels {
  model(key: string): Promise<Model | null>;
  putModel(
    by: Principal,
    model: Model,
  ): Promise<{ kind: "stored" | "unchanged" } | { kind: "refused"; rule: "model_version_not_next"; detail?: string }>;
}

type Adopted =
  | { kind: "adopted"; version: number }
  | {
      kind: "refused";
      rule: "model_not_found" | "metric_declared_already" | "too_many_metrics" | "model_version_not_next";
    };

/** As many as a model may declare. */
const declaredMax = 256;

/** Metrics that appliances send and their model does not declare. They are kept like all others, and listed to be adopted. */
export class UnknownMetrics {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #layoutOf: (model: string) => MetricLayout;
  readonly #seen = new SeenMetrics();

  constructor(deps: { db: Db; clock: Clock; layoutOf: (model: string) => MetricLayout }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#layoutOf = deps.layoutOf;
  }

  /** Notes what a batch has of them, where it is in rows already. */
  noteRows(rows: readonly ReadingRow[], facts: readonly ReadingFact[]): void {
    if (rows.every(({ undeclared }) => undeclared === null)) return;
    const models = new Map(facts.map(({ device }) => [device.key, device.model]));
    const nowMs = this.#clock.nowMs();
    for (const { deviceKey, undeclared } of rows)
      if (undeclared !== null) this.#seen.note(models.get(deviceKey) ?? "", deviceKey, undeclared, nowMs);
  }

  /** The same for readings that are kept elsewhere. */
  noteFacts(facts: readonly ReadingFact[]): void {
    const nowMs = this.#clock.nowMs();
    for (const { device, metrics } of facts) {
      const { positions } = this.#layoutOf(device.model);
      let undeclared: Record<string, number | boolean> | null = null;
      for (const name in metrics) {
        const value = metrics[name];
        if (value === undefined || positions.has(name)) continue;
        undeclared ??= {};
        undeclared[name] = value;
      }
      if (undeclared !== null) this.#seen.note(device.model, device.key, undeclared, nowMs);
    }
  }

  /** Writes down what was noted. What a crash takes is noted again with the next reading. */
  async flush(): Promise<void> {
    const seen = this.#seen.take();
    if (seen.length === 0) return;
    const rows = seen.map(({ devices, ...one }) => ({
      ...one,
      devices: Array.from({ length: sketchBits }, (_, bit) => (devices.has(bit) ? "1" : "0")).join(""),
    }));
    await sql`
      INSERT INTO unknown_metric AS u (model, name, first_seen_ms, last_seen_ms, has_numbers, has_flags, min_value, max_value, devices)
      SELECT model, name, "firstSeenMs", "lastSeenMs", "hasNumbers", "hasFlags", min, max, devices FROM (
        SELECT r.*, row_number() OVER (PARTITION BY r.model ORDER BY r.name) AS place
        FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(model text, name text, "firstSeenMs" bigint, "lastSeenMs" bigint,
          "hasNumbers" boolean, "hasFlags" boolean, min float8, max float8, devices bit(4096))
      ) AS r
      WHERE EXISTS (SELECT 1 FROM unknown_metric k WHERE k.model = r.model AND k.name = r.name)
        OR (SELECT count(*) FROM unknown_metric k WHERE k.model = r.model) + place <= ${namesPerModelMax}
      ON CONFLICT (model, name) DO UPDATE SET
        last_seen_ms = greatest(u.last_seen_ms, excluded.last_seen_ms),
        has_numbers = u.has_numbers OR excluded.has_numbers, has_flags = u.has_flags OR excluded.has_flags,
        min_value = least(u.min_value, excluded.min_value), max_value = greatest(u.max_value, excluded.max_value),
        devices = u.devices | excluded.devices`.execute(this.#db);
  }

  /** Those of a model, the latest seen first. */
  async of(model: string): Promise<UnknownMetric[]> {
    await this.flush();
    const declared = [...this.#layoutOf(model).declared.keys()];
    const { rows } = await sql<Omit<UnknownMetric, "kind" | "devicesAbout"> & { has_numbers: boolean; bits: number }>`
      SELECT name, first_seen_ms AS "firstSeenMs", last_seen_ms AS "lastSeenMs", has_numbers, min_value AS min, max_value AS max,
        bit_count(devices) AS bits
      FROM unknown_metric WHERE model = ${model} AND name <> ALL(${declared}::text[])
      ORDER BY last_seen_ms DESC, name LIMIT ${namesPerModelMax}`.execute(this.#db);
    return rows.map(({ has_numbers: hasNumbers, bits, ...row }) => ({
      ...row,
      kind: hasNumbers ? "gauge" : "flag",
      devicesAbout: devicesAbout(bits),
    }));
  }

  /** Makes the model's next version, with this metric declared. What was kept of it before is one series with what comes. */
  async adopt(by: Principal, models: AdoptingModels, key: string, metric: MetricDeclaration): Promise<Adopted> {
    const model = await models.model(key);
    if (model === null) return { kind: "refused", rule: "model_not_found" };
    if (model.metrics.some(({ name }) => name === metric.name))
      return { kind: "refused", rule: "metric_declared_already" };
    if (model.metrics.length >= declaredMax) return { kind: "refused", rule: "too_many_metrics" };
    const version = model.version + 1;
    const put = await models.putModel(by, { ...model, version, metrics: [...model.metrics, metric] });
    if (put.kind === "refused") return { kind: "refused", rule: put.rule };
    await sql`DELETE FROM unknown_metric WHERE model = ${key} AND name = ${metric.name}`.execute(this.#db);
    return { kind: "adopted", version };
  }
}
