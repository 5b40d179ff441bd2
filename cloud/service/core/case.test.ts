import fc from "fast-check";
import { expect, test } from "vitest";
import { type CaseEvent, type CaseState, caseStatuses, releaseGraceMs, reopenWithinMs, stepCase } from "./case.ts";

const kinds = [
  "cause_returned",
  "cause_cleared",
  "resolved",
  "ask_owner",
  "owner_answered",
  "take_up",
  "fixed_in",
  "release_confirmed",
  "merged",
  "unmerged",
] as const;
type Kind = (typeof kinds)[number];

const fixedIn = { version: "2.1.0", counter: 7 };
const states: Record<(typeof caseStatuses)[number], CaseState> = {
  open: { status: "open", openedAtMs: 0 },
  waiting_for_owner: { status: "waiting_for_owner", sinceMs: 0 },
  waiting_for_staff: { status: "waiting_for_staff", sinceMs: 0 },
  waiting_for_release: { status: "waiting_for_release", sinceMs: 0, fixedIn, confirmedAtMs: null },
  resolved: { status: "resolved", resolvedAtMs: 0, by: "cause", fixedIn: null },
  resolved_in_release: { status: "resolved_in_release", resolvedAtMs: 0, by: "release", fixedIn },
  reopened: { status: "reopened", reopenedAtMs: 0 },
  merged: { status: "merged", mergedAtMs: 0, by: "staff:1", intoId: "2" },
};

function event(kind: Kind, atMs: number, counter: number | null = 6): CaseEvent {
  switch (kind) {
    case "cause_returned":
      return { kind, atMs, counter };
    case "cause_cleared":
      return { kind, atMs, counter, isUnseen: false };
    case "resolved":
      return { kind, atMs, by: "staff:1" };
    case "fixed_in":
      return { kind, atMs, fixedIn: { version: "2.2.0", counter: 8 } };
    case "release_confirmed":
      return { kind, atMs, stands: false };
    case "merged":
      return { kind, atMs, by: "staff:1", intoId: "2" };
    case "unmerged":
      return { kind, atMs, by: "staff:1", isOver: false };
    case "ask_owner":
    case "owner_answered":
    case "take_up":
      return { kind, atMs };
  }
}

const outcomeOf = (state: CaseState, on: CaseEvent) => {
  const outcome = stepCase(state, on);
  return outcome.kind === "moved" ? outcome.to.status : outcome.rule;
};

test("every status answers every event as the table in this test says", () => {
  const table = Object.fromEntries(
    caseStatuses.map((status) => [status, kinds.map((kind) => outcomeOf(states[status], event(kind, 1)))]),
  );
  const merging = ["merged", "case_not_merged"];
  const inHand = [
    "case_already_open",
    "resolved",
    "resolved",
    "waiting_for_owner",
    "case_not_waiting",
    "case_already_open",
    "waiting_for_release",
    "case_not_waiting",
    ...merging,
  ];
  const closed = [...Array.from({ length: 8 }, () => "case_already_resolved"), "case_not_merged"];
  expect(table).toEqual({
    open: inHand,
    reopened: inHand,
    waiting_for_owner: [
      "case_already_open",
      "resolved",
      "resolved",
      "case_already_waiting",
      "waiting_for_staff",
      "open",
      "waiting_for_release",
      "case_not_waiting",
      ...merging,
    ],
    waiting_for_staff: [
      "case_already_open",
      "resolved",
      "resolved",
      "waiting_for_owner",
      "case_already_waiting",
      "open",
      "waiting_for_release",
      "case_not_waiting",
      ...merging,
    ],
    waiting_for_release: [
      "case_already_open",
      "resolved",
      "resolved",
      "waiting_for_owner",
      "waiting_for_staff",
      "open",
      "waiting_for_release",
      "resolved_in_release",
      ...merging,
    ],
    resolved: ["reopened", ...closed],
    resolved_in_release: ["waiting_for_release", ...closed],
    merged: [...Array.from({ length: 9 }, () => "case_merged"), "open"],
  });
});

test("a case that waits for its release closes with it, and one whose cause outlives it by a day reopens", () => {
  const waiting = states.waiting_for_release;
  const told = stepCase(waiting, { kind: "release_confirmed", atMs: 10, stands: true });
  const since = told.kind === "moved" ? told.to : waiting;
  expect(since).toMatchObject({ status: "waiting_for_release", confirmedAtMs: 10 });
  const later = (atMs: number, stands: boolean) => outcomeOf(since, { kind: "release_confirmed", atMs, stands });
  expect(later(9 + releaseGraceMs, true)).toBe("case_waits_for_release");
  expect(later(10 + releaseGraceMs, true)).toBe("reopened");
  expect(later(11, false)).toBe("resolved_in_release");
  expect(outcomeOf(since, event("cause_cleared", 11, 7))).toBe("resolved_in_release");
});

test("a release that did not mend it is a regression whenever that shows; before it came the case waits on", () => {
  const counters = fc.option(fc.integer({ min: 1, max: 12 }), { nil: null });
  const closed: fc.Arbitrary<CaseState> = fc.constantFrom<CaseState>(states.resolved_in_release, {
    ...states.resolved,
    status: "resolved",
    resolvedAtMs: 0,
    by: "cause",
    fixedIn,
  });
  fc.assert(
    fc.property(closed, counters, fc.nat(4 * reopenWithinMs), (state, counter, atMs) => {
      const came = outcomeOf(state, { kind: "cause_returned", atMs, counter });
      const hasIt = counter !== null && counter >= fixedIn.counter;
      if (hasIt) expect(came).toBe("reopened");
      else expect(["waiting_for_release", "resolved_too_long_ago"]).toContain(came);
    }),
  );
});

test("a resolved case is reopened by nothing but its cause, and by that only within 7 days", () => {
  const atMs = fc.oneof(fc.nat(2 * reopenWithinMs), fc.constantFrom(reopenWithinMs - 1, reopenWithinMs));
  fc.assert(
    fc.property(fc.constantFrom(...kinds), atMs, (kind, at) => {
      const outcome = stepCase(states.resolved, event(kind, at));
      expect(outcome.kind === "moved").toBe(kind === "cause_returned" && at < reopenWithinMs);
    }),
  );
});
