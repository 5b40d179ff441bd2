import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAedes } from "./aedes.ts";
import { measureConnections } from "./connections.ts";
import { measureDownload } from "./downloads.ts";
import { measureFanout } from "./fanout.ts";
import { Fleet } from "./fleet.ts";
import { type Hearth, startHearth } from "./hearth.ts";
import { offeredHref } from "./hearth-files.ts";
import { measureIngest, measurePipeline, measurePubacks } from "./ingest.ts";
import { measureLive } from "./live.ts";
import { LoadProcess } from "./load-process.ts";
import { nginxIsThere, startNginx } from "./nginx.ts";
import { mosquittoIsThere, startMosquitto } from "./mosquitto.ts";
import type { Peer } from "./peer.ts";
import { startLeanPipeline } from "./peers/lean-pipeline.ts";
import { benchQuery } from "./query.ts";
import { RolloutBench } from "./rollouts.ts";
import { benchRules } from "./rules.ts";
import { benchLedger } from "./ledger.ts";
import { benchSearch } from "./search.ts";
import { benchSegments } from "./segments.ts";

const deviceCount = 24;
const warmUp = 6;
const quietMs = 20;
const plan = { shape: "fleet", inFlight: 10, durationMs: 100 } as const;

let hearth: Hearth;
let aedes: Peer;
let mosquitto: Peer | null;
let fleet: Fleet;
beforeAll(async () => {
  fleet = new Fleet();
  [hearth, aedes, mosquitto] = await Promise.all([
    startHearth(deviceCount + warmUp),
    startAedes(deviceCount + warmUp),
    mosquittoIsThere ? startMosquitto(deviceCount + warmUp) : null,
  ]);
});
afterAll(async () => {
  await Promise.all([fleet.stop(), hearth.stop(), aedes.stop(), mosquitto?.stop()]);
});

const peers = () => [hearth, aedes, mosquitto].filter((peer) => peer !== null);

test("the bench of connections lets every device in twice, over TLS the second time with its session", async () => {
  for (const peer of peers()) {
    for (const transport of ["tcp", "tls"] as const) {
      const figures = await measureConnections(peer, fleet, { transport, deviceCount, quietMs });
      expect(figures.first_per_s).toBeGreaterThan(0);
      expect(figures.again_per_s).toBeGreaterThan(0);
    }
  }
});

test("the bench of fan-out hears every copy of an item once", async () => {
  for (const peer of peers()) expect((await measureFanout(peer, fleet, 1, quietMs)).last_ms).toBeGreaterThan(0);
});

test("the bench of ingest reads back every reading that was acknowledged", async () => {
  expect((await measureIngest(hearth, plan)).readings_committed_per_s).toBeGreaterThan(0);
  for (const peer of peers()) expect(await measurePubacks(peer, plan)).toBeGreaterThan(0);
});

test("the bench of the live tail hears every reading of those who are watched", async () => {
  const load = { devices: deviceCount, readingsPerSecond: 500, durationMs: 500, warmUpMs: 0 };
  const figures = await measureLive(hearth, { ...load, readers: 2, devicesPerReader: 12 });
  expect(figures["watched_readings"]).toBeGreaterThan(150);
  expect(figures["publish_to_sse_ms_p99"]).toBeGreaterThan(0);
});

test("the bench of rules has every reading pass, and those of sound ovens are not looked at closely", async () => {
  const figures = await benchRules({ rounds: 1, durationMs: 0, ovens: 2, days: 2 });
  expect(figures.readings).toBeGreaterThan(500);
  expect(figures).toMatchObject({ looked_at_closely: 0, ratio_committed: null });
});

test("the bench of search finds what it looks for in a registry of its own", async () => {
  const figures = await benchSearch({ devices: 2_000, rounds: 1, perKind: 3 });
  expect(figures["p95_ms"]).toBeGreaterThan(0);
});

test("the bench of the ledger commits an entry for every act, and the ledger holds", async () => {
  const figures = await benchLedger({ households: 100, acts: 200, batch: 50, rounds: 1 });
  expect(figures).toMatchObject({ entries: 200, holds: 1 });
});

test.skipIf(!mosquittoIsThere)("the lean pipeline stores whatever its broker acknowledged", async () => {
  const lean = await startLeanPipeline(deviceCount);
  try {
    const figures = await measurePipeline(lean, plan);
    expect(figures).toMatchObject({ lost: 0 });
    expect(figures.readings_drained_per_s).toBeGreaterThan(0);
  } finally {
    await lean.stop();
  }
});

test("the bench of downloads gets the whole image for everybody, from Hearth and from nginx", async () => {
  const bytes = randomBytes(1_000_000);
  const image = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  const load = new LoadProcess("download-load.ts");
  const nginx = nginxIsThere ? await startNginx(bytes) : null;
  const ours = { ...hearth, href: await offeredHref(hearth, bytes) };
  try {
    for (const server of [ours, nginx].filter((one) => one !== null)) {
      expect((await measureDownload(server, load, image, 3, quietMs)).mb_per_s).toBeGreaterThan(0);
    }
  } finally {
    await load.stop();
    await nginx?.stop();
  }
});

test("the bench of rollouts brings a stage through, and finds everybody where they stood after a restart", async () => {
  const bench = await RolloutBench.open(2_000);
  try {
    for (let round = 0; round < 2; round += 1) {
      const figures = await bench.measure();
      expect(figures.members).toBeGreaterThan(1_000);
      expect(figures.plan_to_insert).toBeGreaterThan(0);
      expect(figures.receipts_per_s).toBeGreaterThan(0);
    }
  } finally {
    await bench.close();
  }
});

test("the bench of queries counts the same readings in each chart as InfluxDB does", async () => {
  const figures = await benchQuery({ days: 0.1, rounds: 1, asked: 5 });
  expect(figures["readings"]).toBeGreaterThan(8_640);
  expect(figures["chart_p95_ms"]).toBeGreaterThan(0);
});

test("the bench of segments moves households while events come, and fills a segment that is new", async () => {
  const figures = await benchSegments({ households: 2_000, segments: 10, perS: 500, durationMs: 500, rounds: 1 });
  expect(figures["moved"]).toBeGreaterThan(0);
  expect(figures["events_per_s_max"]).toBeGreaterThan(0);
  expect(figures["day_households"]).toBeGreaterThan(0);
});
