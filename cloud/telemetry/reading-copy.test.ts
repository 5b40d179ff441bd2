import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { createTestDatabase } from "../../test/support/postgres.ts";
import { copyBytes } from "./core/reading-copy.ts";
import type { ReadingRow } from "./core/reading-rows.ts";
import { copyInto } from "./postgres-telemetry-store.ts";

const base = await createTestDatabase();
const client = await base.database.connect();
afterAll(async () => {
  await client.end();
  await base.drop();
});

/** The database has 0 where a number is -0, and so has what reads it as JSON. */
const anyValue = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

const anyRow: fc.Arbitrary<ReadingRow> = fc.record({
  deviceKey: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  atMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  values: fc.array(fc.option(anyValue), { maxLength: 40 }),
  undeclared: fc.option(fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), fc.oneof(anyValue, fc.boolean()))),
  suspectReceivedAtMs: fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
});

test("rows that are copied into the database are read back as they were, whatever is in them", async () => {
  await client.query("CREATE TEMP TABLE copied (LIKE reading, at serial)");
  const property = fc.asyncProperty(fc.array(anyRow, { maxLength: 30 }), async (rows) => {
    await client.query("TRUNCATE copied RESTART IDENTITY");
    await copyInto(client, "copied", copyBytes(rows));
    const stored = await client.query({
      text: `SELECT device_key, at_ms, to_jsonb(metric_values) AS metric_values, undeclared, suspect_received_at_ms
        FROM copied ORDER BY at`,
    });
    const expected = rows.map((row) => ({
      device_key: row.deviceKey,
      at_ms: row.atMs,
      metric_values: row.values,
      undeclared: row.undeclared,
      suspect_received_at_ms: row.suspectReceivedAtMs,
    }));
    expect(stored.rows).toEqual(expected);
  });
  await fc.assert(property, { numRuns: 200 });
});
