/**
 * `npm run bench -- query`: one appliance's chart of 30 days at a reading a second, at about 1,000 points, beside InfluxDB's own
 * `GROUP BY time` over the same readings in buckets of the same length, interleaved. Ours are times of the service without HTTP, which
 * adds a millisecond; InfluxDB is asked over HTTP, as everybody asks it, and its answer is parsed. Cold is the first question after both
 * servers began anew; the machine's file cache is warm for both.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type pg from "pg";
import { model as modelSchema } from "#protocol/model.ts";
import type { DeviceRef, ReadingFact } from "../../cloud/devices/devices.ts";
import type { Principal } from "../../cloud/staff/staff.ts";
import { hasInflux, TestInflux } from "../support/influx.ts";
import { CloudParts } from "./cloud-parts.ts";
import { median, perSecond, rounded, say } from "./figures.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface QueryPlan {
  days: number;
  rounds: number;
  /** Warm questions of each kind in a round. */
  asked: number;
}

const by: Principal = { kind: "staff", id: "bench", name: "bench", role: "admin" };
const [secondMs, hourMs, dayMs] = [1_000, 3_600_000, 86_400_000];
const points = 1_000;
const batchReadings = 5_000;
const metrics = ["cavity_c", "setpoint_c", "power_w", "humidity_pct", "door_open"];
/** Beside the one of the chart: those whose last values and events are asked for. */
const otherDevices = 100;

const model = modelSchema.parse({
  key: "bench-oven",
  version: 1,
  brand: "Bench",
  name: "Bench oven",
  kind: "oven",
  hardwareIds: ["h1"],
  locales: ["en"],
  metrics: metrics.map((name) => ({ name, kind: name === "door_open" ? "flag" : "gauge" })),
  capabilities: {},
});

/** What an oven says at a second: cooks, with noise in the last digits, as sensors have it. */
function metricsAt(second: number): Record<string, number | boolean> {
  const noise = (Math.imul(second, 0x9e_37_79_b1) >>> 22) / 100;
  const isOn = second % 14_400 < 3_600;
  return {
    cavity_c: rounded((isOn ? 180 : 25) + 8 * Math.sin(second / 97) + noise, 2),
    setpoint_c: isOn ? 180 : 0,
    power_w: isOn && second % 120 < 45 ? 2_140 + Math.round(noise) : 3,
    humidity_pct: rounded(40 + noise, 1),
    door_open: second % 3_600 < 12,
  };
}

const factAt = (device: DeviceRef, atMs: number): ReadingFact => ({
  device,
  atMs,
  receivedAtMs: atMs,
  metrics: metricsAt(atMs / secondMs),
});

const lineOf = ({ device, atMs, metrics: values }: ReadingFact): string =>
  `reading,device=${device.id},model=${device.model} ${Object.entries(values)
    .map(([name, value]) => `${name}=${Number(value)}`)
    .join(",")} ${atMs}`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const sinceMs = performance.now();
  await work();
  return performance.now() - sinceMs;
}

const spread = (name: string, times: readonly number[]): Figures => {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    [`${name}_p50_ms`]: rounded(median(times), 1),
    [`${name}_p95_ms`]: rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0, 1),
  };
};

async function bytesUnder(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

class QueryBench {
  readonly #cloud: CloudParts;
  readonly #influx: TestInflux | null;
  readonly #plan: QueryPlan;
  /** Until when there are readings. */
  readonly #toMs: number;
  #chart: DeviceRef | null = null;
  #others: DeviceRef[] = [];

  constructor(cloud: CloudParts, influx: TestInflux | null, plan: QueryPlan) {
    this.#cloud = cloud;
    this.#influx = influx;
    this.#plan = plan;
    this.#toMs = cloud.clock.nowMs();
  }

  /** Stores the same readings in both, and lets the rollups be made. */
  async fill(): Promise<Figures> {
    const { devices, telemetry } = this.#cloud.slices;
    await devices.putModel(by, model);
    const ids = ["chart", ...Array.from({ length: otherDevices }, (_, at) => `other-${at}`)];
    await devices.register(
      by,
      ids.map((id) => ({ id, model: model.key })),
    );
    const found = await devices.find(ids);
    const refs = ids.flatMap((id) => found.get(id) ?? []);
    this.#chart = refs[0] ?? null;
    this.#others = refs.slice(1);
    const figures = await this.#cloud.connected((client) => this.#load(client));
    const waiting = await this.#hoursWaiting();
    // The follower waits until an hour is quiet.
    this.#cloud.clock.forward(60_000);
    const rollMs = await timed(() => telemetry.follow());
    await this.#cloud.preparing(async (db) => {
      await sql`VACUUM (ANALYZE)`.execute(db);
      await sql`CHECKPOINT`.execute(db);
    });
    return { ...figures, rolled_readings_per_s: perSecond(figures["readings"] ?? 0, rollMs), hours_rolled: waiting };
  }

  async #hoursWaiting(): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM rollup_dirty`.execute(this.#cloud.db);
    return rows[0]?.n ?? 0;
  }

  async #load(client: pg.Client): Promise<Figures> {
    let [readings, ourMs, influxMs] = [0, 0, 0];
    const store = async (facts: readonly ReadingFact[]) => {
      readings += facts.length;
      ourMs += await timed(() => this.#store(client, facts));
      influxMs += await timed(async () => this.#influx?.write(facts.map(lineOf).join("\n")));
    };
    const fromMs = this.#toMs - this.#plan.days * dayMs;
    const chart = this.#chart;
    if (chart === null) throw new Error("the appliance of the chart was not registered");
    for (let atMs = fromMs; atMs < this.#toMs; atMs += batchReadings * secondMs) {
      const count = Math.min(batchReadings, (this.#toMs - atMs) / secondMs);
      await store(Array.from({ length: count }, (_, at) => factAt(chart, atMs + at * secondMs)));
    }
    for (let agoMs = hourMs; agoMs > 0; agoMs -= 60_000)
      await store(this.#others.map((device) => factAt(device, this.#toMs - agoMs)));
    await this.#events(client);
    return {
      readings,
      hearth_stored_per_s: perSecond(readings, ourMs),
      ...(this.#influx === null ? {} : { influx_stored_per_s: perSecond(readings, influxMs) }),
    };
  }

  async #store(client: pg.Client, facts: readonly ReadingFact[]): Promise<void> {
    const { telemetry } = this.#cloud.slices;
    const prepared = await telemetry.prepare(facts);
    await client.query("BEGIN");
    const after = await telemetry.ingestReadings(client, prepared);
    await client.query("COMMIT");
    after?.();
  }

  /** A thousand events of each of the others in the last 30 days. */
  async #events(client: pg.Client): Promise<void> {
    await client.query(
      `INSERT INTO device_event (device_key, id, at_ms, received_at_ms, order_at_ms, clock_suspect, type, data)
       SELECT key, 'e' || n, at, at, at, false, (ARRAY['door.opened', 'program.started', 'program.finished', 'fault.raised'])[1 + n % 4], '{}'
       FROM unnest($1::int[]) AS key, generate_series(0, 999) AS n, LATERAL (SELECT $2::bigint - n * 2592000::bigint AS at) AS t`,
      [this.#others.map(({ key }) => key), this.#toMs - 1],
    );
  }

  /** Both servers begin anew. */
  async restart(): Promise<void> {
    await this.#cloud.restart();
    if (this.#influx === null) return;
    await this.#influx.stop("SIGTERM");
    await this.#influx.start();
  }

  async round(): Promise<Figures> {
    await this.restart();
    const cold = await this.#pair(metrics.slice(0, 1), 0);
    const figures: Figures = { chart_cold_ms: rounded(cold.ours, 1) };
    if (cold.influx !== null) figures["influx_chart_cold_ms"] = rounded(cold.influx, 1);
    for (const [name, asked] of [
      ["chart", metrics.slice(0, 1)],
      ["five_metrics", metrics],
    ] as const) {
      const ours: number[] = [];
      const influx: number[] = [];
      const cpuMs = this.#cloud.databaseCpuMs;
      for (let at = 1; at <= this.#plan.asked; at += 1) {
        const times = await this.#pair(asked, at);
        ours.push(times.ours);
        if (times.influx !== null) influx.push(times.influx);
      }
      figures[`${name}_database_cpu_ms`] = rounded((this.#cloud.databaseCpuMs - cpuMs) / this.#plan.asked, 1);
      Object.assign(figures, spread(name, ours), influx.length === 0 ? {} : spread(`influx_${name}`, influx));
    }
    return { ...figures, ...(await this.#lastAndCounts()) };
  }

  /** The same chart asked of both, moved by some minutes each time, so that no answer is one that was given before. */
  async #pair(asked: readonly string[], at: number): Promise<{ ours: number; influx: number | null }> {
    const chart = this.#chart;
    if (chart === null) throw new Error("nothing is filled");
    const toMs = this.#toMs - at * 67_000;
    const fromMs = toMs - this.#plan.days * dayMs + this.#plan.asked * 67_000;
    const { store } = this.#cloud.slices.telemetry;
    const query = { devices: [{ device: chart, sinceMs: 0 }], metrics: asked, fromMs, toMs, points };
    let [bucketMs, count] = [0, 0];
    const ours = await timed(async () => {
      const answer = await store.range(query);
      bucketMs = answer.bucketMs;
      count = answer.series[0]?.buckets.reduce((sum, one) => sum + one.count, 0) ?? 0;
    });
    // It takes so long that a fifth of the questions has to say as much.
    if (this.#influx === null || at % 5 !== 0) return { ours, influx: null };
    const folds = asked.flatMap((name) => ["min", "max", "mean", "count"].map((fold) => `${fold}(${name})`));
    const statement = `SELECT ${folds.join(", ")} FROM reading WHERE device = '${chart.id}' AND time >= ${fromMs}ms AND time < ${toMs}ms GROUP BY time(${bucketMs}ms) fill(none)`;
    const server = this.#influx;
    let theirs = 0;
    const influx = await timed(async () => {
      const rows = await server.ask(statement);
      theirs = rows.reduce((sum, row) => sum + Number(row[4]), 0);
    });
    if (theirs !== count) throw new Error(`InfluxDB counted ${theirs} readings, and Hearth ${count}`);
    return { ours, influx };
  }

  async #lastAndCounts(): Promise<Figures> {
    const { telemetry } = this.#cloud.slices;
    const devices = this.#others.map((device) => ({ device, sinceMs: 0 }));
    const [latest, counts]: [number[], number[]] = [[], []];
    const range = { fromMs: this.#toMs - 30 * dayMs, toMs: this.#toMs, points: 60, types: null };
    for (let at = 0; at < this.#plan.asked; at += 1) {
      latest.push(await timed(() => telemetry.store.latest(devices)));
      counts.push(await timed(() => telemetry.eventCounts(devices, range)));
    }
    return { ...spread("latest_of_100", latest), ...spread("counts_of_100", counts) };
  }

  /** Bytes on disk for each reading, tables with their indexes; InfluxDB's with what it has not compacted yet. */
  async bytes(readings: number): Promise<Figures> {
    const sizeOf = async (table: string) => {
      const { rows } = await sql<{ bytes: number }>`
        SELECT sum(pg_total_relation_size(relid))::bigint AS bytes FROM pg_partition_tree(${table}::regclass)`.execute(
        this.#cloud.db,
      );
      return rows[0]?.bytes ?? 0;
    };
    const rollups =
      (await sizeOf("rollup_minute")) +
      (await sizeOf("rollup_quarter")) +
      (await sizeOf("rollup_hour")) +
      (await sizeOf("rollup_day"));
    return {
      hearth_bytes_per_reading: rounded((await sizeOf("reading")) / readings, 1),
      hearth_rollup_bytes_per_reading: rounded(rollups / readings, 1),
      ...(this.#influx === null
        ? {}
        : { influx_bytes_per_reading: rounded((await bytesUnder(this.#influx.dir)) / readings, 1) }),
    };
  }
}

/** Medians of the rounds over one filling. */
export async function benchQuery(plan: QueryPlan): Promise<Figures> {
  const cloud = await CloudParts.start();
  const influx = hasInflux ? await TestInflux.open() : null;
  if (influx === null) say("query: InfluxDB is not installed (apt-get install influxdb), so Hearth is alone");
  try {
    const bench = new QueryBench(cloud, influx, plan);
    const filled = await bench.fill();
    say(`query: ${JSON.stringify(filled)}`);
    const rounds: Figures[] = [];
    for (let round = 1; round <= plan.rounds; round += 1) {
      rounds.push(await bench.round());
      say(`query ${round}/${plan.rounds}: ${JSON.stringify(rounds.at(-1))}`);
    }
    return { ...filled, ...mediansOf(rounds), ...(await bench.bytes(filled["readings"] ?? 1)) };
  } finally {
    await influx?.close();
    await cloud.stop();
  }
}
