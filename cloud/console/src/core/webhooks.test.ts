import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventNouns, eventTitle, heardText } from "./event-words.ts";
import { subjectHref, subjectText, typeChoices, typeWords } from "./webhooks.ts";

const cloud = new URL("../../../", import.meta.url);

/** The types of events that a folder of the cloud puts into the outbox, as far as the source names them. */
function typesIn(folder: string): string[] {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", `${folder}*.ts`], {
    cwd: cloud,
    encoding: "utf8",
  })
    .trim()
    .split("\n")
    .filter((name) => !name.endsWith(".test.ts"));
  const texts = files.map((name) => readFileSync(new URL(name, cloud), "utf8"));
  return texts.flatMap((text) => [...text.matchAll(/["`](hearth\.[a-z_]+\.[a-z_]*)/g)].map(([, type = ""]) => type));
}
const nounOf = (type: string) => type.split(".")[1] ?? "";

test("every event of loyalty, service, lifecycle, consent and campaigns can be chosen by its words", () => {
  const nouns = new Set(["loyalty/", "service/", "lifecycle/", "consent/", "engagement/"].flatMap(typesIn).map(nounOf));
  expect(nouns.size).toBeGreaterThan(8);
  // How the maker's app and the mail are called, and what becomes of an address: nothing that is looked for by kind.
  const others = new Set(["message", "mail_address"]);
  expect([...nouns].filter((noun) => !others.has(noun) && !typeChoices.includes(`hearth.${noun}.*`))).toEqual([]);
});

test("every event that the cloud tells has words", () => {
  const types = [...new Set(typesIn(""))].filter((type) => !isNoEvent.has(nounOf(type)));
  expect(types.length).toBeGreaterThan(40);
  expect(types.filter((type) => !Object.hasOwn(eventNouns, nounOf(type)))).toEqual([]);
  expect(types.map(eventTitle).filter((words) => /[._]/.test(words) && !words.endsWith("."))).toEqual([]);
});

/** Calls of the shop and of the maker's app, and notices for staff, are no events; nor is what a browser keeps. */
const isNoEvent = new Set(["message", "notice", "draft"]);

test("what a webhook hears of is said in words where there are some", () => {
  expect(typeWords(["hearth.tier.*", "hearth.rollout.*", "hearth.case.opened", "hearth.new_things.*"])).toBe(
    "Tiers; Rollouts; Service case: opened; hearth.new_things.*",
  );
  expect(typeChoices.map(heardText).filter((words) => words.includes("hearth."))).toEqual([]);
  expect(eventTitle("hearth.case.owner_waits")).toBe("Service case: the owner waits");
  expect(eventTitle("com.example.thing")).toBe("com.example.thing");
});

test("what an event is about is named where its id says something, and is otherwise only a way there", () => {
  const id = "0198af2c-7b1e-7c3a-9d52-3f4e5a6b7c8d";
  const subjects = [`household:${id}`, `case:${id}`, `webhook:${id}`, "device:oven-1", "segment:top-cooks", "rule:a:b"];
  expect(subjects.map((subject) => [subjectText(subject), subjectHref(subject)])).toEqual([
    ["Open household", `/households/${id}`],
    ["Open case", `/cases/${id}`],
    [null, null],
    ["Appliance oven-1", "/devices/oven-1"],
    ["Segment top-cooks", "/segments/top-cooks"],
    ["Rule a:b", null],
  ]);
});
