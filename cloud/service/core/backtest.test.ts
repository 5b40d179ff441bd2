import { expect, test } from "vitest";
import { firingSha256, firingShare, readsOf, verdictOf } from "./backtest.ts";
import { defaultRules } from "./default-rules.ts";
import { ruleDefinition } from "./rule.ts";

const rule = (over: object = {}) =>
  ruleDefinition.parse({
    kind: "threshold",
    title: "Hot",
    severity: "service",
    metric: "cavity_c",
    direction: "above",
    limit: 250,
    clearAt: 240,
    holdMs: 0,
    cause: "hot",
    ...over,
  });

test("never fired is said only of an appliance of which there was something to look at", () => {
  expect(verdictOf({ evaluated: 0, raises: 0 })).toBe("no_data");
  expect(verdictOf({ evaluated: 3, raises: 0 })).toBe("never_fired");
  expect(verdictOf({ evaluated: 3, raises: 2 })).toBe("fired");
});

test("a share is of those that it had something to look at, and few of them have none", () => {
  expect(firingShare({ fired: 2, neverFired: 8 })).toBe(0.2);
  expect(firingShare({ fired: 2, neverFired: 7 })).toBeNull();
});

test("definitions that fire alike have the same hash, whatever they are called and in whichever order a store keeps them", () => {
  const hash = firingSha256(rule());
  expect(firingSha256(rule({ title: "Warm", severity: "info", mode: "shadow", actions: [] }))).toBe(hash);
  expect(firingSha256(ruleDefinition.parse(Object.fromEntries(Object.entries(rule()).toReversed())))).toBe(hash);
  expect(firingSha256(rule({ limit: 251 }))).not.toBe(hash);
});

test("every default rule reads what it needs and nothing else", () => {
  for (const { definition } of defaultRules) {
    const reads = readsOf(definition);
    expect(reads.readings || reads.events || reads.presence).toBe(true);
  }
  expect(readsOf(rule())).toMatchObject({ readings: true, metrics: ["cavity_c"], events: false, presence: false });
  expect(readsOf(rule({ where: "power_w > 10.0" })).metrics).toBeNull();
});
