import fc from "fast-check";
import { expect, test } from "vitest";
import { inUnits, temperatureText, unitsOfLocale } from "./units.ts";

const plain = (text: string) => text.replaceAll("\u00A0", " ");

test("amounts are shown in the units of the reader, rounded as one measures in a kitchen", () => {
  const text = "Bake {{500 g}} of dough at {{180 °C}} in a tin of {{20-24 cm}}, {{0,5 l}} of milk";
  expect(plain(inUnits(text, "metric"))).toBe("Bake 500 g of dough at 180 °C in a tin of 20–24 cm, 0,5 l of milk");
  expect(plain(inUnits(text, "imperial"))).toBe("Bake 18 oz of dough at 355 °F in a tin of 7.9–9.4 in, 0.5 qt of milk");
  expect(plain(temperatureText(200, "imperial"))).toBe("390 °F");
  expect(["en-US", "en", "en-GB", "de-CH"].map(unitsOfLocale)).toEqual(["imperial", "metric", "metric", "metric"]);
});

test("a text without amounts stays as it is, whatever stands in braces", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom("metric" as const, "imperial" as const), (text, units) => {
      const without = text.replaceAll(/\d/g, "x");
      expect(inUnits(`{{${without}}} {{appliance}}`, units)).toBe(`{{${without}}} {{appliance}}`);
    }),
  );
});
