import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { type Principal, Staff } from "./staff.ts";

let base: TestDatabase;
let staff: Staff;
let firstKey: string | null;
const system: Principal = { kind: "system" };

beforeAll(async () => {
  base = await createTestDatabase();
  staff = new Staff({ db: base.db, clock: systemClock, ids: randomIds });
  firstKey = await staff.createFirstKey();
});
afterAll(() => base.drop());

test("the first key is made once, and a key is kept as its hash alone", async () => {
  expect(firstKey).toMatch(/^hearth_[\w-]{43}$/);
  expect(await staff.createFirstKey()).toBeNull();
  const { rows } = await sql<{ row: string }>`SELECT row_to_json(k)::text AS row FROM staff_key k`.execute(base.db);
  expect(rows.map(({ row }) => row).join()).not.toContain(firstKey?.slice(7));
  expect(await staff.authenticate(firstKey ?? "")).toMatchObject({ kind: "staff", role: "admin" });
  expect(await staff.authenticate(`${firstKey}x`)).toBeNull();
});

test("a revoked key opens nothing, and the last admin key stays", async () => {
  const viewer = await staff.createKey(system, "v", "viewer");
  expect(await staff.revokeKey(system, viewer.key.id)).toEqual({ kind: "revoked" });
  expect(await staff.authenticate(viewer.secret)).toBeNull();
  expect(await staff.revokeKey(system, viewer.key.id)).toEqual({ kind: "refused", rule: "key_not_found" });
  const admins = (await staff.keys()).filter((key) => key.role === "admin");
  expect(await staff.revokeKey(system, admins[0]?.id ?? "")).toEqual({ kind: "refused", rule: "last_admin_key" });
});

test("two admins cannot end each other's last keys at the same moment", async () => {
  const other = await staff.createKey(system, "other", "admin");
  const admins = (await staff.keys()).filter((key) => key.role === "admin" && key.revokedAtMs === null);
  expect(admins).toHaveLength(2);
  const outcomes = await Promise.all(admins.map((key) => staff.revokeKey(system, key.id)));
  expect(outcomes.map((outcome) => outcome.kind).toSorted()).toEqual(["refused", "revoked"]);
  if ((await staff.authenticate(other.secret)) === null) return;
  // Whichever stayed, the tests after this one need an admin.
  expect((await staff.keys()).some((key) => key.role === "admin" && key.revokedAtMs === null)).toBe(true);
});

test("the audit log is written by many at once as one chain, and shows a changed or missing line", async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      base.db
        .transaction()
        .execute((tx) =>
          staff.audit.record(tx, { principal: system, action: "test.done", subject: `test:${n}`, after: { n } }),
        ),
    ),
  );
  const whole = await staff.audit.verify(base.db);
  expect(whole).toEqual({
    lines: (await staff.audit.list(base.db, { before: null, subject: null, limit: 500 })).length,
    brokenAt: null,
  });
  await expect(sql`UPDATE audit_entry SET subject = 'x' WHERE sequence = 3`.execute(base.db)).rejects.toThrow(
    "append-only",
  );
  await expect(sql`DELETE FROM audit_entry WHERE sequence = 3`.execute(base.db)).rejects.toThrow("append-only");

  // Somebody with the database in hand can switch the guard off. The chain still tells.
  await sql`ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only`.execute(base.db);
  await sql`UPDATE audit_entry SET after_json = '{"n":99}' WHERE sequence = 7`.execute(base.db);
  expect((await staff.audit.verify(base.db)).brokenAt).toBe(7);
  await sql`DELETE FROM audit_entry WHERE sequence = 4`.execute(base.db);
  expect((await staff.audit.verify(base.db)).brokenAt).toBe(4);
});
