import { expect, test } from "vitest";
import { UsageError } from "./command-line.ts";
import { readOptions } from "./options.ts";

const read = (line: string) => readOptions(line.split(" "), ["oven-x200"]);

test.each([
  ["--devices f --count 0", "--count"],
  ["--devices f --count 1.5", "--count"],
  ["--devices f --speed fast", "--speed"],
  ["--devices f --start-hours-ago -1", "--start-hours-ago"],
  ["--devices f --model toaster", "--model"],
  ["--devices f --broker mqtt://192.0.2.7:1883", "--allow-remote"],
  ["--devices f --broker http://127.0.0.1", "--broker"],
  ["--devices f --api http://127.0.0.1:1", "exclude one another"],
  ["--api http://192.0.2.7 --key k", "--allow-remote"],
  ["--api http://127.0.0.1", "--key"],
  ["--count 3", "--devices"],
  ["--devices f --factory-root root.json", "--director"],
  ["--devices f --director keys.json", "--factory-root"],
  ["--devices f --nonsense", "--nonsense"],
])("a command line that cannot be followed is answered in one sentence with the option: %s", (line, words) => {
  expect(() => read(line)).toThrow(UsageError);
  expect(() => read(line)).toThrow(words);
  try {
    read(line);
  } catch (error) {
    expect(String(error)).not.toContain("\n");
  }
});

test("defaults are those of a fresh machine, and a remote broker is taken where it is allowed", () => {
  expect(read("--devices f")).toMatchObject({
    broker: "mqtt://127.0.0.1:1883",
    count: 10,
    seed: 1,
    speed: 1,
    startHoursAgo: 0,
  });
  expect(read("--devices f --broker mqtts://192.0.2.7 --allow-remote")).toMatchObject({ broker: "mqtts://192.0.2.7" });
});

test("appliances that get their own certificate are given by batch, secret and serial number, and keep their keys in a folder", () => {
  const args = ["--provision", "2026-41:a:b", "--serial", "sn-1", "--serial", "sn-2", "--serial", "sn-1"];
  const kept = [...args, "--data-dir", "/tmp/ovens"];
  expect(readOptions(kept, ["oven"])?.source).toEqual({
    kind: "claim",
    batch: "2026-41",
    secret: "a:b",
    serials: ["sn-1", "sn-2"],
  });
  const wrong: [string[], RegExp][] = [
    [args, /--data-dir/],
    [["--provision", "device:x", "--serial", "sn-1", "--data-dir", "d"], /--provision/],
    [["--provision", "b1", "--serial", "sn-1", "--data-dir", "d"], /--provision/],
    [["--provision", "b1:hush", "--data-dir", "d"], /--serial/],
    [["--provision", "b1:hush", "--serial", "a b", "--data-dir", "d"], /--serial/],
    [[...kept, "--devices", "file"], /exclude/],
  ];
  for (const [line, expected] of wrong) {
    expect(() => readOptions(line, ["oven"])).toThrow(expected);
    expect(() => readOptions(line, ["oven"])).not.toThrow(/hush/);
  }
});
