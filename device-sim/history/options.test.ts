import { expect, test } from "vitest";
import { readBackfillOptions } from "./options.ts";

const asked = ["--url", "http://127.0.0.1:8080", "--key", "k"];

test("what is left out is said in the usage, and help is no back-fill", () => {
  expect(readBackfillOptions(asked)).toMatchObject({
    days: 30,
    count: 50,
    seed: 1,
    ailing: 10,
    file: "hearth-backfill-1.json",
  });
  expect(readBackfillOptions(["--help"])).toBeNull();
});

test.each([
  [["--key", "k"], "--url and --key must say where the appliances are registered."],
  [[...asked, "--days", "0"], "--days must be a whole number from 1 to 400, not '0'."],
  [
    [...asked, "--broker", "mqtt://example.org"],
    "--broker mqtt://example.org is not on this machine: add --allow-remote if that is meant.",
  ],
  [
    ["--url", "https://example.org", "--key", "k"],
    "--url https://example.org is not on this machine: add --allow-remote if that is meant.",
  ],
  [[...asked, "--fast"], "Unknown option '--fast'. See --help."],
])("%j is refused in a sentence that names the option", (args, sentence) => {
  expect(() => readBackfillOptions(args)).toThrow(sentence);
});

test("elsewhere is where it goes when it is told so", () => {
  const there = ["--url", "https://example.org", "--key", "k", "--broker", "mqtts://example.org", "--allow-remote"];
  expect(readBackfillOptions(there)).toMatchObject({ broker: "mqtts://example.org", allowRemote: true });
});
