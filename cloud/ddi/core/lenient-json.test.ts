import fc from "fast-check";
import { expect, test } from "vitest";
import { parseLeniently } from "./lenient-json.ts";

test("what is JSON is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseLeniently(text)).toEqual(JSON.parse(text));
    }),
  );
});

/** A report as SWUpdate makes it: with printf, and the details as they come. */
const report = (...details: string[]) => `
  { "id": 7, "time": "20260115T120000",
    "status": { "result": { "progress": { "cnt" : 1, "of" : 2 }, "finished": "failure" },
      "execution": "closed", "details" : [ ${details.map((text) => `"${text}"`).join(",")} ] } }`;

test.each([
  `ERROR : cannot open "/dev/mmcblk0p2", giving up`,
  `line one\nline two\ttabbed`,
  String.raw`C:\temp\new and \x41`,
  `a " quote and a trailing backslash \\`,
  `[ERROR] : { "not": json`,
  `"all of it in quotes"`,
  `key "sha256", value "00"`,
])("a report with %j pasted into it unescaped is read whole", (text) => {
  expect(parseLeniently(report("before", text, "after"))).toMatchObject({
    id: 7,
    status: { execution: "closed", result: { finished: "failure", progress: { cnt: 1, of: 2 } } },
  });
});

test("whatever a detail says, what was reported beside it stays what it was, or nothing of it is believed", () => {
  // Quotation marks, commas and brackets are what could break the frame, so they are frequent here.
  const nasty = fc.string({
    unit: fc.constantFrom('"', "\\", ",", "[", "]", "{", "}", ":", " ", "a", "\n", "1"),
    maxLength: 24,
  });
  fc.assert(
    fc.property(fc.array(nasty, { maxLength: 4 }), (details) => {
      const read = parseLeniently(report(...details));
      if (read !== undefined) expect(read).toMatchObject({ status: { result: { finished: "failure" } } });
    }),
  );
});

test("what is no JSON at all, or nests without end, is nothing", () => {
  for (const text of ["", "hello", "{", '{"a"', "[1,", '{"a":}', "[".repeat(100_000), `{"a":"b" "c"`])
    expect(parseLeniently(text)).toBeUndefined();
});
