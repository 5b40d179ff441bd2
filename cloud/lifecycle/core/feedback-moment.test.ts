import { expect, test } from "vitest";
import { ownLanguages } from "../../platform/own-words.ts";
import { askingWords } from "./feedback-moment.ts";

test.each(["first_month", "reward"] as const)(
  "who is asked about %s is asked in each language of the models, from 1 to 5",
  (moment) => {
    const asked = ownLanguages.map((locale) => askingWords(moment, locale));
    expect(asked.map(({ language }) => language)).toEqual(ownLanguages);
    expect(new Set(asked.map(({ title }) => title)).size).toBe(ownLanguages.length);
    for (const { text } of asked) expect(text).toMatch(/1.+5/);
    expect(askingWords(moment, "pt-PT").language).toBe("pt-BR");
    expect(askingWords(moment, "zh-Hans-CN").language).toBe("en");
  },
);
