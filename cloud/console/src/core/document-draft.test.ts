import { expect, test } from "vitest";
import { answerTemplate, placeholders } from "../../../service/core/answer-template.ts";
import { causeDefinition } from "../../../service/core/cause-article.ts";
import type { WrittenVersion } from "../api/support-shapes.ts";
import { begunNew } from "./begun.ts";
import {
  answerDefinitionOf,
  answerWrongs,
  begunWithNewest,
  causeDefinitionOf,
  causeDraftOf,
  causeWrongs,
  languagesOf,
  newAnswer,
  newCause,
  placeholderWords,
  sampleOf,
  unknownPlaceholder,
  wrongLanguage,
} from "./document-draft.ts";

const article = {
  title: "Fan rattles",
  fix: "Tighten it",
  part: { number: "FN-1", name: "Fan" },
  article: { en: { title: "It rattles", text: "Wait" }, de: { title: "Es klappert", text: "Warten" } },
};

test("a cause goes through its form unchanged, and without a part where neither its name nor its number is there", () => {
  expect(causeDefinitionOf(causeDraftOf(article))).toEqual(article);
  const without = { ...causeDraftOf(article), partName: " ", partNumber: "" };
  expect(causeDefinitionOf(without).part).toBeNull();
  expect([...causeWrongs({ ...without, partName: "Fan" }).keys()]).toEqual(["/part/number"]);
});

test("what the form has nothing to say about, the service takes", () => {
  for (const draft of [causeDraftOf(article), { ...causeDraftOf(article), partName: "", partNumber: "" }]) {
    expect(causeWrongs(draft).size).toBe(0);
    expect(causeDefinition.safeParse(causeDefinitionOf(draft)).success).toBe(true);
  }
  const answer = { title: "Thanks", causes: ["fan_rattles"], locales: { en: "Thank you, {{ appliance }}" } };
  expect(answerWrongs(answer).size).toBe(0);
  expect(answerTemplate.safeParse(answerDefinitionOf(answer)).success).toBe(true);
});

test("whatever is missing is said at its field, and the first language that misses something is shown", () => {
  expect([...causeWrongs(newCause).keys()]).toEqual(["/title", "/fix", "/article/en/title", "/article/en/text"]);
  expect([...answerWrongs(newAnswer).keys()]).toEqual(["/title", "/locales/en"]);
  const half = { ...newAnswer, title: "Thanks", locales: { en: "Thank you", de: "{{seal}}" } };
  expect(answerWrongs(half).get("/locales/de")).toContain("{{seal}} stands for nothing");
  expect(wrongLanguage(answerWrongs(half))).toBe("de");
  expect(wrongLanguage(new Map([["/title", "Name it"]]))).toBeNull();
});

test("an answer may name what the service fills in, and nothing else", () => {
  expect(Object.keys(placeholderWords)).toEqual([...placeholders]);
  expect(unknownPlaceholder(placeholders.map((name) => `{{ ${name} }}`).join(""))).toBeNull();
  expect(unknownPlaceholder("{{part}} and {{toString}}")).toBe("toString");
  expect(sampleOf("Part {{part}}, {{seal}}")).toBe("Part Power board (PB-2040), {{seal}}");
});

test("English comes first of languages, also where it is not written yet", () => {
  expect(languagesOf({ sv: "", de: "", en: "" })).toEqual(["en", "de", "sv"]);
  expect(languagesOf({ "de-AT": "" })).toEqual(["en", "de-AT"]);
});

const version = (number: number, title: string | null): WrittenVersion<typeof article> => ({
  key: "fan_rattles",
  model: null,
  version: number,
  definition: title === null ? null : { ...article, title },
  createdBy: "staff:1",
  createdAtMs: number,
});

test("a form begins with the newest words; of what was withdrawn with those before it, of what is new with what it is given", () => {
  const begun = begunWithNewest([version(2, "B"), version(1, "A")], causeDraftOf, newCause);
  expect(begun).toMatchObject({ version: 2, isWithdrawn: false, draft: { title: "B" } });
  const gone = begunWithNewest([version(3, null), version(2, "B"), version(1, "A")], causeDraftOf, newCause);
  expect(gone).toMatchObject({ version: 3, isWithdrawn: true, createdAtMs: 3, draft: { title: "B" } });
  expect(begunWithNewest([], causeDraftOf, newCause)).toEqual(begunNew(newCause));
});
