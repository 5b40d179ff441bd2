import fc from "fast-check";
import { expect, test } from "vitest";
import { delimiterOf, fieldsOf, LineCutter } from "./csv-lines.ts";

const linesOf = (pieces: readonly string[], lengthMax = 20) => {
  const cutter = new LineCutter(lengthMax);
  return [...pieces.flatMap((piece) => cutter.cut(piece)), ...cutter.end()];
};

test("a text has the same lines in whatever pieces it comes", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", ",", '"', "\n", "\r\n", "aaaaaaaaaaaa"), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(5), { minLength: 1 }), (whole, sizes) => {
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < whole.length; turn += 1) {
        const size = (sizes[turn % sizes.length] ?? 0) + 1;
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      expect(linesOf(pieces)).toEqual(linesOf([whole]));
      const plain = whole.split("\n").map((line) => line.replace(/\r$/, ""));
      if (plain.at(-1) === "" && !whole.endsWith("\r")) plain.pop();
      expect(linesOf([whole]).map(({ number }) => number)).toEqual(plain.map((_line, at) => at + 1));
    }),
  );
});

test("a line over the bound is told of, and the next one is read", () => {
  expect(linesOf(["ok\n", "x".repeat(15), "x".repeat(15), "\nnext\r\n", "y".repeat(21)])).toEqual([
    { number: 1, text: "ok" },
    { number: 2, text: null },
    { number: 3, text: "next" },
    { number: 4, text: null },
  ]);
});

test.each<[string, string[] | null]>([
  ["a,b,c", ["a", "b", "c"]],
  [" a , b,c ", ["a", "b", "c"]],
  ["", [""]],
  [",", ["", ""]],
  ['"a","b, c","d ""e"""', ["a", "b, c", 'd "e"']],
  ['a,"",b', ["a", "", "b"]],
  ['"a",', ["a", ""]],
  [' "a" ,b', ["a", "b"]],
  ['a,"b', null],
  ['a,b"c', null],
  ['"a"b,c', null],
  ['"', null],
])("the fields of %j", (line, fields) => {
  expect(fieldsOf(line, ",")).toEqual(fields);
});

test("a spreadsheet that writes semicolons is understood", () => {
  expect(delimiterOf("serial;model;batch")).toBe(";");
  expect(delimiterOf("serial,model,batch")).toBe(",");
  expect(fieldsOf('"a";b;c,d', ";")).toEqual(["a", "b", "c,d"]);
});

test("what is looked at again and again by a careless pattern is looked at once", () => {
  for (const line of ['"'.repeat(100_001), `${" ".repeat(100_000)}"`, `"${" ".repeat(100_000)}`, '"a'.repeat(50_000)]) {
    expect(fieldsOf(line, ",")).toBeNull();
  }
});
