import fc from "fast-check";
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import type { Presence } from "#protocol/link/messages.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { transaction } from "../platform/database.ts";
import { type Audit, Staff } from "../staff/staff.ts";
import { mergeReported, reportedValues } from "./core/reported-state.ts";
import { Devices, type PresenceFact } from "./devices.ts";

let base: TestDatabase;
let devices: Devices;
let audit: Audit;
const system = { kind: "system" } as const;
const signals: string[] = [];

const oven = (version: number, metrics: string[]) => ({
  key: "oven",
  version,
  brand: "B",
  name: "Oven",
  kind: "oven" as const,
  hardwareIds: ["h1"],
  locales: ["en"],
  metrics: metrics.map((name) => ({ name, unit: "", kind: "gauge" as const, personal: false })),
  capabilities: { programs: [], steam: false, probe: false },
});

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  audit = new Staff(deps).audit;
  devices = new Devices({ ...deps, audit });
  devices.onSignals({
    credentialsChanged: (id, disconnect) => signals.push(`${id} ${disconnect}`),
    desiredChanged: (id) => signals.push(`${id} desired`),
  });
  await devices.putModel(system, oven(3, ["a_c", "b_w"]));
  await devices.register(system, [
    { id: "d1", model: "oven" },
    { id: "d2", model: "oven" },
  ]);
});
afterAll(() => base.drop());

test("a metric keeps its position whatever later versions of the model say", async () => {
  expect(await devices.putModel(system, oven(4, ["c_rpm", "b_w"]))).toEqual({ kind: "stored" });
  expect(await devices.putModel(system, oven(4, ["c_rpm", "b_w"]))).toEqual({ kind: "unchanged" });
  expect(await devices.putModel(system, oven(4, ["b_w"]))).toMatchObject({ rule: "model_version_not_next" });
  expect(await devices.putModel(system, oven(6, ["b_w"]))).toMatchObject({ rule: "model_version_not_next" });
  const { positions, size } = devices.layout("oven");
  expect([...positions]).toEqual([
    ["a_c", 0],
    ["b_w", 1],
    ["c_rpm", 2],
  ]);
  expect(size).toBe(3);
});

test("what is wanted of a device that somebody holds waits for them, while they write to the audit log", async () => {
  let setting: ReturnType<Devices["setDesired"]> | undefined;
  await transaction(base.db, async (tx) => {
    await devices.tenure.lock(tx, "d2");
    setting = devices.setDesired(system, "d2", { childLock: true });
    const waiting = sql<{ n: number }>`SELECT count(*) AS n FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await comesTrue(async () => expect((await waiting.execute(base.db)).rows).toEqual([{ n: 1 }]));
    await audit.record(tx, { principal: system, action: "device.moved", subject: "device:d2" });
  });
  expect(await setting).toEqual({ kind: "stored", version: 1 });
});

test("registering is all or nothing", async () => {
  expect(
    await devices.register(system, [
      { id: "d9", model: "oven" },
      { id: "d1", model: "oven" },
    ]),
  ).toMatchObject({ rule: "device_exists" });
  expect(await devices.get("d9")).toBeNull();
  expect(await devices.register(system, [{ id: "d9", model: "toaster" }])).toMatchObject({ rule: "model_not_found" });
  const stray = { id: "d9", model: "oven", householdId: randomUUID() };
  expect(await devices.register(system, [stray])).toEqual({ kind: "refused", rule: "household_not_found" });
  expect(await devices.get("d9")).toBeNull();
});

test("a blocked device has no identity, and the gateway hears of it at once", async () => {
  signals.length = 0;
  await devices.setBlocked(system, "d2", true);
  expect(await devices.identity("d2")).toBeNull();
  await devices.setBlocked(system, "d2", false);
  expect(await devices.identity("d2")).not.toBeNull();
  expect(signals).toEqual(["d2 true", "d2 false"]);
});

test("a disconnect counts only for the current connection of the current boot", async () => {
  const ref = (await devices.find(["d1"])).get("d1");
  if (ref === undefined) throw new Error("d1 is missing");
  const [boot, oldBoot] = [randomUUID(), randomUUID()];
  let atMs = Date.now();
  const fact = (bootId: string, connectionId: number, state: "connected" | "disconnected"): PresenceFact => ({
    device: ref,
    receivedAtMs: (atMs += 1),
    gatewayId: "main",
    presence: { bootId, connectionId, state },
  });
  const apply = (...facts: PresenceFact[]) =>
    base.db.transaction().execute((tx) => devices.presence.ingest(tx, facts, boot));
  const online = async () => (await devices.get("d1"))?.online;

  await apply(fact(boot, 1, "connected"));
  expect(await online()).toBe(true);
  // Taken over: the new connection comes first, then the end of the old one.
  await apply(fact(boot, 2, "connected"), fact(boot, 1, "disconnected"));
  expect(await online()).toBe(true);
  await apply(fact(boot, 1, "disconnected"));
  expect(await online()).toBe(true);
  await apply(fact(oldBoot, 9, "disconnected"));
  expect(await online()).toBe(true);
  await apply(fact(boot, 2, "disconnected"));
  expect(await online()).toBe(false);
  await apply(fact(oldBoot, 9, "connected"));
  expect(await online()).toBe(false);
  await apply(fact(boot, 3, "connected"), fact(boot, 3, "disconnected"));
  expect(await online()).toBe(false);
  await apply(fact(boot, 4, "connected"));
  await devices.presence.endOtherBoots("main", randomUUID());
  expect(await online()).toBe(false);
});

test("a device is held back for as long as its connection says so, and ends to be with it", async () => {
  const ref = (await devices.find(["d2"])).get("d2");
  if (ref === undefined) throw new Error("d2 is missing");
  const [boot, oldBoot] = [randomUUID(), randomUUID()];
  let atMs = Date.now();
  const fact = (bootId: string, connectionId: number, state: Presence["state"], limit = 1_000): PresenceFact => ({
    device: ref,
    receivedAtMs: (atMs += 1),
    gatewayId: "main",
    presence: { bootId, connectionId, state, ...(state === "held" && { reason: "messages_per_second_max", limit }) },
  });
  const apply = (...facts: PresenceFact[]) =>
    base.db.transaction().execute((tx) => devices.presence.ingest(tx, facts, boot));
  const now = async () => {
    const row = await devices.get("d2");
    return [row?.online, row?.held_since_ms, row?.held_reason, row?.held_limit];
  };
  const free = [true, null, null, null];

  const came = fact(boot, 1, "connected");
  await apply(came, fact(boot, 1, "held"));
  expect(await now()).toEqual([true, atMs, "messages_per_second_max", 1_000]);
  expect((await devices.get("d2"))?.presence_at_ms).toBe(came.receivedAtMs);
  await apply(fact(boot, 1, "released"));
  expect(await now()).toEqual(free);
  await apply(fact(boot, 1, "held"), fact(boot, 1, "released"), fact(boot, 1, "held", 500));
  expect(await now()).toEqual([true, atMs, "messages_per_second_max", 500]);
  await apply(fact(oldBoot, 9, "released"), fact(boot, 0, "released"));
  expect((await now())[3]).toBe(500);
  // Taken over while it was held: the new connection is not.
  await apply(fact(boot, 2, "connected"), fact(boot, 1, "disconnected"));
  expect(await now()).toEqual(free);
  await apply(fact(boot, 2, "held"), fact(boot, 2, "disconnected"));
  expect(await now()).toEqual([false, null, null, null]);
  await apply(fact(boot, 3, "connected"), fact(boot, 3, "held"));
  await devices.presence.endOtherBoots("main", randomUUID());
  expect(await now()).toEqual([false, null, null, null]);
  // Told again after a lost connection to the database: nothing comes twice.
  await apply(came);
  const entries = await devices.presence.timeline(ref, { beforeMs: atMs + 1, limit: 100 });
  expect(entries.map(({ title }) => title).toReversed()).toEqual([
    "Came online",
    "Held back: sends more than 1,000 messages a second",
    "No longer held back",
    "Held back: sends more than 1,000 messages a second",
    "No longer held back",
    "Held back: sends more than 500 messages a second",
    "No longer held back",
    "No longer held back",
    "Came online",
    "Went offline (closed)",
    "Held back: sends more than 1,000 messages a second",
    "Went offline (closed)",
    "Came online",
    "Held back: sends more than 1,000 messages a second",
  ]);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
});

test("reports merge to the same state in whatever order they arrive", () => {
  const report = fc.record({
    atMs: fc.integer({ min: 1, max: 1_000_000 }),
    state: fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.integer(), { maxKeys: 3 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(report, { selector: (one) => one.atMs, maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
      (reports, order) => {
        const shuffled = reports
          .map((one) => ({ one, at: order.next().value ?? 0 }))
          .toSorted((x, y) => x.at - y.at)
          .map(({ one }) => one);
        const merge = (list: typeof reports) => list.reduce(mergeReported, {});
        expect(reportedValues(merge(shuffled))).toEqual(reportedValues(merge(reports)));
      },
    ),
  );
});
