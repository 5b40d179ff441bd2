import fc from "fast-check";
import { expect, test } from "vitest";
import { asGraveAs } from "./case-graver.ts";
import { promiseAfter, promiseAnswered, promiseOf, type SeverityTerms } from "./case-promise.ts";
import type { CaseState } from "./case.ts";
import { isGraver, severities, type Severity } from "./severity.ts";

const hour = 3_600_000;
const t0 = 1_780_000_000_000;
const toAll = { kind: "role", role: "support" } as const;
const terms: Record<Severity, SeverityTerms> = {
  safety: { firstAnswerMs: hour, resolveMs: 24 * hour, escalation: [{ afterDueMs: 0, to: toAll }] },
  service: { firstAnswerMs: 8 * hour, resolveMs: 120 * hour, escalation: [{ afterDueMs: hour, to: toAll }] },
  info: { firstAnswerMs: 48 * hour, resolveMs: 336 * hour, escalation: [] },
};

test("a case in which something graver is found is owed no later than one that is opened for that, and nothing later than before", () => {
  const severity = fc.constantFrom(...severities);
  fc.assert(
    fc.property(severity, severity, fc.nat(400), fc.boolean(), fc.boolean(), (was, found, hours, isAnswered, waits) => {
      const nowMs = t0 + (hours + 2) * hour;
      const [from, to] = ["open", waits ? "waiting_for_owner" : "open"] as const;
      const state: CaseState = waits
        ? { status: "waiting_for_owner", sinceMs: t0 }
        : { status: "open", openedAtMs: t0 };
      const opened = promiseAfter(promiseOf(terms[was], t0), { from, to, nowMs: t0 + hour }, terms[was]);
      const promise = isAnswered ? promiseAnswered(opened, to, t0 + 2 * hour, terms[was]) : opened;
      const before = { severity: was, state, promise };
      const after = asGraveAs(found, before, terms[found], nowMs);
      if (!isGraver(found, was)) {
        expect(after).toBe(before);
        return;
      }
      expect(after.severity).toBe(found);
      // Once nobody waits for the owner any more.
      const dues = (one: typeof before) => promiseAfter(one.promise, { from: to, to: "open", nowMs }, terms[found]);
      const [then, anew] = [dues(before), promiseOf(terms[found], nowMs)];
      expect(dues(after).resolveDueAtMs).toBe(Math.min(then.resolveDueAtMs, anew.resolveDueAtMs));
      expect(after.promise.answeredAtMs).toBe(before.promise.answeredAtMs);
      const soonest = Math.min(before.promise.firstAnswerDueAtMs, isAnswered ? Infinity : anew.firstAnswerDueAtMs);
      expect(after.promise.firstAnswerDueAtMs).toBe(soonest);
      if (!isAnswered) expect(after.promise.dueAtMs).toBeLessThanOrEqual(soonest);
      // Where nothing is due, since the owner is waited for, nothing climbs.
      expect(after.promise.escalatesAtMs === null).toBe(after.promise.dueAtMs === null);
    }),
  );
});
