import fc from "fast-check";
import { expect, test } from "vitest";
import { carried, choices, speak, type Standing, type Word } from "./consent.ts";

const anyWord: fc.Arbitrary<Word> = fc.record({
  decision: fc.constantFrom("given" as const, "withdrawn" as const),
  // Few times, so that many words are spoken at the same one.
  atMs: fc.integer({ min: 1, max: 6 }),
  isOwn: fc.boolean(),
});

/** What holds after words that came in this order. */
function hear(purpose: "market" | "personalise", words: readonly Word[]) {
  let now: { isGiven: boolean; atMs: number } | null = null;
  for (const word of words)
    if (speak(now, purpose, word).kind === "holds") now = { isGiven: word.decision === "given", atMs: word.atMs };
  return now;
}

test("what holds is the latest word, whatever the order in which words arrive, and a withdrawal wins over a word of the same time", () => {
  fc.assert(
    fc.property(fc.array(anyWord, { minLength: 1, maxLength: 12 }), (words) => {
      const now = hear("personalise", words);
      const lastMs = Math.max(...words.map(({ atMs }) => atMs));
      const atLast = words.filter(({ atMs }) => atMs === lastMs);
      expect(now).toEqual({ isGiven: atLast.every(({ decision }) => decision === "given"), atMs: lastMs });
    }),
  );
});

test("an objection to marketing stands against everything that others enter", () => {
  fc.assert(
    fc.property(fc.array(anyWord, { maxLength: 8 }), fc.array(anyWord, { maxLength: 8 }), (before, after) => {
      const objection: Word = { decision: "withdrawn", atMs: 7, isOwn: false };
      const entered = after.map((word) => ({ ...word, atMs: word.atMs + 10, isOwn: false }));
      expect(hear("market", [...before, objection, ...entered])?.isGiven).toBe(false);
      const own: Word = { decision: "given", atMs: 99, isOwn: true };
      expect(hear("market", [...before, objection, ...entered, own])?.isGiven).toBe(true);
    }),
  );
});

const anyStandings: fc.Arbitrary<Standing[]> = fc.uniqueArray(
  fc.record({
    purpose: fc.constantFrom(...choices),
    party: fc.constant(""),
    isGiven: fc.boolean(),
    atMs: fc.nat(9),
    receiptId: fc.uuid(),
  }),
  { selector: ({ purpose }) => purpose },
);

test("two households that become one hold what neither withdrew and one gave", () => {
  fc.assert(
    fc.property(anyStandings, anyStandings, (from, into) => {
      const after = new Map([...into, ...carried(from, into)].map((one) => [one.purpose, one.isGiven]));
      for (const purpose of choices) {
        const words = [...from, ...into].filter((one) => one.purpose === purpose).map(({ isGiven }) => isGiven);
        expect(after.get(purpose)).toBe(words.length === 0 ? undefined : words.every(Boolean));
      }
    }),
  );
});
