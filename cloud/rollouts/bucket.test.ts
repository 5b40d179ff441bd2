import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { bucketOf } from "./core/membership.ts";
import { bucketOf as bucketSql } from "./eligibility.ts";

let base: TestDatabase;
beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

async function inPostgres(rolloutId: string, deviceIds: readonly string[]): Promise<number[]> {
  const { rows } = await sql<{ bucket: string }>`
    SELECT ${bucketSql(rolloutId)} AS bucket FROM unnest(${[...deviceIds]}::text[]) WITH ORDINALITY AS f(id, at)
    ORDER BY f.at`.execute(base.db);
  return rows.map(({ bucket }) => Number(bucket));
}

test("the bucket is the first 32 bits of md5(rolloutId ':' deviceId), also where they do not fit a signed integer", async () => {
  // As `printf r:a | md5sum` has them.
  expect([bucketOf("r", "a"), bucketOf("r", "c")]).toEqual([0x79_c9_5b_29, 0x90_3d_e8_44]);
  expect(await inPostgres("r", ["a", "c"])).toEqual([0x79_c9_5b_29, 0x90_3d_e8_44]);
});

// Device ids are ASCII, as the wire has them; other texts show that both sides hash the same bytes.
const anyId = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/),
  fc.constantFrom("ü", "Ω:1", "日本", "😀", "%", "\\x41", "'", "", ":"),
);

test("PostgreSQL and TypeScript put every appliance of every rollout into the same bucket", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.uuid(), anyId),
      fc.array(anyId, { minLength: 1, maxLength: 200 }),
      async (rollout, ids) => {
        expect(await inPostgres(rollout, ids)).toEqual(ids.map((id) => bucketOf(rollout, id)));
      },
    ),
    { numRuns: 100 },
  );
});

test("buckets are spread evenly, and two rollouts order the same appliances differently", () => {
  const ids = Array.from({ length: 20_000 }, (_, at) => `oven-${at}`);
  const low = (rollout: string) => new Set(ids.filter((id) => bucketOf(rollout, id) < 2 ** 32 / 10));
  const [one, other] = [low("one"), low("other")];
  // 2,000 are expected; five standard deviations are 212.
  expect(Math.abs(one.size - 2_000)).toBeLessThan(212);
  expect(Math.abs(other.size - 2_000)).toBeLessThan(212);
  expect([...one].filter((id) => other.has(id)).length).toBeLessThan(300);
});
