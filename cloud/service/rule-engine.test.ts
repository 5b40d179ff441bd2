import { expect, test } from "vitest";
import { houseOfTests } from "../../test/support/rule-house.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { RuleFiringsStore } from "./rule-firings-store.ts";

const system = { kind: "system" } as const;
const [minute, hour] = [60_000, 3_600_000];

const house = await houseOfTests();

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

const threeAborts = (of: DeviceRef) =>
  [1, 2, 3].map((atMin) => house.event(of, atMin, "program.aborted", { ranMs: 10 }));

test("events that come late and in any order are counted in the order of their time, and what comes too late is said", async () => {
  const oven = await house.newOven();
  const id = await house.create(aborts);
  const by = (who: string, atMin: number) => house.event(oven, atMin, "program.aborted", { by: who });
  await house.say({ events: [by("fault", 10.5), by("person", 10.2), by("fault", 10)] });
  await house.restart();
  await house.say({ events: [by("fault", 9.8)] });
  expect(house.changes).toEqual([]);
  // A minute after the last of them the clock takes it that nothing else comes.
  await house.passes(20);
  expect(house.changes).toEqual([[oven.id, "raise", "aborts", 10.5]]);
  await house.passes(30);
  expect(house.changes).toHaveLength(1);
  await house.passes(30);
  expect(house.changes.slice(1)).toEqual([[oven.id, "clear", "aborts", 70.5]]);
  await house.say({ events: [by("fault", 11)] });
  expect((await house.engine.rules.list()).find(({ rule }) => rule.id === id)).toMatchObject({
    tooLate: 1,
    holding: 0,
  });
  const [raise] = await house.firings();
  expect(raise?.trace["events"]).toMatchObject([9.8, 10, 10.5].map((atMin) => ({ atMs: house.t0 + atMin * minute })));
});

test("a reading that a threshold passes over because it came too late is said, after a restart too; one sent again is not", async () => {
  const oven = await house.newOven();
  const id = await house.create({
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
  const at = (atMin: number, cavity_c: number) => house.reading(oven, atMin, { cavity_c });
  await house.say({ readings: [at(10, 295), at(11, 296), at(12, 260)] });
  expect(house.changes).toEqual([
    [oven.id, "raise", "hot", 11],
    [oven.id, "clear", "hot", 12],
  ]);
  // Sent again, as devices do that had no answer.
  await house.say({ readings: [at(10, 295), at(11, 296), at(12, 260)] });
  expect(await house.tooLate(id)).toBe(0);
  await house.restart();
  // It was cool between the two: had that come in time, nothing would have been raised.
  await house.say({ readings: [at(10.5, 280)] });
  expect(await house.tooLate(id)).toBe(1);
  // Hot before all that is known of; and cool before it, which makes nothing of anything.
  await house.say({ readings: [at(8, 294), at(7, 40)] });
  expect(await house.tooLate(id)).toBe(2);
  expect(house.changes).toHaveLength(2);
  const [line] = await house.engine.rules.late(id, 10);
  expect(line).toMatchObject({
    device_id: oven.id,
    count: 2,
    from_ms: house.t0 + 8 * minute,
    to_ms: house.t0 + 10.5 * minute,
  });
  const page = { beforeMs: Number.MAX_SAFE_INTEGER, limit: 10 };
  expect((await house.engine.rules.timeline(oven, page)).map(({ title }) => title)).toContain(
    "2 readings and events came too late for the rule: Hot",
  );
  // What comes in time is judged as ever.
  await house.say({ readings: [at(20, 295), at(21.5, 295)] });
  expect(house.changes.slice(2)).toEqual([[oven.id, "raise", "hot", 21.5]]);
  expect(await house.tooLate(id)).toBe(2);
});

test("a condition may ask what the appliance is, and is asked in one look-up a batch", async () => {
  const [known, other] = [await house.newOven(), await house.newOven()];
  await house.devices.labels.set(system, known.id, { tags: ["internal"] });
  await house.create({ ...aborts, event: { type: "program.aborted", where: '"internal" in tags && ranMs < 1000' } });
  await house.say({ events: [...threeAborts(known), ...threeAborts(other)] });
  await house.passes(5);
  expect(house.changes.map(([id]) => id)).toEqual([known.id]);
});

test("firings are read page by page, for a rule and for a device, and the oldest are forgotten", async () => {
  const ovens = [await house.newOven(), await house.newOven()];
  const hot = { kind: "threshold", title: "Hot", severity: "info", cause: "hot", metric: "cavity_c", holdMs: 0 };
  const id = await house.create({ ...hot, direction: "above", limit: 300, clearAt: 280 });
  for (let turn = 0; turn < 5; turn += 1) {
    for (const oven of ovens) {
      await house.say({ readings: [house.reading(oven, turn * 10, { cavity_c: 310 })] });
      await house.say({ readings: [house.reading(oven, turn * 10 + 3, { cavity_c: 90 })] });
    }
  }
  const all: string[] = [];
  for (let beforeId: string | null = null; ;) {
    const page = await house.engine.rules.firings({ ruleId: id, deviceId: ovens[0]?.id ?? "", beforeId, limit: 3 });
    all.push(...page.map((firing) => firing.id));
    beforeId = page.at(-1)?.id ?? null;
    if (page.length < 3) break;
  }
  expect(all).toEqual([...new Set(all)].toSorted().toReversed());
  expect(all).toHaveLength(10);
  expect(await house.firings(id)).toHaveLength(20);
  await new RuleFiringsStore().trim(house.base.db, 5);
  expect((await house.firings(id)).at(-1)?.id).toBe((await house.firings())[4]?.id);
  expect(await house.firings(id)).toHaveLength(5);
});

test("what rules found stands on the appliance's own timeline, newest first, with the rule's name, and a shadow's as such", async () => {
  const [oven, other] = [await house.newOven(), await house.newOven()];
  const hot = { kind: "threshold", severity: "info", metric: "cavity_c", direction: "above", limit: 300, clearAt: 280 };
  await house.create({ ...hot, title: "Timeline hot", cause: "timeline_hot", holdMs: 0 });
  await house.create({
    ...hot,
    title: "Timeline shadow",
    cause: "timeline_shadow",
    limit: 320,
    clearAt: 300,
    holdMs: 0,
    mode: "shadow",
  });
  await house.say({ readings: [house.reading(oven, 0, { cavity_c: 310 }), house.reading(other, 0, { cavity_c: 20 })] });
  await house.say({ readings: [house.reading(oven, 2, { cavity_c: 330 })] });
  await house.say({ readings: [house.reading(oven, 4, { cavity_c: 290 })] });
  await house.say({ readings: [house.reading(oven, 6, { cavity_c: 270 })] });
  await house.passes(1);
  const page = { beforeMs: Number.MAX_SAFE_INTEGER, limit: 10 };
  const told = await house.engine.rules.timeline(oven, page);
  const ours = told.filter(({ data }) => String(data["cause"]).startsWith("timeline_"));
  expect(ours.map(({ title }) => title)).toEqual([
    "Rule no longer finds: Timeline hot",
    "Rule no longer finds: Timeline shadow (shadow)",
    "Rule found: Timeline shadow (shadow)",
    "Rule found: Timeline hot",
  ]);
  expect(told.map(({ atMs }) => atMs)).toEqual(told.map(({ atMs }) => atMs).toSorted((a, b) => b - a));
  const second = told[1]?.atMs ?? 0;
  expect(await house.engine.rules.timeline(oven, { beforeMs: second, limit: 1 })).toEqual(
    told.filter(({ atMs }) => atMs < second).slice(0, 1),
  );
  expect(await house.engine.rules.timeline(other, page)).toEqual([]);
});
