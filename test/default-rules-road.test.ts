import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import type { UpChannel } from "#protocol/topics.ts";
import type { AilmentName } from "../device-sim/core/ailments.ts";
import { history, type HistoryBatch } from "../device-sim/history/history.ts";
import { loadModels } from "../device-sim/models.ts";
import { Kitchen } from "./support/kitchen.ts";

/** What each failing appliance is found to have; `sound` has nothing. */
const failing: { id: string; model: string; ailment: AilmentName | null; cause: string | null }[] = [
  { id: "ageing", model: "oven-x200", ailment: "ageing_element", cause: "heating_element_ageing" },
  { id: "hot", model: "oven-x200", ailment: "overheating", cause: "over_temperature" },
  { id: "hot-small", model: "oven-s80", ailment: "overheating", cause: "over_temperature" },
  { id: "silent", model: "oven-x200", ailment: "silent", cause: "silent" },
  { id: "aborting", model: "oven-x200", ailment: "aborts", cause: "programs_aborted" },
  { id: "stuck", model: "oven-x200", ailment: "frozen_sensor", cause: "sensor_frozen" },
  { id: "leaking", model: "oven-x200", ailment: "leaking_seal", cause: "door_seal_leaking" },
  { id: "scaled", model: "dishwasher-d4", ailment: "scaling", cause: "descaling_due" },
  { id: "flapping", model: "oven-x200", ailment: "flapping_wifi", cause: "wifi_flapping" },
  { id: "sound", model: "oven-x200", ailment: null, cause: null },
];
const [minuteMs, dayMs] = [60_000, 86_400_000];
const days = 30;
const stepMs = dayMs;

let kitchen: Kitchen;
let fromMs = 0;
const bootId = randomUUID();
const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
let sequence = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  fromMs = kitchen.clock.nowMs();
  for (const key of ["oven-x200", "oven-s80", "dishwasher-d4"])
    await kitchen.as("admin", "PUT", `/models/${key}`, loadModels().get(key));
  await kitchen.as("admin", "POST", "/devices/batch", { devices: failing.map(({ id, model }) => ({ id, model })) });
  await kitchen.slices.linkDeps.onBoot(source.gatewayId, bootId);
  await kitchen.slices.ingest.openSource(source);
});
afterAll(() => kitchen.close());

let connectionId = 0;
const connections = new Map<string, number>();
/** What the gateway would have received of a batch of history. */
function recordsOf(deviceId: string, { readings, events, presence }: HistoryBatch): SequencedRecord[] {
  const record = (channel: UpChannel | "presence", receivedAtMs: number, payload: object): SequencedRecord => ({
    sequence: 0,
    channel,
    deviceId,
    receivedAtMs,
    payload: Buffer.from(JSON.stringify(payload)),
  });
  return [
    ...(readings.length === 0 ? [] : [record("telemetry", readings.at(-1)?.atMs ?? 0, readings)]),
    ...events.map((event) => record("events", event.atMs, event)),
    ...presence.map(({ atMs, state }) => {
      if (state === "connected") connections.set(deviceId, (connectionId += 1));
      const how = state === "disconnected" ? { reason: "lost" } : {};
      return record("presence", atMs, { bootId, connectionId: connections.get(deviceId) ?? 0, state, ...how });
    }),
  ];
}

test("each default rule opens a case for the appliance that fails, through the whole up road, and none for the sound one", async () => {
  const lives = failing.map(({ id, model, ailment }, at) => {
    const found = loadModels().get(model);
    if (found === undefined) throw new Error(model);
    const suffers =
      ailment === null ? null : { name: ailment, sinceMs: fromMs + (ailment === "scaling" ? 0 : 12) * dayMs };
    const spec = { model: found, persona: "baker", timeZone: "Europe/Berlin", locale: "de", seed: 11 + at } as const;
    const batches = history(spec, fromMs, fromMs + days * dayMs, suffers, { gatherMs: stepMs });
    return { id, batches, next: batches.next() };
  });
  for (let untilMs = fromMs + stepMs; untilMs <= fromMs + days * dayMs; untilMs += stepMs) {
    const records: SequencedRecord[] = [];
    for (const life of lives) {
      for (; life.next.done !== true && life.next.value.atMs < untilMs; life.next = life.batches.next())
        records.push(...recordsOf(life.id, life.next.value));
    }
    kitchen.clock.forward(untilMs - kitchen.clock.nowMs());
    const numbered = records.map((record) => ({ ...record, sequence: sequence++ }));
    if (numbered.length > 0) await kitchen.slices.ingest.commit(source, numbered);
    // The gateway was there all the time.
    await sql`
      INSERT INTO listened (boot_id, from_ms, until_ms, beat_ms) VALUES (${bootId}, ${fromMs - dayMs}, ${untilMs}, ${untilMs})
      ON CONFLICT (boot_id, from_ms) DO UPDATE SET until_ms = excluded.until_ms, beat_ms = excluded.beat_ms`.execute(
      kitchen.base.db,
    );
    await kitchen.slices.listening.load();
    await kitchen.slices.service.tickRules();
    // What waited for lateness is due a little later.
    kitchen.clock.forward(2 * minuteMs);
    await kitchen.slices.service.tickRules();
  }
  const { quarantined } = kitchen.slices.ingest.counters;
  expect(quarantined).toBe(0);
  for (const { id, cause } of failing) {
    const cases = (await kitchen.as("support", "GET", `/cases?device=${id}`)).body.items as { cause: string }[];
    const causes = [...new Set(cases.map((found) => found.cause))].filter((found) => !found.startsWith("fault:"));
    expect([id, causes]).toEqual([id, cause === null ? [] : [cause]]);
    const { items } = (await kitchen.as("support", "GET", `/service/firings?device=${id}&limit=500`)).body;
    for (const firing of items) expect(firing).toMatchObject({ deviceId: id, mode: "live", trace: { ruleVersion: 1 } });
  }
});
