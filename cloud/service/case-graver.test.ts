/** Several who find the same: rules that differ in how grave they take it, and people before rules. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { coolDown, overheat, readsCavity } from "../../test/support/cavity-heat.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;

const newHome = () => kitchen.newHome("graver");
const overheats = (device: string) => overheat(kitchen, device);
const cools = (device: string) => coolDown(kitchen, device);
const openByHand = async (deviceId: string, severity: string) => {
  const asked = { deviceId, severity, cause: "over_temperature", title: "Smells when it is hot" };
  const { status, body } = await kitchen.as("support", "POST", "/cases", asked);
  expect(status).toBe(201);
  return body;
};
const onlyCase = async (device: string) => {
  const { items } = await get(`/cases?device=${device}`);
  expect(items).toHaveLength(1);
  return get(`/cases/${items[0].id}`);
};
const factsOf = async (caseId: string) =>
  (
    await sql<{ type: string; severity: string }>`
      SELECT type, data ->> 'severity' AS severity FROM outbox
      WHERE data ->> 'caseId' = ${caseId} ORDER BY id`.execute(kitchen.base.database.db)
  ).rows;

test("what staff opened as a small matter is a safety matter once a rule finds that, with what the rule saw, in time, and told", async () => {
  const home = await newHome();
  const opened = await openByHand(home.oven, "info");
  expect(opened).toMatchObject({ severity: "info", seen: { by: expect.stringMatching(/^staff:/) } });
  await overheats(home.oven);
  const foundAtMs = kitchen.clock.nowMs();
  const found = await onlyCase(home.oven);
  const { policy } = await get("/cases/policy");
  expect(found).toMatchObject({ id: opened.id, severity: "safety", title: "Smells when it is hot" });
  expect(found.promise.dueAtMs).toBeLessThanOrEqual(foundAtMs + policy.safety.firstAnswerMs);
  expect(found.promise.dueAtMs).toBeLessThan(opened.promise.dueAtMs);
  const line = found.entries.at(-1);
  expect(line).toMatchObject({ kind: "also_found", by: "cause", data: { severity: "safety", before: "info" } });
  expect(line.data.trace.readings.length).toBeGreaterThan(0);
  expect(await factsOf(opened.id)).toEqual([
    { type: "hearth.case.opened", severity: "info" },
    { type: "hearth.case.graver", severity: "safety" },
  ]);
  // Whoever opened it had not seen that: it does not end with its cause.
  await cools(home.oven);
  expect(await onlyCase(home.oven)).toMatchObject({ status: "open", seen: null, causeGoneAtMs: expect.any(Number) });
  // Its owner reads the sooner promise, and nothing of who found what.
  const mine = (await kitchen.call(home.key, "GET", `/my/cases/${opened.id}`)).body;
  expect(mine.standing).toMatchObject({ answerByMs: found.promise.firstAnswerDueAtMs });
  expect(JSON.stringify(mine)).not.toContain("also_found");
});

const says = (device: string, kind: "raised" | "cleared") => {
  const data = { code: "over_temperature" };
  const payload = { id: randomUUID(), type: `fault.${kind}`, atMs: kitchen.clock.nowMs(), data };
  return kitchen.say({ device, channel: "events", payload });
};

test("an oven that is too hot and says so is one case, whichever is first, which ends once neither says it any more", async () => {
  for (const isWordFirst of [true, false]) {
    const { oven } = await newHome();
    if (isWordFirst) await says(oven, "raised");
    await overheats(oven);
    if (!isWordFirst) await says(oven, "raised");
    const found = await onlyCase(oven);
    expect(found).toMatchObject({ cause: "over_temperature", severity: "safety", status: "open" });
    expect(found.entries.map(({ kind }: { kind: string }) => kind)).toEqual(["opened", "also_found"]);
    const operators = found.entries.map(({ data }: { data: { trace: { operator: string } } }) => data.trace.operator);
    expect(operators.toSorted()).toEqual(["fault", "threshold"]);
    await kitchen.as("support", "POST", `/cases/${found.id}/acknowledge`);
    await (isWordFirst ? cools(oven) : says(oven, "cleared"));
    expect(await onlyCase(oven)).toMatchObject({ status: "open" });
    await (isWordFirst ? says(oven, "cleared") : cools(oven));
    expect(await onlyCase(oven)).toMatchObject({ status: "resolved", resolvedBy: "cause" });
  }
});

test("a rule about faults names a cause for one code alone, and neither changes afterwards", async () => {
  const rule = { kind: "fault", title: "Pump", severity: "service", cause: "pump_worn", mode: "shadow" };
  for (const codes of [undefined, ["E1", "E2"]]) {
    const { status, body } = await kitchen.as("support", "POST", "/service/rules", { ...rule, codes });
    expect([status, body.errors[0].pointer]).toEqual([400, "/body/cause"]);
  }
  const { body } = await kitchen.as("support", "POST", "/service/rules", { ...rule, codes: ["E1"] });
  for (const change of [
    { codes: ["E2"] },
    { codes: ["E1"], cause: "pump_gone" },
    { codes: ["E1"], cause: undefined },
  ]) {
    const put = await kitchen.as("support", "PUT", `/service/rules/${body.id}`, { ...rule, ...change });
    expect(put.body.code).toBe("service_rule_identity");
  }
});

test("a rule that finds the same again adds no line, and one that takes it less gravely takes nothing back", async () => {
  const home = await newHome();
  const milder = {
    kind: "threshold",
    title: "Warm",
    severity: "info",
    metric: "cavity_c",
    direction: "above",
    limit: 150,
    clearAt: 140,
    holdMs: 0,
    cause: "over_temperature",
  };
  const rule = (await kitchen.as("support", "POST", "/service/rules?confirm=true", milder)).body;
  await overheats(home.oven);
  const first = await onlyCase(home.oven);
  expect(first).toMatchObject({ severity: "safety", ruleId: rule.id });
  for (let n = 0; n < 3; n += 1) {
    await readsCavity(kitchen, home.oven, 200);
    await overheats(home.oven);
  }
  const found = await onlyCase(home.oven);
  expect(found).toMatchObject({ severity: "safety", promise: { dueAtMs: first.promise.dueAtMs } });
  expect(found.entries.map(({ kind }: { kind: string }) => kind)).toEqual(["opened", "also_found"]);
  const off = { ...milder, mode: "off" };
  expect((await kitchen.as("support", "PUT", `/service/rules/${rule.id}`, off)).status).toBe(200);
});

test("a case that a graver rule brings back is as grave as that rule says", async () => {
  const home = await newHome();
  const opened = await openByHand(home.oven, "service");
  await kitchen.as("support", "POST", `/cases/${opened.id}/resolve`, { note: "Nothing found" });
  await overheats(home.oven);
  const back = await onlyCase(home.oven);
  expect(back).toMatchObject({ id: opened.id, status: "reopened", severity: "safety", seen: null });
  const { policy } = await get("/cases/policy");
  expect(back.promise.resolveDueAtMs).toBeLessThanOrEqual(kitchen.clock.nowMs() + policy.safety.resolveMs);
});
