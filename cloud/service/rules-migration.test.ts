/** What a database from before migration 317 makes of the rules about faults: real, and migrated up to there first. */
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { migrate, knownMigrations } from "../platform/database.ts";
import { defaultRules } from "./core/default-rules.ts";
import { ruleDefinition } from "./core/rule.ts";
import { RulesStore } from "./rules-store.ts";

const ruleId = (number: number) => `01890000-0000-7000-8000-${String(number).padStart(12, "0")}`;
const [everyFault, lostOften, protects, runsOut] = [ruleId(2), ruleId(11), ruleId(12), ruleId(13)];
const store = new RulesStore();

let base: TestDatabase;
beforeEach(async () => {
  base = await createTestDatabase("template0");
  await migrate(base.db, new Set((await knownMigrations()).filter((name) => name < "317")));
  await put(lostOften, 1, "system", {
    kind: "count",
    title: "Loses its connection often",
    severity: "service",
    cause: "unstable_connection",
    event: { type: "connection:closed" },
    count: 5,
    windowMs: 86_400_000,
    quietMs: 86_400_000,
  });
});
afterEach(() => base.drop());

const put = (id: string, version: number, by: string, definition: object) =>
  sql`INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
    VALUES (${id}, ${version}, ${JSON.stringify(definition)}::jsonb, 1, ${by})`.execute(base.db);

/** Up to today, and what the start of the service adds. */
async function comesUp(): Promise<void> {
  await migrate(base.db);
  await store.insertMissing(
    base.db,
    defaultRules.map(({ id, definition }) => ({ id, version: 1, definition, createdAtMs: 2, createdBy: "system" })),
  );
}

const ships = (id: string) => defaultRules.find((one) => one.id === id)?.definition;
const newest = async (id: string) => (await store.versions(base.db, id, 1))[0];

test("a rule about every fault that somebody made theirs stays as it is, and those that are new begin switched off", async () => {
  const theirs = { kind: "fault", title: "Whatever they report", severity: "info", actions: [{ kind: "case" }] };
  await put(everyFault, 2, "staff:01980000-0000-7000-8000-00000000000a", theirs);
  await comesUp();
  expect(await newest(everyFault)).toMatchObject({ version: 2, definition: ruleDefinition.parse(theirs) });
  for (const id of [protects, runsOut])
    expect(await newest(id)).toMatchObject({ createdBy: "system", definition: { ...ships(id), mode: "off" } });
  // Another start leaves them off.
  await comesUp();
  expect((await newest(protects))?.definition.mode).toBe("off");
});

test("where nobody changed it, it leaves out what has rules of its own by now, and those begin live", async () => {
  await comesUp();
  expect(await newest(everyFault)).toMatchObject({ version: 2, createdBy: "system", definition: ships(everyFault) });
  for (const id of [protects, runsOut])
    expect(await newest(id)).toMatchObject({ version: 1, definition: { ...ships(id), mode: "live" } });
});

test.each([
  ["system", 2],
  ["staff:01980000-0000-7000-8000-00000000000a", 1],
])("of connections that were lost those alone count that were, in a rule that is by %s", async (by, version) => {
  await sql`UPDATE service_rule SET created_by = ${by} WHERE id = ${lostOften}`.execute(base.db);
  await comesUp();
  const found = await newest(lostOften);
  expect(found?.version).toBe(version);
  const definition = found?.definition;
  expect(definition?.kind === "count" ? definition.event.where : "no count").toBe(
    version === 1 ? undefined : 'reason in ["lost", "keepalive", "taken_over", "stalled"]',
  );
});

/** Of before migration 343: the appliance's own word was a cause of its own. */
const protectsBefore = {
  kind: "fault",
  title: "Appliance protects itself",
  severity: "safety",
  mode: "live",
  actions: [{ kind: "case" }],
  codes: ["over_temperature"],
};
const [both, alone] = [41, 42];

const caseOf = (device: number, cause: string, rule: string) => sql`
  INSERT INTO service_case (id, device_key, model, rule_id, cause, severity, title, status, opened_by, opened_at_ms, known_at_ms,
    status_at_ms, first_answer_due_at_ms, resolve_due_at_ms, due_at_ms)
  VALUES (gen_random_uuid(), ${device}, 'oven', ${rule}, ${cause}, 'safety', 'Hot', 'open', 'cause', 1, 1, 1, 2, 2, 2)`;

/** Cases and states of two ovens that are too hot: of one the readings say so, too. */
async function tooHotBefore(): Promise<void> {
  await migrate(base.db, new Set((await knownMigrations()).filter((name) => name < "343")));
  await caseOf(both, "fault:over_temperature", protects).execute(base.db);
  await caseOf(both, "over_temperature", ruleId(1)).execute(base.db);
  await caseOf(alone, "fault:over_temperature", protects).execute(base.db);
  await sql`INSERT INTO rule_state (rule_id, device_key, cause, phase, due_ms, state)
    SELECT ${protects}::uuid, key, 'fault:over_temperature', 'holding', NULL, '{"phase": "holding", "lastAtMs": 1}'
    FROM unnest(ARRAY[${both}, ${alone}]::int[]) AS key`.execute(base.db);
}
const tooHot = async (table: "service_case" | "rule_state") =>
  (
    await sql<{ device_key: number; cause: string }>`
      SELECT device_key, cause FROM ${sql.table(table)} ORDER BY device_key, cause`.execute(base.db)
  ).rows.map(({ device_key, cause }) => [device_key, cause]);

test("what an oven says of being too hot and what its readings show are one cause after the upgrade, with the cases that are open", async () => {
  await put(protects, 1, "system", protectsBefore);
  await tooHotBefore();
  await comesUp();
  expect(await newest(protects)).toMatchObject({ version: 2, createdBy: "system", definition: ships(protects) });
  expect(await tooHot("rule_state")).toEqual([
    [both, "over_temperature"],
    [alone, "over_temperature"],
  ]);
  // Two that are open for one oven stay two, for people to end.
  expect(await tooHot("service_case")).toEqual([
    [both, "fault:over_temperature"],
    [both, "over_temperature"],
    [alone, "over_temperature"],
  ]);
});

test("where somebody changed what is protective, they stay two causes", async () => {
  await put(protects, 1, "system", protectsBefore);
  await put(protects, 2, "staff:01980000-0000-7000-8000-00000000000a", { ...protectsBefore, severity: "service" });
  await tooHotBefore();
  await comesUp();
  expect((await newest(protects))?.version).toBe(2);
  expect((await tooHot("rule_state")).map(([, cause]) => cause)).toEqual(Array(2).fill("fault:over_temperature"));
  expect((await tooHot("service_case")).filter(([, cause]) => cause !== "over_temperature")).toHaveLength(2);
});
