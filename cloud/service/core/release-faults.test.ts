import { expect, test } from "vitest";
import { type SeenFault, type SwitchedDevice, oddsOfWorse, releaseFigures, releaseVerdict } from "./release-faults.ts";

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Fleet {
  devices: SwitchedDevice[];
  faults: SeenFault[];
}

/**
 * A fleet that goes over within three days. Appliances differ: one in twenty is broken and tells of it again and again; most have a
 * fault in a hundred days, some ten times as many.
 *
 * @param factor how many times as many faults the release brings; `fault` is one more that only it brings, a day and appliance
 */
function fleetOf(seed: number, size: number, factor: number, fault = 0): Fleet {
  const random = randomOf(seed);
  const devices: SwitchedDevice[] = [];
  const faults: SeenFault[] = [];
  for (let deviceKey = 0; deviceKey < size; deviceKey += 1) {
    const switchedAtMs = 30 * dayMs + random() * 3 * dayMs;
    devices.push({ deviceKey, switchedAtMs, beforeSinceMs: 0 });
    const isBroken = random() < 0.05;
    const perDay = isBroken ? 2 : random() < 0.1 ? 0.1 : 0.01;
    const raise = (fromMs: number, toMs: number, rate: number, code: string) => {
      for (let atMs = fromMs; ;) {
        atMs += (-Math.log(1 - random()) / rate) * dayMs;
        if (atMs >= toMs) return;
        faults.push({ deviceKey, atMs, code });
      }
    };
    for (const code of ["E1", "E2", "E3", "E4"]) {
      raise(10 * dayMs, switchedAtMs, perDay / 4, code);
      raise(switchedAtMs, 50 * dayMs, (perDay / 4) * (isBroken ? 1 : factor), code);
    }
    // Whoever is broken tells of it again when it restarts with the release.
    if (isBroken) faults.push({ deviceKey, atMs: switchedAtMs + 60_000, code: "E1" });
    if (fault > 0) raise(switchedAtMs, 50 * dayMs, fault, "E42");
  }
  return { devices, faults };
}

/** Looks every six hours from the first change on. @returns days until an incident, or null where none opened in a fortnight */
function daysToIncident({ devices, faults }: Fleet): number | null {
  for (let nowMs = 30 * dayMs; nowMs <= 47 * dayMs; nowMs += 6 * hourMs) {
    const here = devices.filter(({ switchedAtMs }) => switchedAtMs <= nowMs);
    const told = faults.filter(({ atMs }) => atMs <= nowMs);
    if (releaseVerdict(releaseFigures(here, told, nowMs), false) === "worse") return nowMs / dayMs - 30;
  }
  return null;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const seeds = Array.from({ length: 300 }, (_, at) => at + 1);

test("a sound release is called worse in at most one life of a hundred", () => {
  const alarms = seeds.filter((seed) => daysToIncident(fleetOf(seed, 200, 1)) !== null);
  expect(alarms.length / seeds.length).toBeLessThanOrEqual(0.01);
});

test("a release that trebles faults is called worse, in the end and soon", () => {
  const days = seeds.slice(0, 60).map((seed) => daysToIncident(fleetOf(seed, 500, 3)) ?? Infinity);
  expect(days.filter((day) => day === Infinity).length).toBeLessThanOrEqual(1);
  expect(median(days)).toBeLessThanOrEqual(6);
});

test("a fault of its own gives a release away though few appliances have it", () => {
  const days = seeds.slice(0, 40).map((seed) => daysToIncident(fleetOf(seed, 1_000, 1, 0.01)) ?? Infinity);
  expect(days.filter((day) => day === Infinity)).toEqual([]);
  const { devices, faults } = fleetOf(1, 1_000, 1, 0.01);
  expect(releaseFigures(devices, faults, 40 * dayMs).code).toBe("E42");
});

test("few appliances say nothing, however bad they are", () => {
  const { devices, faults } = fleetOf(1, 19, 50);
  expect(releaseVerdict(releaseFigures(devices, faults, 45 * dayMs), false)).toBe("too_little");
});

test("an appliance is compared with itself, so long after as before, and counts once on a side", () => {
  const devices = [{ deviceKey: 1, switchedAtMs: 10 * dayMs, beforeSinceMs: 8 * dayMs }];
  const at = (day: number, deviceKey = 1) => ({ deviceKey, atMs: day * dayMs, code: "E1" });
  const faults = [at(7.9), at(9), at(9.5), at(10.01), at(11), at(12.1), at(11, 2)];
  const figures = releaseFigures(devices, faults, 30 * dayMs);
  expect(figures).toMatchObject({ devices: 1, before: 1, after: 1, ratio: 1 });
  expect(figures.deviceDays).toBeCloseTo(2 - 1 / 24);
});

test("the odds are those of a bet: even where nothing is known, and fair under the coin", () => {
  expect(oddsOfWorse(0, 0)).toBeCloseTo(1);
  expect(oddsOfWorse(0, 10)).toBeGreaterThan(100);
  expect(oddsOfWorse(10, 0)).toBeLessThan(1);
  // What a fair bet pays on average is what was staked.
  const n = 24;
  let [paid, chance] = [0, 0.5 ** n];
  for (let after = 0; after <= n; after += 1) {
    paid += chance * oddsOfWorse(n - after, after);
    chance *= (n - after) / (after + 1);
  }
  expect(paid).toBeCloseTo(1);
});

test("an incident is over only when the odds are even again", () => {
  const sides = { before: 12, after: 16, onlyBefore: 10, onlyAfter: 14 };
  const figures = { devices: 100, deviceDays: 100, ...sides, ratio: 1.3, odds: 3, code: null, codes: [] };
  expect(releaseVerdict(figures, true)).toBe("worse");
  expect(releaseVerdict(figures, false)).toBe("sound");
  expect(releaseVerdict({ ...figures, odds: 1 }, true)).toBe("sound");
});
