import fc from "fast-check";
import { expect, test } from "vitest";
import { diffVersions } from "./version-diff.ts";

test("a comparison names each field that changed and marks its words", () => {
  const before = { class: "service", locales: { en: { title: "Apple pie", steps: [{ text: "Bake for 20 min" }] } } };
  const after = {
    class: "service",
    locales: { en: { title: "Apple pie", steps: [{ text: "Bake for 25 min" }, { text: "Cool" }] } },
  };
  expect(diffVersions(before, after)).toEqual([
    {
      pointer: "/locales/en/steps/0/text",
      parts: [
        { kind: "same", text: "Bake for " },
        { kind: "removed", text: "20" },
        { kind: "added", text: "25" },
        { kind: "same", text: " min" },
      ],
    },
    { pointer: "/locales/en/steps/1/text", parts: [{ kind: "added", text: "Cool" }] },
  ]);
});

test("what is kept and put in is the new text, what is kept and taken out the old one", () => {
  const words = fc.array(fc.constantFrom("bake", "slice", "the", "pie", "20", "min", "\n", "  "), { maxLength: 30 });
  const text = words.map((list) => list.join(" "));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const parts = diffVersions({ text: before }, { text: after })[0]?.parts ?? [{ kind: "same", text: after }];
      const of = (kind: string) =>
        parts.flatMap((part) => (part.kind === kind || part.kind === "same" ? part.text : []));
      expect(of("added").join("")).toBe(after);
      expect(of("removed").join("")).toBe(before);
    }),
  );
});

const long = (word: string) => Array.from({ length: 2_000 }, (_, at) => `${word}${at}`).join(" ");

test("two long texts that share nothing are compared in bounded time, as taken out and put in", () => {
  const [field] = diffVersions({ text: long("a") }, { text: long("b") });
  expect(field?.parts.map(({ kind }) => kind)).toEqual(["removed", "added"]);
});
