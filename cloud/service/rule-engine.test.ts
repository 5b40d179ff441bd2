import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { TestRegistry } from "../../test/support/registry.ts";
import type { DeviceRef, EventFact, PresenceFact, ReadingFact } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import { bindDb } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { problem } from "../platform/problem.ts";
import { Audit } from "../staff/staff.ts";
import type { StoredReading } from "../telemetry/telemetry-store.ts";
import { Telemetry, telemetryProblems } from "../telemetry/telemetry.ts";
import type { CauseChange } from "./cases.ts";
import { type RuleDefinition, ruleDefinition } from "./core/rule.ts";
import { RuleFiringsStore } from "./rule-firings-store.ts";
import { RuleEngine } from "./rule-engine.ts";

const system = { kind: "system" } as const;
const [minute, hour] = [60_000, 3_600_000];
const gatewayId = randomUUID();
const bootId = randomUUID();

let base: TestDatabase;
let clock: SetClock;
let devices: TestRegistry;
let telemetry: Telemetry;
let engine: RuleEngine;
/** Causes that came and went for cases: device, kind, cause, minutes since the test began. */
let changes: [string, string, string, number][] = [];
let done: string[] = [];
let t0 = 0;
let made = 0;
let silenceUntilMs = -Infinity;
/** Not all readings are stored yet. */
let isBehind = false;
/** The store of readings takes the question and never answers. */
let hangs = false;

beforeAll(async () => {
  base = await createTestDatabase();
  clock = new SetClock();
  devices = new TestRegistry({ db: base.db, clock, ids: randomIds, audit: new Audit(clock) });
  telemetry = new Telemetry({
    db: base.db,
    clock,
    layoutOf: (model) => devices.layout(model),
    modelsOf: (keys) => devices.modelsOf(keys),
  });
  await telemetry.load();
  await devices.addModel("oven-x200", { metrics: [{ name: "cavity_c" }, { name: "power_w" }] });
  await devices.load();
});
afterAll(() => base.drop());
beforeEach(async () => {
  await sql`TRUNCATE service_rule, rule_state, rule_firing, rule_late`.execute(base.db);
  t0 = clock.forward(30 * 86_400_000);
  [changes, done, silenceUntilMs] = [[], [], -Infinity];
  engine = await newEngine();
  for (const { rule } of await engine.rules.list()) await engine.rules.switchMode(system, rule.id, "off");
});

/** The same service after a restart: nothing but the database. */
async function newEngine(): Promise<RuleEngine> {
  const fresh = new RuleEngine({
    db: base.db,
    clock,
    ids: randomIds,
    audit: new Audit(clock),
    outbox: new Outbox(randomIds),
    find: (ids) => devices.find(ids),
    refsByKey: (keys) => devices.refsByKey(keys),
    watched: devices.watched,
    readings: telemetry.store,
    completeReadings: {
      readings(query) {
        if (isBehind) throw problem(telemetryProblems, "telemetry_store_away");
        return hangs ? never() : telemetry.store.readings(query);
      },
    },
    silenceUntilMs: () => silenceUntilMs,
    tools: {
      tag: async (deviceId, tag, on) => void done.push(`${deviceId} ${on ? "+" : "-"}${tag}`),
      command: async (_tx, device, name) => () => void done.push(`${device.id} ${name}`),
      award: async () => ({ kind: "earned" }),
      contentOf: async () => new Map(),
      sendContent: async () => ({ kind: "refused", rule: "not_sendable" }),
    },
    apply: async (_tx, found: readonly CauseChange[]) => {
      for (const { kind, device, cause, atMs } of found) changes.push([device.id, kind, cause, (atMs - t0) / minute]);
    },
  });
  await fresh.load();
  return fresh;
}

// oxlint-disable-next-line require-yield -- it never comes that far
async function* never(): AsyncGenerator<StoredReading[]> {
  await new Promise(() => {});
}

async function newOven(model = "oven-x200"): Promise<DeviceRef> {
  const [ref] = await devices.add([`oven-${(made += 1)}`], { model });
  if (ref === undefined) throw new Error("it was not registered");
  return ref;
}

interface Said {
  readings?: ReadingFact[];
  events?: EventFact[];
  presence?: PresenceFact[];
}

/** One batch of the up road. `fails`: the connection breaks before the commit. */
async function say({ readings = [], events = [], presence = [] }: Said, fails = false): Promise<void> {
  const prepared = await telemetry.prepare(readings);
  const client = await base.database.connect();
  const tx = bindDb(client);
  const kept = changes.length;
  try {
    await client.query("BEGIN");
    await devices.ingestPresence(tx, presence, bootId);
    await telemetry.ingestReadings(client, prepared);
    const { repeated } = prepared;
    const afterCommit = await engine.ingest(tx, { readings, repeated, events, presence });
    await client.query(fails ? "ROLLBACK" : "COMMIT");
    if (fails) changes.length = kept;
    else afterCommit?.();
  } finally {
    await client.end();
  }
}

const reading = (of: DeviceRef, atMin: number, metrics: Record<string, number | boolean>): ReadingFact => {
  const atMs = t0 + Math.round(atMin * minute);
  return { device: of, atMs, receivedAtMs: atMs, metrics };
};
const event = (of: DeviceRef, atMin: number, type: string, data = {}): EventFact => {
  const orderAtMs = t0 + Math.round(atMin * minute);
  const receivedAtMs = clock.nowMs();
  return {
    device: of,
    event: { id: randomUUID(), atMs: orderAtMs, type, data },
    receivedAtMs,
    orderAtMs,
    clockSuspect: false,
  };
};
let connections = 0;
const presence = (of: DeviceRef, atMin: number, state: "connected" | "disconnected"): PresenceFact => ({
  device: of,
  receivedAtMs: t0 + atMin * minute,
  gatewayId,
  presence: { bootId, connectionId: state === "connected" ? (connections += 1) : connections, state },
});

const create = async (definition: object): Promise<string> => {
  const rule = await engine.rules.create(system, ruleDefinition.parse(definition) satisfies RuleDefinition);
  if ("kind" in rule) throw new Error(rule.rule);
  return rule.id;
};
const passes = async (minutes: number): Promise<void> => {
  clock.forward(minutes * minute);
  await engine.tick();
};
const firings = async (ruleId: string | null = null) =>
  (await engine.rules.firings({ ruleId, deviceId: null, beforeId: null, limit: 100 })).toReversed();

const slow = {
  kind: "trend",
  title: "Slow",
  severity: "service",
  cause: "slow",
  from: { type: "program.started" },
  to: { type: "preheat.finished" },
  feature: { kind: "rise", metric: "cavity_c", from: 60, to: 120 },
  baselineEpisodes: 3,
  episodes: 2,
  share: 0.2,
  direction: "below",
} as const;

const frozen = {
  kind: "frozen",
  title: "Stuck",
  severity: "safety",
  cause: "stuck",
  metric: "cavity_c",
  withinDelta: 0.2,
  holdMs: 3 * minute,
  driver: { metric: "power_w", above: 1_000 },
  readingsMin: 5,
};
const aborts = {
  kind: "count",
  title: "Aborts",
  severity: "service",
  cause: "aborts",
  event: { type: "program.aborted", where: 'by == "fault"' },
  count: 3,
  windowMs: hour,
  quietMs: hour,
};

/** What came and went on one oven. */
const foundOn = (of: DeviceRef) => changes.filter(([id]) => id === of.id).map(([, ...what]) => what);

const threeAborts = (of: DeviceRef) => [1, 2, 3].map((atMin) => event(of, atMin, "program.aborted", { ranMs: 10 }));

/** Readings every 20 s of an oven that heats and shows the same value. */
const stuck = (of: DeviceRef, fromMin: number, toMin: number): ReadingFact[] =>
  Array.from({ length: Math.round((toMin - fromMin) * 3) }, (_none, at) =>
    reading(of, fromMin + at / 3, { cavity_c: 61.3, power_w: 2_400, door_open: false }),
  );

test("a sensor that stands still is found across batches, across a restart in the middle, and across a batch that was lost", async () => {
  const oven = await newOven();
  await create(frozen);
  await say({ readings: stuck(oven, 0, 1) });
  await say({ readings: stuck(oven, 1, 2) });
  clock.forward(2 * minute);
  engine = await newEngine();
  await say({ readings: stuck(oven, 2, 4) }, true);
  expect(changes).toEqual([]);
  await say({ readings: stuck(oven, 2, 3) });
  expect(changes).toEqual([]);
  await say({ readings: stuck(oven, 3, 4) });
  expect(changes).toEqual([[oven.id, "raise", "stuck", 3]]);
  engine = await newEngine();
  await say({ readings: stuck(oven, 4, 9) });
  await say({ readings: [reading(oven, 9, { cavity_c: 64, power_w: 2_400 })] });
  expect(changes.slice(1)).toEqual([[oven.id, "clear", "stuck", 9]]);
  // What is sent again after that brings nothing back.
  await say({ readings: stuck(oven, 2, 8) });
  expect(changes).toHaveLength(2);
  expect((await firings()).map(({ kind }) => kind)).toEqual(["raise", "clear"]);
});

test("however readings are cut into batches, and wherever the service restarts, a stuck sensor is found the same", async () => {
  await create(frozen);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          cavity_c: fc.constantFrom(61.3, 70),
          power_w: fc.constantFrom(2_400, 2_400, 0),
          length: fc.integer({ min: 1, max: 16 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      fc.infiniteStream(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(3))),
      async (stretches, cuts) => {
        const values = stretches.flatMap(({ length, ...metrics }) => Array.from({ length }, () => metrics));
        t0 = clock.forward(hour);
        const [whole, pieces] = [await newOven(), await newOven()];
        const of = (which: DeviceRef) => values.map((metrics, at) => reading(which, at / 3, metrics));
        await say({ readings: of(whole) });
        const rest = of(pieces);
        while (rest.length > 0) {
          const [length, restart] = cuts.next().value ?? [1, 1];
          const part = rest.splice(0, length);
          if (restart === 0) engine = await newEngine();
          await say({ readings: part.toReversed() });
          clock.forward(part.length * 20_000);
        }
        expect(foundOn(pieces)).toEqual(foundOn(whole));
      },
    ),
    { numRuns: 15 },
  );
  expect(changes.length).toBeGreaterThan(4);
});

test("events that come late and in any order are counted in the order of their time, and what comes too late is said", async () => {
  const oven = await newOven();
  const id = await create(aborts);
  const by = (who: string, atMin: number) => event(oven, atMin, "program.aborted", { by: who });
  await say({ events: [by("fault", 10.5), by("person", 10.2), by("fault", 10)] });
  engine = await newEngine();
  await say({ events: [by("fault", 9.8)] });
  expect(changes).toEqual([]);
  // A minute after the last of them the clock takes it that nothing else comes.
  await passes(20);
  expect(changes).toEqual([[oven.id, "raise", "aborts", 10.5]]);
  await passes(30);
  expect(changes).toHaveLength(1);
  await passes(30);
  expect(changes.slice(1)).toEqual([[oven.id, "clear", "aborts", 70.5]]);
  await say({ events: [by("fault", 11)] });
  expect((await engine.rules.list()).find(({ rule }) => rule.id === id)).toMatchObject({ tooLate: 1, holding: 0 });
  const [raise] = await firings();
  expect(raise?.trace["events"]).toMatchObject([9.8, 10, 10.5].map((atMin) => ({ atMs: t0 + atMin * minute })));
});

const tooLate = async (id: string) => (await engine.rules.list()).find(({ rule }) => rule.id === id)?.tooLate;

test("a reading that a threshold passes over because it came too late is said, after a restart too; one sent again is not", async () => {
  const oven = await newOven();
  const id = await create({
    kind: "threshold",
    title: "Hot",
    severity: "service",
    cause: "hot",
    metric: "cavity_c",
    direction: "above",
    limit: 290,
    clearAt: 270,
    holdMs: minute,
  });
  const at = (atMin: number, cavity_c: number) => reading(oven, atMin, { cavity_c });
  await say({ readings: [at(10, 295), at(11, 296), at(12, 260)] });
  expect(changes).toEqual([
    [oven.id, "raise", "hot", 11],
    [oven.id, "clear", "hot", 12],
  ]);
  // Sent again, as devices do that had no answer.
  await say({ readings: [at(10, 295), at(11, 296), at(12, 260)] });
  expect(await tooLate(id)).toBe(0);
  engine = await newEngine();
  // It was cool between the two: had that come in time, nothing would have been raised.
  await say({ readings: [at(10.5, 280)] });
  expect(await tooLate(id)).toBe(1);
  // Hot before all that is known of; and cool before it, which makes nothing of anything.
  await say({ readings: [at(8, 294), at(7, 40)] });
  expect(await tooLate(id)).toBe(2);
  expect(changes).toHaveLength(2);
  const [line] = await engine.rules.late(id, 10);
  expect(line).toMatchObject({ device_id: oven.id, count: 2, from_ms: t0 + 8 * minute, to_ms: t0 + 10.5 * minute });
  const page = { beforeMs: Number.MAX_SAFE_INTEGER, limit: 10 };
  expect((await engine.rules.timeline(oven, page)).map(({ title }) => title)).toContain(
    "2 readings and events came too late for the rule: Hot",
  );
  // What comes in time is judged as ever.
  await say({ readings: [at(20, 295), at(21.5, 295)] });
  expect(changes.slice(2)).toEqual([[oven.id, "raise", "hot", 21.5]]);
  expect(await tooLate(id)).toBe(2);
});

test("a reading that comes too late to be followed by the search for a stuck sensor is said", async () => {
  const oven = await newOven();
  const id = await create({
    kind: "frozen",
    title: "Stuck",
    severity: "service",
    cause: "stuck",
    metric: "cavity_c",
    withinDelta: 0.5,
    holdMs: 10 * minute,
    driver: { metric: "power_w", above: 500 },
    readingsMin: 3,
  });
  const at = (atMin: number, cavity_c: number, power_w = 2_000) => reading(oven, atMin, { cavity_c, power_w });
  await say({ readings: [at(100, 80), at(104, 80)] });
  await say({ readings: [at(102, 95), at(101, 20, 0), at(99, 20, 0)] });
  expect(await tooLate(id)).toBe(2);
  await say({ readings: [at(102, 95)] });
  expect(await tooLate(id)).toBe(2);
  await say({ readings: [at(108, 80), at(111, 80)] });
  expect(changes).toEqual([[oven.id, "raise", "stuck", 111]]);
});

test("an episode is measured from stored readings once they are all there, also by another process than the one that heard its end", async () => {
  const oven = await newOven();
  await create(slow);
  for (const [place, perMin] of [12, 12.5, 11.8, 8, 8, 12, 12].entries()) {
    const startMin = place * 60;
    const warming = Array.from({ length: 16 }, (_none, at) =>
      reading(oven, startMin + at, { cavity_c: 20 + perMin * at, door_open: false }),
    );
    await say({ events: [event(oven, startMin, "program.started")], readings: warming.slice(0, 5) });
    clock.forward(16 * minute);
    await say({ events: [event(oven, startMin + 16, "preheat.finished")] });
    // The rest of its readings comes after its end.
    await say({ readings: warming.slice(5) });
    engine = await newEngine();
    // One that cannot be measured yet waits for its readings.
    isBehind = place === 4;
    await passes(44);
    if (isBehind) expect(changes).toEqual([]);
    isBehind = false;
  }
  expect(changes).toEqual([
    [oven.id, "raise", "slow", 4 * 60 + 16],
    [oven.id, "clear", "slow", 6 * 60 + 16],
  ]);
  const [raise] = await firings();
  expect(raise?.trace["baseline"]).toMatchObject({ median: 12 / 60, episodes: 3, last: [{}, {}] });
});

test("the episodes of a past that is told all at once are measured without a pause between them", async () => {
  const ovens = [];
  while (ovens.length < 6) ovens.push(await newOven());
  await create(slow);
  const past = ovens.flatMap((oven) =>
    [12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 8, 8].flatMap((perMin, place) => {
      const startMin = place * 60;
      return {
        events: [event(oven, startMin, "program.started"), event(oven, startMin + 16, "preheat.finished")],
        readings: Array.from({ length: 16 }, (_none, at) =>
          reading(oven, startMin + at, { cavity_c: 20 + perMin * at }),
        ),
      };
    }),
  );
  clock.forward(13 * hour);
  await say({ events: past.flatMap(({ events }) => events), readings: past.flatMap(({ readings }) => readings) });
  // Once nothing more has come for the lateness, one turn of the clock does it.
  clock.forward(hour);
  await passes(1);
  expect(new Set(changes.map(([id, kind]) => `${id} ${kind}`))).toEqual(new Set(ovens.map(({ id }) => `${id} raise`)));
  expect(changes).toHaveLength(ovens.length);
});

test("silence is found by the registry's word on who is away and by what was listened, and a connection ends it", async () => {
  const [gone, here] = [await newOven(), await newOven()];
  await create({
    kind: "absence",
    title: "Silent",
    severity: "info",
    cause: "silent",
    of: { kind: "anything" },
    forMs: hour,
  });
  await say({ presence: [presence(here, 0, "connected")] });
  await say({ presence: [presence(gone, 0, "connected"), presence(gone, 5, "disconnected")] });
  await passes(70);
  expect(changes).toEqual([]);
  silenceUntilMs = t0 + 64 * minute;
  await passes(1);
  expect(changes).toEqual([]);
  silenceUntilMs = t0 + 70 * minute;
  await passes(1);
  await passes(400);
  expect(changes).toEqual([[gone.id, "raise", "silent", 65]]);
  engine = await newEngine();
  await passes(1);
  await say({ presence: [presence(gone, 500, "connected")] });
  expect(changes.slice(1)).toEqual([[gone.id, "clear", "silent", 500]]);
  silenceUntilMs = t0 + 5_000 * minute;
  await passes(5_000);
  expect(changes).toHaveLength(2);
});

test("a metric, or an event, that no longer comes is missed by the clock, and its return ends that", async () => {
  const oven = await newOven();
  const absence = { kind: "absence", title: "Gone", severity: "info", forMs: hour };
  await create({ ...absence, cause: "no_probe", of: { kind: "metric", metric: "probe1_c" } });
  await create({ ...absence, cause: "no_program", of: { kind: "event", event: { type: "program.finished" } } });
  await say({ events: [event(oven, 0, "program.finished")], readings: [reading(oven, 0, { probe1_c: 20 })] });
  for (let atMin = 1; atMin < 40; atMin += 1) await say({ readings: [reading(oven, atMin, { probe1_c: 20 + atMin })] });
  silenceUntilMs = clock.forward(61 * minute);
  await engine.tick();
  expect(changes).toEqual([[oven.id, "raise", "no_program", 60]]);
  engine = await newEngine();
  // Its appearance is noted every quarter of an hour.
  silenceUntilMs = clock.forward(50 * minute);
  await engine.tick();
  expect(changes.slice(1)).toEqual([[oven.id, "raise", "no_probe", 30 + 75]]);
  await say({ readings: [reading(oven, 120, { probe1_c: 30 }), reading(oven, 121, { cavity_c: 30 })] });
  await say({ events: [event(oven, 125, "program.finished")] });
  expect(changes.slice(2).map(([, ...what]) => what)).toEqual([
    ["clear", "no_probe", 120],
    ["clear", "no_program", 125],
  ]);
});

test("a silence, or a metric that is missed, that a shadow found is found anew when its rule goes live, and who is back is not", async () => {
  const [gone, back, mute] = [await newOven(), await newOven(), await newOven()];
  const silence = { kind: "absence", severity: "info", forMs: hour, mode: "shadow" };
  const silent = await create({ ...silence, title: "Silent", cause: "silent", of: { kind: "anything" } });
  const missed = await create({
    ...silence,
    title: "Not measured",
    cause: "not_measured",
    of: { kind: "metric", metric: "cavity_c" },
  });
  for (const one of [gone, back])
    await say({ presence: [presence(one, 0, "connected"), presence(one, 1, "disconnected")] });
  await say({ readings: [reading(mute, 0, { cavity_c: 20 })] });
  silenceUntilMs = clock.forward(100 * minute);
  await passes(0);
  expect((await firings()).map(({ kind, cause }) => `${kind} ${cause}`).toSorted()).toEqual([
    "raise not_measured",
    "raise silent",
    "raise silent",
  ]);
  await say({ presence: [presence(back, 100, "connected")] });
  silenceUntilMs = clock.forward(100 * minute);
  await passes(0);
  expect(changes).toEqual([]);
  for (const id of [silent, missed]) await engine.rules.switchMode(system, id, "live");
  await passes(1);
  const found = changes.map(([id, kind, cause]) => `${id} ${kind} ${cause}`);
  expect(new Set(found)).toEqual(new Set([`${gone.id} raise silent`, `${mute.id} raise not_measured`]));
  expect(found).toHaveLength(2);
});

test("a state that cannot be looked at is said, and keeps no other from its time", async () => {
  const [broken, mute] = [await newOven(), await newOven()];
  const of = { kind: "metric", metric: "cavity_c" };
  await create({
    kind: "absence",
    title: "Not measured",
    severity: "info",
    cause: "not_measured",
    of,
    forMs: hour,
  });
  for (const one of [broken, mute]) await say({ readings: [reading(one, 0, { cavity_c: 20 })] });
  await sql`UPDATE rule_state SET state = '{"last": "?"}' WHERE device_key = ${broken.key}`.execute(base.db);
  silenceUntilMs = clock.forward(200 * minute);
  await expect(engine.tick()).rejects.toThrow("cannot be looked at");
  expect(foundOn(mute)).toEqual([["raise", "not_measured", 75]]);
});

test("a store of readings that does not answer keeps no due row from the up road", async () => {
  const oven = await newOven();
  await create({ ...slow, feature: { kind: "mean", metric: "cavity_c" } });
  for (let at = 0; at < 30; at += 3)
    await say({ events: [event(oven, at, "program.started"), event(oven, at + 2, "preheat.finished")] });
  hangs = true;
  await passes(60);
  hangs = false;
  expect(changes).toEqual([]);
});

test("a shadow's firings are noted and nothing follows; live, it finds anew what still stands", async () => {
  const oven = await newOven();
  const rule = {
    kind: "threshold",
    title: "Hot",
    severity: "safety",
    cause: "hot",
    metric: "cavity_c",
    direction: "above",
    limit: 300,
    clearAt: 280,
    holdMs: 0,
    mode: "shadow",
    actions: [{ kind: "case" }, { kind: "event" }, { kind: "tag", tag: "hot" }, { kind: "command", name: "self_test" }],
  };
  const id = await create(rule);
  await say({ readings: [reading(oven, 0, { cavity_c: 310 })] });
  await passes(1);
  expect(await firings(id)).toMatchObject([{ kind: "raise", mode: "shadow" }]);
  expect([changes, done]).toEqual([[], []]);
  await engine.rules.switchMode(system, id, "live");
  await say({ readings: [reading(oven, 1, { cavity_c: 311 })] });
  await passes(1);
  await passes(1);
  expect(changes).toEqual([[oven.id, "raise", "hot", 1]]);
  expect(done).toEqual([`${oven.id} +hot`, `${oven.id} self_test`]);
  await say({ readings: [reading(oven, 3, { cavity_c: 270 })] });
  await passes(1);
  expect(done.slice(2)).toEqual([`${oven.id} -hot`]);
  const { rows } = await sql<{ type: string }>`
    SELECT type FROM outbox WHERE data ->> 'ruleId' = ${id} ORDER BY id`.execute(base.db);
  expect(rows.map(({ type }) => type)).toEqual(["hearth.rule.raised", "hearth.rule.cleared"]);
  // What happened long ago, and was only heard of now, orders nothing.
  clock.forward(hour);
  await say({ readings: [reading(oven, 5, { cavity_c: 310 })] });
  await passes(0);
  expect(done.slice(3)).toEqual([`${oven.id} +hot`]);
  await engine.rules.switchMode(system, id, "off");
  await say({ readings: [reading(oven, 70, { cavity_c: 400 })] });
  expect(await firings(id)).toHaveLength(4);
});

test("of what a rule held when it was switched off it is told that it goes, once it is on again, after a restart too", async () => {
  const oven = await newOven();
  const watched = { severity: "info", actions: [{ kind: "case" }] };
  const hot = { kind: "threshold", title: "Hot", cause: "hot", metric: "cavity_c", direction: "above", limit: 300 };
  const hotId = await create({ ...watched, ...hot, clearAt: 280, holdMs: 2 * minute });
  const faultId = await create({ ...watched, kind: "fault", title: "Faults" });
  const fault = (atMin: number, kind: "raised" | "cleared") => event(oven, atMin, `fault.${kind}`, { code: "E1" });
  for (const at of [0, 2]) await say({ readings: [reading(oven, at, { cavity_c: 310 })] });
  await say({ events: [fault(2, "raised")] });
  for (const id of [hotId, faultId]) await engine.rules.switchMode(system, id, "off");
  engine = await newEngine();
  for (const id of [hotId, faultId]) await engine.rules.switchMode(system, id, "live");
  // Not for long enough to be found again; then back.
  for (const [at, cavity_c] of [
    [3, 310],
    [4, 290],
    [5, 310],
    [6, 270],
    [7, 260],
  ] as const)
    await say({ readings: [reading(oven, at, { cavity_c })] });
  await say({ events: [fault(8, "cleared"), fault(9, "cleared"), fault(10, "raised")] });
  expect(changes).toEqual([
    [oven.id, "raise", "hot", 2],
    [oven.id, "raise", "fault:E1", 2],
    [oven.id, "clear", "hot", 6],
    [oven.id, "clear", "fault:E1", 8],
    [oven.id, "raise", "fault:E1", 10],
  ]);
});

test("a condition may ask what the appliance is, and is asked in one look-up a batch", async () => {
  const [known, other] = [await newOven(), await newOven()];
  await devices.labels.set(system, known.id, { tags: ["internal"] });
  await create({ ...aborts, event: { type: "program.aborted", where: '"internal" in tags && ranMs < 1000' } });
  await say({ events: [...threeAborts(known), ...threeAborts(other)] });
  await passes(5);
  expect(changes.map(([id]) => id)).toEqual([known.id]);
});

test("firings are read page by page, for a rule and for a device, and the oldest are forgotten", async () => {
  const ovens = [await newOven(), await newOven()];
  const id = await create({ ...frozen, holdMs: minute, readingsMin: 2 });
  for (let turn = 0; turn < 5; turn += 1) {
    for (const oven of ovens) {
      await say({ readings: stuck(oven, turn * 10, turn * 10 + 2) });
      await say({ readings: [reading(oven, turn * 10 + 3, { cavity_c: 90, power_w: 0 })] });
    }
  }
  const all: string[] = [];
  for (let beforeId: string | null = null; ;) {
    const page = await engine.rules.firings({ ruleId: id, deviceId: ovens[0]?.id ?? "", beforeId, limit: 3 });
    all.push(...page.map((firing) => firing.id));
    beforeId = page.at(-1)?.id ?? null;
    if (page.length < 3) break;
  }
  expect(all).toEqual([...new Set(all)].toSorted().toReversed());
  expect(all).toHaveLength(10);
  expect(await firings(id)).toHaveLength(20);
  await new RuleFiringsStore().trim(base.db, 5);
  expect((await firings(id)).at(-1)?.id).toBe((await firings())[4]?.id);
  expect(await firings(id)).toHaveLength(5);
});

test("what rules found stands on the appliance's own timeline, newest first, with the rule's name, and a shadow's as such", async () => {
  const [oven, other] = [await newOven(), await newOven()];
  const hot = { kind: "threshold", severity: "info", metric: "cavity_c", direction: "above", limit: 300, clearAt: 280 };
  await create({ ...hot, title: "Timeline hot", cause: "timeline_hot", holdMs: 0 });
  await create({
    ...hot,
    title: "Timeline shadow",
    cause: "timeline_shadow",
    limit: 320,
    clearAt: 300,
    holdMs: 0,
    mode: "shadow",
  });
  await say({ readings: [reading(oven, 0, { cavity_c: 310 }), reading(other, 0, { cavity_c: 20 })] });
  await say({ readings: [reading(oven, 2, { cavity_c: 330 })] });
  await say({ readings: [reading(oven, 4, { cavity_c: 290 })] });
  await say({ readings: [reading(oven, 6, { cavity_c: 270 })] });
  await passes(1);
  const page = { beforeMs: Number.MAX_SAFE_INTEGER, limit: 10 };
  const told = await engine.rules.timeline(oven, page);
  const ours = told.filter(({ data }) => String(data["cause"]).startsWith("timeline_"));
  expect(ours.map(({ title }) => title)).toEqual([
    "Rule no longer finds: Timeline hot",
    "Rule no longer finds: Timeline shadow (shadow)",
    "Rule found: Timeline shadow (shadow)",
    "Rule found: Timeline hot",
  ]);
  expect(told.map(({ atMs }) => atMs)).toEqual(told.map(({ atMs }) => atMs).toSorted((a, b) => b - a));
  const second = told[1]?.atMs ?? 0;
  expect(await engine.rules.timeline(oven, { beforeMs: second, limit: 1 })).toEqual(
    told.filter(({ atMs }) => atMs < second).slice(0, 1),
  );
  expect(await engine.rules.timeline(other, page)).toEqual([]);
});
