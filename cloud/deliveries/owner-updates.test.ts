import { afterAll, beforeAll, expect, test } from "vitest";
import { delivery } from "#protocol/delivery.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { until } from "../../test/support/service-process.ts";
import { transaction } from "../platform/database.ts";

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const dayMs = 86_400_000;

interface Terms {
  consent?: "automatic" | "ask";
  security?: boolean;
  notBeforeMs?: number | null;
  postponeUntilMsMax?: number | null;
}

async function ownedOven(): Promise<{ id: string; owner: Person }> {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id);
  kitchen.clock.forward(1_000);
  return { id, owner };
}

async function offer(deviceId: string, terms: Terms = {}): Promise<string> {
  const { deliveries, devices } = kitchen.slices;
  const device = (await devices.find([deviceId])).get(deviceId);
  if (device === undefined) throw new Error(`no ${deviceId}`);
  const nowMs = kitchen.clock.nowMs();
  const body = {
    releaseId: "01980000-0000-7000-8000-000000000001",
    path: "fw/oven/2.1.0.bin",
    sha256: "a".repeat(64),
    length: 1_000,
    releaseCounter: 7,
    version: "2.1.0",
    security: false,
    notes: "Quieter fan",
    rolloutId: null,
    consent: "automatic",
    notBeforeMs: null,
    postponeUntilMsMax: nowMs + 7 * dayMs,
    windows: [],
    ...terms,
  };
  const { ids, afterCommit } = await transaction(kitchen.base.db, (tx) =>
    deliveries.create(tx, [
      {
        device,
        kind: "firmware",
        subject: "firmware",
        label: "2.1.0",
        body,
        priority: 5,
        expiresAtMs: nowMs + 30 * dayMs,
      },
    ]),
  );
  afterCommit();
  return ids[0] ?? "";
}

const receipt = (device: string, deliveryId: string, step: string, more: object = {}) =>
  kitchen.say({ device, channel: "receipts", payload: { deliveryId, attempt: 1, step, ...more } });

const updates = async (owner: Person) => (await kitchen.call(owner.key, "GET", "/my/updates")).body.items;
const say = (owner: Person, id: string, word: string, body?: object) =>
  kitchen.call(owner.key, "POST", `/my/updates/${id}/${word}`, body);
/** What went down to an appliance, as the wire has it. */
const sentTo = (id: string) =>
  kitchen.told.flatMap((one) =>
    one.kind === "deliver" && one.deviceId === id && one.channel === "inbox"
      ? [delivery.parse(JSON.parse(one.payload))]
      : [],
  );
const titles = async (id: string): Promise<string[]> =>
  (await kitchen.as("support", "GET", `/devices/${id}/timeline?limit=100`)).body.items
    .filter(({ kind }: { kind: string }) => kind === "delivery")
    .map(({ title }: { title: string }) => title);
const stored = async (id: string) => (await kitchen.as("viewer", "GET", `/deliveries/${id}`)).body;

test("a household sees what comes to its appliance, when it may begin, how far it can be put off and what happens next", async () => {
  const { id, owner } = await ownedOven();
  await kitchen.say({ device: id, channel: "reported", payload: { state: { timeZone: "America/New_York" } } });
  const nowMs = kitchen.clock.nowMs();
  const deliveryId = await offer(id, { notBeforeMs: nowMs + 3 * dayMs, security: true });
  const [update] = await updates(owner);
  expect(update).toMatchObject({
    id: deliveryId,
    deviceId: id,
    version: "2.1.0",
    security: true,
    notes: "Quieter fan",
    phase: "queued",
    step: null,
    progress: null,
    mayBeginAtMs: nowMs + 3 * dayMs,
    postponeUntilMsMax: nowMs + 7 * dayMs,
    timeZone: "America/New_York",
    can: { agree: true, postpone: true, decline: false },
    next: { code: "waits_for_time", atMs: nowMs + 3 * dayMs },
  });
  expect(update.next.text).toMatch(/^It begins after 18 January 2026 at 07:00\.$/);
  await receipt(id, deliveryId, "downloading", { progress: 0.5 });
  expect(await updates(owner)).toMatchObject([
    {
      phase: "received",
      step: "downloading",
      progress: 0.5,
      mayBeginAtMs: null,
      postponeUntilMsMax: null,
      can: { agree: false, postpone: false, decline: false },
      next: { code: "on_its_way" },
    },
  ]);
  await receipt(id, deliveryId, "confirmed");
  expect(await updates(owner)).toMatchObject([{ phase: "done", next: { code: "installed" } }]);
});

test("whoever agrees is heard by the appliance in the same delivery, and nothing is waited for any more", async () => {
  const { id, owner } = await ownedOven();
  const deliveryId = await offer(id, { consent: "ask", notBeforeMs: kitchen.clock.nowMs() + dayMs });
  await receipt(id, deliveryId, "offered");
  expect(await updates(owner)).toMatchObject([{ consent: "ask", next: { code: "waits_for_you" } }]);
  const { status, body } = await say(owner, deliveryId, "agree");
  expect([status, body]).toMatchObject([200, { consent: "given", mayBeginAtMs: null, can: { agree: false } }]);
  await until("the appliance is told", () => {
    const last = sentTo(id).at(-1);
    return last?.kind === "firmware" && last.body.consent === "given";
  });
  expect(sentTo(id).at(-1)).toMatchObject({
    id: deliveryId,
    attempt: 1,
    body: { consent: "given", notBeforeMs: null },
  });
  expect(await stored(deliveryId)).toMatchObject({
    phase: "received",
    step: "offered",
    body: { consent: "given", notBeforeMs: null, version: "2.1.0" },
  });
  expect((await say(owner, deliveryId, "agree")).status).toBe(200);
  expect((await titles(id)).filter((title) => title.includes("agreed"))).toHaveLength(1);
});

test("an update is put off as far as its release allows and no further, and brought forward again", async () => {
  const { id, owner } = await ownedOven();
  const nowMs = kitchen.clock.nowMs();
  const deliveryId = await offer(id);
  const untilMs = nowMs + 2 * dayMs;
  expect((await say(owner, deliveryId, "postpone", { untilMs })).body).toMatchObject({
    mayBeginAtMs: untilMs,
    can: { agree: true, postpone: true },
    next: { code: "waits_for_time", atMs: untilMs },
  });
  expect((await stored(deliveryId)).body).toMatchObject({ notBeforeMs: untilMs, consent: "automatic" });
  const refusals = [
    await say(owner, deliveryId, "postpone", { untilMs: nowMs + 8 * dayMs }),
    await say(owner, deliveryId, "postpone", { untilMs: nowMs }),
  ];
  expect(refusals.map(({ status, body }) => [status, body.code])).toEqual([
    [422, "postponed_too_far"],
    [422, "postponed_into_the_past"],
  ]);
  expect(refusals[0]?.body.detail).toBe(`The latest time is ${nowMs + 7 * dayMs}.`);
  expect((await say(owner, deliveryId, "agree")).body).toMatchObject({ mayBeginAtMs: null });
  const fixed = await offer((await ownedOven()).id, { postponeUntilMsMax: null });
  expect((await say(owner, fixed, "postpone", { untilMs })).body.code).toBe("update_not_found");
  const again = await offer(id, { postponeUntilMsMax: null });
  expect((await say(owner, again, "postpone", { untilMs })).body.code).toBe("update_not_postponable");
  expect(await stored(deliveryId)).toMatchObject({ phase: "superseded" });
  expect((await say(owner, deliveryId, "postpone", { untilMs })).body.code).toBe("update_already_closed");
});

test("what was put off is not overdue meanwhile", async () => {
  const { id, owner } = await ownedOven();
  const nowMs = kitchen.clock.nowMs();
  const deliveryId = await offer(id, { postponeUntilMsMax: nowMs + 25 * dayMs });
  await receipt(id, deliveryId, "offered");
  await say(owner, deliveryId, "postpone", { untilMs: nowMs + 25 * dayMs });
  await kitchen.slices.deliveries.tick(kitchen.clock.forward(20 * dayMs));
  expect(await stored(deliveryId)).toMatchObject({ phase: "received", step: "offered", attempt: 1 });
  expect((await stored(await offer(id))).phase).toBe("queued");
});

test("what somebody put off at the appliance itself is known here too, once and never further than it may be", async () => {
  const { id, owner } = await ownedOven();
  const nowMs = kitchen.clock.nowMs();
  const deliveryId = await offer(id);
  await receipt(id, deliveryId, "offered");
  const postponed = (data: object, device = id) => kitchen.event(device, "update.postponed", data);
  await postponed({ deliveryId, untilMs: nowMs + dayMs });
  expect(await updates(owner)).toMatchObject([{ mayBeginAtMs: nowMs + dayMs, can: { agree: true } }]);
  kitchen.clock.forward(1_000);
  await postponed({ deliveryId, untilMs: nowMs + 30 * dayMs });
  expect(await updates(owner)).toMatchObject([{ mayBeginAtMs: nowMs + 7 * dayMs }]);
  const before = await stored(deliveryId);
  const { id: other } = await ownedOven();
  await postponed({ deliveryId, untilMs: nowMs + dayMs }, other);
  for (const nonsense of [{}, { deliveryId }, { deliveryId: "x", untilMs: 1 }, { deliveryId, untilMs: nowMs - dayMs }])
    await postponed(nonsense);
  expect(await stored(deliveryId)).toEqual(before);
  expect((await titles(id)).filter((title) => title.includes("put off"))).toHaveLength(2);
});

test("what was put off at the appliance once its image was there is not overdue either", async () => {
  const { id, owner } = await ownedOven();
  const nowMs = kitchen.clock.nowMs();
  const deliveryId = await offer(id, { postponeUntilMsMax: nowMs + 12 * dayMs });
  await receipt(id, deliveryId, "downloading");
  await kitchen.event(id, "update.postponed", { deliveryId, untilMs: nowMs + 12 * dayMs });
  await receipt(id, deliveryId, "verified");
  expect(await updates(owner)).toMatchObject([
    { can: { postpone: false }, next: { code: "waits_for_window", atMs: nowMs + 12 * dayMs } },
  ]);
  await kitchen.slices.deliveries.tick(kitchen.clock.forward(15 * dayMs));
  expect(await stored(deliveryId)).toMatchObject({ phase: "received", step: "verified" });
  await kitchen.slices.deliveries.tick(kitchen.clock.forward(12 * dayMs));
  expect(await stored(deliveryId)).toMatchObject({ phase: "queued", attempt: 2 });
});

test("what was declined is closed for good, whatever the appliance says later, and a security update that comes by itself cannot be declined", async () => {
  const { id, owner } = await ownedOven();
  const deliveryId = await offer(id, { consent: "ask" });
  await receipt(id, deliveryId, "offered");
  expect((await say(owner, deliveryId, "decline")).body).toMatchObject({
    phase: "rejected",
    can: { agree: false, postpone: false, decline: false },
    next: { code: "declined" },
  });
  await receipt(id, deliveryId, "downloading");
  await receipt(id, deliveryId, "failed", { reason: "statement_refused" });
  await kitchen.slices.deliveries.tick(kitchen.clock.forward(dayMs));
  expect(await stored(deliveryId)).toMatchObject({ phase: "rejected", cause: "owner", attempt: 1 });
  expect((await say(owner, deliveryId, "agree")).body.code).toBe("update_already_closed");
  const security = await offer(id, { security: true });
  expect((await say(owner, security, "decline")).body.code).toBe("security_update_stays");
  const loading = await offer(id);
  await receipt(id, loading, "downloading");
  expect((await say(owner, loading, "decline")).body.code).toBe("update_under_way");
  expect((await say(owner, loading, "postpone", { untilMs: kitchen.clock.nowMs() + dayMs })).body.code).toBe(
    "update_under_way",
  );
});

test("a household has a say in its own appliances alone, and sees nothing that was made for whoever had one before", async () => {
  const { id, owner } = await ownedOven();
  const { owner: stranger } = await ownedOven();
  const old = await offer(id);
  await receipt(id, old, "confirmed");
  const open = await offer(id, { consent: "ask" });
  for (const word of ["agree", "decline"]) expect((await say(stranger, open, word)).body.code).toBe("update_not_found");
  expect(await updates(stranger)).toEqual([]);
  expect(await stored(open)).toMatchObject({ phase: "queued", body: { consent: "ask" } });

  await kitchen.call(owner.key, "POST", `/my/devices/${id}/hand-over`);
  kitchen.clock.forward(1_000);
  // Between two households: on its way still when the next one comes.
  const between = await offer(id, { consent: "ask" });
  kitchen.clock.forward(1_000);
  const next = await kitchen.newOwner(id, "Cleo");
  expect((await updates(next)).map((one: { id: string }) => one.id)).toEqual([between]);
  expect((await say(next, old, "agree")).body.code).toBe("update_not_found");
  expect((await say(next, between, "agree")).status).toBe(200);
  expect(await updates(owner)).toEqual([]);
  expect((await say(owner, between, "decline")).body.code).toBe("update_not_found");
});

test("who said what stands in the audit log and on the timeline, and staff has no way to say it for them", async () => {
  const { id, owner } = await ownedOven();
  const deliveryId = await offer(id);
  const untilMs = kitchen.clock.nowMs() + dayMs;
  await say(owner, deliveryId, "postpone", { untilMs });
  kitchen.clock.forward(1_000);
  await say(owner, deliveryId, "decline");
  const { body } = await kitchen.as("admin", "GET", "/audit?limit=5");
  const lines = body.items.filter(({ subject }: { subject: string }) => subject === `delivery:${deliveryId}`);
  expect(lines).toMatchObject([
    { action: "delivery.declined", principal: expect.stringContaining(owner.memberId) },
    { action: "delivery.postponed", principal: expect.stringContaining(owner.memberId) },
  ]);
  expect((await titles(id)).slice(0, 2)).toEqual([
    "Firmware 2.1.0: declined by the household",
    `Firmware 2.1.0: put off by the household until ${new Date(untilMs).toISOString().slice(0, 16).replace("T", " ")} UTC`,
  ]);
  for (const role of ["admin", "release", "support"] as const)
    expect((await kitchen.as(role, "POST", `/my/updates/${deliveryId}/agree`)).status).toBe(403);
});
