import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const hour = 3_600_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());
beforeEach(() => sql`TRUNCATE service_case CASCADE`.execute(kitchen.base.db));

const raise = (device: string, code = "no_water") => kitchen.event(device, "fault.raised", { code });
const clear = (device: string, code = "no_water") => kitchen.event(device, "fault.cleared", { code });
const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const post = (path: string, body: object = {}, role: "support" | "admin" = "support") =>
  kitchen.as(role, "POST", path, body);
const onlyCase = async (device: string) => (await get(`/cases?device=${device}`)).items[0];
const kinds = async (id: string) => (await get(`/cases/${id}`)).entries.map((entry: { kind: string }) => entry.kind);
const byHand = async (severity: string, title = "By hand") =>
  (await post("/cases", { deviceId: await kitchen.newOven(), severity, title })).body;

test("a case is promised an answer and a solution by its severity, and the promise stands when the policy changes", async () => {
  const first = await byHand("safety");
  expect(first.promise).toMatchObject({
    firstAnswerDueAtMs: first.knownAtMs + hour,
    resolveDueAtMs: first.knownAtMs + 24 * hour,
    dueAtMs: first.knownAtMs + hour,
  });
  const { policy, version } = await get("/cases/policy");
  const changed = { ...policy, safety: { ...policy.safety, firstAnswerMs: 2 * hour } };
  expect((await kitchen.as("support", "PUT", "/cases/policy", changed)).body.version).toBe(version + 1);
  expect((await byHand("safety")).promise.firstAnswerDueAtMs).toBe(first.knownAtMs + 2 * hour);
  expect((await get(`/cases/${first.id}`)).promise.dueAtMs).toBe(first.knownAtMs + hour);
  const mad = { ...policy, info: { ...policy.info, firstAnswerMs: policy.info.resolveMs + 1 } };
  expect((await kitchen.as("support", "PUT", "/cases/policy", mad)).status).toBe(400);
  await kitchen.as("support", "PUT", "/cases/policy", policy);
});

test("a promise that nobody keeps climbs step by step, once each, and waiting for the owner stops it", async () => {
  const { id } = await byHand("service");
  const level = async () => {
    await kitchen.slices.service.tick();
    const { promise, escalatedTo } = await get(`/cases/${id}`);
    return [promise.level, escalatedTo];
  };
  expect(await level()).toEqual([0, null]);
  kitchen.clock.forward(7 * hour);
  expect(await level()).toEqual([1, "assignee"]);
  expect(await level()).toEqual([1, "assignee"]);
  kitchen.clock.forward(hour);
  expect(await level()).toEqual([2, "role:support"]);
  kitchen.clock.forward(8 * hour);
  expect(await level()).toEqual([3, "role:admin"]);
  expect(await kinds(id)).toEqual(["opened", "escalated", "escalated", "escalated"]);
  const { rows } =
    await sql`SELECT 1 FROM outbox WHERE type = 'hearth.case.escalated' AND data ->> 'caseId' = ${id}`.execute(
      kitchen.base.db,
    );
  expect(rows).toHaveLength(3);
  // The owner is told something and asked: nothing is due until they answer.
  await kitchen.base.db.transaction().execute(async (tx) => {
    const held = await kitchen.slices.service.holdCase(tx, id);
    if (held === null) throw new Error("there is no case");
    const message = {
      direction: "to_owner",
      by: "staff:x",
      text: "Hello",
      atMs: kitchen.clock.nowMs(),
      data: {},
    } as const;
    await kitchen.slices.service.cases.say(tx, held, message, "any");
  });
  expect((await get(`/cases/${id}`)).promise).toMatchObject({ level: 0, answeredAtMs: kitchen.clock.nowMs() });
  await post(`/cases/${id}/notes`, { text: "Which shelf?", status: "waiting_for_owner" });
  const { promise } = await get(`/cases/${id}`);
  expect(promise).toMatchObject({ dueAtMs: null, escalatesAtMs: null });
  kitchen.clock.forward(90 * 24 * hour);
  expect((await level())[0]).toBe(0);
  await post(`/cases/${id}/notes`, { text: "They called", status: "waiting_for_staff" });
  expect((await get(`/cases/${id}`)).promise.resolveDueAtMs).toBe(promise.resolveDueAtMs + 90 * 24 * hour);
});

test("the queue goes by severity, due and age, page by page, whatever there is and however long a page", async () => {
  for (const severity of ["info", "safety", "service", "info", "safety", "service", "service"]) {
    await byHand(severity);
    kitchen.clock.forward(60_000);
  }
  const all: { id: string; severity: string; promise: { dueAtMs: number } }[] = (await get("/cases/queue?limit=500"))
    .items;
  const rank = ["safety", "service", "info"];
  const sorted = all.toSorted(
    (a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity) || a.promise.dueAtMs - b.promise.dueAtMs,
  );
  expect(all).toEqual(sorted);
  expect(all).toHaveLength(7);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), async (limit) => {
      const seen: string[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const page: { items: { id: string }[]; nextCursor: string | null } = await get(
          `/cases/queue?limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`,
        );
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(all.map(({ id }) => id));
    }),
    { numRuns: 8 },
  );
});

test("filters take in and leave out, and counts say what they leave", async () => {
  const device = await kitchen.newOven();
  await raise(device);
  await byHand("safety");
  const info = await byHand("info");
  await post(`/cases/${info.id}/take`);
  const causes = async (query: string) =>
    (await get(`/cases/queue?${query}`)).items.map(({ cause }: { cause: string }) => cause).toSorted();
  expect(await causes("severity=safety,info")).toEqual(["reported_by_hand", "reported_by_hand"]);
  expect(await causes("notSeverity=safety,info")).toEqual(["fault:no_water"]);
  expect(await causes("notCause=reported_by_hand")).toEqual(["fault:no_water"]);
  expect(await causes("cause=fault:no_water&model=oven")).toEqual(["fault:no_water"]);
  expect(await causes("notModel=oven")).toEqual([]);
  expect(await causes("assignee=me")).toEqual(["reported_by_hand"]);
  expect(await causes("assignee=none")).toHaveLength(2);
  expect(await causes(`device=${device}`)).toEqual(["fault:no_water"]);
  expect(await causes("overdue=true")).toEqual([]);
  kitchen.clock.forward(2 * hour);
  expect(await causes("overdue=true")).toEqual(["reported_by_hand"]);
  await kitchen.slices.service.tick();
  expect(await get("/cases/queue/counts")).toEqual({
    open: 3,
    mine: 1,
    unassigned: 2,
    overdue: 1,
    escalated: 1,
    bySeverity: { safety: 1, service: 1, info: 1 },
    byStatus: { open: 3 },
  });
  expect((await get("/cases/queue/counts?severity=info")).open).toBe(1);
  expect((await kitchen.as("support", "GET", "/cases/queue?severity=bad")).status).toBe(400);
  expect((await kitchen.as("support", "GET", "/cases/queue?cursor=e30")).status).toBe(400);
});

test("a case is taken by one, given to whoever may work on it, and put back; each is in the audit log", async () => {
  const { id } = await byHand("service");
  expect((await post(`/cases/${id}/take`)).body.assignee).toMatch(/^staff:/);
  expect((await post(`/cases/${id}/take`, {}, "admin")).body.code).toBe("case_taken");
  const keys = (await kitchen.as("admin", "GET", "/staff/keys")).body.items as { id: string; role: string }[];
  const key = (role: string) => keys.find((one) => one.role === role)?.id;
  expect((await post(`/cases/${id}/give`, { staffKeyId: key("viewer") })).body.code).toBe("assignee_not_suitable");
  expect((await post(`/cases/${id}/give`, { staffKeyId: key("admin") })).body.assignee).toBe(`staff:${key("admin")}`);
  expect((await post(`/cases/${id}/release`)).body.assignee).toBeNull();
  await post(`/cases/${id}/resolve`, { note: "Done" });
  expect((await post(`/cases/${id}/take`)).body.code).toBe("case_already_resolved");
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = ${`case:${id}`} ORDER BY sequence`.execute(kitchen.base.db);
  expect(rows.map(({ action }) => action)).toEqual([
    "case.opened",
    "case.taken",
    "case.given",
    "case.released",
    "case.resolved",
  ]);
});

test("of many who take a case at once one has it", async () => {
  const { id } = await byHand("service");
  const answers = await Promise.all(
    [1, 2, 3].flatMap(() => [post(`/cases/${id}/take`), post(`/cases/${id}/take`, {}, "admin")]),
  );
  const winners = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.assignee));
  expect(winners.size).toBe(1);
});

test("staff open a case by hand once per cause; what was resolved lately reopens", async () => {
  const deviceId = await kitchen.newOven();
  const open = () => post("/cases", { deviceId, severity: "info", title: "Rattles", text: "Since Monday" });
  const first = (await open()).body;
  expect(first).toMatchObject({ status: "open", ruleId: null, cause: "reported_by_hand" });
  expect((await open()).body).toMatchObject({ code: "case_open_for_cause", detail: expect.stringContaining(first.id) });
  await post(`/cases/${first.id}/resolve`, { note: "A screw" });
  expect((await open()).body).toMatchObject({ id: first.id, status: "reopened", reopenedCount: 1 });
  const none = { deviceId: "nobody", severity: "info", title: "x" };
  expect((await post("/cases", none)).body.code).toBe("case_device_unknown");
});

test("a case that a release mends closes when the appliance confirms it, and reopens when the cause returns there", async () => {
  const device = await kitchen.newOven();
  const report = (releaseCounter: number) =>
    kitchen.say({
      device,
      channel: "reported",
      payload: { state: { firmware: `2.0.${releaseCounter}`, releaseCounter } },
    });
  const status = async () => {
    await kitchen.slices.service.tick();
    return (await onlyCase(device)).status;
  };
  await report(3);
  await raise(device);
  const { id } = await onlyCase(device);
  await post(`/cases/${id}/fixed-in`, { version: "2.0.5", releaseCounter: 5 });
  expect(await status()).toBe("waiting_for_release");
  expect((await onlyCase(device)).promise.pausedAtMs).not.toBeNull();
  // On the old release it comes and goes.
  await clear(device);
  expect(await status()).toBe("resolved");
  kitchen.clock.forward(1_000);
  await raise(device);
  expect(await status()).toBe("waiting_for_release");
  await report(5);
  // The cause stands: what it shows may go with the next program.
  expect(await status()).toBe("waiting_for_release");
  kitchen.clock.forward(1_000);
  await clear(device);
  expect(await status()).toBe("resolved_in_release");
  expect(await onlyCase(device)).toMatchObject({ resolvedBy: "release", fixedIn: { version: "2.0.5", counter: 5 } });
  await report(6);
  kitchen.clock.forward(60 * 24 * hour);
  await raise(device);
  expect(await status()).toBe("reopened");
  // Mended in the next, whose release does not help: a day is enough to see that.
  await post(`/cases/${id}/fixed-in`, { version: "2.0.7", releaseCounter: 7 });
  await report(7);
  expect(await status()).toBe("waiting_for_release");
  kitchen.clock.forward(25 * hour);
  expect(await status()).toBe("reopened");
});

test("a cause that a rule finds while somebody opens its case by hand is the same case, and nothing is set aside", async () => {
  const deviceId = await kitchen.newOven();
  const { db } = kitchen.base;
  const device = (await kitchen.slices.devices.find([deviceId])).get(deviceId);
  if (device === undefined) throw new Error("there is no oven");
  const [opened, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const opening = db.transaction().execute(async (tx) => {
    const what = { severity: "service", cause: "fault:no_water", title: "By hand", text: null, by: "system" } as const;
    const about = { device, householdId: null, atMs: kitchen.clock.nowMs() };
    await kitchen.slices.service.cases.openByPerson(tx, { ...what, ...about });
    opened.resolve();
    await goOn.promise;
  });
  await opened.promise;
  const said = raise(deviceId);
  await comesTrue(async () => {
    const { rows } = await sql`SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db);
    expect(rows).toHaveLength(1);
  });
  goOn.resolve();
  await Promise.all([opening, said]);
  expect(await kitchen.slices.ingest.quarantineCounts()).toEqual({});
  expect((await onlyCase(deviceId)).title).toBe("By hand");
});

test("a rule that is off while it holds a cause reopens no case that its release has mended", async () => {
  const deviceId = await kitchen.newOven();
  await raise(deviceId);
  const { id } = await onlyCase(deviceId);
  await post(`/cases/${id}/fixed-in`, { version: "2.0.5", releaseCounter: 5 });
  const { items } = await get("/service/rules");
  const rule = items.find((one: { definition: { kind: string } }) => one.definition.kind === "fault");
  await post(`/service/rules/${rule.id}/mode`, { mode: "off" });
  await kitchen.say({
    device: deviceId,
    channel: "reported",
    payload: { state: { firmware: "2.0.5", releaseCounter: 5 } },
  });
  await kitchen.slices.service.tick();
  expect((await onlyCase(deviceId)).status).toBe("resolved_in_release");
  await post(`/service/rules/${rule.id}/mode?confirm=true`, { mode: "live" });
});

test("what a household asked help for ends with it, and what is wrong with the appliance stays", async () => {
  const deviceId = await kitchen.newOven();
  const owner = await kitchen.newOwner(deviceId);
  await raise(deviceId);
  const device = (await kitchen.slices.devices.find([deviceId])).get(deviceId);
  if (device === undefined) throw new Error("there is no oven");
  await kitchen.base.db.transaction().execute((tx) =>
    kitchen.slices.service.cases.openByPerson(tx, {
      device,
      householdId: owner.householdId,
      severity: "service",
      cause: "help_requested",
      title: "It smells",
      text: "Of burnt cheese",
      by: `owner:${owner.householdId}/${owner.memberId}`,
      atMs: kitchen.clock.nowMs(),
    }),
  );
  await kitchen.as("support", "DELETE", `/households/${owner.householdId}/devices/${deviceId}`);
  const found = (await get(`/cases?device=${deviceId}`)).items as { cause: string; status: string }[];
  expect(Object.fromEntries(found.map(({ cause, status }) => [cause, status]))).toEqual({
    help_requested: "resolved",
    "fault:no_water": "open",
  });
});

test("what staff settle among themselves is on no owner's timeline", async () => {
  const deviceId = await kitchen.newOven();
  const owner = await kitchen.newOwner(deviceId);
  kitchen.clock.forward(1_000);
  await raise(deviceId);
  const { id } = await onlyCase(deviceId);
  await post(`/cases/${id}/take`);
  await post(`/cases/${id}/notes`, { text: "A difficult customer" });
  kitchen.clock.forward(30 * 24 * hour);
  await kitchen.slices.service.tick();
  const seen = (await kitchen.call(owner.key, "GET", `/my/devices/${deviceId}/timeline`)).body.items as {
    data: { entry?: string };
  }[];
  expect(seen.flatMap(({ data }) => data.entry ?? [])).toEqual(["opened"]);
});

test("a case that is opened twice under one key is opened once, and the first answer comes again", async () => {
  const asked = { deviceId: await kitchen.newOven(), severity: "info", title: "By hand", text: "They called" };
  const [first, second] = await Promise.all([1, 2].map(() => kitchen.once("support", "key-1", "/cases", asked)));
  expect([first?.status, second?.status]).toEqual([201, 201]);
  expect(second?.body).toEqual(first?.body);
  await post(`/cases/${first?.body.id}/resolve`, { note: "Done" });
  // As it was answered then, and nothing reopens.
  expect((await kitchen.once("support", "key-1", "/cases", asked)).body).toEqual(first?.body);
  expect((await get(`/cases/${first?.body.id}`)).status).toBe("resolved");
  expect((await get(`/cases?device=${asked.deviceId}`)).items).toHaveLength(1);
});

test("a key stands for one content and one principal, and what was refused may be tried again under it", async () => {
  const asked = { deviceId: await kitchen.newOven(), severity: "info", title: "By hand" };
  const opened = await kitchen.once("support", "key-2", "/cases", asked);
  const other = await kitchen.once("support", "key-2", "/cases", { ...asked, title: "Another" });
  expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  const refused = await kitchen.once("admin", "key-2", "/cases", asked);
  expect([refused.status, refused.body.code]).toEqual([409, "case_open_for_cause"]);
  await post(`/cases/${opened.body.id}/resolve`, { note: "Done" });
  expect((await kitchen.once("admin", "key-2", "/cases", asked)).status).toBe(201);
  expect((await kitchen.once("support", "a b", "/cases", asked)).status).toBe(400);
});

test("a case by hand is of an appliance or of a household, of one that exists, and never of both", async () => {
  const deviceId = await kitchen.newOven();
  const owner = await kitchen.newOwner(deviceId);
  const about = { severity: "info", title: "By hand" };
  const { householdId } = owner;
  expect(await post("/cases", { ...about, householdId })).toMatchObject({
    status: 201,
    body: { deviceId: null, householdId },
  });
  const wrong = [about, { ...about, deviceId, householdId }];
  for (const body of wrong) expect((await post("/cases", body)).body.errors[0].pointer).toBe("/body/deviceId");
  const nobody = await post("/cases", { ...about, householdId: "01890000-0000-7000-8000-00000000dead" });
  expect([nobody.status, nobody.body.code]).toEqual([409, "case_household_unknown"]);
});
