import fc from "fast-check";
import { expect, test } from "vitest";
import { escalate, isClosed, promiseAfter, promiseAnswered, promiseOf, type SeverityTerms } from "./case-promise.ts";
import { type CaseStatus, caseStatuses } from "./case.ts";

const terms: SeverityTerms = {
  firstAnswerMs: 3_600_000,
  resolveMs: 86_400_000,
  escalation: [
    { afterDueMs: -600_000, to: { kind: "assignee" } },
    { afterDueMs: 0, to: { kind: "role", role: "support" } },
    { afterDueMs: 600_000, to: { kind: "role", role: "admin" } },
  ],
};
const t0 = 1_780_000_000_000;

type Act = { kind: "to"; status: CaseStatus } | { kind: "answer" };
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant("to" as const), status: fc.constantFrom(...caseStatuses) }),
  fc.record({ kind: fc.constant("answer" as const) }),
);
const anyStory = fc.array(fc.tuple(anyAct, fc.nat(40_000_000)), { maxLength: 30 });

/** Follows a story; `see` looks at each step. */
function follow(
  story: readonly (readonly [Act, number])[],
  see: (promise: ReturnType<typeof promiseOf>, status: CaseStatus, nowMs: number) => void,
) {
  let nowMs = t0;
  let status: CaseStatus = "open";
  let promise = promiseOf(terms, t0);
  for (const [act, passMs] of story) {
    nowMs += passMs;
    if (act.kind === "answer") promise = promiseAnswered(promise, status, nowMs, terms);
    else {
      promise = promiseAfter(promise, { from: status, to: act.status, nowMs }, terms);
      status = act.status;
    }
    see(promise, status, nowMs);
  }
}

test("a closed case has nothing due, and an open one that nobody waits for always has", () => {
  fc.assert(
    fc.property(anyStory, (story) => {
      follow(story, (promise, status) => {
        const waits = status === "waiting_for_owner" || status === "waiting_for_release";
        if (isClosed(status)) expect(promise.dueAtMs).toBeNull();
        else if (!waits) expect(promise.dueAtMs).not.toBeNull();
        else if (promise.answeredAtMs !== null) expect(promise.dueAtMs).toBeNull();
        expect(promise.escalatesAtMs === null || promise.dueAtMs !== null).toBe(true);
      });
    }),
  );
});

test("what is left of the time for a solution is the same after a wait for the owner as before it", () => {
  fc.assert(
    fc.property(fc.nat(80_000_000), fc.nat(500_000_000), (workedMs, waitedMs) => {
      const asked = promiseAfter(
        promiseOf(terms, t0),
        { from: "open", to: "waiting_for_owner", nowMs: t0 + workedMs },
        terms,
      );
      const nowMs = t0 + workedMs + waitedMs;
      const back = promiseAfter(asked, { from: "waiting_for_owner", to: "waiting_for_staff", nowMs }, terms);
      expect(back.resolveDueAtMs - nowMs).toBe(terms.resolveMs - workedMs);
      expect(back.pausedAtMs).toBeNull();
      expect(back.firstAnswerDueAtMs).toBe(t0 + terms.firstAnswerMs);
    }),
  );
});

test("two waits in a row stop the clock once", () => {
  const asked = promiseAfter(promiseOf(terms, t0), { from: "open", to: "waiting_for_owner", nowMs: t0 + 1_000 }, terms);
  const released = promiseAfter(
    asked,
    { from: "waiting_for_owner", to: "waiting_for_release", nowMs: t0 + 5_000 },
    terms,
  );
  const back = promiseAfter(released, { from: "waiting_for_release", to: "reopened", nowMs: t0 + 11_000 }, terms);
  expect(back.resolveDueAtMs).toBe(t0 + terms.resolveMs + 10_000);
});

test("only the first answer counts, and a case that reopens is promised a solution anew", () => {
  const once = promiseAnswered(promiseOf(terms, t0), "open", t0 + 5, terms);
  expect(promiseAnswered(once, "open", t0 + 9, terms)).toBe(once);
  expect(once.dueAtMs).toBe(t0 + terms.resolveMs);
  const done = promiseAfter(once, { from: "open", to: "resolved", nowMs: t0 + 100 }, terms);
  const again = promiseAfter(done, { from: "resolved", to: "reopened", nowMs: t0 + 1_000_000_000 }, terms);
  expect(again.dueAtMs).toBe(t0 + 1_000_000_000 + terms.resolveMs);
});

test("an escalation only climbs, reaches every step of a promise that nobody keeps, and tells a late one the highest step alone", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4_000_000), { maxLength: 20 }), (passes) => {
      let promise = promiseOf(terms, t0);
      let nowMs = t0;
      for (const passMs of passes) {
        nowMs += passMs;
        const reached = escalate(promise, nowMs, terms);
        expect(reached !== null).toBe(promise.escalatesAtMs !== null && promise.escalatesAtMs <= nowMs);
        if (reached === null) continue;
        expect(reached.level).toBeGreaterThan(promise.level);
        expect(escalate(reached.promise, nowMs, terms)).toBeNull();
        promise = reached.promise;
      }
      const late = escalate(promise, t0 + 10 * terms.resolveMs, terms);
      expect(late?.level ?? promise.level).toBe(3);
    }),
  );
});
