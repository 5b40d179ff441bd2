import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateFault, faultCause, type FaultSignal, type FaultState, neverFaulty } from "./fault.ts";

const signal: fc.Arbitrary<FaultSignal> = fc.record({
  kind: fc.constantFrom("raised" as const, "cleared" as const),
  atMs: fc.nat(20),
});

function run(signals: readonly FaultSignal[]): FaultState {
  let state = neverFaulty;
  for (const next of signals) ({ state } = evaluateFault(state, next));
  return state;
}

test("whatever the order and however often, the newest signal decides whether the fault stands", () => {
  fc.assert(
    fc.property(fc.array(signal, { minLength: 1, maxLength: 20 }), fc.infiniteStream(fc.nat()), (signals, places) => {
      const shuffled = [...signals, ...signals.slice(0, 5)]
        .map((item) => ({ item, place: places.next().value ?? 0 }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ item }) => item);
      const newestMs = Math.max(...signals.map(({ atMs }) => atMs));
      const cleared = signals.some(({ kind, atMs }) => atMs === newestMs && kind === "cleared");
      expect(run(shuffled)).toEqual({ phase: cleared ? "idle" : "holding", lastAtMs: newestMs });
    }),
  );
});

test("raise and clear follow one another", () => {
  fc.assert(
    fc.property(fc.array(signal, { maxLength: 50 }), (signals) => {
      let state = neverFaulty;
      let expected: "raise" | "clear" = "raise";
      for (const next of signals) {
        const outcome = evaluateFault(state, next);
        state = outcome.state;
        if (outcome.effect === null) continue;
        expect(outcome.effect).toBe(expected);
        expected = expected === "raise" ? "clear" : "raise";
      }
    }),
  );
});

test("a code that cannot be shown is one cause of its own", () => {
  expect(faultCause({ code: "E17" })).toBe("fault:E17");
  expect(faultCause({ code: 17 })).toBe("fault:17");
  for (const code of [undefined, null, "", "a b", "x".repeat(65), {}, ["E1"]]) {
    expect(faultCause({ code })).toBe("fault:unknown");
  }
});
