import fc from "fast-check";
import { expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { ownLanguages } from "../../platform/own-words.ts";
import { testNames } from "./decide.ts";
import { itemClasses } from "./policy.ts";
import { whyWords } from "./why-words.ts";

const onTheWire = contentItem.options[3].shape.why;

const term = fc.record({
  from: fc.constantFrom("intent" as const, "context" as const, "history" as const),
  term: fc.constantFrom(
    "saved",
    "looked_for",
    "chose_this",
    "cooks_this",
    "cooked_before",
    "gave_up",
    "ignored",
    "season",
  ),
  points: fc.integer({ min: -6, max: 6 }),
  about: fc.string({ minLength: 12 }),
});
const line = fc.record({
  test: fc.constantFrom(...testNames),
  outcome: fc.constant("passes" as const),
  says: fc.constantFrom("best_hour", "now", "agreed"),
});
const trace = fc.record({ tests: fc.array(line), terms: fc.array(term) });

test("a reason says nothing of habits without consent, names nothing of the trace, and is there in every language", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...itemClasses),
      fc.constantFrom(...ownLanguages),
      trace,
      (itemClass, language, given) => {
        const basis = whyWords(itemClass, null, true, language);
        expect(basis).not.toBe("");
        expect(whyWords(itemClass, given, false, language)).toBe(basis);
        const whole = whyWords(itemClass, given, true, language);
        expect(whole.startsWith(basis)).toBe(true);
        expect(onTheWire.safeParse(whole).success).toBe(true);
        expect(given.terms.some(({ about }) => whole.includes(about))).toBe(false);
      },
    ),
  );
});

const traceOf = (points: Record<string, number>) => ({
  tests: [],
  terms: Object.entries(points).map(([name, count]) => ({ from: "history" as const, term: name, points: count })),
});

const why = (points: Record<string, number>) => whyWords("promotional", traceOf(points), true, "en-GB");

test("of what a household did the strongest reason is told, and never one that spoke against it", () => {
  expect(why({ cooks_this: 2, saved: 6 })).toBe(
    "Your household agreed to offers and ideas. You saved this or something like it.",
  );
  expect(why({ cooks_this: 4, season: 6 })).toBe(
    "Your household agreed to offers and ideas. You cook things like this.",
  );
  expect(why({ saved: -1, ignored: -4 })).toBe("Your household agreed to offers and ideas.");
});
