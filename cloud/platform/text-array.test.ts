import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { textArray } from "./text-array.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

// PostgreSQL has no text with a zero in it; what comes from outside is kept free of them at the edge.
const text = fc.string({ unit: "grapheme", maxLength: 60 }).map((one) => one.replaceAll("\0", ""));

test("texts come into the database as they are, in their order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 40 }), async (values) => {
      const { rows } = await sql<{ values: string[] }>`SELECT ${textArray(values)}::text[] AS values`.execute(
        database.db,
      );
      expect(rows[0]?.values).toEqual(values);
    }),
    { numRuns: 50 },
  );
});
