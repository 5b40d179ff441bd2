import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { createLogger } from "../platform/logger.ts";
import { type Found, searchTerm } from "../platform/search-term.ts";
import type { Permission, Principal } from "../staff/staff.ts";
import { Search } from "./search.ts";

let kitchen: Kitchen;
let householdId = "";
const viewer: Principal = { kind: "staff", id: "v", name: "Vera", role: "viewer" };

beforeAll(async () => {
  kitchen = await Kitchen.open();
  const devices = [
    { id: "kitchen-1", model: "oven", serial: "HX2-0041-77" },
    { id: "kitchen-2", model: "oven", serial: "HX2-0041-78" },
    { id: "hx2004177", model: "oven", serial: "Q-1" },
    { id: "odd_1", model: "oven", serial: "50%OFF" },
    { id: "odd-2", model: "oven", serial: "50XOFF" },
  ];
  await kitchen.as("admin", "POST", "/devices/batch", { devices });
  const made = await kitchen.as("admin", "POST", "/households", { name: "Huber-Maier", locale: "de", timeZone: "UTC" });
  householdId = made.body.id;
  await kitchen.as("admin", "POST", `/households/${householdId}/members`, {
    name: "Ada Huber",
    email: "Ada.Huber@example.org",
  });
  await kitchen.event("kitchen-1", "fault.raised", { code: "fan_stuck" });
});
afterAll(() => kitchen.close());

const find = async (q: string, more = "") =>
  (await kitchen.as("viewer", "GET", `/search?q=${encodeURIComponent(q)}${more}`)).body.items as Found[];
const idsOf = (items: readonly Found[], kind: Found["kind"]) =>
  items.filter((item) => item.kind === kind).map(({ id }) => id);

test("part of a serial number finds its appliance, with or without dashes and case: whole first, then beginnings, ends and parts", async () => {
  for (const q of ["HX2-0041-77", "hx2004177", "HX2 0041 77"]) {
    const found = await find(q);
    expect(new Set(idsOf(found, "device"))).toEqual(new Set(["kitchen-1", "hx2004177"]));
    expect(found[0]?.rank).toBe("exact");
  }
  expect(await find("4178")).toMatchObject([{ id: "kitchen-2", rank: "end", subtitle: "HX2-0041-78 · oven · away" }]);
  expect(new Set(idsOf(await find("0041"), "device"))).toEqual(new Set(["kitchen-1", "kitchen-2", "hx2004177"]));
  expect((await find("hx2")).map(({ rank }) => rank)).toEqual(["beginning", "beginning", "beginning"]);
  expect((await find("kitchen-1"))[0]).toMatchObject({ kind: "device", rank: "exact", href: "/devices/kitchen-1" });
  expect(await find("hx2", "&limit=1")).toHaveLength(1);
});

test("people are found by e-mail address and by the words of their names in any order, households by theirs and by their id", async () => {
  const ada = { kind: "member", title: "Ada Huber", href: `/households/${householdId}` };
  expect((await find("ada.huber@EXAMPLE.org"))[0]).toMatchObject({ ...ada, rank: "exact" });
  expect((await find("huber ada"))[0]).toMatchObject({ ...ada, rank: "part" });
  expect((await find("example.org"))[0]).toMatchObject({ ...ada, rank: "end" });
  expect((await find("ad"))[0]).toMatchObject(ada);
  expect((await find("huber-m"))[0]).toMatchObject({ kind: "household", id: householdId, subtitle: "Ada Huber" });
  expect(idsOf(await find(householdId.slice(0, 23)), "household")).toEqual([householdId]);
});

test("cases are found by the beginning of their id and words of their title, models and releases by their names", async () => {
  const { body } = await kitchen.as("viewer", "GET", "/cases?device=kitchen-1");
  const { id, title } = body.items[0];
  expect(idsOf(await find(id.slice(0, 28)), "case")).toEqual([id]);
  expect(idsOf(await find(id), "case")).toEqual([id]);
  expect(idsOf(await find(title), "case")).toEqual([id]);
  expect((await find(id))[0]).toMatchObject({ rank: "exact", subtitle: "kitchen-1 · open", href: `/cases/${id}` });
  expect(idsOf(await find("oven"), "model")).toEqual(["oven"]);
});

test("wildcards stand for themselves, and too little is refused kindly", async () => {
  expect(idsOf(await find("50%off"), "device")).toEqual(["odd_1"]);
  expect(idsOf(await find("0%o"), "device")).toEqual(["odd_1"]);
  for (const q of ["a", "%%", "_", "**"]) {
    const { status, body } = await kitchen.as("viewer", "GET", `/search?q=${encodeURIComponent(q)}`);
    expect([q, status, body.code]).toEqual([q, 422, "search_too_short"]);
  }
  expect((await kitchen.as("viewer", "GET", `/search?q=${"x".repeat(101)}`)).status).toBe(400);
});

/** Everything that can be found, with what it can be found by. */
async function everything(): Promise<{ kind: Found["kind"]; id: string; names: string[] }[]> {
  const { rows } = await sql<{ kind: Found["kind"]; id: string; names: string[] }>`
    SELECT 'device' AS kind, id, ARRAY[id, serial] AS names FROM device
    UNION ALL SELECT 'household', id::text, ARRAY[id::text, name] FROM household
    UNION ALL SELECT 'member', id::text, ARRAY[name, coalesce(email, '')] FROM household_member
    UNION ALL SELECT 'case', id::text, ARRAY[id::text, title, cause] FROM service_case
    UNION ALL SELECT 'model', key, ARRAY[key, document ->> 'name', document ->> 'brand'] FROM model`.execute(
    kitchen.base.db,
  );
  return rows;
}

const plain = (text: string) => text.toLowerCase().replaceAll(/[-_./: ]/g, "");

test("whoever looks for whatever finds what holds it and nothing else, and nothing that they may not read", async () => {
  const things = await everything();
  const names = things.flatMap((thing) => thing.names).filter((name) => name.length > 3);
  const permissions = ["fleet.read", "households.read", "service.read", "firmware.read"] as const;
  const permissionOf: Record<Found["kind"], Permission> = {
    device: "fleet.read",
    model: "fleet.read",
    household: "households.read",
    member: "households.read",
    case: "service.read",
    release: "firmware.read",
  };
  const part = fc
    .tuple(fc.constantFrom(...names), fc.nat(20), fc.integer({ min: 3, max: 12 }))
    .map(([name, from, length]) => name.slice(from % name.length, (from % name.length) + length));
  const typed = fc.oneof(
    part,
    part.map((text) => `%${text}_`),
    part.map((text) => text.replace(/[a-z0-9]/, "_")),
  );
  await fc.assert(
    fc.asyncProperty(typed, fc.subarray([...permissions]), async (q, mayRead) => {
      const search = new Search({
        ...kitchenParts(),
        allowed: (_principal, permission) => mayRead.some((one) => one === permission),
      });
      await search.load();
      const outcome = await search.find(viewer, q, 50);
      const term = searchTerm(q);
      if (outcome.kind === "refused" || term === null) {
        expect([outcome.kind, term]).toEqual(["refused", null]);
        return;
      }
      for (const { kind, id } of outcome.items) {
        expect(mayRead).toContain(permissionOf[kind]);
        const thing = things.find((one) => one.kind === kind && one.id === id);
        const whole = thing?.names.join(" ") ?? "";
        const isThere =
          term.words.every((word) => whole.toLowerCase().includes(word)) || plain(whole).includes(term.key);
        expect([q, kind, id, isThere]).toEqual([q, kind, id, true]);
      }
      if (!mayRead.includes("fleet.read") || term.key.length < 3) return;
      const wanted = things.filter(
        ({ kind, names: its }) => kind === "device" && its.some((name) => plain(name).includes(term.key)),
      );
      expect(new Set(idsOf(outcome.items, "device"))).toEqual(new Set(wanted.map(({ id }) => id)));
    }),
    { numRuns: 60 },
  );
});

const kitchenParts = () => ({
  db: kitchen.base.db,
  logger: createLogger("silent"),
  sources: kitchen.slices.search.sources,
});

test("a kind that takes too long is left out and named; the others are told", async () => {
  const slow = { kind: "case", permission: "service.read" } as const;
  const search = new Search({
    ...kitchenParts(),
    allowed: () => true,
    limits: { statementMsMax: 100, atOnceMax: 1 },
    sources: [
      { ...slow, find: async (db) => (await sql<Found>`SELECT pg_sleep(5)`.execute(db)).rows },
      ...kitchen.slices.search.sources,
    ],
  });
  const [first, second] = await Promise.all([search.find(viewer, "kitchen-1", 5), search.find(viewer, "kitchen-1", 5)]);
  expect(first).toMatchObject({ kind: "found", incomplete: ["case"], items: [{ id: "kitchen-1" }] });
  expect(second).toEqual({ kind: "refused", rule: "search_busy" });
});

test("where pg_trgm cannot be had, beginnings and ends are found all the same, and the answer says so", async () => {
  const { db } = kitchen.base;
  await sql`DROP EXTENSION pg_trgm CASCADE`.execute(db);
  await sql`CREATE ROLE plain_${sql.raw(String(process.pid))}`.execute(db);
  const role = sql.raw(`plain_${process.pid}`);
  try {
    // In a database of somebody else's: a role that may make nothing.
    const made = await db.transaction().execute(async (tx) => {
      await sql`SET LOCAL ROLE ${role}`.execute(tx);
      return (await sql<{ made: boolean }>`SELECT make_part_indexes() AS made`.execute(tx)).rows[0]?.made;
    });
    expect(made).toBe(false);
    const search = new Search({ ...kitchenParts(), allowed: () => true });
    const ends = await search.find(viewer, "004178", 5);
    expect(ends).toMatchObject({ kind: "found", parts: false, items: [{ id: "kitchen-2", rank: "end" }] });
    expect(await search.find(viewer, "0041-7", 5)).toMatchObject({ items: [] });
    await search.load();
    expect(await search.find(viewer, "0041-7", 5)).toMatchObject({ parts: true, incomplete: [] });
  } finally {
    await sql`DROP ROLE ${role}`.execute(db);
  }
});
