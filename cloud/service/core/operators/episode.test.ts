import fc from "fast-check";
import { expect, test } from "vitest";
import { type Episode, featureOf } from "./episode.ts";
import type { StoredValues } from "./stored-values.ts";

const rise: Episode = {
  feature: { kind: "rise", metric: "cavity_c", from: 60, to: 120 },
  skipMs: 0,
  minMs: 0,
  counts: ({ metrics }) => metrics["door_open"] !== true,
};
const everyMs = 10_000;

/** A cavity that warms by so many degrees a second. */
const warming = (perS: number, startC: number, more: object = {}): StoredValues[] =>
  Array.from({ length: 200 }, (_none, at) => ({
    atMs: at * everyMs,
    metrics: { cavity_c: startC + (perS * at * everyMs) / 1_000, ...more },
  }));

test("how fast a cavity warms comes out the same however cold it was and however often it is read", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.06, max: 1, noNaN: true }),
      fc.integer({ min: 5, max: 50 }),
      fc.integer({ min: 1, max: 4 }),
      (perS, startC, every) => {
        const readings = warming(perS, startC).filter((_reading, at) => at % every === 0);
        const found = featureOf(rise, 0, readings);
        if (found !== null) expect(found).toBeCloseTo(perS, 6);
        else expect(startC + perS * 2_000).toBeLessThan(140);
      },
    ),
  );
});

test("a way up on which the door was open or the sensor stood still, or that began above the band, says nothing", () => {
  const opened = warming(0.2, 20).map((reading) =>
    reading.atMs === 300_000 ? { ...reading, metrics: { ...reading.metrics, door_open: true } } : reading,
  );
  expect(featureOf(rise, 0, opened)).toBeNull();
  const stuck = warming(0.2, 20).map(({ atMs, metrics }) => ({
    atMs,
    metrics: atMs > 250_000 && atMs < 400_000 ? { cavity_c: 70 } : metrics,
  }));
  expect(featureOf(rise, 0, stuck)).toBeNull();
  expect(featureOf(rise, 0, warming(0.2, 80))).toBeNull();
});

test("the energy for each degree above the kitchen leaves out what was read with the door open", () => {
  const rate: Episode = {
    feature: { kind: "rate", metric: "energy_wh", per: { metric: "cavity_c", above: 20 } },
    skipMs: 100_000,
    minMs: 600_000,
    counts: rise.counts,
  };
  // 720 W at 180 °C is 4.5 Wh an hour and kelvin.
  const holding = Array.from({ length: 200 }, (_none, at) => {
    const open = at === 50 || at === 51;
    const metrics = { cavity_c: open ? 100 : 180, energy_wh: at * 2 + (at > 51 ? 90 : 0), door_open: open };
    return { atMs: at * everyMs, metrics };
  });
  expect(featureOf(rate, 0, holding)).toBeCloseTo(4.5, 6);
  expect(featureOf(rate, 0, holding.slice(0, 60))).toBeNull();
  const mean: Episode = { ...rate, feature: { kind: "mean", metric: "cavity_c" } };
  expect(featureOf(mean, 0, holding)).toBeCloseTo(180, 6);
});

test("whatever numbers an appliance says, an episode comes to a number that can be kept, or to nothing", () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 12 });
  const features = fc.constantFrom<Episode["feature"]>(
    { kind: "mean", metric: "cavity_c" },
    { kind: "rise", metric: "cavity_c", from: 60, to: 120 },
    { kind: "rate", metric: "energy_wh", per: { metric: "cavity_c", above: 20 } },
  );
  const huge = [Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE];
  fc.assert(
    fc.property(features, values, (feature, all) => {
      const readings = all.map((value, at) => ({ atMs: at * 1_000, metrics: { cavity_c: value, energy_wh: -value } }));
      const found = featureOf({ feature, skipMs: 0, minMs: 0, counts: () => true }, 0, readings);
      if (found !== null) expect(Number.isFinite(found)).toBe(true);
    }),
    { examples: [[{ kind: "mean", metric: "cavity_c" }, huge]] },
  );
});
