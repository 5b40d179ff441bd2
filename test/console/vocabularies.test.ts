/** Every name that a slice declares and that the console shows to people has words there: a new one cannot be forgotten. */
import { expect, test } from "vitest";
import { actWords } from "../../cloud/console/src/core/act-words.ts";
import { householdFactWords } from "../../cloud/console/src/core/household-fact-words.ts";
import { knownTypes } from "../../cloud/facts/core/fact.ts";
import { knownActs } from "../../cloud/loyalty/core/act-catalogue.ts";
import { householdFactViews } from "../../cloud/segments/core/facts.ts";

test("every type of fact from outside, and every act that may earn, has words", () => {
  const types = [...knownTypes, ...knownActs.map(({ type }) => type)];
  expect(types.filter((type) => !Object.hasOwn(actWords, type))).toEqual([]);
});

test("every fact that a segment may ask of a household has words, a flag both ways, and none that there is not", () => {
  const [has, asked] = [Object.entries(householdFactWords), householdFactViews];
  expect(has.map(([name]) => name).toSorted()).toEqual(asked.map(({ name }) => name).toSorted());
  const flags = asked.filter(({ type }) => type === "flag").map(({ name }) => name);
  expect(has.filter(([, words]) => typeof words === "object").map(([name]) => name)).toEqual(flags);
});
