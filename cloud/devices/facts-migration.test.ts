import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { factsOf } from "./core/device-facts.ts";
import type { ReportedState } from "./core/reported-state.ts";

let base: TestDatabase;
beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

const keys = ["firmware", "hardware", "releaseCounter", "locale", "timeZone"] as const;
// What appliances may report: the contract lets any JSON through.
const values: unknown[] = [
  "2.10.1-rc1",
  "",
  "٣.٤",
  "x".repeat(65),
  "9".repeat(9_000),
  "1234567.1",
  "1.2.3.4.5.6.7.8",
  ".5",
  7,
  2_147_483_647,
  2_147_483_648,
  1e300,
  -1,
  1.5,
  true,
  null,
  {},
  [1],
  { value: "2.0.0" },
];

test("a database of appliances that reported odd things comes up with the same facts that ingest would keep", async () => {
  const rows = values.flatMap((value, at) =>
    keys.map((key) => ({ id: `odd-${at}-${key}`, reported: { [key]: { value, atMs: 1 } } satisfies ReportedState })),
  );
  const text = await readFile(new URL("../platform/migrations/170-device-facts.sql", import.meta.url), "utf8");
  const { rows: found } = await base.db.transaction().execute(async (tx) => {
    // As the table was before.
    await sql
      .raw(
        [
          "hardware",
          "firmware_version",
          "firmware_parts",
          "release_counter",
          "locale",
          "time_zone",
          "country",
          "tags",
          "facts_at_ms",
        ]
          .map((column) => `ALTER TABLE device DROP COLUMN ${column} CASCADE;`)
          .join("\n"),
      )
      .execute(tx);
    await sql`
      INSERT INTO device (id, model, serial, created_at_ms, reported) SELECT id, 'oven', id, 0, reported
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(id text, reported jsonb)`.execute(tx);
    await sql.raw(text).execute(tx);
    return sql<Record<string, unknown> & { id: string }>`SELECT * FROM device`.execute(tx);
  });
  expect(found).toHaveLength(rows.length);
  const byId = new Map(found.map((row) => [row.id, row]));
  for (const { id, reported } of rows) {
    const facts = factsOf(reported);
    expect(byId.get(id)).toMatchObject({
      hardware: facts.hardware,
      firmware_version: facts.firmwareVersion,
      firmware_parts: facts.firmwareParts,
      release_counter: facts.releaseCounter,
      locale: facts.locale,
      time_zone: facts.timeZone,
    });
  }
});
