import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const document = read("SECURITY.md");

/** Links to tests: the test's name as the text, its file as the address. */
const linksOf = (text: string): { name: string; file: string }[] =>
  [...text.matchAll(/\[([^\]]+)\]\(([^)]+\.test\.ts)\)/g)].map(([, name = "", file = ""]) => ({ name, file }));

/** The names of a file's tests, as they stand in it. */
const testsOf = (file: string): Set<string> =>
  new Set([...read(file).matchAll(/\btest(?:\.each\([^]*?\))?\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, name = ""]) => name));

test("every test that SECURITY.md names exists", () => {
  const links = linksOf(document);
  expect(links.length).toBeGreaterThan(40);
  const missing = links.filter(({ name, file }) => !testsOf(file).has(name));
  expect(missing).toEqual([]);
});

test("every attack in SECURITY.md's list has a test", () => {
  const [, list = ""] = document.split("## Each refusal, and the test that shows it");
  const rows = (list.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows.slice(1)) expect(linksOf(row).length, row).toBeGreaterThan(0);
});

test("every attack that is tested stands in SECURITY.md", () => {
  const named = new Set(linksOf(document).map(({ name }) => name));
  const attacks = [...testsOf("device-sim/agent/attacks.test.ts")];
  expect(attacks.length).toBeGreaterThan(40);
  expect(attacks.filter((name) => !named.has(name))).toEqual([
    "two of three root keys are enough, and what they say counts at once",
    "a redirect is not followed, whatever it leads to",
  ]);
});
