import fc from "fast-check";
import { expect, test } from "vitest";
import { bestLocale, fallbackOf, marketsOf } from "./best-locale.ts";

test.each([
  ["de-CH", ["de", "de-CH", "en"], "de-CH"],
  ["de-CH", ["de-AT", "de", "en"], "de"],
  ["de-CH", ["de-DE", "de-AT", "en"], "de-AT"],
  ["fr", ["de", "en-GB"], "en-GB"],
  ["fr", ["it", "de"], "de"],
])("who reads %s gets the best of %j", (wanted, available, best) => {
  expect(bestLocale(wanted, available)).toBe(best);
});

test("the answer does not depend on the order of what is available", () => {
  const locale = fc.constantFrom("en", "en-GB", "de", "de-CH", "fr", "pt-BR");
  const available = fc.uniqueArray(locale, { minLength: 1 });
  fc.assert(
    fc.property(locale, available, (wanted, list) => {
      expect(bestLocale(wanted, list)).toBe(bestLocale(wanted, list.toReversed()));
      expect(list).toContain(bestLocale(wanted, list));
    }),
  );
});

test("the author sees which text each market really reads, and why", () => {
  const models = [
    { key: "oven-x200", locales: ["de-CH", "en-GB", "ja"] },
    { key: "oven-s80", locales: ["de", "ja"] },
  ];
  expect(marketsOf(["de", "fr"], models)).toEqual([
    { locale: "de", models: ["oven-s80"], reads: "de", because: "own", onFeed: true },
    { locale: "de-CH", models: ["oven-x200"], reads: "de", because: "language", onFeed: true },
    { locale: "en-GB", models: ["oven-x200"], reads: "de", because: "first", onFeed: false },
    { locale: "fr", models: [], reads: "fr", because: "own", onFeed: true },
    { locale: "ja", models: ["oven-x200", "oven-s80"], reads: "de", because: "first", onFeed: false },
  ]);
  expect(fallbackOf("de-CH", ["de-AT", "en"])).toEqual({ reads: "de-AT", because: "sister" });
  expect(fallbackOf("ja", ["de", "en-GB"])).toEqual({ reads: "en-GB", because: "english" });
});
