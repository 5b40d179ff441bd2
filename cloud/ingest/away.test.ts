import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CloudMessage, GatewayMessage } from "#protocol/link/messages.ts";
import { refusal } from "#protocol/provisioning.ts";
import { encodeChunk, type SequencedRecord } from "#protocol/link/up-chunk.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { until } from "../../test/support/service-process.ts";
import { Devices } from "../devices/devices.ts";
import { systemClock } from "../platform/clock.ts";
import { Database } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { Staff } from "../staff/staff.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { GatewayLink } from "./gateway-link.ts";
import { Ingest, type IngestSlices } from "./ingest.ts";

/** A client whose first BEGIN finds the connection broken. */
class BrokenOnce extends Database {
  isBroken = true;

  override async connect() {
    const client = await super.connect();
    const query = client.query.bind(client);
    Reflect.set(client, "query", (...args: Parameters<typeof query>) => {
      if (!this.isBroken) return Reflect.apply(query, client, args);
      this.isBroken = false;
      return Promise.reject(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    });
    return client;
  }
}

let base: TestDatabase;
let devices: Devices;
let slices: IngestSlices;
const logger = createLogger("silent");
const ingests: Ingest[] = [];
const nowMs = Date.now();

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  devices = new Devices({ ...deps, audit: new Staff(deps).audit });
  const telemetry = new Telemetry({
    ...deps,
    layoutOf: (model) => devices.layout(model),
    modelsOf: (keys) => devices.modelsOf(keys),
  });
  await sql`INSERT INTO model (key, version, document, created_at_ms) VALUES ('oven', 1, '{}', 0)`.execute(base.db);
  await sql`INSERT INTO device (id, model, serial, created_at_ms)
    VALUES ('oven-1', 'oven', 's', 0)`.execute(base.db);
  slices = {
    findDevices: (ids) => devices.find(ids),
    deviceChanges: () => 0,
    prepareReadings: (facts) => telemetry.prepare(facts),
    readings: (client, prepared) => telemetry.ingestReadings(client, prepared),
    events: (tx, facts) => telemetry.ingestEvents(tx, facts),
    reported: async () => {},
    presence: async () => {},
    security: async () => {},
    receipts: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    replies: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    effects: async () => [],
  };
});
afterAll(async () => {
  for (const ingest of ingests) await ingest.stop();
  await base.drop();
});

function ingestWith(changed: Partial<IngestSlices>, database: Database = base.database): Ingest {
  const ingest = new Ingest({
    database,
    slices: { ...slices, ...changed },
    clock: systemClock,
    ids: randomIds,
    logger,
  });
  ingests.push(ingest);
  return ingest;
}

const newSource = async (ingest: Ingest) => {
  const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  expect((await ingest.openSource(source)).watermark).toBe(-1);
  return source;
};

const boot = (sequence: number, id: string): SequencedRecord => ({
  sequence,
  channel: "events",
  deviceId: "oven-1",
  receivedAtMs: nowMs,
  payload: Buffer.from(JSON.stringify({ id, atMs: nowMs, type: "boot" })),
});

const eventsOf = async (...ids: string[]) =>
  (
    await sql<{ id: string }>`SELECT id FROM device_event WHERE id = ANY(${ids}::text[]) ORDER BY id`.execute(base.db)
  ).rows.map(({ id }) => id);

test("two links at once do not share a transaction: what the one rolls back is not what the other committed", async () => {
  const slowIsIn = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const ingest = ingestWith({
    async effects(_tx, { events }) {
      if (events.some(({ event }) => event.id === "two-slow")) {
        slowIsIn.resolve();
        await goOn.promise;
      }
      if (events.some(({ event }) => event.id === "two-poison")) {
        goOn.resolve();
        throw new TypeError("a bug in a slice");
      }
      return [];
    },
  });
  const [old, fresh] = [await newSource(ingest), await newSource(ingest)];
  const first = ingest.commit(old, [boot(0, "two-slow")]);
  await slowIsIn.promise;
  const second = ingest.commit(fresh, [boot(0, "two-poison")]);
  // The second may be waiting for the first, as it should, so the first goes on in any case.
  setTimeout(goOn.resolve, 300);
  expect(await first).toBe(0);
  expect(await second).toBe(0);
  expect(await eventsOf("two-slow", "two-poison")).toEqual(["two-slow"]);
});

test("a connection that breaks as the transaction begins is the connection's fault, and no record is set aside for it", async () => {
  const database = new BrokenOnce({ connection: base.connection, connectionsMax: 2, onError() {} });
  const ingest = ingestWith({}, database);
  const source = await newSource(ingest);
  expect(await ingest.commit(source, [boot(0, "epipe-0")])).toBe(0);
  expect(database.isBroken).toBe(false);
  expect(await eventsOf("epipe-0")).toEqual(["epipe-0"]);
  expect(ingest.counters).toMatchObject({ quarantined: 0, retries: 1 });
  await ingest.stop();
  await database.close();
});

test("a slice that stumbles after the commit takes nothing from the others", async () => {
  const told: string[] = [];
  const ingest = ingestWith({
    effects: async () => [
      () => {
        throw new TypeError("a bug in a slice");
      },
      () => void told.push("the next one"),
    ],
  });
  const source = await newSource(ingest);
  expect(await ingest.commit(source, [boot(0, "stumble-0")])).toBe(0);
  expect(told).toEqual(["the next one"]);
  expect(ingest.counters).toMatchObject({ recordsCommitted: 1, quarantined: 0 });
});

test("a gateway that says hello while the database is away is welcomed once it is back, and its batch is taken", async () => {
  let away = 3;
  const whileAway = async () => {
    away -= 1;
    if (away >= 0) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  };
  const ingest = ingestWith({});
  const said: CloudMessage[] = [];
  const link = new GatewayLink({
    ingest,
    points: null,
    logger,
    send: (message) => void said.push(message),
    onBoot: whileAway,
    identify: async () => null,
    enrol: async () => refusal("try_again"),
    denyList: async () => {},
    feeds: async () => ({ version: 0, items: [] }),
    onReady() {},
    onWire() {},
    onWritten() {},
    onNotWritten() {},
  });
  const ids = { gatewayId: randomUUID(), spoolEpoch: randomUUID(), bootId: randomUUID() };
  link.receive({ kind: "hello", ...ids, firstSequence: 0, headSequence: 0 });
  await until("the gateway is welcomed", () => said.some(({ kind }) => kind === "welcome"));
  const batch: GatewayMessage = {
    kind: "batch",
    reader: "effects",
    firstSequence: 0,
    records: 1,
    chunks: [encodeChunk([boot(0, "hello-0")])],
  };
  link.receive(batch);
  await until("its batch is committed", () => said.some(({ kind }) => kind === "committed"));
  expect(link.failure).toBeNull();
  expect(await eventsOf("hello-0")).toEqual(["hello-0"]);
});
