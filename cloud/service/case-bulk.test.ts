import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const ids: string[] = [];

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.ovens("bulk-1");
  for (let n = 0; n < 6; n += 1) {
    const asked = { deviceId: "bulk-1", severity: "service", cause: `cause_${n}`, title: `Case ${n}` };
    ids.push((await kitchen.as("support", "POST", "/cases", asked)).body.id);
  }
});
afterAll(() => kitchen.close());

const bulk = (of: readonly string[], action: object) =>
  kitchen.as("support", "POST", "/cases/bulk", { ids: of, action });
const read = async (id: string) => (await kitchen.as("support", "GET", `/cases/${id}`)).body;
const keyOf = async (role: string) =>
  (await kitchen.as("admin", "GET", "/staff/keys")).body.items.find((one: { role: string }) => one.role === role).id;

test("many cases are given to somebody at once; what could not be is told by name, and keeps nothing else from it", async () => {
  const [first = "", second = "", third = "", fourth = ""] = ids;
  await kitchen.as("support", "POST", `/cases/${third}/resolve`, { note: "Done" });
  await kitchen.as("support", "POST", `/cases/${fourth}/merge`, { into: first });
  const nobody = randomUUID();
  const staffKeyId = await keyOf("admin");
  const { status, body } = await bulk([first, second, third, fourth, nobody, first], { kind: "give", staffKeyId });
  expect([status, body.done]).toEqual([200, [first, second]]);
  expect(body.refused.map(({ id, code }: { id: string; code: string }) => [id, code])).toEqual([
    [third, "case_already_resolved"],
    [fourth, "case_merged"],
    [nobody, "case_not_found"],
  ]);
  for (const id of [first, second]) expect((await read(id)).assignee).toBe(`staff:${staffKeyId}`);
  // Given again nothing happens: one line in each history, and one in the audit log.
  expect((await bulk([first, second], { kind: "give", staffKeyId })).body.done).toEqual([first, second]);
  const { rows } = await sql<{ subject: string; entries: number; told: number }>`
    SELECT a.subject, (SELECT count(*) FROM case_entry e WHERE 'case:' || e.case_id = a.subject AND e.kind = 'assigned') AS entries,
      (SELECT count(*) FROM outbox o WHERE o.subject = a.subject AND o.type = 'hearth.case.assigned') AS told
    FROM audit_entry a WHERE a.action = 'case.given'`.execute(kitchen.base.db);
  const once = [first, second].map((id) => ({ subject: `case:${id}`, entries: 1, told: 1 }));
  expect(new Set(rows)).toEqual(new Set(once));
  expect(rows).toHaveLength(2);
  expect((await bulk([first], { kind: "release" })).body.done).toEqual([first]);
  expect((await read(first)).assignee).toBeNull();
});

test("many are resolved with one word; a key that may not work on cases gets none, and nothing is changed", async () => {
  const rest = ids.slice(4);
  const staffKeyId = await keyOf("viewer");
  expect((await bulk(rest, { kind: "give", staffKeyId })).body.code).toBe("assignee_not_suitable");
  const { done } = (await bulk(rest, { kind: "resolve", note: "The water was off in the street" })).body;
  expect(done).toEqual(rest);
  for (const id of rest) {
    const { status, entries } = await read(id);
    expect([status, entries.at(-1).text]).toEqual(["resolved", "The water was off in the street"]);
  }
});

test("a request names 1 to 200 cases, and what to do", async () => {
  const many = Array.from({ length: 201 }, () => randomUUID());
  for (const [of, action] of [
    [[], { kind: "release" }],
    [many, { kind: "release" }],
    [ids, { kind: "resolve", note: "" }],
    [ids, { kind: "delete" }],
  ] as const)
    expect((await bulk(of, action)).status).toBe(400);
  expect((await bulk(many.slice(1), { kind: "release" })).body.refused).toHaveLength(200);
});
