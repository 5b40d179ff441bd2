import { expect, test } from "vitest";
import { UsageError } from "../command-line.ts";
import { readDemoOptions } from "./options.ts";

test("without options it is 200 appliances, for as long as one likes", () => {
  expect(readDemoOptions([])).toEqual({
    forMs: null,
    json: false,
    appliances: 200,
    historyDays: 30,
    speed: 800,
    seed: 1,
  });
  expect(readDemoOptions(["--for", "45s", "--json", "--appliances", "60"])).toMatchObject({
    forMs: 45_000,
    json: true,
    appliances: 60,
    historyDays: 30,
  });
  expect(readDemoOptions(["--help"])).toBeNull();
});

test.each([
  [["--for", "soon"], "--for"],
  [["--appliances", "3"], "--appliances"],
  [["--speed", "0"], "--speed"],
  [["--seed", "1.5"], "--seed"],
  [["--fro", "45s"], "--fro"],
  [["45s"], "45s"],
])("%j is refused in one sentence that names what is wrong", (args, name) => {
  const read = () => readDemoOptions(args);
  expect(read).toThrow(UsageError);
  expect(read).toThrow(name);
  expect(read).toThrow(/^[^\n]+\.$/);
});
