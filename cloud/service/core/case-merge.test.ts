import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, type Mergeable, parted } from "./case-merge.ts";
import {
  type CasePromise,
  escalate,
  promiseAfter,
  promiseAnew,
  promiseAnswered,
  promiseOf,
  type SeverityTerms,
} from "./case-promise.ts";
import type { CaseState } from "./case.ts";
import { severities, type Severity } from "./severity.ts";

const terms: SeverityTerms = {
  firstAnswerMs: 3_600_000,
  resolveMs: 86_400_000,
  escalation: [
    { afterDueMs: -600_000, to: { kind: "assignee" } },
    { afterDueMs: 0, to: { kind: "role", role: "support" } },
  ],
};
const termsOf = () => terms;
const t0 = 1_780_000_000_000;

type Case = Mergeable & { severity: Severity; promise: CasePromise; escalatedTo: string | null };

function stateOf(status: World["status"]): CaseState {
  if (status === "resolved") return { status, resolvedAtMs: 0, by: "staff:1", fixedIn: null };
  return status === "open" ? { status, openedAtMs: 0 } : { status, sinceMs: 0 };
}
const opened = (id: string, severity: Severity, knownAtMs: number): Case => ({
  id,
  deviceKey: 1,
  householdId: null,
  formerHouseholdId: null,
  severity,
  state: stateOf("open"),
  promise: promiseOf(terms, knownAtMs),
  escalatedTo: null,
});
const join = (from: Case, into: Case): Case => ({ ...into, ...joined(from, into, termsOf, null) });
const part = (ids: readonly string[], into: Case): Case => ({ ...into, ...parted(ids, into, termsOf) });

/** What is due, and how bad it is: how far an escalation is depends on when one looked. */
const owed = ({ severity, promise: { firstAnswerDueAtMs, resolveDueAtMs, answeredAtMs, dueAtMs } }: Case) => ({
  severity,
  firstAnswerDueAtMs,
  resolveDueAtMs,
  answeredAtMs,
  dueAtMs,
});

type Act =
  | { kind: "to"; status: "open" | "waiting_for_owner" | "resolved" }
  | { kind: "answer" | "escalate" }
  | { kind: "anew"; inMs: number };
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant("to" as const), status: fc.constantFrom("open", "waiting_for_owner", "resolved") }),
  fc.record({ kind: fc.constantFrom("answer" as const, "escalate" as const) }),
  fc.record({ kind: fc.constant("anew" as const), inMs: fc.nat(200_000_000) }),
);
const anyStory = fc.array(fc.tuple(anyAct, fc.nat(40_000_000)), { maxLength: 8 });
const anyOther = fc.record({
  severity: fc.constantFrom(...severities),
  knownAtMs: fc.integer({ min: t0 - 80_000_000, max: t0 }),
});

interface World {
  one: Case;
  status: "open" | "waiting_for_owner" | "resolved";
  nowMs: number;
}

/** What happens to a case that goes on. */
function live(world: World, story: readonly (readonly [Act, number])[]): World {
  let { one, status, nowMs } = world;
  for (const [act, passMs] of story) {
    nowMs += passMs;
    const { promise } = one;
    switch (act.kind) {
      case "to":
        one = { ...one, promise: promiseAfter(promise, { from: status, to: act.status, nowMs }, terms) };
        status = act.status;
        break;
      case "answer":
        one = { ...one, promise: promiseAnswered(promise, status, nowMs, terms) };
        break;
      case "anew":
        one = { ...one, promise: promiseAnew(promise, status, nowMs + act.inMs, terms) };
        break;
      case "escalate":
        one = { ...one, promise: escalate(promise, nowMs, terms)?.promise ?? promise };
        break;
    }
    one = { ...one, state: stateOf(status) };
  }
  return { one, status, nowMs };
}

test("a case that others went into and were taken out of again is owed what it would be without, whatever happened meanwhile", () => {
  fc.assert(
    fc.property(anyStory, anyOther, anyStory, anyOther, anyStory, (before, a, between, b, after) => {
      const [first, second] = [opened("a", a.severity, a.knownAtMs), opened("b", b.severity, b.knownAtMs)];
      const start = live({ one: opened("into", "service", t0), status: "open", nowMs: t0 }, before);
      // What is resolved is not merged into.
      fc.pre(start.status !== "resolved");
      const never = live(live(start, between), after);
      const had = live({ ...start, one: join(first, start.one) }, between);
      const both = had.status === "resolved" ? had : { ...had, one: join(second, had.one) };
      const end = live(both, after);
      expect(owed(part(["b", "a"], end.one))).toEqual(owed(never.one));
      expect(owed(part(["a"], part(["b"], end.one)))).toEqual(owed(never.one));
      expect(part(["a", "b"], end.one).promise.takenOver).toBeNull();
      // With one of them taken out it is as if that one alone had never come.
      if (had.status === "resolved") return;
      const secondAlone = live({ ...live(start, between), one: join(second, live(start, between).one) }, after);
      expect(owed(part(["a"], end.one))).toEqual(owed(secondAlone.one));
    }),
  );
});

test("what goes into a case is never owed later there, and is as grave there as it was", () => {
  fc.assert(
    fc.property(anyStory, anyOther, (story, { severity, knownAtMs }) => {
      const start = live({ one: opened("into", "service", t0), status: "open", nowMs: t0 }, story);
      fc.pre(start.status !== "resolved");
      const other = opened("a", severity, knownAtMs);
      const together = join(other, start.one);
      expect(together.promise.resolveDueAtMs).toBe(
        Math.min(start.one.promise.resolveDueAtMs, other.promise.resolveDueAtMs),
      );
      expect(severities.indexOf(together.severity)).toBe(
        Math.max(severities.indexOf(severity), severities.indexOf(start.one.severity)),
      );
    }),
  );
});

test("steps of the escalation that were reached before a merge are reached no second time after it is taken back", () => {
  const late = opened("into", "service", t0);
  const nowMs = t0 + terms.firstAnswerMs;
  const told = {
    ...late,
    promise: escalate(late.promise, nowMs, terms)?.promise ?? late.promise,
    escalatedTo: "role:support",
  };
  expect(told.promise.level).toBe(2);
  const sooner = join(opened("a", "safety", t0 - 1_000_000), told);
  expect(sooner.promise).toMatchObject({ level: 0, dueAtMs: nowMs - 1_000_000 });
  const back = part(["a"], sooner);
  expect(back).toEqual(told);
  expect(escalate(back.promise, nowMs + 1, terms)).toBeNull();
});

test("of what went in with others in it each can be taken out alone", () => {
  const [into, middle, inner] = [
    opened("into", "info", t0),
    opened("m", "service", t0 - 1_000),
    opened("i", "safety", t0 - 5_000),
  ];
  const whole = join(join(inner, middle), into);
  expect(owed(whole)).toMatchObject({ severity: "safety", firstAnswerDueAtMs: t0 - 5_000 + terms.firstAnswerMs });
  expect(owed(part(["i"], whole))).toEqual(owed(join(middle, into)));
  expect(part(["m", "i"], whole)).toEqual(into);
});
