import fc from "fast-check";
import { expect, test } from "vitest";
import { HeldBack } from "./held-back.ts";

const patience = { heldBackToldAfterMs: 2_000, releasedAfterMs: 5_000 };

test("a burst that is paused for a moment is nobody's concern", () => {
  const heldBack = new HeldBack(patience);
  expect(heldBack.paused("messagesPerSecondMax", 0)).toBe(true);
  expect(heldBack.look(1_999)).toBeNull();
  heldBack.resumed(1_999);
  expect([heldBack.look(6_998), heldBack.look(6_999), heldBack.look(60_000)]).toEqual([null, null, null]);
  expect(heldBack.paused("messagesPerSecondMax", 60_000)).toBe(true);
});

test("pauses that add up are told once, and the end of them once", () => {
  const heldBack = new HeldBack(patience);
  const told: unknown[] = [];
  for (let second = 0; second < 10; second += 1) {
    expect(heldBack.paused("bytesPerSecondMax", second * 1_000)).toBe(second === 0);
    heldBack.resumed(second * 1_000 + 500);
    told.push(heldBack.look(second * 1_000 + 600));
  }
  expect(told).toEqual([null, null, null, { state: "held", limit: "bytesPerSecondMax" }, ...Array(6).fill(null)]);
  expect([heldBack.look(14_499), heldBack.look(14_500), heldBack.look(14_501)]).toEqual([
    null,
    { state: "released", limit: "bytesPerSecondMax" },
    null,
  ]);
});

test("whatever comes, held and released take turns, and name the same limit", () => {
  const step = fc.record({ waitMs: fc.nat(4_000), is: fc.constantFrom("paused", "resumed", "look") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heldBack = new HeldBack(patience);
      const words: string[] = [];
      let nowMs = 0;
      for (const { waitMs, is } of steps) {
        nowMs += waitMs;
        if (is === "paused") heldBack.paused("messagesPerSecondMax", nowMs);
        else if (is === "resumed") heldBack.resumed(nowMs);
        const word = heldBack.look(nowMs);
        if (word !== null) words.push(word.state);
      }
      expect(words).toEqual(words.map((_, at) => (at % 2 === 0 ? "held" : "released")));
    }),
  );
});
