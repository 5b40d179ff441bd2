/** The second reader, with a store that a test plays. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CloudMessage, GatewayMessage, UpReader } from "#protocol/link/messages.ts";
import { encodeChunk, type UpRecord } from "#protocol/link/up-chunk.ts";
import { refusal } from "#protocol/provisioning.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { until } from "../../test/support/service-process.ts";
import { Devices, type ReadingFact } from "../devices/devices.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { Staff } from "../staff/staff.ts";
import type { ParkedReading, PointsSink } from "../telemetry/telemetry.ts";
import { GatewayLink } from "./gateway-link.ts";
import { Ingest } from "./ingest.ts";
import { PointsReader } from "./points-reader.ts";

const logger = createLogger("silent");
const nowMs = Date.now();
let base: TestDatabase;
let devices: Devices;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  devices = new Devices({ ...deps, audit: new Staff(deps).audit });
  await sql`INSERT INTO model (key, version, document, created_at_ms) VALUES ('oven', 1, '{}', 0)`.execute(base.db);
  await sql`INSERT INTO device (id, model, serial, created_at_ms) VALUES ('oven-1', 'oven', 's', 0)`.execute(base.db);
});
afterAll(async () => {
  for (const end of ends) await end();
  await base.drop();
});

const findDevices = (ids: readonly string[]) => devices.find(ids);

/** A store that can be away. */
class PlayedSink implements PointsSink {
  readonly stored: ReadingFact[] = [];
  readonly parked: ParkedReading[] = [];
  away: string | null = null;
  refuses: (fact: ReadingFact) => boolean = () => false;

  async write(facts: readonly ReadingFact[]): Promise<ParkedReading[]> {
    if (this.away !== null) throw new Error(this.away);
    this.stored.push(...facts.filter((fact) => !this.refuses(fact)));
    return facts
      .filter((fact) => this.refuses(fact))
      .map((fact) => ({ ...fact, metrics: { ...fact.metrics }, reason: "refused", detail: "too hot" }));
  }

  async park(_tx: unknown, parked: readonly ParkedReading[]): Promise<void> {
    this.parked.push(...parked);
  }
}

/** The cloud's end of a link, with what it said to a gateway that is played. */
class Cloud {
  readonly said: CloudMessage[] = [];
  readonly effects: number[] = [];
  readonly ingest: Ingest;
  readonly points: PointsReader | null;
  readonly link: GatewayLink;

  constructor(sink: PlayedSink | null) {
    this.ingest = new Ingest({
      database: base.database,
      slices: {
        findDevices,
        deviceChanges: () => 0,
        prepareReadings: async () => ({ rows: [], hours: [], copy: Buffer.alloc(0), repeated: new Set() }),
        readings: async () => {},
        events: async () => ({ fresh: [], altered: [] }),
        reported: async () => {},
        presence: async () => {},
        security: async () => {},
        receipts: async () => ({ unknown: [], afterCommit: undefined }),
        replies: async () => ({ unknown: [], afterCommit: undefined }),
        effects: async (_tx, { readings }) => {
          this.effects.push(...readings.map(({ atMs }) => atMs));
          return [];
        },
      },
      clock: systemClock,
      ids: randomIds,
      logger,
    });
    const deps = { db: base.db, clock: systemClock, ids: randomIds, logger };
    this.points = sink === null ? null : new PointsReader({ ...deps, findDevices, sink });
    this.link = new GatewayLink({
      ingest: this.ingest,
      points: this.points,
      logger,
      send: (message) => void this.said.push(message),
      onBoot: async () => {},
      identify: async () => null,
      enrol: async () => refusal("try_again"),
      denyList: async () => {},
      feeds: async () => ({ version: 0, items: [] }),
      onReady() {},
      onWire() {},
      onWritten() {},
      onNotWritten() {},
    });
    ends.push(() => this.stop());
  }

  async hello(source: { gatewayId: string; spoolEpoch: string }) {
    this.link.receive({ kind: "hello", ...source, bootId: randomUUID(), firstSequence: 0, headSequence: 100 });
    await until("the gateway is welcomed", () => this.said.some(({ kind }) => kind === "welcome"));
    return this.said.find((message) => message.kind === "welcome");
  }

  async stop(): Promise<void> {
    this.link.stop();
    this.points?.stop();
    await this.ingest.stop();
  }

  async hears(reader: UpReader, watermark: number): Promise<void> {
    const hasCome = () =>
      this.said.some((one) => one.kind === "committed" && one.reader === reader && one.watermark === watermark);
    await until(`${reader} has committed ${watermark}`, hasCome);
  }
}

const newSource = () => ({ gatewayId: randomUUID(), spoolEpoch: randomUUID() });

const record = (atMs: number): UpRecord => ({
  channel: "telemetry",
  deviceId: "oven-1",
  receivedAtMs: nowMs,
  payload: Buffer.from(JSON.stringify({ atMs, m: { cavity_c: 20 } })),
});

const batch = (reader: UpReader, firstSequence: number, ...atMs: number[]): GatewayMessage => {
  const chunks = [encodeChunk(atMs.map(record))];
  return { kind: "batch", reader, firstSequence, records: atMs.length, chunks };
};

const timesOf = (facts: readonly { atMs: number }[]) => facts.map(({ atMs }) => atMs);

test("a store that is away stops the points and not the effects, says why, and gets everything when it is back", async () => {
  const sink = new PlayedSink();
  const cloud = new Cloud(sink);
  expect(await cloud.hello(newSource())).toMatchObject({ watermark: -1, pointsWatermark: -1 });
  sink.away = "connect ECONNREFUSED";
  cloud.link.receive(batch("points", 0, nowMs, nowMs + 1));
  cloud.link.receive(batch("effects", 0, nowMs, nowMs + 1));
  await cloud.hears("effects", 1);
  expect(cloud.effects).toEqual([nowMs, nowMs + 1]);
  await until("it says why", () => cloud.points?.waitingFor === "connect ECONNREFUSED");
  expect(sink.stored).toEqual([]);
  sink.away = null;
  await cloud.hears("points", 1);
  expect(timesOf(sink.stored)).toEqual([nowMs, nowMs + 1]);
  expect(cloud.points?.waitingFor).toBeNull();
  // Credit is given back to whom it was taken from.
  await until("it has credit", () => cloud.said.some((one) => one.kind === "credit" && one.batches === 1));
  expect(cloud.said.filter((one) => one.kind === "credit" && one.reader === "points").length).toBe(2);
});

test("a cloud that starts again goes on at each reader's own watermark", async () => {
  const source = newSource();
  const sink = new PlayedSink();
  const first = new Cloud(sink);
  await first.hello(source);
  first.link.receive(batch("effects", 0, nowMs, nowMs + 1, nowMs + 2));
  first.link.receive(batch("points", 0, nowMs));
  await Promise.all([first.hears("effects", 2), first.hears("points", 0)]);
  await first.stop();
  const second = new Cloud(sink);
  expect(await second.hello(source)).toMatchObject({ watermark: 2, pointsWatermark: 0 });
});

test("a store that is switched on begins where the effects are, since until there they stored the readings", async () => {
  const source = newSource();
  const without = new Cloud(null);
  expect(await without.hello(source)).toMatchObject({ pointsWatermark: null });
  without.link.receive(batch("effects", 0, nowMs, nowMs + 1));
  await without.hears("effects", 1);
  await without.stop();
  expect(await new Cloud(new PlayedSink()).hello(source)).toMatchObject({ watermark: 1, pointsWatermark: 1 });
});

test("a store that is switched off with readings still on their way is a gap, and never silent", async () => {
  const source = newSource();
  const first = new Cloud(new PlayedSink());
  await first.hello(source);
  first.link.receive(batch("effects", 0, nowMs, nowMs + 1, nowMs + 2));
  first.link.receive(batch("points", 0, nowMs));
  await Promise.all([first.hears("effects", 2), first.hears("points", 0)]);
  await first.stop();
  const second = new Cloud(null);
  await second.hello(source);
  const gaps = (await second.ingest.gaps(100)).filter(({ gatewayId }) => gatewayId === source.gatewayId);
  expect(gaps).toMatchObject([{ fromSequence: 1, toSequence: 2, reason: "points_switched_off" }]);
});

test("what the store refuses for good is set aside, and its neighbours are stored", async () => {
  const sink = new PlayedSink();
  const cloud = new Cloud(sink);
  await cloud.hello(newSource());
  sink.refuses = ({ atMs }) => atMs === nowMs + 1;
  cloud.link.receive(batch("points", 0, nowMs, nowMs + 1, nowMs + 2));
  await cloud.hears("points", 2);
  expect(timesOf(sink.stored)).toEqual([nowMs, nowMs + 2]);
  expect(sink.parked).toMatchObject([{ atMs: nowMs + 1, reason: "refused" }]);
  expect(cloud.points?.counters).toMatchObject({ stored: 2, parked: 1 });
});

test("records that are lost for the points alone are a gap of their own", async () => {
  const source = newSource();
  const cloud = new Cloud(new PlayedSink());
  await cloud.hello(source);
  cloud.link.receive({ kind: "gap", reader: "points", fromSequence: 0, toSequence: 4, reason: "damaged_chunk" });
  cloud.link.receive(batch("points", 5, nowMs));
  await cloud.hears("points", 5);
  const gaps = (await cloud.ingest.gaps(100)).filter(({ gatewayId }) => gatewayId === source.gatewayId);
  expect(gaps).toMatchObject([{ fromSequence: 0, toSequence: 4, reason: "points_damaged_chunk" }]);
});

test("a batch that waits for the store goes with its link, and comes again over the next", async () => {
  const source = newSource();
  const sink = new PlayedSink();
  const first = new Cloud(sink);
  await first.hello(source);
  sink.away = "away";
  first.link.receive(batch("points", 0, nowMs));
  await until("it waits", () => first.points?.waitingFor === "away");
  await first.stop();
  sink.away = null;
  const second = new Cloud(sink);
  expect(await second.hello(source)).toMatchObject({ pointsWatermark: -1 });
  second.link.receive(batch("points", 0, nowMs));
  await second.hears("points", 0);
  expect(timesOf(sink.stored)).toEqual([nowMs]);
});
