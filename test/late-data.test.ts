import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeviceEvent } from "#protocol/device-event.ts";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import type { Reading } from "#protocol/reading.ts";
import { uniform } from "../device-sim/core/random.ts";
import { history } from "../device-sim/history/history.ts";
import { loadModels } from "../device-sim/models.ts";
import { Kitchen } from "./support/kitchen.ts";

const [minuteMs, dayMs] = [60_000, 86_400_000];
const days = 8;
const stepMs = dayMs / 4;
const model = loadModels().get("oven-x200");
if (model === undefined) throw new Error("no oven");
const spec = { model, persona: "baker", timeZone: "Europe/Berlin", locale: "de", seed: 4 } as const;
const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };

let kitchen: Kitchen;
let fromMs = 0;
let sequence = 0;
let expected: Outcome;
beforeAll(async () => {
  kitchen = await Kitchen.open();
  fromMs = kitchen.clock.nowMs();
  await kitchen.as("admin", "PUT", "/models/oven-x200", model);
  await kitchen.slices.ingest.openSource(source);
  const householdId = await settle("in-time");
  // As it happens, in order, six hours at a time.
  for (const batch of history(spec, fromMs, fromMs + days * dayMs, suffers(), { gatherMs: stepMs })) {
    kitchen.clock.forward(Math.max(0, batch.atMs - kitchen.clock.nowMs()));
    await commit([...records("in-time", [batch.readings]), ...batch.events.flatMap((one) => said("in-time", one))]);
    await kitchen.slices.service.tickRules();
  }
  kitchen.clock.forward(fromMs + days * dayMs - kitchen.clock.nowMs() + 10 * minuteMs);
  await kitchen.slices.service.tickRules();
  expected = await outcomeOf("in-time", householdId);
});
afterAll(() => kitchen.close());

const suffers = () => ({ name: "aborts", sinceMs: fromMs + 2 * dayMs }) as const;

const record = (deviceId: string, channel: "telemetry" | "events", payload: unknown): SequencedRecord => ({
  sequence: 0,
  channel,
  deviceId,
  receivedAtMs: kitchen.clock.nowMs(),
  payload: Buffer.from(JSON.stringify(payload)),
});
const records = (deviceId: string, messages: readonly Reading[][]): SequencedRecord[] =>
  messages.flatMap((readings) => (readings.length === 0 ? [] : [record(deviceId, "telemetry", readings)]));
const said = (deviceId: string, event: DeviceEvent): SequencedRecord[] => [record(deviceId, "events", event)];

async function commit(list: readonly SequencedRecord[]): Promise<void> {
  const numbered = list.map((one) => ({ ...one, sequence: sequence++ }));
  if (numbered.length > 0) await kitchen.slices.ingest.commit(source, numbered);
}

/** Registers an oven that belongs to a household of its own. */
async function settle(id: string): Promise<string> {
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id, model: "oven-x200" }] });
  const home = { name: id, locale: "de", timeZone: "Europe/Berlin" };
  const made = await kitchen.as("admin", "POST", "/households", home);
  await kitchen.as("admin", "PUT", `/households/${made.body.id}/devices/${id}`);
  return made.body.id;
}

interface Outcome {
  readings: unknown[];
  chart: unknown;
  points: unknown;
  pointsByDay: unknown[];
  causes: string[];
}

/** What became of all that an appliance said. */
async function outcomeOf(id: string, householdId: string): Promise<Outcome> {
  const { db } = kitchen.base;
  await kitchen.slices.telemetry.follow();
  const readings = await sql`
    SELECT at_ms, metric_values, undeclared FROM reading JOIN device ON device.key = device_key
    WHERE device.id = ${id} ORDER BY at_ms`.execute(db);
  // What is earned once is earned by the first event to arrive, whichever day that is of: an entry is never moved.
  const pointsByDay = await sql`
    SELECT CASE WHEN NOT is_once THEN day::text END AS day, rule, sum(points)::int AS points FROM ledger_transfer JOIN device ON device.key = device_key
    WHERE device.id = ${id} GROUP BY 1, 2 ORDER BY 1, 2`.execute(db);
  const range = `metrics=cavity_c,energy_wh&fromMs=${fromMs}&toMs=${fromMs + days * dayMs}&points=40`;
  const { items } = (await kitchen.as("support", "GET", `/cases?device=${id}`)).body;
  return {
    readings: readings.rows,
    chart: (await kitchen.as("support", "GET", `/devices/${id}/telemetry?${range}`)).body.series,
    points: (await kitchen.as("support", "GET", `/households/${householdId}/balance`)).body,
    pointsByDay: pointsByDay.rows,
    causes: (items as { cause: string }[]).map(({ cause }) => cause).toSorted(),
  };
}

/** All that the appliance kept while it was away, as a device in trouble sends it: in pieces, some twice, in an odd order. */
function oddly(id: string, seed: number): SequencedRecord[] {
  const all: SequencedRecord[] = [];
  for (const { readings, events } of history(spec, fromMs, fromMs + days * dayMs, suffers(), { gatherMs: stepMs })) {
    const cut = Math.floor(uniform(seed, readings[0]?.atMs ?? 0) * readings.length);
    // The second piece says again the end of the first.
    all.push(...records(id, [readings.slice(0, cut), readings.slice(Math.max(0, cut - 20))]));
    for (const event of events) all.push(...said(id, event), ...(uniform(seed, event.id) < 0.3 ? said(id, event) : []));
  }
  return all
    .map((one, at) => ({ one, order: uniform(seed, at, "order") }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ one }) => one);
}

const tooLate = async (cause: string): Promise<number> => {
  const { items } = (await kitchen.as("support", "GET", "/service/rules")).body;
  const rules = items as { rule: { definition: { cause?: string } }; tooLate: number }[];
  return rules.filter(({ rule }) => rule.definition.cause === cause).reduce((sum, one) => sum + one.tooLate, 0);
};

test("an appliance that was away for days and delivers in pieces, twice and in an odd order has the readings, the chart and the points of one that was never away; and its cases, or the rule says that it was too late", async () => {
  expect(expected.readings.length).toBeGreaterThan(3_000);
  expect(expected.pointsByDay.length).toBeGreaterThan(3);
  expect(withoutDevice(expected.chart)).toMatchObject([
    { metric: "cavity_c", points: expect.any(Array) },
    { metric: "energy_wh", points: expect.any(Array) },
  ]);
  expect(expected.causes).toContain("programs_aborted");
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000), fc.integer({ min: 1, max: 60 }), async (seed, atOnce) => {
      const id = `late-${(runs += 1)}`;
      const householdId = await settle(id);
      const all = oddly(id, seed);
      for (let at = 0; at < all.length; at += atOnce) await commit(all.slice(at, at + atOnce));
      await kitchen.slices.service.tickRules();
      kitchen.clock.forward(10 * minuteMs);
      await kitchen.slices.service.tickRules();
      const { causes, ...same } = await outcomeOf(id, householdId);
      const { causes: wanted, ...rest } = expected;
      expect(same).toEqual({ ...rest, chart: same.chart });
      expect(withoutDevice(same.chart)).toEqual(withoutDevice(expected.chart));
      for (const cause of causes) expect(wanted).toContain(cause);
      for (const cause of wanted) if (!causes.includes(cause)) expect(await tooLate(cause)).toBeGreaterThan(0);
    }),
    { numRuns: 3, endOnFailure: true },
  );
  expect(kitchen.slices.ingest.counters.quarantined).toBe(0);
});

const withoutDevice = (chart: unknown): unknown =>
  Array.isArray(chart) ? chart.map(({ metric, points }) => ({ metric, points })) : chart;

test("clocks that are wrong by years, duplicates, broken messages and any cut into messages: each moment is one row, the first value of a metric wins, and who cannot be right is flagged", async () => {
  const nowMs = kitchen.clock.nowMs();
  const atMs = fc.oneof(
    fc.integer({ min: nowMs - 3 * dayMs, max: nowMs }),
    fc.constantFrom(
      nowMs - 1,
      nowMs,
      nowMs + 4 * minuteMs,
      nowMs + 6 * minuteMs,
      nowMs + 700 * dayMs,
      Date.UTC(2001, 1, 3),
    ),
  );
  const reading = fc.record({
    atMs,
    m: fc.dictionary(fc.constantFrom("cavity_c", "power_w", "odd_x"), fc.integer({ min: 0, max: 300 })),
  });
  const message = fc.oneof(fc.array(reading, { minLength: 1, maxLength: 8 }), fc.constant("broken"));
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      async (messages, atOnce) => {
        const id = `clock-${(runs += 1)}`;
        await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id, model: "oven-x200" }] });
        const before = kitchen.slices.ingest.counters.quarantined;
        const list = messages.map((one) => record(id, "telemetry", one));
        for (let at = 0; at < list.length; at += atOnce) await commit(list.slice(at, at + atOnce));
        const broken = messages.filter((one) => typeof one === "string").length;
        expect(kitchen.slices.ingest.counters.quarantined - before).toBe(broken);
        const moments = new Map<number, Record<string, number>>();
        for (const one of messages.flatMap((all) => (typeof all === "string" ? [] : all)))
          moments.set(one.atMs, { ...one.m, ...moments.get(one.atMs) });
        const { rows } = await sql<{ at_ms: number; suspect: boolean; cavity: number | null; odd: number | null }>`
        SELECT at_ms, suspect_received_at_ms IS NOT NULL AS suspect, metric_values[1] AS cavity, (undeclared->>'odd_x')::int AS odd
        FROM reading JOIN device ON device.key = device_key WHERE device.id = ${id} ORDER BY at_ms`.execute(
          kitchen.base.db,
        );
        expect(rows).toEqual(
          [...moments]
            .toSorted(([a], [b]) => a - b)
            .map(([at, m]) => ({
              at_ms: at,
              suspect: at > nowMs + 5 * minuteMs || at < Date.UTC(2015, 0, 1),
              cavity: m["cavity_c"] ?? null,
              odd: m["odd_x"] ?? null,
            })),
        );
      },
    ),
    { numRuns: 25 },
  );
});
