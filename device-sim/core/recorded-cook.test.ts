import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isReading } from "#protocol/reading.ts";
import { readRecording, recordingReadings } from "./recorded-cook.ts";

const endMs = Date.UTC(2026, 10, 1);

test("rows of one moment are one reading, and the last lies at the end", () => {
  const rows = readRecording(
    "at_ms,probe,temperature_c\n1636770222000,3,6.28\n1636770222000,4,60.28\n1636770225000,4,57\n",
  );
  expect(recordingReadings(rows, endMs)).toEqual([
    { atMs: endMs - 3_000, m: { probe3_c: 6.28, probe4_c: 60.28 } },
    { atMs: endMs, m: { probe4_c: 57 } },
  ]);
});

test.each([
  ["", "line 1"],
  ["at_ms,probe\n", "line 1"],
  ["at_ms,probe,temperature_c\n", "no rows"],
  ["at_ms,probe,temperature_c\n1636770222000,5,1\n", "line 2"],
  ["at_ms,probe,temperature_c\n1636770222000,1,1\n1636770222000,1,\n", "line 3"],
  ["at_ms,probe,temperature_c\n12,1,1\n", "line 2"],
  ["at_ms,probe,temperature_c\n1636770222000,1,1,9\n", "line 2"],
])("a recording that cannot be played names its line: %j", (csv, words) => {
  expect(() => readRecording(csv)).toThrow(words);
});

const recorded = join(import.meta.dirname, "../../../shared/data/cooks/cook-20211113.csv");

test.skipIf(!existsSync(recorded))("every row of a real cook is in a reading that fits the contract", () => {
  const rows = readRecording(readFileSync(recorded, "utf8"));
  const readings = recordingReadings(rows, endMs);
  expect(readings.every((one) => isReading(one))).toBe(true);
  expect(readings.reduce((sum, { m }) => sum + Object.keys(m).length, 0)).toBe(rows.length);
  expect(readings.at(-1)?.atMs).toBe(endMs);
});
