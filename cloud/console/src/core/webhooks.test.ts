import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { typeChoices, typeWords } from "./webhooks.ts";

const cloud = new URL("../../../", import.meta.url);

/** What a slice tells the world of: the nouns of its events. */
async function nounsOf(slice: string): Promise<string[]> {
  const folder = new URL(`${slice}/`, cloud);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")));
  return texts.flatMap((text) => [...text.matchAll(/["`]hearth\.([a-z_]+)\./g)].map(([, noun = ""]) => noun));
}

test("every event of loyalty, service, lifecycle, consent and campaigns can be chosen by its words", async () => {
  const slices = ["loyalty", "service", "lifecycle", "consent", "engagement"];
  const nouns = new Set((await Promise.all(slices.map(nounsOf))).flat());
  expect(nouns.size).toBeGreaterThan(8);
  const chosen = new Set(typeChoices.map(({ type }) => type));
  // How the maker's app and the mail are called, and what becomes of an address: nothing that is looked for by kind.
  const others = new Set(["message", "mail_address"]);
  expect([...nouns].filter((noun) => !others.has(noun) && !chosen.has(`hearth.${noun}.*`))).toEqual([]);
});

test("what a webhook hears of is said in words where there are some", () => {
  expect(typeWords(["hearth.tier.*", "hearth.rollout.*"])).toBe("Tiers; hearth.rollout.*");
});
