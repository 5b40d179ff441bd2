/**
 * `npm run bench -- ingest`: how many readings a second are acknowledged, committed and readable, with everything on that an
 * installation has (logins, access rules, validation, the rules that ship, presence, somebody who watches), beside what Mosquitto
 * acknowledges without storing, under the same load in the same run. With `--peers` also beside what two pipelines drain.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connectFrame, ReadingFrame } from "../support/mqtt-bytes.ts";
import type { RunningService } from "../support/service-process.ts";
import { median, percentile, perSecond, say } from "./figures.ts";
import { type Hearth, registerDevices, startHearth } from "./hearth.ts";
import { LoadProcess } from "./load-process.ts";
import { mosquittoIsThere, startMosquitto } from "./mosquitto.ts";
import type { BenchDevice, Peer } from "./peer.ts";
import { startLeanPipeline } from "./peers/lean-pipeline.ts";
import { drained, type Pipeline } from "./peers/pipeline.ts";
import { startUsualPipeline, usualPipelineMisses } from "./peers/usual-pipeline.ts";
import { watchMemory } from "./process-figures.ts";
import type { Load, LoadResult } from "./reading-load.ts";

export type Shape = Load["shape"];

interface Figures {
  pubacks_per_s: number;
  readings_committed_per_s: number;
  queryable_ms: { p50: number; p99: number };
  rss_anon_mb_max: number;
}

/** A shape of load, how long it lasts, and how much of it is on its way at once. */
export type Plan = Pick<Load, "shape" | "inFlight" | "durationMs">;

const shapes: Record<Shape, { devices: number; inFlight: number }> = {
  hot: { devices: 200, inFlight: 10 },
  fleet: { devices: 10_000, inFlight: 2_000 },
};

async function generate({ port, devices }: Peer, plan: Plan): Promise<LoadResult> {
  const load = new LoadProcess("./reading-load.ts");
  try {
    return await load.ask<LoadResult>({ ...plan, port, devices } satisfies Load);
  } finally {
    await load.stop();
  }
}

/** How long after a reading was found the probe says the next, and how often it asks for one: no pipeline beside it is asked anything. */
const probeRestMs = 500;
const probeAskMs = 20;

/** Publishes a reading from time to time and asks the API until it is there. */
class Probe {
  readonly latenciesMs: number[] = [];
  /** Readings that it published. */
  sent = 0;
  #stopped = false;
  #running: Promise<void> | null = null;

  start(service: RunningService, device: BenchDevice): void {
    this.#running = this.#run(service, device);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(service: RunningService, device: BenchDevice): Promise<void> {
    const socket = connect({ port: service.mqttPort, host: "127.0.0.1", noDelay: true });
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write(connectFrame(device.id, device.id, device.token));
    await new Promise((resolve) => socket.once("data", resolve));
    const frame = new ReadingFrame(device.id);
    for (let packetId = 1; !this.#stopped; packetId += 1) {
      const atMs = Date.now();
      const since = performance.now();
      socket.write(Buffer.from(frame.at(packetId, atMs)));
      this.sent = packetId;
      const path = `/api/v1/devices/${device.id}/telemetry?metrics=cavity_c&points=1&fromMs=${atMs}&toMs=${atMs + 1}`;
      for (;;) {
        const { body } = await service.api(path);
        if (body.series[0].points.length > 0) break;
        await sleep(probeAskMs);
      }
      this.latenciesMs.push(performance.now() - since);
      await sleep(probeRestMs);
    }
    socket.destroy();
  }
}

/** How many of the readings sent can be read through the API: the counts of one bucket for each device. */
async function countReadable({ service, devices }: Hearth, result: LoadResult): Promise<number> {
  let total = 0;
  const queue = devices
    .entries()
    .filter(([at]) => (result.sent[at] ?? 0) > 0)
    .toArray();
  const fromMs = result.startedAtMs;
  const ask = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const toMs = fromMs + (result.sent[next[0]] ?? 0);
      const path = `/api/v1/devices/${next[1].id}/telemetry?metrics=cavity_c&points=1&fromMs=${fromMs}&toMs=${toMs}`;
      const { body } = await service.api(path);
      // Buckets begin at round times, so that a short range may lie in two of them.
      for (const point of body.series[0].points) total += point[4];
    }
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  return total;
}

/** @throws where a reading that was acknowledged cannot be read */
export async function measureIngest(hearth: Hearth, plan: Plan): Promise<Figures> {
  const { service } = hearth;
  const [probeDevice] = await registerDevices(service, "probe", 1);
  if (probeDevice === undefined) throw new Error("the probe was not registered");
  const memory = watchMemory(hearth.pid);
  const probe = new Probe();
  const live = await watchLive(hearth);
  probe.start(service, probeDevice);
  const result = await generate(hearth, plan);
  // The clock stops when the last reading is committed, as it does for the pipelines; that each can be read is counted afterwards, through
  // the API. What else the up road still has by then, the load's connections that end, is no reading.
  for (;;) {
    const wanted = result.acked + probe.sent;
    const { body } = await service.api("/api/v1/health");
    // With INFLUX_URL readings come to their store by a reader of its own, and only "nothing is left" says that they are there.
    const isStored =
      body.telemetry.store === "postgres" || body.upRoad.behindRecords + body.telemetry.behindRecords === 0;
    if (isStored && body.upRoad.readingsCommitted >= wanted) break;
    await sleep(20);
  }
  const drainedAtMs = Date.now();
  await probe.stop();
  if ((await live.stop()) === 0) throw new Error("nothing arrived at the live tail");
  const readable = await countReadable(hearth, result);
  if (readable !== result.acked)
    throw new Error(`${result.acked} readings were acknowledged and ${readable} can be read`);
  return {
    pubacks_per_s: pubacksPerSecond(result),
    readings_committed_per_s: perSecond(readable, drainedAtMs - result.startedAtMs),
    queryable_ms: { p50: percentile(probe.latenciesMs, 0.5), p99: percentile(probe.latenciesMs, 0.99) },
    rss_anon_mb_max: memory(),
  };
}

/** Watches one appliance live, as a person with the console open would, and counts what arrives. */
async function watchLive({ service, devices }: Hearth): Promise<{ stop(): Promise<number> }> {
  const leave = new AbortController();
  const url = `${service.http}/api/v1/telemetry/live?device=${devices[0]?.id}`;
  const headers = { authorization: `Bearer ${service.key}`, accept: "text/event-stream" };
  const { body, status } = await fetch(url, { headers, signal: leave.signal });
  if (body === null || status !== 200) throw new Error(`the live tail answered ${status}`);
  let bytes = 0;
  const reading = (async () => {
    for await (const piece of body) bytes += piece.length;
  })().catch(() => {});
  return {
    async stop() {
      leave.abort();
      await reading;
      return bytes;
    },
  };
}

export interface PipelineFigures {
  pubacks_per_s: number;
  readings_drained_per_s: number;
  /** Acknowledged, and in no store. */
  lost: number;
}

export async function measurePipeline(pipeline: Pipeline, plan: Plan): Promise<PipelineFigures> {
  const result = await generate(pipeline.broker, plan);
  const { stored, atMs } = await drained(pipeline, result.acked);
  return {
    pubacks_per_s: pubacksPerSecond(result),
    readings_drained_per_s: perSecond(stored, atMs - result.startedAtMs),
    lost: result.acked - stored,
  };
}

export const measurePubacks = async (peer: Peer, plan: Plan): Promise<number> =>
  pubacksPerSecond(await generate(peer, plan));

const pubacksPerSecond = ({ acked, startedAtMs, endedAtMs }: LoadResult) => perSecond(acked, endedAtMs - startedAtMs);

async function withFresh<Fresh extends { stop(): Promise<void> }, Result>(
  starting: Promise<Fresh>,
  measure: (peer: Fresh) => Promise<Result>,
): Promise<Result> {
  const peer = await starting;
  try {
    return await measure(peer);
  } finally {
    await peer.stop();
  }
}

const pipelines = { usual: startUsualPipeline, lean: startLeanPipeline } as const;
type PipelineName = keyof typeof pipelines;

/** The pipelines that can be started here. */
function pipelinesHere(): PipelineName[] {
  const misses = usualPipelineMisses();
  if (misses !== null) say(`the usual pipeline is left out: ${misses} is not installed`);
  if (!mosquittoIsThere) say("the lean pipeline is left out: mosquitto is not installed");
  return [...(misses === null ? ["usual" as const] : []), ...(mosquittoIsThere ? ["lean" as const] : [])];
}

/** Medians of all rounds; everybody takes turns. */
async function benchShape(shape: Shape, rounds: number, durationMs: number, names: readonly PipelineName[]) {
  const { devices, inFlight } = shapes[shape];
  const plan = { shape, inFlight, durationMs };
  const ours: Figures[] = [];
  const theirs: number[] = [];
  const piped = new Map(names.map((name) => [name, [] as PipelineFigures[]]));
  for (let round = 1; round <= rounds; round += 1) {
    const figures = await withFresh(startHearth(devices), (hearth) => measureIngest(hearth, plan));
    ours.push(figures);
    say(`${shape} ${round}/${rounds} hearth: ${JSON.stringify(figures)}`);
    for (const [name, all] of piped) {
      const drains = await withFresh(pipelines[name](devices), (pipeline) => measurePipeline(pipeline, plan));
      all.push(drains);
      say(`${shape} ${round}/${rounds} ${name} pipeline: ${JSON.stringify(drains)}`);
    }
    if (!mosquittoIsThere) continue;
    const pubacks = await withFresh(startMosquitto(devices), (mosquitto) => measurePubacks(mosquitto, plan));
    theirs.push(pubacks);
    say(`${shape} ${round}/${rounds} mosquitto: ${pubacks} pubacks/s`);
  }
  const of = (pick: (figures: Figures) => number) => median(ours.map(pick));
  const committed = of((figures) => figures.readings_committed_per_s);
  const pubacks = theirs.length === 0 ? null : median(theirs);
  const beside = [...piped].map(([name, all]) => {
    const drains = median(all.map((figures) => figures.readings_drained_per_s));
    const lost = Math.max(...all.map((figures) => figures.lost));
    return [`${name}_pipeline`, { readings_drained_per_s: drains, lost, ratio_committed: ratio(committed, drains) }];
  });
  return {
    pubacks_per_s: of((figures) => figures.pubacks_per_s),
    readings_committed_per_s: committed,
    queryable_ms: { p50: of((figures) => figures.queryable_ms.p50), p99: of((figures) => figures.queryable_ms.p99) },
    rss_anon_mb_max: Math.max(...ours.map((figures) => figures.rss_anon_mb_max)),
    mosquitto_pubacks_per_s: pubacks,
    ratio_committed: pubacks === null ? null : ratio(committed, pubacks),
    ...Object.fromEntries(beside),
  };
}

const ratio = (ours: number, theirs: number): number => Math.round((ours * 100) / theirs) / 100;

/** @param beside whether pipelines that store are measured too */
export async function benchIngest(wanted: Shape | null, rounds: number, durationMs: number, beside: boolean) {
  const names = beside ? pipelinesHere() : [];
  const hot = wanted === "fleet" ? null : await benchShape("hot", rounds, durationMs, names);
  const fleet = wanted === "hot" ? null : await benchShape("fleet", rounds, durationMs, names);
  return { shape: "hot", ...hot, fleet };
}
