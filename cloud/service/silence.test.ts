/** Whose silence counts, with the real up road: presence as the gateway tells it, its boots, and the record of when somebody listened. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecordChannel, SequencedRecord } from "#protocol/link/up-chunk.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

const minute = 60_000;
const silentFor = 10 * minute;

let kitchen: Kitchen;
const source = { gatewayId: "main", spoolEpoch: randomUUID() };
let [sequence, connections, reports, models] = [0, 0, 0, 0];
let bootId = "";

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.slices.ingest.openSource(source);
});
afterAll(() => kitchen.close());

async function say(channel: RecordChannel, said: readonly { device: string; payload: object }[]): Promise<void> {
  const records = said.map(({ device, payload }): SequencedRecord => {
    const bytes = Buffer.from(JSON.stringify(payload));
    const record = { sequence, channel, deviceId: device, receivedAtMs: kitchen.clock.nowMs(), payload: bytes };
    sequence += 1;
    return record;
  });
  await kitchen.slices.ingest.commit(source, records);
}

const come = (ids: readonly string[]) =>
  say(
    "presence",
    ids.map((device) => ({ device, payload: { state: "connected", bootId, connectionId: (connections += 1) } })),
  );

/** The gateway notices that connections are dead. */
async function go(ids: readonly string[]): Promise<void> {
  const { rows } = await sql<{ id: string; connection_id: number }>`
    SELECT id, connection_id FROM device WHERE id = ANY(${ids}::text[]) ORDER BY key`.execute(kitchen.base.database.db);
  await say(
    "presence",
    rows.map(({ id, connection_id: connectionId }) => ({
      device: id,
      payload: { state: "disconnected", bootId, connectionId, reason: "keepalive" },
    })),
  );
}

const measure = (ids: readonly string[]) =>
  say(
    "telemetry",
    ids.map((device) => ({ device, payload: { atMs: kitchen.clock.nowMs(), m: { cavity_c: 20 } } })),
  );

async function boot(): Promise<void> {
  bootId = randomUUID();
  await kitchen.slices.linkDeps.onBoot("main", bootId);
}

/** Time passes minute by minute, with a gateway that is up, or with the service alone; every four minutes something is said. */
async function pass(minutes: number, options: { gateway?: boolean; each?: () => Promise<void> } = {}): Promise<void> {
  const { gateway = true, each } = options;
  for (let at = 0; at < minutes * 3; at += 1) {
    kitchen.clock.forward(20_000);
    reports += 1;
    await kitchen.slices.listening.beat(gateway ? { bootId, reports, oldestWaitingMs: 0 } : null);
    if (at % 3 !== 2) continue;
    if (at % 12 === 2) await each?.();
    await kitchen.slices.service.tickRules();
    await kitchen.slices.service.tickIncidents();
  }
}

/** A fleet under rules that ten minutes of silence, or ten minutes without a temperature, are a case. */
async function fleet(size: number): Promise<{ model: string; ids: string[] }> {
  const model = `quiet-${(models += 1)}`;
  const ids = Array.from({ length: size }, (_, at) => `${model}-${at}`);
  await sql`INSERT INTO device (id, model, serial, created_at_ms)
    SELECT id, ${model}, id, 0 FROM unnest(${ids}::text[]) AS id`.execute(kitchen.base.database.db);
  const rule = { kind: "absence", severity: "service", models: [model], forMs: silentFor };
  const silent = { ...rule, title: "Silent", cause: "silent_here", of: { kind: "anything" } };
  const cold = {
    ...rule,
    title: "Says no temperature",
    cause: "no_cavity",
    of: { kind: "metric", metric: "cavity_c" },
  };
  // Of models that nobody has registered.
  for (const definition of [silent, cold])
    expect((await kitchen.as("support", "POST", "/service/rules?confirm=true", definition)).status).toBe(201);
  return { model, ids };
}

const casesOf = async (model: string) =>
  (
    await sql<{ cause: string; count: number }>`
      SELECT cause, count(*) AS count FROM service_case WHERE model = ${model} AND NOT is_closed GROUP BY cause`.execute(
      kitchen.base.database.db,
    )
  ).rows;

const incidentsOf = async (model: string) =>
  (await kitchen.as("support", "GET", `/incidents?model=${model}`)).body.items as {
    cause: string;
    status: string;
    members: number;
    standing: number;
  }[];

test("a gateway that is away for half an hour while the rest runs makes nobody silent, and who stays away after that is", async () => {
  const { model, ids } = await fleet(200);
  await boot();
  await come(ids);
  await pass(5, { each: () => measure(ids) });
  await pass(30, { gateway: false });
  expect(await casesOf(model)).toEqual([]);
  await boot();
  const back = ids.slice(0, 190);
  await come(back);
  await pass(14, { each: () => measure(back) });
  expect(await casesOf(model)).toEqual([]);
  await pass(3, { each: () => measure(back) });
  expect((await casesOf(model)).toSorted((a, b) => a.cause.localeCompare(b.cause))).toEqual([
    { cause: "no_cavity", count: 10 },
    { cause: "silent_here", count: 10 },
  ]);
});

test("500 ovens lose power at once: one incident, no 500 cases, and it is over when the power is back", async () => {
  const { model, ids } = await fleet(500);
  await come(ids);
  await pass(15);
  // Dead connections are noticed one keep-alive after the last word, which was not at the same moment for all.
  await go(ids.slice(0, 200));
  await pass(1);
  await go(ids.slice(200));
  await pass(20);
  expect(await incidentsOf(model)).toMatchObject([{ cause: "silent_here", members: 500, standing: 500 }]);
  expect(await casesOf(model)).toEqual([]);
  await come(ids);
  expect(await incidentsOf(model)).toMatchObject([{ status: "settling", standing: 0 }]);
  await pass(31);
  expect(await incidentsOf(model)).toMatchObject([{ status: "resolved" }]);
  expect(await casesOf(model)).toEqual([]);
});

test("2,000 ovens and the service down for a quarter of an hour: no case", async () => {
  const { model, ids } = await fleet(2_000);
  await boot();
  await come(ids);
  await pass(12, { each: () => measure(ids) });
  kitchen.clock.forward(15 * minute);
  await boot();
  // They come back over three minutes, and speak as before.
  for (let at = 0; at < 3; at += 1) {
    await pass(1);
    await come(ids.slice((at * ids.length) / 3, ((at + 1) * ids.length) / 3));
  }
  await pass(16, { each: () => measure(ids) });
  expect(await casesOf(model)).toEqual([]);
  expect(await incidentsOf(model)).toEqual([]);
});
