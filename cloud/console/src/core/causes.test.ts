import { expect, test } from "vitest";
import type { CauseDocument } from "../api/support-shapes.ts";
import { causeChoices, causeName } from "./causes.ts";

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
