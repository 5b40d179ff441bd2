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
  for (const [id, severity, codes] of [
    [protects, "safety", ["over_temperature"]],
    [runsOut, "info", ["salt_low", "rinse_aid_low"]],
  ] as const)
    expect(await newest(id)).toMatchObject({
      version: 1,
      createdBy: "system",
      definition: { kind: "fault", mode: "off", severity, codes, actions: [{ kind: "case" }] },
    });
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
