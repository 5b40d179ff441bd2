import fc from "fast-check";
import { expect, test } from "vitest";
import { type CaseEvent, type CaseState, caseStatuses, reopenWithinMs, stepCase } from "./case.ts";

const kinds = ["cause_returned", "cause_cleared", "resolved", "ask_owner", "owner_answered", "take_up"] as const;

const states: Record<(typeof caseStatuses)[number], CaseState> = {
  open: { status: "open", openedAtMs: 0 },
  waiting_for_owner: { status: "waiting_for_owner", sinceMs: 0 },
  waiting_for_staff: { status: "waiting_for_staff", sinceMs: 0 },
  resolved: { status: "resolved", resolvedAtMs: 0, by: "cause" },
  reopened: { status: "reopened", reopenedAtMs: 0 },
};

const event = (kind: (typeof kinds)[number], atMs: number): CaseEvent =>
  kind === "resolved" ? { kind, atMs, by: "staff:1" } : { kind, atMs };

test("every status answers every event as the table in this test says", () => {
  const table = Object.fromEntries(
    caseStatuses.map((status) => [
      status,
      kinds.map((kind) => {
        const outcome = stepCase(states[status], event(kind, 1));
        return outcome.kind === "moved" ? outcome.to.status : outcome.rule;
      }),
    ]),
  );
  expect(table).toEqual({
    open: ["case_already_open", "resolved", "resolved", "waiting_for_owner", "case_not_waiting", "case_already_open"],
    waiting_for_owner: [
      "case_already_open",
      "resolved",
      "resolved",
      "case_already_waiting",
      "waiting_for_staff",
      "open",
    ],
    waiting_for_staff: [
      "case_already_open",
      "resolved",
      "resolved",
      "waiting_for_owner",
      "case_already_waiting",
      "open",
    ],
    resolved: ["reopened", ...Array.from({ length: 5 }, () => "case_already_resolved")],
    reopened: [
      "case_already_open",
      "resolved",
      "resolved",
      "waiting_for_owner",
      "case_not_waiting",
      "case_already_open",
    ],
  });
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
