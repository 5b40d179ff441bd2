import fc from "fast-check";
import { expect, test } from "vitest";
import { type Freeze, frozenCountries, frozenIntervals, isFrozen, nextFreezeChangeMs } from "./freeze.ts";

const freeze = (over: Partial<Freeze>): Freeze => ({
  id: "f",
  countries: [],
  models: [],
  fromMs: 100,
  toMs: 200,
  reason: "holidays",
  ...over,
});

test("a freeze holds from its first moment until just before its last", () => {
  const freezes = [freeze({})];
  expect(frozenCountries(freezes, "oven-x200", 99)).toEqual([]);
  expect(frozenCountries(freezes, "oven-x200", 100)).toBe("all");
  expect(frozenCountries(freezes, "oven-x200", 199)).toBe("all");
  expect(frozenCountries(freezes, "oven-x200", 200)).toEqual([]);
});

test("freezes of several countries add up, and one of everywhere covers them", () => {
  const some = [freeze({ countries: ["DE", "AT"] }), freeze({ countries: ["CH", "DE"], models: ["oven-x200"] })];
  expect(frozenCountries(some, "oven-x200", 150)).toEqual(["AT", "CH", "DE"]);
  expect(frozenCountries(some, "hob-i60", 150)).toEqual(["AT", "DE"]);
  expect(frozenCountries([...some, freeze({ models: ["oven-x200"] })], "oven-x200", 150)).toBe("all");
});

test("no freeze of some countries reaches an appliance of which nobody knows where it is", () => {
  expect(isFrozen(["DE"], null)).toBe(false);
  expect(isFrozen(["DE"], "FR")).toBe(false);
  expect(isFrozen(["DE"], "DE")).toBe(true);
  expect(isFrozen("all", "FR")).toBe(true);
  expect(isFrozen("all", null)).toBe(true);
  expect(isFrozen([], null)).toBe(false);
});

test("the next change is the next beginning or end that concerns the model", () => {
  const freezes = [freeze({ fromMs: 300, toMs: 400 }), freeze({ models: ["hob-i60"], fromMs: 150, toMs: 160 })];
  expect(nextFreezeChangeMs(freezes, "oven-x200", 100)).toBe(300);
  expect(nextFreezeChangeMs(freezes, "hob-i60", 100)).toBe(150);
  expect(nextFreezeChangeMs(freezes, "oven-x200", 300)).toBe(400);
  expect(nextFreezeChangeMs(freezes, "oven-x200", 400)).toBeNull();
});

const anyFreeze = fc
  .record({
    countries: fc.subarray(["DE", "AT", "FR"]),
    models: fc.subarray(["oven-x200", "hob-i60"]),
    fromMs: fc.nat(50),
    length: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ length, ...rest }) => freeze({ ...rest, toMs: rest.fromMs + length }));

test("frozen intervals and what is frozen now say the same at every moment", () => {
  fc.assert(
    fc.property(fc.array(anyFreeze, { maxLength: 6 }), fc.constantFrom("DE", "FR", null), (freezes, country) => {
      const intervals = frozenIntervals(freezes, "oven-x200", country);
      for (let nowMs = 0; nowMs < 75; nowMs += 1) {
        const isInside = intervals.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
        expect(isFrozen(frozenCountries(freezes, "oven-x200", nowMs), country)).toBe(isInside);
      }
    }),
  );
});
