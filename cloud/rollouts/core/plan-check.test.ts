import fc from "fast-check";
import { expect, test } from "vitest";
import type { Gate, Plan, Stage, StageSize } from "./plan.ts";
import { hasNoGate, planRefused } from "./plan-check.ts";

const nowMs = Date.UTC(2026, 5, 1);

const stage = (size: StageSize, over: Partial<Stage> = {}): Stage => ({
  name: JSON.stringify(size),
  size,
  soakMs: 0,
  gate: null,
  next: "continue",
  ...over,
});

const planOf = (stages: Stage[], over: Partial<Plan> = {}): Plan => ({
  name: "a plan",
  releaseId: "r",
  target: "true",
  stages,
  windows: [],
  startsPerMinuteMax: 10,
  startAtMs: null,
  approval: "not_needed",
  consent: "automatic",
  postponeMsMax: 0,
  noticeMs: 0,
  autoAssign: false,
  freezeOverride: null,
  attemptsMax: 3,
  ...over,
});

const refusal = (plan: Plan, kind: "security" | "feature" = "feature") =>
  planRefused(plan, { kind }, nowMs)?.rule ?? null;

const share = (value: number): StageSize => ({ kind: "share", share: value });
const rest: StageSize = { kind: "rest" };

test.each<[string, StageSize[], string | null]>([
  ["shares of 100 %", [share(0.1), share(0.2), share(0.7)], null],
  ["a tag, a share, the rest", [{ kind: "tag", tag: "internal" }, share(0.05), rest], null],
  ["a count and the rest", [{ kind: "count", count: 10 }, rest], null],
  ["all at once", [rest], null],
  ["shares below 100 %", [share(0.1), share(0.2)], "stages_do_not_add_up"],
  ["shares above 100 %", [share(0.6), share(0.6)], "stages_do_not_add_up"],
  ["shares above 100 % and the rest", [share(0.6), share(0.6), rest], "stages_do_not_add_up"],
  ["nothing left for the rest", [share(1), rest], "stages_do_not_add_up"],
  ["the rest before others", [rest, share(0.5)], "stages_do_not_add_up"],
  ["a share of nothing", [share(0), rest], "stages_do_not_add_up"],
  ["a count of nothing", [{ kind: "count", count: 0 }, rest], "stages_do_not_add_up"],
  ["a count alone", [{ kind: "count", count: 100 }], "stages_do_not_add_up"],
  ["a tag alone", [{ kind: "tag", tag: "internal" }], "stages_do_not_add_up"],
])("stages: %s", (_name, sizes, rule) => {
  expect(refusal(planOf(sizes.map((size) => stage(size))))).toBe(rule);
});

test("any division of the whole into shares adds up, whatever its decimals", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 20 }), (parts) => {
      const whole = parts.reduce((sum, part) => sum + part, 0);
      const stages = parts.map((part, at) => stage(share(part / whole), { name: `stage ${at}` }));
      expect(refusal(planOf(stages))).toBeNull();
      if (stages.length > 1) expect(refusal(planOf(stages.slice(1)))).toBe("stages_do_not_add_up");
    }),
  );
});

test("two stages of one name, or of one tag, are refused", () => {
  const ring: StageSize = { kind: "tag", tag: "internal" };
  expect(refusal(planOf([stage(ring, { name: "a" }), stage(rest, { name: "a" })]))).toBe("stage_repeated");
  expect(refusal(planOf([stage(ring, { name: "a" }), stage(ring, { name: "b" }), stage(rest)]))).toBe("stage_repeated");
});

const gate: Gate = { failureShareMax: null, failuresMax: null, timeoutShareMax: null, sampleMin: 10, metric: null };

test.each<[string, Partial<Gate>, StageSize, string | null]>([
  ["draws no line", {}, rest, "gate_makes_no_sense"],
  ["all may fail", { failureShareMax: 1 }, rest, "gate_makes_no_sense"],
  ["all may time out", { timeoutShareMax: 1 }, rest, "gate_makes_no_sense"],
  ["more failures than appliances", { failuresMax: 5 }, { kind: "count", count: 5 }, "gate_makes_no_sense"],
  ["none may fail", { failureShareMax: 0 }, rest, null],
  ["a few may", { failuresMax: 4 }, { kind: "count", count: 5 }, null],
])("a gate: %s", (_name, over, size, rule) => {
  const stages = size.kind === "rest" ? [] : [stage(rest)];
  expect(refusal(planOf([stage(size, { name: "gated", gate: { ...gate, ...over } }), ...stages]))).toBe(rule);
});

test("windows that never open, a start in the past and an override for a mere feature are refused", () => {
  const all = [stage(rest)];
  const never = { weekdays: [1, 2], from: "02:00", to: "02:00" };
  const open = { weekdays: [1], from: "02:00", to: "04:00" };
  expect(refusal(planOf(all, { windows: [never] }))).toBe("window_never_opens");
  expect(refusal(planOf(all, { windows: [never, open] }))).toBeNull();
  expect(refusal(planOf(all, { startAtMs: nowMs - 1 }))).toBe("start_is_past");
  expect(refusal(planOf(all, { startAtMs: nowMs }))).toBeNull();
  const override = { freezeOverride: { reason: "actively exploited" } };
  expect(refusal(planOf(all, override))).toBe("freeze_override_not_allowed");
  expect(refusal(planOf(all, override), "security")).toBeNull();
});

test("a plan without any gate says so", () => {
  expect(hasNoGate([stage(rest)])).toBe(true);
  expect(hasNoGate([stage(share(0.1), { gate: { ...gate, failuresMax: 1 } }), stage(rest)])).toBe(false);
});
