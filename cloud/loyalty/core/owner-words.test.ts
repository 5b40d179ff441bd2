import { expect, test } from "vitest";
import { ownLanguages } from "../../platform/own-words.ts";
import { failedOrder } from "./owner-words.ts";

test.each(["refused", "unanswered"] as const)(
  "an order that was %s is told in each language of the models, by its name",
  (how) => {
    const told = ownLanguages.map((locale) => failedOrder(locale, { title: "Filter 3", how, hadPoints: true }));
    expect(told.map(({ locale }) => locale)).toEqual(ownLanguages);
    expect(new Set(told.map(({ title }) => title)).size).toBe(ownLanguages.length);
    for (const { text } of told) expect(text).toContain("Filter 3");
  },
);
