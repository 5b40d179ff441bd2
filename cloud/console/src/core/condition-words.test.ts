import { expect, test } from "vitest";
import { conditionWords } from "./condition-words.ts";
import { factLabel, factValueText } from "./household-fact-words.ts";

const known = new Map([
  ["program", "the program"],
  ["waited_h", "the number of hours from its offer to its start"],
]);

test.each([
  ['program in ["Eco50", "SlowCook", \'Steam\']', "the program is “Eco 50 °C”, “Slow cook” or “Steam”"],
  ["waited_h <= 72", "the number of hours from its offer to its start is at most 72"],
  [
    'program != "HotAir" && waited_h > 0.5',
    "the program is not “Hot air” and the number of hours from its offer to its start is more than 0.5",
  ],
  [
    'stage == "loyalty" && has_probe && !in_cart',
    "its stage is “Loyalty”, an appliance has a food probe and nothing lies in the cart",
  ],
  ["has_probe == false", "no appliance has a food probe"],
  ["gift_wrapped && !(on_sale)", "“gift wrapped” holds and “on sale” does not hold"],
  ['"market" in consents', "“Send offers and news” is among what it agreed to"],
  ['!("oven" in kinds)', "“oven” is not among the kinds of its appliances"],
  ["programs_30d >= 4", "the number of programs finished in the last 30 days is at least 4"],
  ["loaves_7d in [1, 2]", "the number of loaves in the last 7 days is 1 or 2"],
  ["days_since_last_order < 14", "the number of days since the last order is less than 14"],
  ["!(points >= -3)", "the number of points to spend is less than -3"],
  ['!(stage in ["loyalty", "advocacy"])', "its stage is not “Loyalty” or “Advocacy”"],
  ['!older(oldest_firmware, "2.1.0")', "its oldest firmware is not older than 2.1.0"],
  ['last_recipe.startsWith("bread")', "the recipe cooked last begins with “bread”"],
  ['language == "sv" || country == "AT"', "its language is “Swedish” or the country of its appliances is “Austria”"],
  [
    '"oven" in kinds && (points > 9 || !has_steam)',
    "“oven” is among the kinds of its appliances and either the number of points to spend is more than 9 or no appliance cooks with steam",
  ],
  [
    "has_steam || (in_cart && has_probe)",
    "an appliance cooks with steam or both something lies in the cart and an appliance has a food probe",
  ],
  [
    "!(has_steam || in_cart) && (has_probe)",
    "no appliance cooks with steam, nothing lies in the cart and an appliance has a food probe",
  ],
  ["last_feedback == 5", "the last rating from 1 to 5 is 5"],
  // What stands in a text is no part of the condition.
  ['program == "a && b"', "the program is “a && b”"],
])("%s reads: %s", (when, words) => {
  expect(conditionWords(when, known)).toBe(words);
});

test.each([
  "waited_h + 1 < 5",
  "waited_h < points",
  "waited_h < 5u",
  'program.endsWith("Eco")',
  'program > "Eco50"',
  'program == "a \\" b"',
  "has_steam ? in_cart : has_probe",
  "has_steam && (in_cart || (has_probe && points > 3))",
  "has_steam || (in_cart && has_probe && points > 3)",
  "waited_h < 5 &&",
  "waited_h < 5 & waited_h > 3",
  "waited_h <",
  "(waited_h < 5",
  "tags.exists(t, t == 'a')",
  "program in []",
  "true",
  "",
])("what words cannot say is left as it is: %s", (when) => {
  expect(conditionWords(when, known)).toBeNull();
});

test("a fact stands before its value as a person would say both, and what nobody knows stays as it is", () => {
  expect(["orders", "stage", "in_cart", "loaves"].map(factLabel)).toEqual([
    "Number of orders",
    "Stage",
    "Something lies in the cart",
    "loaves",
  ]);
  expect([factValueText("locale", "de-AT"), factValueText("locale", "?"), factValueText("stage", "lost")]).toEqual([
    "Austrian German",
    "?",
    "lost",
  ]);
});
