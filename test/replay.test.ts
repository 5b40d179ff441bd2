import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Reading } from "#protocol/reading.ts";
import { readRecording, recordingReadings } from "../device-sim/core/recorded-cook.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

/** Data for tests that is no part of the project: it lies beside it, or is not there. */
const recorded = join(import.meta.dirname, "../../shared/data/cooks/cook-20211215.csv");
const pointsMax = 5_000;

let dataDir = "";
let service: RunningService;
beforeAll(async () => {
  dataDir = await preparedDataDir();
  service = await startServiceProcess({ dataDir });
});
afterAll(async () => {
  await stopServiceProcess(service);
  await removeDataDir(dataDir);
});

/** Runs `npm run sim -- --replay`'s command, as fast as it goes. @returns what it said last */
async function replay(file: string): Promise<{ device: string; played: number; of: number }> {
  const broker = `mqtt://127.0.0.1:${service.mqttPort}`;
  const args = ["--replay", file, "--api", service.http, "--key", service.key, "--broker", broker, "--speed", "100000"];
  const child = spawn(process.execPath, ["device-sim/main.ts", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (errors += piece.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  expect(code, errors).toBe(0);
  return JSON.parse(out.trim().split("\n").at(-1) ?? "");
}

/** [its beginning, minimum, mean, maximum, count] */
type Bucket = [number, number, number, number, number];
/** What is there of each metric, bucket by bucket. */
type Found = Record<string, Bucket[]>;

const rounded = (value: number) => Math.round(value * 1e9) / 1e9;

async function bucketsOf(device: string, metric: string, range: { fromMs: number; toMs: number; points: number }) {
  const query = new URLSearchParams({ metrics: metric, ...mapText(range) }).toString();
  const { body } = await service.api(`/api/v1/devices/${device}/telemetry?${query}`);
  const points: Bucket[] = body.series[0].points;
  return {
    bucketMs: Number(body.bucketMs),
    buckets: points.map(([at, least, mean, most, count]): Bucket => [at, least, rounded(mean), most, count]),
  };
}
const mapText = (values: Record<string, number>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** What the API must answer for a metric if every reading is stored exactly once: buckets begin at round times. */
function bucketsFrom(readings: readonly Reading[], metric: string, bucketMs: number): Bucket[] {
  const buckets = new Map<number, number[]>();
  for (const { atMs, m } of readings) {
    const value = m[metric];
    if (typeof value !== "number") continue;
    const beginMs = Math.floor(atMs / bucketMs) * bucketMs;
    buckets.set(beginMs, [...(buckets.get(beginMs) ?? []), value]);
  }
  return [...buckets].map(([beginMs, values]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [beginMs, Math.min(...values), rounded(mean), Math.max(...values), values.length];
  });
}

const drained = async () => (await service.api("/api/v1/health")).body.upRoad.behindRecords === 0;

/** Plays a recording, and reads everything of it again: in buckets over the whole of it, and some readings by the millisecond. */
async function playAndRead(file: string): Promise<{ found: Found; expected: Found }> {
  const rows = readRecording(readFileSync(file, "utf8"));
  const { device, played, of } = await replay(file);
  const moments = new Set(rows.map(({ atMs }) => atMs)).size;
  expect({ played, of }).toEqual({ played: moments, of: moments });

  // The recording was moved so that it ends when the replay began; the last reading tells when that was.
  const metricOfLast = `probe${rows.at(-1)?.probe}_c`;
  const lastAtMs = async (): Promise<number> => {
    const { body } = await service.api(`/api/v1/devices/${device}/telemetry/latest`);
    return body.items.find((item: { metric: string }) => item.metric === metricOfLast)?.atMs ?? 0;
  };
  await until("everything is committed", async () => (await drained()) && (await lastAtMs()) > 0);
  const readings = recordingReadings(rows, await lastAtMs());
  const fromMs = readings[0]?.atMs ?? 0;
  const toMs = (readings.at(-1)?.atMs ?? 0) + 1;

  const [found, expected]: [Found, Found] = [{}, {}];
  for (const metric of new Set(readings.flatMap(({ m }) => Object.keys(m)))) {
    const { bucketMs, buckets } = await bucketsOf(device, metric, { fromMs, toMs, points: pointsMax });
    found[metric] = buckets;
    expected[metric] = bucketsFrom(readings, metric, bucketMs);
  }
  for (const { atMs, m } of readings.filter((_reading, at) => at % Math.ceil(readings.length / 20) === 0)) {
    for (const [metric, value] of Object.entries(m)) {
      const { buckets } = await bucketsOf(device, metric, { fromMs: atMs, toMs: atMs + 1, points: 1 });
      found[`${metric} at ${atMs}`] = buckets;
      expected[`${metric} at ${atMs}`] = [[atMs, Number(value), rounded(Number(value)), Number(value), 1]];
    }
  }
  return { found, expected };
}

test("a recording with several probes at one moment is found again, its rows merged into one reading each", async () => {
  const file = join(dataDir, "recording.csv");
  const fromMs = Date.UTC(2024, 4, 1, 10);
  const rows = Array.from({ length: 240 }, (_none, at) => {
    const probes = at % 3 === 0 ? [1, 2, 4] : [1 + (at % 4)];
    return probes.map((probe) => `${fromMs + at * 15_000 + (at % 7)},${probe},${20 + at / 8 + probe}`);
  }).flat();
  await writeFile(file, `at_ms,probe,temperature_c\n${rows.join("\n")}\n`);
  const { found, expected } = await playAndRead(file);
  expect(found).toEqual(expected);
});

test.skipIf(!existsSync(recorded))("a real cook is found again through the whole up road, every row once", async () => {
  const { found, expected } = await playAndRead(recorded);
  expect(found).toEqual(expected);
});
