import fc from "fast-check";
import { expect, test } from "vitest";
import { helpCause, joinedCase } from "./help.ts";
import { severities } from "./severity.ts";
import { expectationOf, percentile, placesOf, sampleMin, warnedLeadMs } from "./waiting.ts";

const severity = fc.constantFrom(...severities);
// Few values, so that ties are common.
const line = fc.uniqueArray(fc.record({ id: fc.uuid(), severity, dueAtMs: fc.nat(3), openedAtMs: fc.nat(3) }), {
  selector: ({ id }) => id,
  maxLength: 30,
});

test("places are a permutation: everybody has one, nobody shares one, and the order they came in changes nothing", () => {
  fc.assert(
    fc.property(line, (cases) => {
      const places = placesOf(cases);
      expect([...places.values()].toSorted((a, b) => a - b)).toEqual(cases.map((_, at) => at));
      expect(placesOf(cases.toReversed())).toEqual(places);
    }),
  );
});

test("a graver case is ahead, and of two alike the one that is due first", () => {
  fc.assert(
    fc.property(line, (cases) => {
      const places = placesOf(cases);
      for (const a of cases) {
        for (const b of cases) {
          const [x = 0, y = 0] = [places.get(a.id), places.get(b.id)];
          const graver = severities.indexOf(a.severity) - severities.indexOf(b.severity);
          if (graver > 0 || (graver === 0 && a.dueAtMs < b.dueAtMs)) expect(x).toBeLessThan(y);
        }
      }
    }),
  );
});

test("half waited no longer than p50, four in five no longer than p80, and fewer than twenty say nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { maxLength: 60 }), (waited) => {
      const told = expectationOf(waited);
      expect(told.sample).toBe(waited.length);
      if (told.basis === "too_few") {
        expect(waited.length).toBeLessThan(sampleMin);
        return;
      }
      const within = (ms: number) => waited.filter((one) => one <= ms).length / waited.length;
      expect(within(told.p50Ms)).toBeGreaterThanOrEqual(0.5);
      expect(within(told.p80Ms)).toBeGreaterThanOrEqual(0.8);
      expect(within(told.p80Ms - 1)).toBeLessThan(0.8);
      expect(told.p50Ms).toBeLessThanOrEqual(told.p80Ms);
      expect(waited).toContain(told.p50Ms);
    }),
  );
  expect(percentile([1, 2, 3, 4, 5], 0.8)).toBe(4);
  expect(warnedLeadMs(8 * 3_600_000)).toBe(2 * 3_600_000);
});

const caseOf = (id: string, cause: string, grave: (typeof severities)[number] = "service") => ({
  id,
  cause,
  severity: grave,
  openedAtMs: 1,
});

test("a question joins the case of the fault that it names, else one of questions, else the gravest", () => {
  const open = [caseOf("a", "fault:E07"), caseOf("b", "help_cleaning"), caseOf("c", "over_temperature", "safety")];
  expect(joinedCase(open, { code: "E07", wantsHuman: false })?.id).toBe("a");
  expect(joinedCase(open, { topic: "cleaning", wantsHuman: false })?.id).toBe("b");
  expect(joinedCase(open, { code: "E99", wantsHuman: false })?.id).toBe("b");
  expect(
    joinedCase(
      [open[0], open[2]].filter((one) => one !== undefined),
      { wantsHuman: true },
    )?.id,
  ).toBe("c");
  expect(joinedCase([], { wantsHuman: false })).toBeNull();
  fc.assert(
    fc.property(fc.string(), (code) => {
      expect(helpCause({ code, wantsHuman: false })).toMatch(/^[a-z][a-z0-9_]{0,63}$/);
    }),
  );
});
