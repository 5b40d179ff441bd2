import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { until } from "../../test/support/service-process.ts";

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

/** Every way in which an appliance leaves its household. */
const ways: [string, (id: string, owner: Person) => Promise<unknown>][] = [
  ["its owner hands it over", (id, { key }) => kitchen.call(key, "POST", `/my/devices/${id}/hand-over`)],
  [
    "staff takes it out",
    (id, { householdId }) => kitchen.as("support", "DELETE", `/households/${householdId}/devices/${id}`),
  ],
  ["it is reset at the appliance", (id) => kitchen.event(id, "factory.reset")],
  ["its household is erased", (_id, { key }) => kitchen.call(key, "DELETE", "/my/household")],
];

interface Entry {
  kind: string;
  title: string;
  data: Record<string, unknown>;
}
const timeline = async (key: string, id: string) =>
  (await kitchen.call(key, "GET", `/my/devices/${id}/timeline?limit=500`)).body.items as Entry[];
const titles = async (key: string, id: string) => (await timeline(key, id)).map(({ title }) => title);

const balance = async (householdId: string) =>
  (await kitchen.as("viewer", "GET", `/households/${householdId}/balance`)).body.active as number;

const deviceOf = async (id: string) => (await kitchen.as("viewer", "GET", `/devices/${id}`)).body;

const command = async (id: string): Promise<string> =>
  (await kitchen.as("support", "POST", `/devices/${id}/commands`, { name: "identify", lifeMs: 300_000 })).body.id;

const deliveryOf = async (id: string) => (await kitchen.as("viewer", "GET", `/deliveries/${id}`)).body;

/** What was ever told to the gateway of a device. */
const toldOf = (id: string) => kitchen.told.filter((one) => "name" in one && one.name === id);

async function casesOf(id: string) {
  const { body } = await kitchen.as("viewer", "GET", `/cases?device=${id}`);
  return body.items as { id: string; status: string; cause: string; householdId: string | null }[];
}

/** An appliance that its household has lived with for an hour, in every way that leaves a trace. */
async function livedWith(): Promise<{ id: string; owner: Person; deliveryId: string }> {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  await kitchen.as("support", "PUT", `/devices/${id}/desired`, { state: { childLock: true } });
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(
    { device: id, channel: "telemetry", payload: { atMs: nowMs, m: { cavity_c: 181.5 } } },
    { device: id, channel: "reported", payload: { state: { firmware: "1.2.0", locale: "de", operation: "idle" } } },
  );
  await kitchen.event(id, "program.finished", { program: "Goose" });
  await kitchen.event(id, "fault.raised", { code: "F12" });
  const [opened] = await casesOf(id);
  await kitchen.as("support", "POST", `/cases/${opened?.id}/notes`, {
    text: "Ada says it smells",
    status: "waiting_for_owner",
  });
  await kitchen.showCode(id);
  kitchen.clock.forward(3_600_000);
  return { id, owner, deliveryId: await command(id) };
}

test.each(ways)("when %s, the old keys see nothing of it at once and nothing stays planted", async (_way, leave) => {
  const { id, owner, deliveryId } = await livedWith();
  const before = await deviceOf(id);
  expect(before).toMatchObject({ householdId: owner.householdId, desired: { childLock: true }, desiredVersion: 1 });
  await leave(id, owner);

  const after = await deviceOf(id);
  expect(after).toMatchObject({ householdId: null, desired: {}, desiredVersion: 2 });
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "cancelled", cause: "household_left" });
  const { rows: open } = await sql`
    SELECT 1 FROM delivery WHERE device_id = ${id} AND phase IN ('queued', 'sent', 'received')`.execute(
    kitchen.base.db,
  );
  expect(open).toEqual([]);
  const { rows: codes } = await sql`
    SELECT 1 FROM pairing_code c JOIN device d ON d.key = c.device_key WHERE d.id = ${id}`.execute(kitchen.base.db);
  expect(codes).toEqual([]);
  // The gateway forgets it and ends its connection; its token is the hardware's and stays.
  await until("the gateway is told", () => toldOf(id).some((one) => one.kind === "forget" && one.disconnect));
  expect(await kitchen.slices.devices.identity(id)).not.toBeNull();
  for (const path of ["", "/telemetry?metrics=cavity_c", "/telemetry/latest", "/timeline"]) {
    const { status } = await kitchen.call(owner.key, "GET", `/my/devices/${id}${path}`);
    expect([path, [401, 404].includes(status)]).toEqual([path, true]);
  }
});

test.each(ways)(
  "when %s, the next household sees nothing of what was before, also where it arrives later",
  async (way, leave) => {
    const { id, owner } = await livedWith();
    const before = kitchen.clock.nowMs() - 1;
    await leave(id, owner);
    kitchen.clock.forward(60_000);
    const next = await kitchen.newOwner(id, "Bea");
    const mine = await kitchen.call(next.key, "GET", `/my/devices/${id}`);
    // What the hardware is stays true; what the people made of it is gone.
    expect([way, mine.body]).toMatchObject([
      way,
      { id, sinceMs: kitchen.clock.nowMs(), reported: { firmware: "1.2.0" } },
    ]);
    expect(Object.keys(mine.body.reported)).toEqual(["firmware"]);

    // The appliance was offline with some of it.
    await kitchen.say(
      { device: id, channel: "telemetry", payload: { atMs: before, m: { cavity_c: 99 } } },
      { device: id, channel: "events", payload: { id: randomUUID(), atMs: before, type: "program.finished" } },
      {
        device: id,
        channel: "events",
        payload: { id: randomUUID(), atMs: before, type: "fault.raised", data: { code: "F7" } },
      },
      { device: id, channel: "reported", payload: { atMs: before, state: { mood: "old" } } },
    );
    expect(await timeline(next.key, id)).toEqual([]);
    const path = `/my/devices/${id}/telemetry`;
    const range = await kitchen.call(next.key, "GET", `${path}?metrics=cavity_c&fromMs=${before - 1e10}`);
    expect(range.body.series).toMatchObject([{ points: [] }]);
    expect((await kitchen.call(next.key, "GET", `${path}/latest`)).body.items).toEqual([]);
    expect((await kitchen.call(next.key, "GET", `/my/devices/${id}`)).body.reported).toEqual({ firmware: "1.2.0" });
    expect(await balance(next.householdId)).toBe(0);
    expect((await casesOf(id)).map(({ householdId }) => householdId)).toEqual([null, null]);

    // Their own they do see, all of it.
    kitchen.clock.forward(1_000);
    const nowMs = kitchen.clock.nowMs();
    await kitchen.say({ device: id, channel: "telemetry", payload: { atMs: nowMs, m: { cavity_c: 42 } } });
    await kitchen.event(id, "program.finished", { program: "Bread" });
    await kitchen.event(id, "fault.raised", { code: "F99" });
    await command(id);
    expect((await kitchen.call(next.key, "GET", `${path}/latest`)).body.items).toMatchObject([{ value: 42 }]);
    expect((await titles(next.key, id)).toSorted()).toEqual([
      "+10 points: Finished a program",
      "+15 points: Tried a program for the first time",
      "+50 points: First program of the household",
      "Case opened: Fault reported by the appliance (F99)",
      "Command identify: queued",
      "Fault raised: F99",
      "Program finished: Bread",
    ]);
    expect(await balance(next.householdId)).toBe(75);
  },
);

test("points stay with the household that earned them, and what happened before the hand-over earns for nobody after it", async () => {
  const { id, owner } = await livedWith();
  const earned = await balance(owner.householdId);
  expect(earned).toBe(75);
  const before = kitchen.clock.nowMs() - 1;
  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  const next = await kitchen.newOwner(id, "Bea");
  await kitchen.event(id, "program.finished", {}, { atMs: before });
  expect([await balance(owner.householdId), await balance(next.householdId)]).toEqual([earned, 0]);
  await kitchen.event(id, "program.finished");
  expect([await balance(owner.householdId), await balance(next.householdId)]).toEqual([earned, 60]);
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true });
});

test("in one batch, what came before a factory reset is still the old household's and what comes after is nobody's", async () => {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  const event = (type: string, data: object = {}) => ({
    device: id,
    channel: "events" as const,
    payload: { id: randomUUID(), type, data },
  });
  await kitchen.say(
    event("program.finished"),
    event("factory.reset"),
    event("program.finished"),
    event("fault.raised", { code: "F3" }),
  );
  expect(await balance(owner.householdId)).toBe(60);
  expect(await casesOf(id)).toMatchObject([{ cause: "fault:F3", householdId: null }]);
});

test("an event in a batch that was taken apart while the appliance still was the old household's earns nothing for it", async () => {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  await kitchen.slices.ingest.openSource(source);
  const atMs = kitchen.clock.nowMs();
  const payload = Buffer.from(JSON.stringify({ id: randomUUID(), atMs, type: "program.finished" }));
  const records = [{ sequence: 0, channel: "events" as const, deviceId: id, receivedAtMs: atMs, payload }];
  const prepared = await kitchen.slices.ingest.prepare(source, records);
  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  await kitchen.slices.ingest.commit(source, records, prepared);
  expect(await balance(owner.householdId)).toBe(0);
});

test("an open case stays open for the technician, but it is nobody's, waits for nobody, and never comes back for another household", async () => {
  const { id, owner } = await livedWith();
  expect(await casesOf(id)).toMatchObject([{ status: "waiting_for_owner", householdId: owner.householdId }]);
  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  const [left] = await casesOf(id);
  expect(left).toMatchObject({ status: "open", householdId: null });
  const next = await kitchen.newOwner(id, "Bea");
  await kitchen.event(id, "fault.cleared", { code: "F12" });
  expect(await casesOf(id)).toMatchObject([{ id: left?.id, status: "resolved" }]);
  // That it was there at all is none of theirs.
  expect(await titles(next.key, id)).toEqual(["Fault cleared: F12"]);
  kitchen.clock.forward(1_000);
  await kitchen.event(id, "fault.raised", { code: "F12" });
  expect(await casesOf(id)).toMatchObject([
    { status: "open", householdId: next.householdId },
    { id: left?.id, status: "resolved", householdId: null },
  ]);
});

test("a household sees its case and not what staff says among themselves", async () => {
  const { id, owner } = await livedWith();
  const seen = await timeline(owner.key, id);
  expect(seen.filter(({ kind }) => kind === "case").map(({ title }) => title)).toEqual([
    "Case moved on: Fault reported by the appliance (F12)",
    "Case opened: Fault reported by the appliance (F12)",
  ]);
  expect(JSON.stringify(seen)).not.toMatch(/smells|staff:/);
  expect((await kitchen.call(owner.key, "GET", `/my/devices/${id}/timeline?kinds=quarantine`)).status).toBe(400);
});

test("firmware that was under way is no longer sent, and its confirmed boot is noted all the same", async () => {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  const device = (await kitchen.slices.devices.find([id])).get(id);
  if (device === undefined) throw new Error("there is no such oven");
  const { ids } = await kitchen.base.db.transaction().execute((tx) =>
    kitchen.slices.deliveries.create(tx, [
      {
        device,
        kind: "firmware",
        subject: "firmware",
        body: {},
        priority: 5,
        expiresAtMs: kitchen.clock.nowMs() + 1e9,
      },
    ]),
  );
  const deliveryId = ids[0] ?? "";
  const say = (step: string) =>
    kitchen.say({ device: id, channel: "receipts", payload: { deliveryId, attempt: 1, step } });
  await say("offered");
  await say("downloading");
  // A person can no longer take it back; the household's end can.
  expect((await kitchen.as("release", "POST", `/deliveries/${deliveryId}/cancel`)).status).toBe(409);
  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "cancelled", cause: "household_left" });
  expect(await kitchen.slices.deliveries.sendable([id], false, 20)).toEqual([]);
  await say("installing");
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "cancelled" });
  await say("confirmed");
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "done", step: "confirmed" });
});

test("a member cannot hand over, another household cannot, and an unknown appliance looks the same to both", async () => {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  const member = await kitchen.newMember(owner);
  const eve = await kitchen.newOwner(await kitchen.newOven(), "Eve");
  const give = async (key: string, device: string) =>
    (await kitchen.call(key, "POST", `/my/devices/${device}/hand-over`)).body;
  expect(await give(member.key, id)).toMatchObject({ status: 403, code: "not_allowed" });
  const [others, nobodys] = [await give(eve.key, id), await give(eve.key, "oven-none")];
  expect(others).toMatchObject({ status: 404, code: "my_device_not_found" });
  expect({ ...nobodys, instance: "", requestId: "" }).toEqual({ ...others, instance: "", requestId: "" });
  expect((await deviceOf(id)).householdId).toBe(owner.householdId);
  expect(toldOf(id)).toEqual([]);
});

test("a hand-over is one transaction: where its last step fails nothing has happened but that the connection is cut", async () => {
  const { id, owner, deliveryId } = await livedWith();
  await sql`ALTER TABLE audit_entry ADD CONSTRAINT no_leaving CHECK (action <> 'household.device_removed') NOT VALID`.execute(
    kitchen.base.db,
  );
  try {
    expect((await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`)).status).toBe(500);
  } finally {
    await sql`ALTER TABLE audit_entry DROP CONSTRAINT no_leaving`.execute(kitchen.base.db);
  }
  expect(await deviceOf(id)).toMatchObject({ householdId: owner.householdId, desired: { childLock: true } });
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "queued" });
  expect(await casesOf(id)).toMatchObject([{ status: "waiting_for_owner", householdId: owner.householdId }]);
  await until("the gateway is told", () => toldOf(id).length > 0);
});

test("an appliance that is nobody's is cleaned by its reset just so, and writes no audit log full", async () => {
  const id = await kitchen.newOven();
  const deliveryId = await command(id);
  for (let at = 0; at < 3; at += 1) await kitchen.event(id, "factory.reset");
  expect(await deliveryOf(deliveryId)).toMatchObject({ phase: "cancelled" });
  const { body } = await kitchen.as("admin", "GET", "/audit?limit=500");
  const lines = body.items as { after: string | null; action: string }[];
  expect(
    lines.filter(({ action, after }) => action === "household.device_removed" && after?.includes(`"${id}"`)),
  ).toEqual([]);
});

test("the appliance is told by its desired state that its people changed", async () => {
  const id = await kitchen.newOven();
  const desired = async () => (await kitchen.slices.devices.desiredOf([id])).map((one) => one.desired);
  expect(await desired()).toEqual([]);
  const owner = await kitchen.newOwner(id);
  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  expect(await desired()).toEqual([{ version: 1, state: {}, tenure: 1 }]);
  await kitchen.event(id, "factory.reset");
  expect(await desired()).toEqual([{ version: 2, state: {}, tenure: 2 }]);
});

test("erasure ends every key, keeps no name and no address, and leaves the ledger whole", async () => {
  const { id, owner } = await livedWith();
  const other = await kitchen.newOven();
  await kitchen.call(owner.key, "POST", "/my/pair", { code: await kitchen.showCode(other) });
  const secretName = "Zebedäus Unverwechselbar";
  const member = await kitchen.newMember(owner, secretName);
  await kitchen.call(owner.key, "PATCH", "/my/household", { name: `${secretName}s Küche` });
  const { code } = (await kitchen.call(owner.key, "POST", "/my/invitations")).body;
  // One case of an appliance that is still theirs, and one of an appliance that they gave away before.
  const given = await kitchen.newOven();
  await kitchen.call(owner.key, "POST", "/my/pair", { code: await kitchen.showCode(given) });
  await kitchen.event(given, "fault.raised", { code: "F1" });
  for (const [open] of [await casesOf(id), await casesOf(given)])
    await kitchen.as("support", "POST", `/cases/${open?.id}/notes`, { text: `${secretName} was not at home` });
  await kitchen.call(owner.key, "POST", `/my/devices/${given}/hand-over`);
  const held = await kitchen.as("viewer", "GET", "/overview");
  expect((await kitchen.call(member.key, "DELETE", "/my/household")).status).toBe(403);
  expect((await kitchen.call(owner.key, "DELETE", "/my/household")).status).toBe(200);

  for (const { key } of [owner, member]) expect((await kitchen.call(key, "GET", "/my/household")).status).toBe(401);
  expect((await kitchen.call(null, "POST", "/my/join", { code, name: "Eve" }, "203.0.113.9")).status).toBe(422);
  expect((await kitchen.as("viewer", "GET", `/households/${owner.householdId}`)).status).toBe(404);
  expect([(await deviceOf(id)).householdId, (await deviceOf(other)).householdId]).toEqual([null, null]);
  expect((await casesOf(id)).map(({ householdId }) => householdId)).toEqual([null]);
  const { rows } = await sql<{ name: string }>`
    SELECT format('%I', table_name) AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(kitchen.base.db);
  for (const { name } of rows) {
    const found = await sql
      .raw(`SELECT 1 FROM ${name} t WHERE t::text LIKE '%Unverwechselbar%'`)
      .execute(kitchen.base.db);
    expect([name, found.rows]).toEqual([name, []]);
  }
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true });
  expect((await kitchen.as("viewer", "GET", "/overview")).body.points).toBe(held.body.points);
  expect((await kitchen.as("admin", "GET", "/audit/verify")).body.brokenAt).toBeNull();
});

test("an appliance that staff gives back is the next household's from then on, and one that nobody had from its beginning", async () => {
  const id = await kitchen.newOven();
  await kitchen.event(id, "program.finished", { program: "First" });
  const made = await kitchen.as("support", "POST", "/households", { name: "Huber", locale: "de", timeZone: "UTC" });
  const give = () => kitchen.as("support", "PUT", `/households/${made.body.id}/devices/${id}`);
  const sinceMs = async () => (await kitchen.slices.devices.get(id))?.household_since_ms;
  await give();
  expect(await sinceMs()).toBeNull();
  await kitchen.as("support", "DELETE", `/households/${made.body.id}/devices/${id}`);
  kitchen.clock.forward(5_000);
  await give();
  expect(await sinceMs()).toBe(kitchen.clock.nowMs());
});

test("whatever people and appliances do at the same moment, everybody gets an answer and nothing is left half done", async () => {
  const devices = await Promise.all([kitchen.newOven(), kitchen.newOven(), kitchen.newOven(), kitchen.newOven()]);
  const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  await kitchen.slices.ingest.openSource(source);
  let sequence = 0;
  // Presence, state, receipts and a reset of several appliances in one batch, in the appliances' own order.
  const batch = async (turned: readonly string[]) => {
    const atMs = kitchen.clock.nowMs();
    const open = await Promise.all(turned.map((id) => kitchen.as("viewer", "GET", `/deliveries?device=${id}&limit=3`)));
    const records = turned.flatMap((deviceId, at) => {
      const presence = { bootId: randomUUID(), connectionId: 1, state: "connected" };
      const receipts = ((open[at]?.body.items ?? []) as { id: string; attempt: number }[]).map(({ id, attempt }) => ({
        channel: "receipts" as const,
        json: { deliveryId: id, attempt, atMs, step: "rejected" },
      }));
      const said = [
        { channel: "presence" as const, json: presence },
        { channel: "reported" as const, json: { atMs, state: { n: sequence } } },
        ...receipts,
        { channel: "events" as const, json: { id: randomUUID(), atMs, type: "fault.raised", data: { code: "F1" } } },
        { channel: "events" as const, json: { id: randomUUID(), atMs, type: "factory.reset" } },
      ];
      return said.map(({ channel, json }) => {
        sequence += 1;
        const payload = Buffer.from(JSON.stringify(json));
        return { sequence: sequence - 1, channel, deviceId, receivedAtMs: atMs, payload };
      });
    });
    await kitchen.slices.ingest.commit(source, records);
  };
  for (let round = 0; round < 3; round += 1) {
    const owner = await kitchen.newOwner(devices[0] ?? "");
    for (const id of devices.slice(1))
      expect((await kitchen.call(owner.key, "POST", "/my/pair", { code: await kitchen.showCode(id) })).status).toBe(
        200,
      );
    await Promise.all(devices.map(command));
    const answers = await Promise.all([
      batch(devices.toReversed()).then(() => null),
      kitchen.call(owner.key, "DELETE", "/my/household"),
      ...devices.map((id) => kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`)),
      ...devices.map((id) => kitchen.as("support", "DELETE", `/households/${owner.householdId}/devices/${id}`)),
      ...devices.map((id) => kitchen.as("support", "POST", `/devices/${id}/commands`, { name: "self_test" })),
    ]);
    for (const answer of answers) expect([answer?.body, (answer?.status ?? 0) < 500]).toEqual([answer?.body, true]);
    for (const id of devices) {
      expect((await deviceOf(id)).householdId).toBeNull();
      expect((await casesOf(id)).filter(({ householdId }) => householdId !== null)).toEqual([]);
      await kitchen.event(id, "factory.reset");
      await kitchen.event(id, "fault.cleared", { code: "F1" });
    }
    expect(await kitchen.call(owner.key, "GET", "/my/household")).toMatchObject({ status: 401 });
  }
  expect((await kitchen.as("viewer", "GET", "/quarantine")).status).toBe(403);
  expect((await kitchen.as("support", "GET", "/quarantine")).body.items).toEqual([]);
  expect((await kitchen.as("admin", "GET", "/audit/verify")).body.brokenAt).toBeNull();
});
