/** Rules that hold an appliance against itself. */
import { expect, test } from "vitest";
import { houseOfTests } from "../../test/support/rule-house.ts";

const [minute, hour] = [60_000, 3_600_000];

const house = await houseOfTests();

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

test("an episode is measured from stored readings once they are all there, also by another process than the one that heard its end", async () => {
  const oven = await house.newOven();
  await house.create(slow);
  for (const [place, perMin] of [12, 12.5, 11.8, 8, 8, 12, 12].entries()) {
    const startMin = place * 60;
    const warming = Array.from({ length: 16 }, (_none, at) =>
      house.reading(oven, startMin + at, { cavity_c: 20 + perMin * at, door_open: false }),
    );
    await house.say({ events: [house.event(oven, startMin, "program.started")], readings: warming.slice(0, 5) });
    house.clock.forward(16 * minute);
    await house.say({ events: [house.event(oven, startMin + 16, "preheat.finished")] });
    // The rest of its readings comes after its end.
    await house.say({ readings: warming.slice(5) });
    await house.restart();
    // One that cannot be measured yet waits for its readings.
    house.isBehind = place === 4;
    await house.passes(44);
    if (house.isBehind) expect(house.changes).toEqual([]);
    house.isBehind = false;
  }
  expect(house.changes).toEqual([
    [oven.id, "raise", "slow", 4 * 60 + 16],
    [oven.id, "clear", "slow", 6 * 60 + 16],
  ]);
  const [raise] = await house.firings();
  expect(raise?.trace["baseline"]).toMatchObject({ median: 12 / 60, episodes: 3, last: [{}, {}] });
});

test("the episodes of a past that is told all at once are measured without a pause between them", async () => {
  const ovens = [];
  while (ovens.length < 6) ovens.push(await house.newOven());
  await house.create(slow);
  const past = ovens.flatMap((oven) =>
    [12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 8, 8].flatMap((perMin, place) => {
      const startMin = place * 60;
      return {
        events: [house.event(oven, startMin, "program.started"), house.event(oven, startMin + 16, "preheat.finished")],
        readings: Array.from({ length: 16 }, (_none, at) =>
          house.reading(oven, startMin + at, { cavity_c: 20 + perMin * at }),
        ),
      };
    }),
  );
  house.clock.forward(13 * hour);
  await house.say({ events: past.flatMap(({ events }) => events), readings: past.flatMap(({ readings }) => readings) });
  // Once nothing more has come for the lateness, one turn of the clock does it.
  house.clock.forward(hour);
  await house.passes(1);
  expect(new Set(house.changes.map(([id, kind]) => `${id} ${kind}`))).toEqual(
    new Set(ovens.map(({ id }) => `${id} raise`)),
  );
  expect(house.changes).toHaveLength(ovens.length);
});

test("a store of readings that does not answer keeps no due row from the up road", async () => {
  const oven = await house.newOven();
  await house.create({ ...slow, feature: { kind: "mean", metric: "cavity_c" } });
  for (let at = 0; at < 30; at += 3)
    await house.say({
      events: [house.event(oven, at, "program.started"), house.event(oven, at + 2, "preheat.finished")],
    });
  house.hangs = true;
  await house.passes(60);
  house.hangs = false;
  expect(house.changes).toEqual([]);
});
