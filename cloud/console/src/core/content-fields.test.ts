import { expect, test } from "vitest";
import { fieldWords, valueWords } from "./content-fields.ts";

test("a place in an item is said in words, counted as people count", () => {
  expect(
    [
      "/locales/en-GB/steps/0/text",
      "/locales/de/steps/1/machine/setpoint_c",
      "/locales/de/ingredients/4",
      "/locales/de/title",
      "/locales/de",
      "/topics/0",
      "/isShareable",
      "/something_new",
    ].map(fieldWords),
  ).toEqual([
    "en-GB: Step 1, Text",
    "de: Step 2, Temperature",
    "de: Ingredient 5",
    "de: Title",
    "de",
    "Topics 1",
    "May be passed on",
    "something_new",
  ]);
});

test("of what stands in a field a program is said in words, and no other text is touched", () => {
  expect(valueWords("/locales/de/steps/1/machine/program", "TopBottomHeating")).toBe("Top/bottom heating");
  expect(valueWords("/locales/de/title", "HotAir")).toBe("HotAir");
});
