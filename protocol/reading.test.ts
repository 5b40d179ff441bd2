import fc from "fast-check";
import { expect, test } from "vitest";
import { isReading, reading } from "./reading.ts";

const nearName = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/),
  fc.string(),
  fc.constantFrom("constructor", "toString", "A_c"),
);
const nearReading = fc.record(
  {
    atMs: fc.oneof(
      fc.integer({ min: 0, max: 5e12 }),
      fc.double(),
      fc.constant("1"),
      fc.constantFrom(946_684_800_000, 4_102_444_800_000),
    ),
    m: fc.oneof(
      fc.dictionary(nearName, fc.oneof(fc.double(), fc.boolean(), fc.string(), fc.constant(null))),
      fc.anything(),
    ),
    extra: fc.anything(),
  },
  { requiredKeys: [] },
);

test("the quick guard and the schema agree on what a reading is", () => {
  fc.assert(
    fc.property(fc.oneof(nearReading, fc.anything()), (value) => {
      // Only what JSON can carry reaches either of them, and `__proto__` is refused before both (cloud/ingest/core/decode.ts).
      const text = JSON.stringify(value);
      if (text === undefined || text.includes("__proto__")) return;
      const parsed: unknown = JSON.parse(text);
      expect(isReading(parsed)).toBe(reading.safeParse(parsed).success);
    }),
    { numRuns: 2_000 },
  );
});
