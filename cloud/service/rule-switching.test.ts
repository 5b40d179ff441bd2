/** Rules that are switched off and on, tried in the shadow, and replaced by their next version. */
import { sql } from "kysely";
import { expect, test } from "vitest";
import { houseOfTests } from "../../test/support/rule-house.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { ruleDefinition } from "./core/rule.ts";

const [minute, hour] = [60_000, 3_600_000];

const house = await houseOfTests();

const nowMin = (): number => (house.clock.nowMs() - house.t0) / minute;
/** Time passes in which the service listens. */
async function pass(minutes: number): Promise<void> {
  house.clock.forward(minutes * minute);
  house.silenceUntilMs = house.clock.nowMs();
  await house.passes(0);
}
const measures = (oven: DeviceRef, metrics: Record<string, number>) =>
  house.say({ readings: [house.reading(oven, nowMin(), metrics)] });
const tells = (oven: DeviceRef, type: string, data = {}) =>
  house.say({ events: [house.event(oven, nowMin(), type, data)] });
const goes = (oven: DeviceRef, state: "connected" | "disconnected") =>
  house.say({ presence: [house.presence(oven, nowMin(), state)] });

const common = { severity: "info", actions: [{ kind: "case" }] };
const absence = { ...common, kind: "absence", title: "Gone", cause: "gone", forMs: hour };

/** Each operator: what makes its cause come on an oven, and what makes it go. */
interface Operator {
  rule: object;
  comes: (oven: DeviceRef) => Promise<void>;
  goes: (oven: DeviceRef) => Promise<void>;
}

const operators: Record<string, Operator> = {
  threshold: {
    rule: {
      ...common,
      kind: "threshold",
      title: "Hot",
      cause: "hot",
      metric: "cavity_c",
      direction: "above",
      limit: 300,
      clearAt: 280,
      holdMs: 2 * minute,
    },
    async comes(oven) {
      for (let at = 0; at < 3; at += 1) {
        await pass(1);
        await measures(oven, { cavity_c: 310 });
      }
    },
    async goes(oven) {
      await pass(1);
      await measures(oven, { cavity_c: 100 });
    },
  },
  fault: {
    rule: { ...common, kind: "fault", title: "Faults" },
    comes: (oven) => tells(oven, "fault.raised", { code: "E1" }),
    goes: (oven) => tells(oven, "fault.cleared", { code: "E1" }),
  },
  frozen: {
    rule: {
      ...common,
      kind: "frozen",
      title: "Stuck",
      cause: "stuck",
      metric: "cavity_c",
      withinDelta: 0.2,
      holdMs: 2 * minute,
      driver: { metric: "power_w", above: 1_000 },
      readingsMin: 3,
    },
    async comes(oven) {
      for (let at = 0; at < 4; at += 1) {
        await pass(1);
        await measures(oven, { cavity_c: 61, power_w: 2_000 });
      }
    },
    async goes(oven) {
      await pass(1);
      await measures(oven, { cavity_c: 64, power_w: 0 });
    },
  },
  count: {
    rule: {
      ...common,
      kind: "count",
      title: "Drops",
      cause: "drops",
      event: { type: "door.opened" },
      count: 3,
      windowMs: hour,
      quietMs: hour,
    },
    async comes(oven) {
      for (let at = 0; at < 3; at += 1) await tells(oven, "door.opened");
      await pass(2);
    },
    goes: () => pass(62),
  },
  sequence: {
    rule: {
      ...common,
      kind: "sequence",
      title: "Opened and aborted",
      cause: "opened_aborted",
      events: [{ type: "door.opened" }, { type: "program.aborted" }],
      withinMs: hour,
      clearAfterMs: hour,
    },
    async comes(oven) {
      await tells(oven, "door.opened");
      await pass(1);
      await tells(oven, "program.aborted");
      await pass(2);
    },
    goes: () => pass(62),
  },
  accumulate: {
    rule: {
      ...common,
      kind: "accumulate",
      title: "To be cleaned",
      cause: "to_be_cleaned",
      add: { type: "program.finished" },
      limit: 2,
      reset: { type: "cleaning.finished" },
    },
    async comes(oven) {
      for (let at = 0; at < 2; at += 1) {
        await pass(1);
        await tells(oven, "program.finished");
      }
      await pass(2);
    },
    async goes(oven) {
      await tells(oven, "cleaning.finished");
      await pass(2);
    },
  },
  trend: {
    rule: {
      ...common,
      kind: "trend",
      title: "Hotter than it was",
      cause: "hotter",
      from: { type: "program.started" },
      to: { type: "program.finished" },
      feature: { kind: "mean", metric: "cavity_c" },
      baselineEpisodes: 3,
      episodes: 1,
      share: 0.2,
      direction: "above",
    },
    async comes(oven) {
      for (const cavity_c of [100, 100, 100, 200]) await cooks(oven, cavity_c);
    },
    goes: (oven) => cooks(oven, 100),
  },
  "absence of an event": {
    rule: { ...absence, of: { kind: "event", event: { type: "descale.finished" } } },
    async comes(oven) {
      await tells(oven, "descale.finished");
      await pass(100);
    },
    async goes(oven) {
      await tells(oven, "descale.finished");
      await pass(0);
    },
  },
  "absence of a metric": {
    rule: { ...absence, of: { kind: "metric", metric: "cavity_c" } },
    async comes(oven) {
      await measures(oven, { cavity_c: 100 });
      await pass(100);
    },
    async goes(oven) {
      await measures(oven, { cavity_c: 100 });
      await pass(0);
    },
  },
  silence: {
    rule: { ...absence, of: { kind: "anything" } },
    async comes(oven) {
      await goes(oven, "connected");
      await pass(1);
      await goes(oven, "disconnected");
      await pass(100);
    },
    async goes(oven) {
      await goes(oven, "connected");
      await pass(0);
    },
  },
};

/** A program of one temperature, and until its readings are all there. */
async function cooks(oven: DeviceRef, cavity_c: number): Promise<void> {
  await tells(oven, "program.started");
  for (let at = 0; at < 3; at += 1) {
    await pass(1);
    await measures(oven, { cavity_c });
  }
  await tells(oven, "program.finished");
  await pass(2);
}

const ways: Record<string, (ruleId: string) => Promise<void>> = {
  "off and on": async (id) => {
    for (const mode of ["off", "live"] as const) await house.switchMode(id, mode);
  },
  "off and on, twice, around restarts": async (id) => {
    for (const mode of ["off", "live", "off", "live"] as const) {
      await house.switchMode(id, mode);
      await house.restart();
    }
  },
  "the next version": async (id) => {
    const definition = house.engine.rules.inForce(id)?.definition;
    await house.engine.rules.change(
      { kind: "system" },
      id,
      ruleDefinition.parse({ ...definition, severity: "service" }),
    );
  },
};

test.each(Object.entries(operators))(
  "%s: what stood when its rule was switched off and on, or replaced, is told to go, and its next time is another time",
  async (_name, operator) => {
    const id = await house.create(operator.rule);
    for (const [way, change] of Object.entries(ways)) {
      const oven = await house.newOven();
      const kinds = () => house.foundOn(oven).map(([kind]) => kind);
      await operator.comes(oven);
      expect([way, kinds()]).toEqual([way, ["raise"]]);
      await change(id);
      await operator.goes(oven);
      expect([way, kinds()]).toEqual([way, ["raise", "clear"]]);
      await pass(1);
      await operator.comes(oven);
      expect([way, kinds()]).toEqual([way, ["raise", "clear", "raise"]]);
    }
  },
);

test("who came back while the rule about silence was off is silent no longer once it is on, however long the connection holds", async () => {
  const [back, away] = [await house.newOven(), await house.newOven()];
  const { rule, comes } = operators["silence"] ?? expect.fail();
  const id = await house.create(rule);
  await comes(back);
  await comes(away);
  await house.switchMode(id, "off");
  await goes(back, "connected");
  const backMin = nowMin();
  await pass(10);
  await house.restart();
  await house.switchMode(id, "live");
  await pass(1);
  expect(house.foundOn(back).slice(1)).toEqual([["clear", "gone", backMin]]);
  expect(house.foundOn(away).map(([kind]) => kind)).toEqual(["raise", "raise"]);
  await goes(away, "connected");
  expect(house.foundOn(away).map(([kind]) => kind)).toEqual(["raise", "raise", "clear"]);
});

test("a shadow's firings are noted and nothing follows; live, it finds anew what still stands", async () => {
  const oven = await house.newOven();
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
  const id = await house.create(rule);
  await house.say({ readings: [house.reading(oven, 0, { cavity_c: 310 })] });
  await house.passes(1);
  expect(await house.firings(id)).toMatchObject([{ kind: "raise", mode: "shadow" }]);
  expect([house.changes, house.done]).toEqual([[], []]);
  await house.switchMode(id, "live");
  await house.say({ readings: [house.reading(oven, 1, { cavity_c: 311 })] });
  await house.passes(1);
  await house.passes(1);
  expect(house.changes).toEqual([[oven.id, "raise", "hot", 1]]);
  expect(house.done).toEqual([`${oven.id} +hot`, `${oven.id} self_test`]);
  await house.say({ readings: [house.reading(oven, 3, { cavity_c: 270 })] });
  await house.passes(1);
  expect(house.done.slice(2)).toEqual([`${oven.id} -hot`]);
  const { rows } = await sql<{ type: string }>`
    SELECT type FROM outbox WHERE data ->> 'ruleId' = ${id} ORDER BY id`.execute(house.base.db);
  expect(rows.map(({ type }) => type)).toEqual(["hearth.rule.raised", "hearth.rule.cleared"]);
  // What happened long ago, and was only heard of now, orders nothing.
  house.clock.forward(hour);
  await house.say({ readings: [house.reading(oven, 5, { cavity_c: 310 })] });
  await house.passes(0);
  expect(house.done.slice(3)).toEqual([`${oven.id} +hot`]);
  await house.switchMode(id, "off");
  await house.say({ readings: [house.reading(oven, 70, { cavity_c: 400 })] });
  expect(await house.firings(id)).toHaveLength(4);
});

test("of what a rule held when it was switched off it is told that it goes, once it is on again, after a restart too", async () => {
  const oven = await house.newOven();
  const watched = { severity: "info", actions: [{ kind: "case" }] };
  const hot = { kind: "threshold", title: "Hot", cause: "hot", metric: "cavity_c", direction: "above", limit: 300 };
  const hotId = await house.create({ ...watched, ...hot, clearAt: 280, holdMs: 2 * minute });
  const faultId = await house.create({ ...watched, kind: "fault", title: "Faults" });
  const fault = (atMin: number, kind: "raised" | "cleared") =>
    house.event(oven, atMin, `fault.${kind}`, { code: "E1" });
  for (const at of [0, 2]) await house.say({ readings: [house.reading(oven, at, { cavity_c: 310 })] });
  await house.say({ events: [fault(2, "raised")] });
  for (const id of [hotId, faultId]) await house.switchMode(id, "off");
  await house.restart();
  for (const id of [hotId, faultId]) await house.switchMode(id, "live");
  // Not for long enough to be found again; then back.
  for (const [at, cavity_c] of [
    [3, 310],
    [4, 290],
    [5, 310],
    [6, 270],
    [7, 260],
  ] as const)
    await house.say({ readings: [house.reading(oven, at, { cavity_c })] });
  await house.say({ events: [fault(8, "cleared"), fault(9, "cleared"), fault(10, "raised")] });
  expect(house.changes).toEqual([
    [oven.id, "raise", "hot", 2],
    [oven.id, "raise", "fault:E1", 2],
    [oven.id, "clear", "hot", 6],
    [oven.id, "clear", "fault:E1", 8],
    [oven.id, "raise", "fault:E1", 10],
  ]);
});

test("a rule about some faults leaves the others alone, and tells that one goes that it is about no more", async () => {
  const oven = await house.newOven();
  const fault = (atMin: number, kind: "raised" | "cleared", code: string) =>
    house.event(oven, atMin, `fault.${kind}`, { code });
  const definition = { kind: "fault", title: "Some", severity: "info", actions: [{ kind: "case" }] };
  const id = await house.create({ ...definition, codes: ["E1", "E2"] });
  await house.say({ events: [fault(1, "raised", "E1"), fault(2, "raised", "E2"), fault(3, "raised", "E3")] });
  await house.engine.rules.change({ kind: "system" }, id, ruleDefinition.parse({ ...definition, notCodes: ["E1"] }));
  await house.say({ events: [fault(4, "cleared", "E1"), fault(5, "raised", "E1"), fault(6, "raised", "E3")] });
  expect(house.changes).toEqual([
    [oven.id, "raise", "fault:E1", 1],
    [oven.id, "raise", "fault:E2", 2],
    [oven.id, "clear", "fault:E1", 4],
    [oven.id, "raise", "fault:E3", 6],
  ]);
});
