/**
 * `npm run bench -- live`: how long it takes from an appliance's publishing a reading until somebody who watches has it, while the fleet
 * says ten thousand readings a second.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readStream } from "../support/server-sent.ts";
import { percentile, perSecond, say } from "./figures.ts";
import { type Hearth, startHearth } from "./hearth.ts";
import type { LiveLoad, LiveLoadResult } from "./live-load.ts";
import { LoadProcess } from "./load-process.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface LivePlan {
  devices: number;
  readingsPerSecond: number;
  durationMs: number;
  /** What is heard in this first time counts for nothing: caches and compilers warm up. */
  warmUpMs: number;
  readers: number;
  devicesPerReader: number;
}

const usualPlan: Omit<LivePlan, "durationMs"> = {
  devices: 1_000,
  readingsPerSecond: 10_000,
  warmUpMs: 2_000,
  readers: 5,
  devicesPerReader: 20,
};

/** How long after the last PUBACK the last readings may come. */
const drainMs = 2_000;

type Told =
  | { event: "readings"; data: { readings: { atMs: number; receivedAtMs: number }[] } }
  | { event: "missed"; data: { readings: number } }
  | { event: "sampling"; data: object };

/** @throws where a reader missed anything */
export async function measureLive({ service, devices, port }: Hearth, plan: LivePlan): Promise<Figures> {
  const heard: { atMs: number; inMs: number; latencyMs: number }[] = [];
  let missed = 0;
  const onTold = (told: Told) => {
    const nowMs = Date.now();
    if (told.event === "missed") missed += told.data.readings;
    if (told.event !== "readings") return;
    for (const { atMs, receivedAtMs } of told.data.readings)
      heard.push({ atMs, inMs: receivedAtMs - atMs, latencyMs: nowMs - atMs });
  };
  const readers = await Promise.all(
    Array.from({ length: plan.readers }, (_none, at) => {
      const watched = devices.slice(at * plan.devicesPerReader, (at + 1) * plan.devicesPerReader);
      const query = watched.map(({ id }) => `device=${id}`).join("&");
      return readStream<Told>(`${service.http}/api/v1/telemetry/live?faster=false&${query}`, service.key, onTold);
    }),
  );
  const load = new LoadProcess("./live-load.ts");
  try {
    const { readingsPerSecond, durationMs } = plan;
    const result = await load.ask<LiveLoadResult>({ port, devices, readingsPerSecond, durationMs } satisfies LiveLoad);
    const watched = (plan.readers * plan.devicesPerReader) / devices.length;
    const expected = Math.floor(result.sent * watched);
    for (let waitedMs = 0; heard.length < expected && waitedMs < drainMs; waitedMs += 50) await sleep(50);
    if (missed > 0 || result.acked < result.sent)
      throw new Error(`${missed} readings were missed by readers, ${result.sent - result.acked} not acknowledged`);
    const counted = heard.filter(({ atMs }) => atMs >= result.startedAtMs + plan.warmUpMs);
    const latencies = counted.map(({ latencyMs }) => latencyMs);
    return {
      readings_per_s: perSecond(result.sent, result.endedAtMs - result.startedAtMs),
      watched_readings: latencies.length,
      publish_to_sse_ms_p50: percentile(latencies, 0.5),
      publish_to_sse_ms_p99: percentile(latencies, 0.99),
      publish_to_sse_ms_max: latencies.reduce((most, ms) => Math.max(most, ms), 0),
      // Until the gateway had read it; the rest is the spool's flush, the commit and the stream.
      publish_to_gateway_ms_p99: percentile(
        counted.map(({ inMs }) => inMs),
        0.99,
      ),
    };
  } finally {
    await load.stop();
    await Promise.all(readers.map((reader) => reader.leave()));
  }
}

export async function benchLive(rounds: number, durationMs: number) {
  const figures: Figures[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const hearth = await startHearth(usualPlan.devices);
    try {
      const measured = await measureLive(hearth, { ...usualPlan, durationMs: durationMs + usualPlan.warmUpMs });
      figures.push(measured);
      say(`live ${round}/${rounds}: ${JSON.stringify(measured)}`);
    } finally {
      await hearth.stop();
    }
  }
  return mediansOf(figures);
}
