import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let models = 0;
const minute = 60_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const rowsOf = async <T>(query: ReturnType<typeof sql<T>>) => (await query.execute(kitchen.base.database.db)).rows;

/** A model of its own for a test, with so many ovens. */
async function fleet(size: number): Promise<{ model: string; ids: string[] }> {
  const model = `storm-${(models += 1)}`;
  const ids = Array.from({ length: size }, (_, at) => `${model}-${String(at).padStart(4, "0")}`);
  await sql`INSERT INTO device (id, model, serial, created_at_ms)
    SELECT id, ${model}, id, 0 FROM unnest(${ids}::text[]) AS id`.execute(kitchen.base.database.db);
  return { model, ids };
}

const fault = (device: string, kind: "raised" | "cleared", atMs: number, code = "E17") => ({
  device,
  channel: "events" as const,
  payload: { id: randomUUID(), type: `fault.${kind}`, data: { code }, atMs },
});

const casesOf = (model: string) =>
  rowsOf(
    sql<{ id: string; device: string; status: string; resolved_by: string | null }>`
      SELECT c.id, d.id AS device, c.status, c.resolved_by FROM service_case c JOIN device d ON d.key = c.device_key
      WHERE d.model = ${model} ORDER BY d.id`,
  );
const openCases = async (model: string) => (await casesOf(model)).filter(({ status }) => status !== "resolved");

const incidentsOf = async (model: string) =>
  (await kitchen.as("support", "GET", `/incidents?model=${model}`)).body.items as {
    id: string;
    status: string;
    members: number;
    standing: number;
    severity: string;
    cause: string;
    resolvedBy: string | null;
    assignee: string | null;
  }[];

const oneIncident = async (model: string) => {
  const found = await incidentsOf(model);
  expect(found).toHaveLength(1);
  return found[0]!;
};

const factsAbout = async (id: string) =>
  (await rowsOf(sql<{ type: string }>`SELECT type FROM outbox WHERE subject = ${`incident:${id}`} ORDER BY id`)).map(
    ({ type }) => type,
  );

test("500 ovens with one fault at once are one incident, and not one case is left open", async () => {
  const { model, ids } = await fleet(500);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id, at) => fault(id, "raised", nowMs - at)));
  const incident = await oneIncident(model);
  expect(incident).toMatchObject({ status: "open", members: 500, standing: 500, cause: "fault:E17" });
  expect(await openCases(model)).toEqual([]);
  // Those that opened before it was known for a storm are closed with its name.
  const cases = await casesOf(model);
  expect(cases).toHaveLength(21);
  expect(new Set(cases.map((found) => found.resolved_by))).toEqual(new Set([`incident:${incident.id}`]));
  expect(await factsAbout(incident.id)).toEqual(["hearth.incident.opened"]);
  const pages: string[] = [];
  let cursor = "";
  for (let page = 0; page < 9; page += 1) {
    const { body } = await kitchen.as("support", "GET", `/incidents/${incident.id}/members?limit=100${cursor}`);
    pages.push(...body.items.map((item: { deviceId: string }) => item.deviceId));
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(pages.toSorted()).toEqual(ids);
});

test("twenty ovens are twenty cases", async () => {
  const { model, ids } = await fleet(500);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.slice(0, 20).map((id) => fault(id, "raised", nowMs)));
  expect(await incidentsOf(model)).toEqual([]);
  expect(await openCases(model)).toHaveLength(20);
});

test("one in a hundred counts where that is more than twenty", async () => {
  const { model, ids } = await fleet(3_000);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.slice(0, 30).map((id) => fault(id, "raised", nowMs)));
  expect(await incidentsOf(model)).toEqual([]);
  await kitchen.say(fault(ids[30]!, "raised", nowMs));
  expect(await oneIncident(model)).toMatchObject({ members: 31 });
});

test("however the same stream is cut into batches, the same incident and the same cases come out", async () => {
  const outcomes = [];
  for (const length of [1, 7, 1_000]) {
    const { model, ids } = await fleet(60);
    const nowMs = kitchen.clock.nowMs();
    const stream = ids.flatMap((id, at) => [
      fault(id, "raised", nowMs + at * 1_000),
      ...(at % 3 === 0 ? [fault(id, "cleared", nowMs + at * 1_000 + 500)] : []),
      ...(at % 9 === 0 ? [fault(id, "raised", nowMs + at * 1_000 + 700)] : []),
    ]);
    for (let sent = 0; sent < stream.length; sent += length) await kitchen.say(...stream.slice(sent, sent + length));
    const [incident] = await incidentsOf(model);
    const members = await rowsOf(
      sql<object>`SELECT d.key - min(d.key) OVER () AS device, m.raised_at_ms - ${nowMs} AS raised,
          m.cleared_at_ms - ${nowMs} AS cleared, m.case_id IS NOT NULL AS has_case
        FROM incident_member m JOIN device d ON d.key = m.device_key WHERE d.model = ${model} ORDER BY d.key`,
    );
    const cases = await rowsOf(
      sql<object>`SELECT right(d.id, 4) AS device, c.status, split_part(c.resolved_by, ':', 1) AS by,
          (SELECT array_agg(e.kind ORDER BY e.sequence) FROM case_entry e WHERE e.case_id = c.id) AS entries
        FROM service_case c JOIN device d ON d.key = c.device_key WHERE d.model = ${model} ORDER BY d.id, c.id`,
    );
    outcomes.push({ members, cases, standing: incident?.standing, count: incident?.members });
  }
  expect(outcomes[1]).toEqual(outcomes[0]);
  expect(outcomes[2]).toEqual(outcomes[0]);
  expect(outcomes[0]?.members).toHaveLength(60);
});

test("safety has a case for each device and an incident besides", async () => {
  const { model, ids } = await fleet(30);
  const nowMs = kitchen.clock.nowMs();
  const hot = (atMs: number) =>
    ids.map((device) => ({ device, channel: "telemetry" as const, payload: { atMs, m: { cavity_c: 300 } } }));
  await kitchen.say(...hot(nowMs - 30_000), ...hot(nowMs));
  expect(await openCases(model)).toHaveLength(30);
  expect(await oneIncident(model)).toMatchObject({ members: 30, severity: "safety" });
});

test("a case on which somebody works stays theirs, and the device is a member all the same", async () => {
  const { model, ids } = await fleet(100);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.slice(0, 5).map((id) => fault(id, "raised", nowMs)));
  const [first] = await casesOf(model);
  await kitchen.as("support", "POST", `/cases/${first?.id}/notes`, { text: "I am calling them" });
  await kitchen.say(...ids.slice(5).map((id) => fault(id, "raised", nowMs)));
  expect(await openCases(model)).toMatchObject([{ id: first?.id }]);
  const incident = await oneIncident(model);
  expect(incident.members).toBe(100);
  const { body } = await kitchen.as("support", "GET", `/incidents/${incident.id}/members?limit=1`);
  expect(body.items).toMatchObject([{ deviceId: ids[0], caseId: first?.id, clearedAtMs: null }]);
});

test("an incident resolves by itself when nearly all cleared and it was quiet, and who is left gets a case", async () => {
  const { model, ids } = await fleet(100);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id) => fault(id, "raised", nowMs)));
  await kitchen.say(...ids.slice(0, 97).map((id) => fault(id, "cleared", nowMs + 1_000)));
  expect(await oneIncident(model)).toMatchObject({ status: "settling", standing: 3 });
  kitchen.clock.forward(20 * minute);
  await kitchen.slices.service.tickIncidents();
  expect(await oneIncident(model)).toMatchObject({ status: "settling" });
  kitchen.clock.forward(10 * minute);
  await kitchen.slices.service.tickIncidents();
  const incident = await oneIncident(model);
  expect(incident).toMatchObject({ status: "resolved", resolvedBy: "cause" });
  expect((await openCases(model)).map(({ device }) => device)).toEqual(ids.slice(97));
  expect(await factsAbout(incident.id)).toEqual(["hearth.incident.opened", "hearth.incident.resolved"]);
  // What happens to few devices after that are cases; what happens to many is the same incident again.
  const laterMs = kitchen.clock.nowMs();
  await kitchen.say(fault(ids[0]!, "raised", laterMs));
  expect(await openCases(model)).toHaveLength(4);
  await kitchen.say(...ids.slice(1, 60).map((id) => fault(id, "raised", laterMs)));
  expect(await oneIncident(model)).toMatchObject({ id: incident.id, status: "open", members: 100, standing: 63 });
});

test("staff note, assign and resolve an incident; what still stands becomes cases or is let go, as they say", async () => {
  const { model, ids } = await fleet(30);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id) => fault(id, "raised", nowMs)));
  const { id } = await oneIncident(model);
  const act = (path: string, body: object) => kitchen.as("support", "POST", `/incidents/${id}/${path}`, body);
  expect((await act("notes", { text: "Fan supplier told" })).status).toBe(200);
  const me = (await kitchen.as("support", "GET", `/incidents/${id}`)).body;
  expect(me.common.firmware).toEqual([{ value: null, members: 30 }]);
  const assigned = await act("assign", { assignee: "me" });
  expect(assigned.body.assignee).toMatch(/^staff:/);
  expect((await act("assign", { assignee: null })).body.assignee).toBeNull();
  expect((await act("resolve", { note: "Replaced", standing: "cases" })).body).toMatchObject({ status: "resolved" });
  expect(await openCases(model)).toHaveLength(30);
  expect((await act("resolve", { note: "Again", standing: "leave" })).body.code).toBe("incident_already_resolved");
  const { body } = await kitchen.as("support", "GET", `/incidents/${id}`);
  expect(body.entries.map((entry: { kind: string }) => entry.kind)).toEqual([
    "opened",
    "note",
    "assigned",
    "assigned",
    "resolved",
  ]);
  const audit = await rowsOf(
    sql<{ action: string }>`SELECT action FROM audit_entry WHERE subject = ${`incident:${id}`} ORDER BY sequence`,
  );
  expect(audit.map(({ action }) => action)).toEqual([
    "incident.noted",
    "incident.assigned",
    "incident.assigned",
    "incident.resolved",
  ]);
});

test("an incident is given to somebody else, whoever has it; that is audited, told, and found by who has it", async () => {
  const { model, ids } = await fleet(30);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id) => fault(id, "raised", nowMs)));
  const { id } = await oneIncident(model);
  const assign = (assignee: string | null) => kitchen.as("support", "POST", `/incidents/${id}/assign`, { assignee });
  const { body } = await kitchen.as("support", "GET", "/cases/assignees");
  const other: { principal: string; name: string } = body.items.find(({ name }: { name: string }) => name === "admin");
  expect(body.items.map(({ name }: { name: string }) => name)).toEqual(["admin", "support"]);
  const keyId = other.principal.replace("staff:", "");
  expect((await assign(keyId)).body.assignee).toBe(other.principal);
  expect((await assign(randomUUID())).body.code).toBe("assignee_not_suitable");
  expect((await assign("nobody")).status).toBe(400);
  const found = async (assignee: string) =>
    (await kitchen.as("support", "GET", `/incidents?model=${model}&assignee=${assignee}`)).body.items.length;
  expect([await found(other.principal), await found("none"), await found("me")]).toEqual([1, 0, 0]);
  expect((await assign(null)).body.assignee).toBeNull();
  expect([await found(other.principal), await found("none")]).toEqual([0, 1]);
  const audit = await rowsOf(
    sql<{
      after: string;
    }>`SELECT after_json AS after FROM audit_entry WHERE subject = ${`incident:${id}`} ORDER BY sequence`,
  );
  expect(audit.map(({ after }) => JSON.parse(after))).toEqual([{ assignee: other.principal }, { assignee: null }]);
  expect(await factsAbout(id)).toEqual([
    "hearth.incident.opened",
    "hearth.incident.assigned",
    "hearth.incident.assigned",
  ]);
});

test("an appliance's timeline tells of the incident it is part of", async () => {
  const { ids } = await fleet(25);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id) => fault(id, "raised", nowMs)));
  const { body } = await kitchen.as("support", "GET", `/devices/${ids[24]}/timeline?kinds=case`);
  expect(body.items).toMatchObject([{ title: "Part of an incident: Fault reported by the appliance (E17)" }]);
});

test("faults of many devices that come late count where they happened", async () => {
  const { model, ids } = await fleet(40);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(...ids.map((id, at) => fault(id, "raised", nowMs - at * 60 * minute)));
  expect(await incidentsOf(model)).toEqual([]);
  expect(await openCases(model)).toHaveLength(40);
});

test("a rule that finds the same cause graver makes the incident graver, once, and it is told", async () => {
  const { model, ids } = await fleet(25);
  const cause = "hot_and_hotter";
  const rule = {
    kind: "threshold",
    title: "A hot oven",
    cause,
    metric: "cavity_c",
    direction: "above",
    clearAt: 200,
    holdMs: 0,
  };
  for (const [severity, limit] of [
    ["info", 240],
    ["service", 270],
  ]) {
    const made = await kitchen.as("admin", "POST", "/service/rules", {
      ...rule,
      severity,
      limit,
      actions: [{ kind: "case" }],
    });
    expect(made.status).toBe(201);
    const { status } = await kitchen.as("admin", "POST", `/service/rules/${made.body.id}/mode?confirm=true`, {
      mode: "live",
    });
    expect(status).toBe(200);
  }
  const hot = (cavity_c: number) => {
    kitchen.clock.forward(minute);
    const atMs = kitchen.clock.nowMs();
    return kitchen.say(
      ...ids.map((device) => ({ device, channel: "telemetry" as const, payload: { atMs, m: { cavity_c } } })),
    );
  };
  await hot(250);
  const { severity, ...small } = await oneIncident(model);
  expect(severity).toBe("info");
  await hot(280);
  await hot(290);
  const incident = await oneIncident(model);
  expect(incident).toMatchObject({ id: small.id, severity: "service", members: 25 });
  expect(await factsAbout(incident.id)).toEqual(["hearth.incident.opened", "hearth.incident.graver"]);
  const { body } = await kitchen.as("support", "GET", `/incidents/${incident.id}`);
  expect(body.entries.at(-1)).toMatchObject({
    kind: "graver",
    by: "cause",
    data: { severity: "service", before: "info" },
  });
});
