import { expect, test } from "vitest";
import { knownEventTypes } from "#protocol/device-event.ts";
import { actText, actTitle, actWords, goalText, goalTypes } from "./act-words.ts";
import { factDataText, factTitle } from "./outside-facts.ts";

test("what a household did is said in words, and a maker's own type stays as it is", () => {
  expect([actText("program.finished"), actTitle("price.checked")]).toEqual(["a finished program", "A price looked at"]);
  expect([actText("warranty.registered"), actTitle("warranty.registered")]).toEqual([
    "warranty.registered",
    "warranty.registered",
  ]);
  expect(actTitle("constructor")).toBe("constructor");
});

test("every event that appliances are known to tell has words, and so has whatever a campaign is offered as its goal", () => {
  expect([...knownEventTypes, ...goalTypes].filter((type) => !Object.hasOwn(actWords, type))).toEqual([]);
  expect(Object.values(actWords).filter((words) => /[._]/.test(words))).toEqual([]);
});

test("a campaign's goal is one sentence", () => {
  expect(goalText({ event: "order.placed", withinDays: 1 })).toBe("An order within 1 day");
  expect(goalText({ event: "bread.baked", withinDays: 7 })).toBe("bread.baked within 7 days");
});

test("a fact from outside says who reports it, its money as money, and its sender's own names without underscores", () => {
  expect(factTitle("order.placed", "shop")).toBe("An order (the shop)");
  expect(factTitle("warranty.registered", "telex")).toBe("warranty.registered (telex)");
  expect(factDataText({ order_id: "2026-118", amount_minor: 4_900, currency: "EUR", gift_wrap: true })).toBe(
    "order 2026-118 · gift wrap true · EUR\u00A049.00",
  );
  expect(factDataText({ amount_minor: 4_900, currency: "€" })).toBe("amount minor 4900 · currency €");
  expect(factDataText({ words: "sourdough" })).toBe("for sourdough");
});
