/** Every name that a slice declares and that the console shows to people has words there: a new one cannot be forgotten. */
import { expect, test } from "vitest";
import { actWords } from "../../cloud/console/src/core/act-words.ts";
import { knownTypes } from "../../cloud/facts/core/fact.ts";
import { knownActs } from "../../cloud/loyalty/core/act-catalogue.ts";

test("every type of fact from outside, and every act that may earn, has words", () => {
  const types = [...knownTypes, ...knownActs.map(({ type }) => type)];
  expect(types.filter((type) => !Object.hasOwn(actWords, type))).toEqual([]);
});
