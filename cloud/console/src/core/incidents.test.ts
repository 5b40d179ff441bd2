import fc from "fast-check";
import { expect, test } from "vitest";
import { memberSteps } from "./incidents.ts";

const member = fc.tuple(fc.nat(1_000), fc.option(fc.nat(1_000))).map(([raisedAtMs, lasts]) => ({
  deviceId: "d",
  raisedAtMs,
  clearedAtMs: lasts === null ? null : raisedAtMs + lasts,
  caseId: null,
}));

test("the steps of an incident end with everybody counted, and never have more than had", () => {
  fc.assert(
    fc.property(fc.array(member), (members) => {
      const steps = memberSteps(members);
      const last = steps.at(-1) ?? { had: 0, have: 0 };
      expect(last.had).toBe(members.length);
      expect(last.have).toBe(members.filter(({ clearedAtMs }) => clearedAtMs === null).length);
      for (const { had, have } of steps) expect(have).toBeLessThanOrEqual(had);
      expect(steps.map(({ atMs }) => atMs)).toEqual(
        [...new Set(steps.map(({ atMs }) => atMs))].toSorted((a, b) => a - b),
      );
    }),
  );
});
