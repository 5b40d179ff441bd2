/** Rules that find a sensor that stands still. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { houseOfTests } from "../../test/support/rule-house.ts";
import type { DeviceRef, ReadingFact } from "../devices/devices.ts";

const [minute, hour] = [60_000, 3_600_000];

const house = await houseOfTests();

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
/** Readings every 20 s of an oven that heats and shows the same value. */
const stuck = (of: DeviceRef, fromMin: number, toMin: number): ReadingFact[] =>
  Array.from({ length: Math.round((toMin - fromMin) * 3) }, (_none, at) =>
    house.reading(of, fromMin + at / 3, { cavity_c: 61.3, power_w: 2_400, door_open: false }),
  );

test("a sensor that stands still is found across batches, across a restart in the middle, and across a batch that was lost", async () => {
  const oven = await house.newOven();
  await house.create(frozen);
  await house.say({ readings: stuck(oven, 0, 1) });
  await house.say({ readings: stuck(oven, 1, 2) });
  house.clock.forward(2 * minute);
  await house.restart();
  await house.say({ readings: stuck(oven, 2, 4) }, true);
  expect(house.changes).toEqual([]);
  await house.say({ readings: stuck(oven, 2, 3) });
  expect(house.changes).toEqual([]);
  await house.say({ readings: stuck(oven, 3, 4) });
  expect(house.changes).toEqual([[oven.id, "raise", "stuck", 3]]);
  await house.restart();
  await house.say({ readings: stuck(oven, 4, 9) });
  await house.say({ readings: [house.reading(oven, 9, { cavity_c: 64, power_w: 2_400 })] });
  expect(house.changes.slice(1)).toEqual([[oven.id, "clear", "stuck", 9]]);
  // What is sent again after that brings nothing back.
  await house.say({ readings: stuck(oven, 2, 8) });
  expect(house.changes).toHaveLength(2);
  expect((await house.firings()).map(({ kind }) => kind)).toEqual(["raise", "clear"]);
});

test("however readings are cut into batches, and wherever the service restarts, a stuck sensor is found the same", async () => {
  await house.create(frozen);
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
        house.t0 = house.clock.forward(hour);
        const [whole, pieces] = [await house.newOven(), await house.newOven()];
        const of = (which: DeviceRef) => values.map((metrics, at) => house.reading(which, at / 3, metrics));
        await house.say({ readings: of(whole) });
        const rest = of(pieces);
        while (rest.length > 0) {
          const [length, restart] = cuts.next().value ?? [1, 1];
          const part = rest.splice(0, length);
          if (restart === 0) await house.restart();
          await house.say({ readings: part.toReversed() });
          house.clock.forward(part.length * 20_000);
        }
        expect(house.foundOn(pieces)).toEqual(house.foundOn(whole));
      },
    ),
    { numRuns: 15 },
  );
  expect(house.changes.length).toBeGreaterThan(4);
});

test("a reading that comes too late to be followed by the search for a stuck sensor is said", async () => {
  const oven = await house.newOven();
  const id = await house.create({
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
  const at = (atMin: number, cavity_c: number, power_w = 2_000) => house.reading(oven, atMin, { cavity_c, power_w });
  await house.say({ readings: [at(100, 80), at(104, 80)] });
  await house.say({ readings: [at(102, 95), at(101, 20, 0), at(99, 20, 0)] });
  expect(await house.tooLate(id)).toBe(2);
  await house.say({ readings: [at(102, 95)] });
  expect(await house.tooLate(id)).toBe(2);
  await house.say({ readings: [at(108, 80), at(111, 80)] });
  expect(house.changes).toEqual([[oven.id, "raise", "stuck", 111]]);
});
