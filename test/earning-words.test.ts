/** The earning rules that a maker begins with, as the console says them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EarningRule } from "../cloud/console/src/api/loyalty-shapes.ts";
import { earningSentence } from "../cloud/console/src/core/loyalty.ts";
import { Kitchen } from "./support/kitchen.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

test("every default rule is said in words, without a name that only a program would give", async () => {
  const vocabulary = (await kitchen.as("viewer", "GET", "/loyalty/vocabulary")).body;
  const rules: EarningRule[] = (await kitchen.as("viewer", "GET", "/loyalty/rules")).body.items;
  const said = Object.fromEntries(
    rules.map(({ key, definition }) => [key, earningSentence(definition, vocabulary, rules)]),
  );
  expect(said).toEqual({
    cleaned: "10 points for a cleaning or descaling, where what was done is “clean”, once a week",
    cooking_weeks:
      "25 points for a finished program, in every week that is at least the 4th in a row in which it happens",
    descaled_in_time:
      "30 points for a cleaning or descaling, where what was done is “descale” and the number of programs since the last time is at most 60, once a month",
    energy_saving:
      "5 points for a finished program, where the program is “Eco 50 °C”, “Slow cook” or “Steam”, up to 2 times a day",
    finished_program: "10 points for a finished program, up to 3 times a day",
    finished_recipe: "15 points for a recipe cooked to its end, up to 2 times a day",
    first_cook: "50 points for a finished program, once for each household",
    gave_feedback: "10 points for feedback, once a week",
    order_placed:
      "1 point for every 100 of the price in the currency's smallest unit (at most 2,000) for an order, once for each order; they count after 14 days; the tier multiplies them",
    order_returned: "An order sent back takes back what “Ordered at the shop” gave for the same order",
    price_checked: "2 points for a price looked at, once a day",
    referral:
      "100 points to who referred them and 50 points for an appliance paired after a referral, once for each household",
    updated_soon:
      "20 points for an installed update, where the number of hours from its offer to its start is at most 72, once a week",
    variety: "15 points for a finished program, once for each program",
  });
  for (const [key, sentence] of Object.entries(said)) expect(sentence, key).not.toMatch(/[_=<>&|[\]]|[a-z]\.[a-z]/);
});
