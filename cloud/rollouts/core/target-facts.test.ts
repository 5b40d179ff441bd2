import { expect, test } from "vitest";
import { compilePredicate, type Facts } from "../../platform/predicate/predicate.ts";
import { targetExamples, targetFacts } from "./target-facts.ts";

const oven: Required<Record<keyof typeof targetFacts, Facts[string]>> = {
  model: "oven-x200",
  hardware: "rev-c",
  version: "2.9.4",
  counter: 41,
  tags: ["internal"],
  locale: "de-AT",
  country: "AT",
  last_seen_days: 0,
  online: true,
  household: true,
};

test("every example that is shown compiles, and finds an appliance that it describes", () => {
  for (const { text } of targetExamples) {
    const outcome = compilePredicate(text, targetFacts);
    expect([text, outcome.kind === "ok" && outcome.predicate.matches(oven).matches]).toEqual([text, true]);
  }
});

test("every fact can be asked for as its help says", () => {
  const asked: Record<keyof typeof targetFacts, string> = {
    model: 'model == "oven-x200"',
    hardware: 'hardware in ["rev-c", "rev-d"]',
    version: 'older(version, "2.10.0")',
    counter: "counter >= 41",
    tags: '"internal" in tags',
    locale: 'locale.startsWith("de")',
    country: 'country == "AT"',
    last_seen_days: "last_seen_days < 0.5",
    online: "online",
    household: "household",
  };
  for (const [fact, text] of Object.entries(asked)) {
    const outcome = compilePredicate(text, targetFacts);
    if (outcome.kind === "refused") throw new Error(`${text}: ${outcome.detail}`);
    expect([...outcome.predicate.reads]).toEqual([fact]);
    expect([text, outcome.predicate.matches(oven).matches]).toEqual([text, true]);
    expect([text, outcome.predicate.matches({}).matches]).toEqual([text, false]);
  }
});
