/**
 * `npm run bench -- ingest --json`: how many readings a second are acknowledged, committed and readable, beside what Mosquitto
 * acknowledges without storing, from the same generator in the same run. Median of three, interleaved.
 */
import { fork, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  freePort,
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "../support/service-process.ts";
import type { Load, LoadResult } from "./generator.ts";
import { connectFrame, ReadingFrame } from "../support/mqtt-bytes.ts";

type Shape = Load["shape"];

interface Figures {
  pubacks_per_s: number;
  readings_committed_per_s: number;
  queryable_ms: { p50: number; p99: number };
  rss_anon_mb_max: number;
}

const shapes: Record<Shape, { devices: number; inFlight: number }> = {
  hot: { devices: 200, inFlight: 10 },
  fleet: { devices: 10_000, inFlight: 2_000 },
};

const mosquittoPath = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"].find((path) =>
  existsSync(path),
);

const say = (line: string) => process.stderr.write(`${line}\n`);

function generate(load: Load): Promise<LoadResult> {
  const child = fork(new URL("./generator.ts", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  return new Promise((resolve, reject) => {
    child.once("message", (message: { result: LoadResult }) => resolve(message.result));
    child.once("exit", (code) => reject(new Error(`the generator ended with code ${code}`)));
    child.send(load);
  });
}

const perSecond = (count: number, ms: number) => Math.round((count * 1_000) / ms);

const model = {
  key: "bench-oven",
  version: 1,
  brand: "Bench",
  name: "Bench oven",
  kind: "oven",
  hardwareIds: ["b1"],
  locales: ["en"],
  metrics: [
    { name: "cavity_c", unit: "°C" },
    { name: "setpoint_c", unit: "°C" },
    { name: "power_w", unit: "W" },
    { name: "fan_rpm", unit: "rpm" },
    { name: "door_open", kind: "flag" },
  ],
  capabilities: {},
};

async function register(service: RunningService, prefix: string, count: number): Promise<Load["devices"]> {
  await service.api(`/api/v1/models/${model.key}`, { method: "PUT", body: model });
  const devices: Load["devices"] = [];
  while (devices.length < count) {
    const batch = Array.from({ length: Math.min(1_000, count - devices.length) }, (_, at) => ({
      id: `${prefix}-${devices.length + at}`,
      model: model.key,
    }));
    const { status, body } = await service.api("/api/v1/devices/batch", { method: "POST", body: { devices: batch } });
    if (status !== 201) throw new Error(`devices were refused: ${JSON.stringify(body)}`);
    devices.push(...body.items);
  }
  return devices;
}

/** Highest anonymous memory of a process, looked at ten times a second: heap and buffers, without shared and mapped files. */
function watchMemory(pid: number): () => number {
  let highest = 0;
  const timer = setInterval(() => {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    highest = Math.max(highest, Number(/RssAnon:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1_024);
  }, 100);
  return () => {
    clearInterval(timer);
    return Math.round(highest);
  };
}

/** Publishes a reading every 200 ms and asks the API until it is there. */
class Probe {
  readonly latenciesMs: number[] = [];
  #stopped = false;
  #running: Promise<void> | null = null;

  start(service: RunningService, device: Load["devices"][number]): void {
    this.#running = this.#run(service, device);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(service: RunningService, device: Load["devices"][number]): Promise<void> {
    const socket = connect({ port: service.mqttPort, host: "127.0.0.1", noDelay: true });
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write(connectFrame(device.id, device.id, device.token));
    await new Promise((resolve) => socket.once("data", resolve));
    const frame = new ReadingFrame(device.id);
    for (let packetId = 1; !this.#stopped; packetId += 1) {
      const atMs = Date.now();
      const since = performance.now();
      socket.write(Buffer.from(frame.at(packetId, atMs)));
      const path = `/api/v1/devices/${device.id}/telemetry?metrics=cavity_c&points=1&fromMs=${atMs}&toMs=${atMs + 1}`;
      for (;;) {
        const { body } = await service.api(path);
        if (body.series[0].points.length > 0) break;
        await sleep(5);
      }
      this.latenciesMs.push(performance.now() - since);
      await sleep(200);
    }
    socket.destroy();
  }
}

const percentile = (values: number[], share: number) => {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
};

/** How many of the readings sent can be read through the API: the counts of one bucket for each device. */
async function countReadable(service: RunningService, load: Load, result: LoadResult): Promise<number> {
  let total = 0;
  const queue = load.devices
    .entries()
    .filter(([at]) => (result.sent[at] ?? 0) > 0)
    .toArray();
  const fromMs = result.startedAtMs;
  const ask = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const toMs = fromMs + (result.sent[next[0]] ?? 0);
      const path = `/api/v1/devices/${next[1].id}/telemetry?metrics=cavity_c&points=1&fromMs=${fromMs}&toMs=${toMs}`;
      const { body } = await service.api(path);
      total += body.series[0].points[0]?.[4] ?? 0;
    }
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  return total;
}

async function measureHearth(shape: Shape, durationMs: number): Promise<Figures> {
  const dataDir = await newDataDir();
  const service = await startServiceProcess({ dataDir });
  try {
    const devices = await register(service, shape, shapes[shape].devices);
    const [probeDevice] = await register(service, "probe", 1);
    if (probeDevice === undefined) throw new Error("the probe was not registered");
    const memory = watchMemory(service.child.pid ?? 0);
    const probe = new Probe();
    probe.start(service, probeDevice);
    const load: Load = { port: service.mqttPort, shape, inFlight: shapes[shape].inFlight, durationMs, devices };
    const result = await generate(load);
    // Committed means readable: the clock stops when the up road has nothing left, and the count is made through the API.
    for (;;) {
      const { body } = await service.api("/api/v1/health");
      if (body.upRoad.behindRecords === 0 && body.upRoad.readingsCommitted >= result.acked) break;
      await sleep(20);
    }
    const drainedAtMs = Date.now();
    await probe.stop();
    const readable = await countReadable(service, load, result);
    if (readable !== result.acked)
      throw new Error(`${result.acked} readings were acknowledged and ${readable} can be read`);
    return {
      pubacks_per_s: perSecond(result.acked, result.endedAtMs - result.startedAtMs),
      readings_committed_per_s: perSecond(readable, drainedAtMs - result.startedAtMs),
      queryable_ms: { p50: percentile(probe.latenciesMs, 0.5), p99: percentile(probe.latenciesMs, 0.99) },
      rss_anon_mb_max: memory(),
    };
  } finally {
    await stopServiceProcess(service);
    await removeDataDir(dataDir);
  }
}

async function measureMosquitto(shape: Shape, durationMs: number): Promise<number | null> {
  if (mosquittoPath === undefined) return null;
  const dir = await mkdtemp(join(tmpdir(), "hearth-mosquitto-"));
  const port = await freePort();
  const config = `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\nmax_inflight_messages 100\nset_tcp_nodelay true\n`;
  await writeFile(join(dir, "mosquitto.conf"), config);
  const child = spawn(mosquittoPath, ["-c", join(dir, "mosquitto.conf")], { stdio: "ignore" });
  try {
    await sleep(500);
    const devices = Array.from({ length: shapes[shape].devices }, (_, at) => ({ id: `${shape}-${at}`, token: "x" }));
    const result = await generate({ port, shape, inFlight: shapes[shape].inFlight, durationMs, devices });
    return perSecond(result.acked, result.endedAtMs - result.startedAtMs);
  } finally {
    child.kill();
    await rm(dir, { recursive: true, force: true });
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function measure(shape: Shape, rounds: number, durationMs: number) {
  const ours: Figures[] = [];
  const peers: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const figures = await measureHearth(shape, durationMs);
    ours.push(figures);
    const peer = await measureMosquitto(shape, durationMs);
    if (peer !== null) peers.push(peer);
    say(
      `${shape} ${round}/${rounds}: hearth ${JSON.stringify(figures)}, mosquitto ${peer ?? "not installed"} pubacks/s`,
    );
  }
  const of = (pick: (figures: Figures) => number) => median(ours.map(pick));
  const committed = of((figures) => figures.readings_committed_per_s);
  return {
    pubacks_per_s: of((figures) => figures.pubacks_per_s),
    readings_committed_per_s: committed,
    queryable_ms: { p50: of((figures) => figures.queryable_ms.p50), p99: of((figures) => figures.queryable_ms.p99) },
    rss_anon_mb_max: Math.max(...ours.map((figures) => figures.rss_anon_mb_max)),
    mosquitto_pubacks_per_s: peers.length === 0 ? null : median(peers),
    ratio_committed: peers.length === 0 ? null : Math.round((committed * 100) / median(peers)) / 100,
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "8" },
    shape: { type: "string" },
  },
});
if (positionals[0] !== "ingest") {
  say("usage: npm run bench -- ingest [--json] [--rounds 3] [--seconds 8] [--shape hot|fleet]");
  process.exit(2);
}
const rounds = Number(values.rounds);
const durationMs = Number(values.seconds) * 1_000;
const hot = values.shape === "fleet" ? null : await measure("hot", rounds, durationMs);
const fleet = values.shape === "hot" ? null : await measure("fleet", rounds, durationMs);
const answer = { shape: "hot", ...hot, fleet };
process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${JSON.stringify(answer, null, 2)}\n`);
