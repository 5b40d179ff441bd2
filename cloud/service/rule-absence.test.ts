/** Rules that find what no longer comes. */
import { sql } from "kysely";
import { expect, test } from "vitest";
import { houseOfTests } from "../../test/support/rule-house.ts";

const [minute, hour] = [60_000, 3_600_000];

const house = await houseOfTests();

test("silence is found by the registry's word on who is away and by what was listened, and a connection ends it", async () => {
  const [gone, here] = [await house.newOven(), await house.newOven()];
  await house.create({
    kind: "absence",
    title: "Silent",
    severity: "info",
    cause: "silent",
    of: { kind: "anything" },
    forMs: hour,
  });
  await house.say({ presence: [house.presence(here, 0, "connected")] });
  await house.say({ presence: [house.presence(gone, 0, "connected"), house.presence(gone, 5, "disconnected")] });
  await house.passes(70);
  expect(house.changes).toEqual([]);
  house.silenceUntilMs = house.t0 + 64 * minute;
  await house.passes(1);
  expect(house.changes).toEqual([]);
  house.silenceUntilMs = house.t0 + 70 * minute;
  await house.passes(1);
  await house.passes(400);
  expect(house.changes).toEqual([[gone.id, "raise", "silent", 65]]);
  await house.restart();
  await house.passes(1);
  await house.say({ presence: [house.presence(gone, 500, "connected")] });
  expect(house.changes.slice(1)).toEqual([[gone.id, "clear", "silent", 500]]);
  house.silenceUntilMs = house.t0 + 5_000 * minute;
  await house.passes(5_000);
  expect(house.changes).toHaveLength(2);
});

test("a metric, or an event, that no longer comes is missed by the clock, and its return ends that", async () => {
  const oven = await house.newOven();
  const absence = { kind: "absence", title: "Gone", severity: "info", forMs: hour };
  await house.create({ ...absence, cause: "no_probe", of: { kind: "metric", metric: "probe1_c" } });
  await house.create({ ...absence, cause: "no_program", of: { kind: "event", event: { type: "program.finished" } } });
  await house.say({
    events: [house.event(oven, 0, "program.finished")],
    readings: [house.reading(oven, 0, { probe1_c: 20 })],
  });
  for (let atMin = 1; atMin < 40; atMin += 1)
    await house.say({ readings: [house.reading(oven, atMin, { probe1_c: 20 + atMin })] });
  house.silenceUntilMs = house.clock.forward(61 * minute);
  await house.engine.tick();
  expect(house.changes).toEqual([[oven.id, "raise", "no_program", 60]]);
  await house.restart();
  // Its appearance is noted every quarter of an hour.
  house.silenceUntilMs = house.clock.forward(50 * minute);
  await house.engine.tick();
  expect(house.changes.slice(1)).toEqual([[oven.id, "raise", "no_probe", 30 + 75]]);
  await house.say({
    readings: [house.reading(oven, 120, { probe1_c: 30 }), house.reading(oven, 121, { cavity_c: 30 })],
  });
  await house.say({ events: [house.event(oven, 125, "program.finished")] });
  expect(house.changes.slice(2).map(([, ...what]) => what)).toEqual([
    ["clear", "no_probe", 120],
    ["clear", "no_program", 125],
  ]);
});

test("a silence, or a metric that is missed, that a shadow found is found anew when its rule goes live, and who is back is not", async () => {
  const [gone, back, mute] = [await house.newOven(), await house.newOven(), await house.newOven()];
  const silence = { kind: "absence", severity: "info", forMs: hour, mode: "shadow" };
  const silent = await house.create({ ...silence, title: "Silent", cause: "silent", of: { kind: "anything" } });
  const missed = await house.create({
    ...silence,
    title: "Not measured",
    cause: "not_measured",
    of: { kind: "metric", metric: "cavity_c" },
  });
  for (const one of [gone, back])
    await house.say({ presence: [house.presence(one, 0, "connected"), house.presence(one, 1, "disconnected")] });
  await house.say({ readings: [house.reading(mute, 0, { cavity_c: 20 })] });
  house.silenceUntilMs = house.clock.forward(100 * minute);
  await house.passes(0);
  expect((await house.firings()).map(({ kind, cause }) => `${kind} ${cause}`).toSorted()).toEqual([
    "raise not_measured",
    "raise silent",
    "raise silent",
  ]);
  await house.say({ presence: [house.presence(back, 100, "connected")] });
  house.silenceUntilMs = house.clock.forward(100 * minute);
  await house.passes(0);
  expect(house.changes).toEqual([]);
  for (const id of [silent, missed]) await house.switchMode(id, "live");
  await house.passes(1);
  const found = house.changes.map(([id, kind, cause]) => `${id} ${kind} ${cause}`);
  expect(new Set(found)).toEqual(new Set([`${gone.id} raise silent`, `${mute.id} raise not_measured`]));
  expect(found).toHaveLength(2);
});

test("a state that cannot be looked at is said, and keeps no other from its time", async () => {
  const [broken, mute] = [await house.newOven(), await house.newOven()];
  const of = { kind: "metric", metric: "cavity_c" };
  await house.create({
    kind: "absence",
    title: "Not measured",
    severity: "info",
    cause: "not_measured",
    of,
    forMs: hour,
  });
  for (const one of [broken, mute]) await house.say({ readings: [house.reading(one, 0, { cavity_c: 20 })] });
  await sql`UPDATE rule_state SET state = '{"last": "?"}' WHERE device_key = ${broken.key}`.execute(house.base.db);
  house.silenceUntilMs = house.clock.forward(200 * minute);
  await expect(house.engine.tick()).rejects.toThrow("cannot be looked at");
  expect(house.foundOn(mute)).toEqual([["raise", "not_measured", 75]]);
});
