import { expect, test } from "vitest";
import type { AnswerTemplate, CauseDocument, InForce } from "../api/support-shapes.ts";
import { causeChoices, causeName, causeRows, foundWords, isCauseKey, isMeant } from "./causes.ts";

const named = (key: string, model: string | null, title: string): CauseDocument => ({
  key,
  model,
  definition: { title, fix: "Look at it.", part: null, article: {} },
});
const documents = [
  named("over_temperature", "oven-x200", "Cavity too hot in the x200"),
  named("over_temperature", null, "Cavity too hot"),
  named("fault:E17", "washer-3", "Pump blocked"),
];

test("a cause is called as its article for the model is, or that for all, or in the words of its key", () => {
  expect(causeName(documents, "over_temperature", "oven-x200")).toBe("Cavity too hot in the x200");
  expect(causeName(documents, "over_temperature", "oven-x300")).toBe("Cavity too hot");
  expect(causeName(documents, "over_temperature", null)).toBe("Cavity too hot");
  expect(causeName(documents, "fault:E17", "oven-x200")).toBe("Fault E17");
  expect(causeName([], "door_seal_leaking", null)).toBe("Door seal leaking");
});

test("a choice of causes has each once, by name, those too that are written about for a model alone", () => {
  expect(causeChoices(documents)).toEqual([
    { value: "over_temperature", label: "Cavity too hot" },
    { value: "fault:E17", label: "Pump blocked" },
  ]);
});

const written = { version: 1, createdAtMs: 0, createdBy: "system" };

test("what was found most often comes first, with what is written and answered about it, or that nothing is", () => {
  const seal: InForce<AnswerTemplate> = {
    ...written,
    key: "new_seal",
    model: null,
    definition: { title: "New seal", causes: ["door_seal"], locales: { en: "We send one" } },
  };
  const known = [...documents, named("door_seal", null, "Door seal leaks")].map((one) => ({ ...one, ...written }));
  const found = [
    { cause: "fan_rattles", cases: 1, incidents: 2, open: 1 },
    { cause: "door_seal", cases: 2, incidents: 0, open: 0 },
    { cause: "help_asked", cases: 0, incidents: 0, open: 4 },
  ];
  const rows = causeRows(known, found, [seal]);
  expect(rows.map(({ key, name, documents: own, answers }) => [key, name, own.length, answers.length])).toEqual([
    ["fan_rattles", "Fan rattles", 0, 0],
    ["door_seal", "Door seal leaks", 1, 1],
    ["help_asked", "Help asked", 0, 0],
    ["over_temperature", "Cavity too hot", 2, 0],
    ["fault:E17", "Pump blocked", 1, 0],
  ]);
  expect(rows.map(foundWords)).toEqual(["1 case, 2 incidents", "2 cases", null, null, null]);
  expect(rows.filter((row) => isMeant(row, "look SEAL")).map(({ key }) => key)).toEqual(["door_seal"]);
});

test("keys of causes are those that the service takes", () => {
  expect(["door_seal", "fault:E-17.a", "new"].every(isCauseKey)).toBe(true);
  expect(["Door", "fault:", "fault:a b", "", "1st", `a${"b".repeat(64)}`].some(isCauseKey)).toBe(false);
});
