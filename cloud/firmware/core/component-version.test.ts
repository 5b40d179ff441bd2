import fc from "fast-check";
import { expect, test } from "vitest";
import { compareVersionKeys, versionKey } from "./component-version.ts";

const key = (text: string) => {
  const found = versionKey(text);
  if (found === null) throw new Error(`${text} has no place`);
  return found;
};

test.each([
  ["1.1.1", "1.1.1a"],
  ["1.1.1k", "1.1.1l"],
  ["1.1.1z", "1.1.2"],
  ["2.9", "2.10"],
  ["2.9.9", "2.10-rc1"],
  ["2.10-alpha", "2.10-beta.2"],
  ["2.10-rc1", "2.10-rc2"],
  ["2.10-rc2", "2.10"],
  ["2.10rc1", "2.10.0"],
  ["2.10", "2.10.1"],
  ["9", "1:2"],
  ["1.0-1", "1.0-2"],
  ["5.10.0-1+deb12u1", "5.10.0-1+deb12u2"],
])("%s comes before %s", (older, newer) => {
  expect(compareVersionKeys(key(older), key(newer))).toBeLessThan(0);
  expect(compareVersionKeys(key(newer), key(older))).toBeGreaterThan(0);
});

test.each([
  ["2.10", "2.10.0"],
  ["v1.2.3", "1.2.3"],
  ["1.2.3", "0:1.2.3"],
  ["1.02", "1.2"],
])("%s is the same as %s", (one, other) => {
  expect(compareVersionKeys(key(one), key(other))).toBe(0);
});

test.each(["", "unknown", "HEAD", "${version}", "1".repeat(40)])("'%s' has no place among versions", (text) => {
  expect(versionKey(text)).toBeNull();
});

test("of two numbered versions the one with the greater first difference is the later one", () => {
  const numbers = fc.array(fc.nat(99_999), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const at = a.findIndex((part, index) => part !== b[index]);
      const wanted = at === -1 ? 0 : Math.sign((a[at] ?? 0) - (b[at] ?? 0));
      expect(Math.sign(compareVersionKeys(key(a.join(".")), key(b.join("."))))).toBe(wanted);
    }),
  );
});
