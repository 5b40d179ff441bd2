import fc from "fast-check";
import { expect, test } from "vitest";
import { beginsWith, holds, searchTerm } from "./search-term.ts";

test("fewer than two letters or digits are no term, wildcards among them or not", () => {
  for (const typed of ["", " ", "a", "%", "%%%", "_%_", "**", "a%", String.raw`\\`, "- -", "?1?"])
    expect([typed, searchTerm(typed)]).toEqual([typed, null]);
  expect(searchTerm("ab")).not.toBeNull();
});

test("a serial number is one key however it is written down", () => {
  for (const typed of ["HX2-0041 7", "hx200417", "HX 20:04.17", "  Hx2_00/417 "])
    expect(searchTerm(typed)?.key).toBe("hx200417");
});

test("the beginning of a UUID is the range of those that begin so, with or without its dashes", () => {
  const range = { from: "01980000-7f30-0000-0000-000000000000", to: "01980000-7f3f-ffff-ffff-ffffffffffff" };
  expect(searchTerm("01980000-7F3")?.ids).toEqual(range);
  expect(searchTerm("019800007f3")?.ids).toEqual(range);
  for (const typed of ["019", "oven", "0198000g", "0".repeat(33)]) expect(searchTerm(typed)?.ids ?? null).toBeNull();
});

/** What LIKE does, by the letter of its description. */
function like(text: string, pattern: string): boolean {
  let expression = "";
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const one = characters[at] ?? "";
    if (one === "%") expression += ".*";
    else if (one === "_") expression += ".";
    else {
      if (one === "\\") at += 1;
      expression += RegExp.escape(characters[at] ?? "");
    }
  }
  return new RegExp(`^${expression}$`, "su").test(text);
}

test("every character of a term stands for itself", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "%", "_", "\\"), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (name, part) => {
      expect(like(name, holds(part))).toBe(name.includes(part));
      expect(like(name, beginsWith(part))).toBe(name.startsWith(part));
    }),
  );
});
