import { expect, test } from "vitest";
import { conditionWords } from "./condition-words.ts";

const known = new Map([
  ["program", "the program"],
  ["waited_h", "the number of hours from its offer to its start"],
]);

test.each([
  ['program in ["Eco50", "SlowCook", \'Steam\']', "the program is “Eco50”, “SlowCook” or “Steam”"],
  ["waited_h <= 72", "the number of hours from its offer to its start is at most 72"],
  [
    'program != "Eco50" && waited_h > 0.5',
    "the program is not “Eco50” and the number of hours from its offer to its start is more than 0.5",
  ],
  [
    'stage == "loyalty" && has_probe && !in_cart',
    "the stage is “loyalty”, “has probe” holds and “in cart” does not hold",
  ],
  ['"improve" in consents', "“improve” is among the consents"],
  ["programs_30d >= 4", "the number of programs in the last 30 days is at least 4"],
  ["days_since_last_order < 14", "the number of days since last order is less than 14"],
  ["last_feedback == 5", "the last rating from 1 to 5 is 5"],
  // What stands in a text is no part of the condition.
  ['program == "a && b"', "the program is “a && b”"],
])("%s reads: %s", (when, words) => {
  expect(conditionWords(when, known)).toBe(words);
});

test.each([
  'program == "Eco50" || waited_h < 5',
  "(waited_h < 5)",
  "waited_h + 1 < 5",
  'program.startsWith("Eco")',
  'older(oldest_firmware, "2.1.0")',
  'program > "Eco50"',
  'program == "a \\" b"',
  "waited_h < 5 &&",
  "waited_h < 5 & waited_h > 3",
  "waited_h <",
  "true",
  "",
])("what words cannot say is left as it is: %s", (when) => {
  expect(conditionWords(when, known)).toBeNull();
});
