import { expect, test } from "vitest";
import type { RolloutGate } from "../api/rollout-shapes.ts";
import { adoptionOf, supportText } from "./releases.ts";
import { funnelShares, gateScale, gateSentence, progressText, shareText, sizeText, stageShare } from "./rollouts.ts";

const none = {
  waiting: 0,
  offered: 0,
  started: 0,
  done: 0,
  failed: 0,
  timed_out: 0,
  declined: 0,
  skipped: 0,
  cancelled: 0,
};
const gate: RolloutGate = {
  gate: "failure_share",
  value: 0.1,
  line: 0.05,
  sample: 120,
  sampleMin: 100,
  verdict: "tripped",
};

test("a gate says what it measured, of how many, and where its line is", () => {
  expect(gateSentence(gate)).toBe("10\u00A0% of a sample of 120: above the line of 5\u00A0%.");
  expect(gateSentence({ ...gate, verdict: "too_early", sample: 3 })).toBe(
    "Counts from a sample of 100 on; there are 3.",
  );
  expect(gateSentence({ ...gate, gate: "failures", value: 0, line: 2, verdict: "within" })).toBe(
    "0 of a sample of 120; halts above 2.",
  );
  expect(gateScale({ ...gate, value: null }).value).toBe(0);
  const { value, line } = gateScale(gate);
  expect(value).toBeCloseTo(0.8);
  expect(line).toBeCloseTo(0.4);
});

test("a funnel shows what it holds, in the order of an appliance's way", () => {
  expect(funnelShares({ ...none, waiting: 5, done: 2, failed: 1 }).map(({ name }) => name)).toEqual([
    "done",
    "waiting",
    "failed",
  ]);
  expect(stageShare({ members: 10, tally: { ...none, waiting: 5, started: 1, done: 4 } })).toBe(0.4);
  expect(stageShare({ members: 0, tally: none })).toBe(0);
});

test("sizes, shares and what a rollout is at read as sentences", () => {
  expect([sizeText({ kind: "share", share: 0.125 }), sizeText({ kind: "count", count: 1 }), shareText(1)]).toEqual([
    "12.5\u00A0% of the target",
    "1 appliance",
    "100\u00A0%",
  ]);
  const state = { kind: "running" as const, progress: { kind: "soaking" as const, stage: 0, sinceMs: 0 } };
  expect(progressText(state, [{ name: "Ring 0" }], 3_600_000)).toBe("Ring 0: watched for 1 h.");
  expect(progressText({ kind: "scheduled", startAtMs: null }, [], 0)).toBe("A person starts it.");
});

test("adoption is a share of the model's own appliances, and the end of support is told a year ahead", () => {
  const models = [{ model: "a", total: 8 }];
  expect(adoptionOf({ model: "a", running: 2 }, models)).toEqual({ devices: 2, total: 8, share: 0.25 });
  expect(adoptionOf({ model: "b", running: 0 }, models).share).toBe(0);
  const dayMs = 86_400_000;
  expect(supportText(10 * dayMs, 0)).toEqual({ words: "Support ends in 10 d.", isOver: false });
  expect(supportText(0, 10 * dayMs)).toEqual({ words: "Support ended 10 d ago.", isOver: true });
  expect([supportText(null, 0), supportText(800 * dayMs, 0)]).toEqual([null, null]);
});
