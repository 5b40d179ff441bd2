import { expect, test } from "vitest";
import type { EarningDefinition, LoyaltyVocabulary } from "../api/loyalty-shapes.ts";
import {
  type EarningDraft,
  earningDefinitionOf,
  earningDraftOf,
  earningWrongs,
  newEarning,
  newEffect,
} from "./earning-draft.ts";
import { keyFrom, wrongAt, wrongsOf } from "./field-wrongs.ts";

const vocabulary: LoyaltyVocabulary = {
  acts: [
    {
      type: "order.placed",
      from: ["shop"],
      facts: [
        { name: "order_id", type: "text", help: "", words: "" },
        { name: "amount_minor", type: "number", help: "", words: "" },
      ],
    },
    {
      type: "program.finished",
      from: ["appliance"],
      facts: [{ name: "program", type: "text", help: "", words: "" }],
    },
  ],
  facts: [{ name: "tier", type: "text", help: "", words: "" }],
};

const definition = (more: Partial<EarningDefinition>): EarningDefinition => ({
  title: "T",
  act: { type: "order.placed", from: ["shop"] },
  facts: {},
  when: null,
  effects: [{ points: 5, to: "household" }],
  returns: null,
  limit: { kind: "none" },
  streak: null,
  tierMultiplied: false,
  delayMs: 0,
  expiresAfterDays: null,
  enabled: true,
  ...more,
});

test.each([
  [
    "a formula over a fact, once for each value",
    {
      facts: { order_id: "text", amount_minor: "number" },
      effects: [{ points: { of: "amount_minor", unit: 100, times: 1.5, round: "up", max: 2_000 }, to: "household" }],
      limit: { kind: "once_per", fact: "order_id" },
      tierMultiplied: true,
      delayMs: 1_209_600_000,
    },
  ],
  [
    "a condition over facts of the act and of its own",
    {
      facts: { amount_minor: "number", gift: "flag" },
      when: 'amount_minor > 500 && gift && tier == "order_id"',
      limit: { kind: "per", period: "week", count: 3 },
      expiresAfterDays: 90,
    },
  ],
  ["a streak", { streak: { period: "month", length: 4 } }],
  [
    "what takes back",
    {
      facts: { order_id: "text" },
      effects: [],
      returns: { rule: "order_placed", by: "order_id" },
    },
  ],
  [
    "two beneficiaries, once",
    {
      effects: [
        { points: 100, to: "referrer" },
        { points: 50, to: "household" },
      ],
      limit: { kind: "once" },
      enabled: false,
    },
  ],
] satisfies [string, Partial<EarningDefinition>][])("a form holds %s, and says it again as it was", (_name, more) => {
  const rule = definition(more);
  const draft = earningDraftOf(rule, vocabulary);
  expect(earningWrongs(draft)).toEqual(new Map());
  expect(earningDefinitionOf(draft, vocabulary)).toEqual(rule);
});

test("a rule declares what it reads: facts that a text merely spells are none of them", () => {
  const draft: EarningDraft = { ...newEarning, title: "T", type: "order.placed", when: 'order_id != "amount_minor"' };
  expect(earningDefinitionOf(draft, vocabulary).facts).toEqual({ order_id: "text" });
});

test("what is missing is said at its field before anything is sent", () => {
  const draft: EarningDraft = {
    ...newEarning,
    type: "Bread Baked",
    ownFacts: [{ name: "Loaves baked", type: "number" }],
    effects: [
      { ...newEffect, points: "" },
      { ...newEffect, kind: "by_fact", max: "" },
    ],
    count: "",
  };
  expect([...earningWrongs(draft).keys()]).toEqual([
    "/title",
    "/act/type",
    "/facts/0",
    "/effects/0/points",
    "/effects/1/points/of",
    "/effects/1/points/max",
    "/limit/count",
  ]);
});

test("what the service says is found at the field that it is about, or at the one that holds it", () => {
  const wrongs = wrongsOf(
    [
      { pointer: "/body/definition/when", message: "`x` at character 1: Unknown." },
      { pointer: "/definition/effects/0/points/of", message: "facts has no x." },
    ],
    "definition",
  );
  expect(wrongAt(wrongs, "/when")).toBe("`x` at character 1: Unknown.");
  expect(wrongAt(wrongs, "/effects/0")).toBe("Facts has no x.");
  expect(wrongAt(wrongs, "/title")).toBeNull();
});

test("a key comes from a title: small letters, digits and _, beginning with a letter", () => {
  expect(["Water filter!", "3 für 2 Brötchen", "!!!"].map(keyFrom)).toEqual(["water_filter", "fu_r_2_bro_tchen", ""]);
});
