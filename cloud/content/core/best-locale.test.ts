import fc from "fast-check";
import { expect, test } from "vitest";
import { bestLocale } from "./best-locale.ts";

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
