import { expect, test } from "vitest";
import type { CaseEntry } from "../api/case-shapes.ts";
import { entryWords, tellingTrace } from "./case-words.ts";

const line = (kind: CaseEntry["kind"], data: Record<string, unknown>, fromCaseId: string | null = null): CaseEntry => ({
  sequence: 1,
  kind,
  atMs: 1,
  by: "cause",
  text: null,
  data,
  fromCaseId,
});
const word = { ruleId: "word", ruleVersion: 2, trace: { events: [{ atMs: 1, type: "fault.raised" }], readings: [] } };
const seen = { ruleId: "seen", ruleVersion: 1, trace: { readings: [{ atMs: 1, metric: "cavity_c", value: 300 }] } };

test("of what several rules saw the readings are shown, with the rule that saw them, whichever was first", () => {
  const both = [line("opened", word), line("note", {}), line("also_found", seen)];
  for (const entries of [both, both.toReversed()])
    expect(tellingTrace({ id: "a", entries })).toMatchObject({ ruleId: "seen", ruleVersion: 1 });
  expect(tellingTrace({ id: "a", entries: [line("opened", word)] })).toMatchObject({ ruleId: "word" });
  expect(tellingTrace({ id: "a", entries: [line("opened", {}), line("also_found", seen, "b")] })).toBeNull();
});

test("that a case became graver is said in its history", () => {
  expect(entryWords(line("also_found", { ...seen, severity: "safety", before: "info" }))).toContain("safety");
  expect(entryWords(line("also_found", seen))).toBe("A rule found it as well");
});
