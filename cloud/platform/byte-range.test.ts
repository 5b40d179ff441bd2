import fc from "fast-check";
import { expect, test } from "vitest";
import { readRange } from "./byte-range.ts";

test.each([
  [undefined, { kind: "whole" }],
  ["bytes=0-0", { kind: "part", first: 0, last: 0 }],
  ["bytes=90-", { kind: "part", first: 90, last: 99 }],
  ["bytes=90-200", { kind: "part", first: 90, last: 99 }],
  ["bytes=-10", { kind: "part", first: 90, last: 99 }],
  ["bytes=-1000", { kind: "part", first: 0, last: 99 }],
  ["bytes=100-", { kind: "unsatisfiable" }],
  ["bytes=-0", { kind: "unsatisfiable" }],
  ["bytes=5-2", { kind: "whole" }],
  ["bytes=0-1,4-5", { kind: "whole" }],
  ["items=0-1", { kind: "whole" }],
  ["bytes=-", { kind: "whole" }],
])("of 100 bytes, %s is read as RFC 9110 says", (header, range) => {
  expect(readRange(header, 100)).toEqual(range);
});

test("a part always lies within the file", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(1_000), (text, from, to, length) => {
      for (const header of [text, `bytes=${from}-${to}`, `bytes=-${to}`, `bytes=${from}-`]) {
        const range = readRange(header, length);
        const { first, last } = range.kind === "part" ? range : { first: 0, last: length };
        expect(first >= 0 && first <= last && last <= length).toBe(true);
        expect(range.kind === "part" && last >= length).toBe(false);
      }
    }),
  );
});
