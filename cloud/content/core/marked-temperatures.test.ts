import fc from "fast-check";
import { expect, test } from "vitest";
import { inUnits } from "#protocol/units.ts";
import { markTemperatures } from "./marked-temperatures.ts";

test.each([
  ["Bake at 180 °C.", "Bake at {{180 °C}}."],
  ["Bake at 180°C for 25 min, then at 200º C.", "Bake at {{180 °C}} for 25 min, then at {{200 °C}}."],
  ["Heat to 350°F.", "Heat to {{177 °C}}."],
  ["Heat to 180\u2103.", "Heat to {{180 °C}}."],
  ["Keep at 180 degrees Celsius", "Keep at {{180 °C}}"],
  ["Auf 180 Grad Celsius vorheizen", "Auf {{180 °C}} vorheizen"],
  ["Between: 180-200 °C", "Between: {{180–200 °C}}"],
  ["Garen bei 62,5 °C", "Garen bei {{62,5 °C}}"],
])("a temperature that means one thing is marked: %s", (text, marked) => {
  expect(markTemperatures(text)).toBe(marked);
});

test.each([
  "Bake.",
  "At {{180 °C}} already, or {{ 160–180 °C }}.",
  "Bake at 350 °F (180 °C).",
  "Bake at 160 to 180 °C.",
  "Bake at 160/180 °C.",
  "Freeze at -18 °C, or −30 °C.",
  "Lower it by 40 °C, and rest at 20 °C.",
  "Um 50 °C senken.",
  "Until 203 °F inside.",
  "At 180 degrees, at 180 C, in 180 °Cups.",
  "1,180 °C or 1180 °C is no oven.",
])("what may mean another thing stays as it is: %s", (text) => {
  expect(markTemperatures(text)).toBe(text);
});

test("readers of the author's own units read the number that the author wrote, and marking again changes nothing", () => {
  const celsius = fc.integer({ min: 30, max: 300 }).map((value) => ["metric", value, "°C"] as const);
  const fahrenheit = fc.integer({ min: 18, max: 110 }).map((value) => ["imperial", value * 5, "°F"] as const);
  fc.assert(
    fc.property(fc.oneof(celsius, fahrenheit), ([units, value, unit]) => {
      const marked = markTemperatures(`At ${value} ${unit}.`);
      expect(marked).toContain("{{");
      expect(inUnits(marked, units)).toBe(`At ${value}\u00A0${unit}.`);
      expect(markTemperatures(marked)).toBe(marked);
    }),
  );
});
