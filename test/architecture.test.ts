import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { circles, type Import, violation } from "./architecture.ts";

const sources = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts", "*.tsx"], {
  encoding: "utf8",
})
  .trim()
  .split("\n");

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;"']*?from\s*["']([^"']+)["']|(?:^|\n)\s*import\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(importPattern)].map((match) => ({
    file,
    specifier: match[1] ?? match[2] ?? match[3] ?? "",
  }));
}

test("every import keeps to the rule", () => {
  const imports = sources.flatMap(importsOf);
  expect(imports.length).toBeGreaterThan(100);
  expect(imports.map(violation).filter((found) => found !== null)).toEqual([]);
});

test("no files import each other in a circle: each can be read after what it is made of", () => {
  expect(circles(sources.flatMap(importsOf))).toEqual([]);
});

test("a circle is found, over however many files it goes, and what only leads into it is none of it", () => {
  const imports = [
    { file: "cloud/a.ts", specifier: "./b.ts" },
    { file: "cloud/b.ts", specifier: "#protocol/c.ts" },
    { file: "protocol/c.ts", specifier: "../cloud/a.ts" },
    { file: "cloud/main.ts", specifier: "./a.ts" },
    { file: "cloud/b.ts", specifier: "./leaf.ts" },
    { file: "cloud/b.ts", specifier: "zod" },
  ];
  expect(circles(imports)).toEqual([["cloud/a.ts", "cloud/b.ts", "protocol/c.ts"]]);
  expect(circles(imports.slice(1))).toEqual([]);
});

test.each([
  ["protocol/topics.ts", "node:fs"],
  ["protocol/topics.ts", "../gateway/gateway.ts"],
  ["gateway/gateway.ts", "../cloud/devices/devices.ts"],
  ["device-sim/fleet.ts", "../gateway/spool.ts"],
  ["cloud/hearth.ts", "../device-sim/fleet.ts"],
  ["cloud/loyalty/loyalty.ts", "../devices/devices-store.ts"],
  ["cloud/loyalty/loyalty-store.ts", "../devices/core/up-facts.ts"],
  ["cloud/platform/clock.ts", "../devices/devices.ts"],
  ["cloud/service/core/rule.ts", "node:fs/promises"],
  ["cloud/service/core/rule.ts", "kysely"],
  ["cloud/console/src/app.tsx", "../../devices/devices-store.ts"],
])("the planted violation is caught: %s imports %s", (file, specifier) => {
  expect(violation({ file, specifier })).toContain(file);
});

test.each([
  ["cloud/loyalty/loyalty.ts", "../devices/devices.ts"],
  ["cloud/loyalty/loyalty.ts", "../platform/database.ts"],
  ["cloud/loyalty/loyalty.ts", "#protocol/ids.ts"],
  ["cloud/hearth.ts", "./devices/devices-routes.ts"],
  ["cloud/devices/devices.test.ts", "../../test/support/postgres.ts"],
  ["test/bench/bench.ts", "../../cloud/platform/database.ts"],
])("what the rule allows is let be: %s imports %s", (file, specifier) => {
  expect(violation({ file, specifier })).toBeNull();
});

test("who waits in a test waits as long as a busy machine may need: nothing gives up after Vitest's own second", () => {
  const impatient = /\bvi\.wait(For|Until)\(|\bexpect\.poll\(/;
  const waits = sources.filter((file) => impatient.test(readFileSync(file, "utf8")));
  expect(waits).toEqual(["test/support/comes-true.ts"]);
});

test("the image starts Hearth as npm start does", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  const [, command = "[]"] = /^CMD (\[.*\])$/m.exec(readFileSync("Dockerfile", "utf8")) ?? [];
  const [node, ...rest] = JSON.parse(command);
  expect(node).toMatch(/\/node$/);
  expect(["exec", "node", ...rest].join(" ")).toBe(scripts.start);
});

test("time and chance come in from outside: only platform folders and composition roots ask for them", () => {
  const roots =
    /(^|\/)platform\/|^cloud\/(main|hearth)\.ts$|^gateway\/worker\.ts$|^device-sim\/(main|demo\/)|^cloud\/(cli|console)\/|^test\/|\/testing\/|\.test\.tsx?$|config\.ts$/;
  const direct = /\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(|\bset(Timeout|Interval)\(/;
  const found = sources.filter((file) => !roots.test(file) && direct.test(readFileSync(file, "utf8")));
  expect(found).toEqual([]);
});
