import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs, Yard } from "../../test/support/rollout-yard.ts";
import { bucketOf } from "./core/membership.ts";

let yard: Yard;
beforeEach(async () => {
  yard = await Yard.open();
});
afterEach(() => yard.close());

const rest = { kind: "rest" };
const hourMs = 60 * minuteMs;
const codeOf = async (plan: object) => {
  const { status, body } = await yard.create(plan);
  return status === 201 ? "created" : (body.code as string);
};

test("a plan that could not be carried out is refused by name", async () => {
  const release = await yard.publish();
  expect(await codeOf(yard.plan(release))).toBe("rollout_target_empty");
  await yard.ovens(4);
  const withStages = (...sizes: object[]) =>
    yard.plan(release, { stages: sizes.map((size, at) => ({ name: `${at}`, size, soakMs: 0 })) });
  const withGate = (gate: object) => yard.plan(release, { stages: [{ name: "all", size: rest, soakMs: 0, gate }] });
  expect(await codeOf(withStages({ kind: "share", share: 0.5 }))).toBe("stages_do_not_add_up");
  expect(await codeOf(withStages({ kind: "share", share: 0.7 }, { kind: "share", share: 0.7 }))).toBe(
    "stages_do_not_add_up",
  );
  expect(await codeOf(withGate({ sampleMin: 10 }))).toBe("gate_makes_no_sense");
  const metric = { source: { kind: "metric", name: "noise_db" }, increaseMax: 1, devicesMin: 10 };
  expect(await codeOf(withGate({ sampleMin: 10, metric }))).toBe("gate_metric_unknown");
  const never = [{ weekdays: [1], from: "02:00", to: "02:00" }];
  expect(await codeOf(yard.plan(release, { windows: never }))).toBe("window_never_opens");
  expect(await codeOf(yard.plan(release, { startAtMs: yard.kitchen.clock.nowMs() - 1 }))).toBe("start_is_past");
  expect(await codeOf(yard.plan(release, { freezeOverride: { reason: "r" } }))).toBe("freeze_override_not_allowed");
  expect(await codeOf(yard.plan(release, { target: "country ==" }))).toBe("predicate_not_valid");
  expect(await codeOf(yard.plan(release, { target: 'version.matches("2.*")' }))).toMatch(/^predicate_not_/);
  expect(await codeOf(yard.plan(release, { target: 'country == "XX"' }))).toBe("rollout_target_empty");
  expect(await codeOf(yard.plan({ id: "01980000-0000-7000-8000-000000000000" }))).toBe("rollout_release_not_found");
  expect(await codeOf(yard.plan(await yard.kit.draft()))).toBe("rollout_release_not_published");
  expect((await yard.create({ ...yard.plan(release), stages: [] })).status).toBe(400);
  expect(await codeOf(yard.plan(release))).toBe("created");
});

test("two rollouts do not lay claim to the same appliance: the other one is named, with how many", async () => {
  const first = await yard.publish();
  await yard.ovens(3, { country: "DE" });
  await yard.ovens(2, { country: "AT" });
  const id = await yard.running(first, { name: "Germany", target: 'country == "DE"' });
  const second = await yard.publish();
  const both = yard.plan(second, { target: 'country in ["DE", "AT"]' });
  const { body } = await yard.create(both);
  expect([body.code, body.detail]).toEqual([
    "rollout_target_overlaps",
    `Germany (${id}) lays claim to 3 appliances of it.`,
  ]);
  // One that has not begun has no members yet, and claims its target all the same.
  const austria = await yard.create(yard.plan(second, { name: "Austria", target: 'country == "AT"' }));
  await yard.done(austria.body.id, "submit");
  expect((await yard.create(yard.plan(first, { target: 'country == "AT"' }))).body.detail).toContain("Austria");
  // Two drafts do not see each other; the second to be handed in does.
  await yard.ovens(1, { country: "CH" });
  const swiss = yard.plan(second, { target: 'country == "CH"' });
  const [one, other] = [(await yard.create(swiss)).body.id, (await yard.create(swiss)).body.id];
  await yard.done(one, "submit");
  expect((await yard.act(other, "submit")).body.code).toBe("rollout_target_overlaps");
  await yard.done(id, "abort", { reason: "room" });
  expect(await codeOf(yard.plan(second, { target: 'country == "DE"' }))).toBe("created");
});

test("a dry run says who would get it, who not and why, how large the stages are, and changes nothing", async () => {
  const step = await yard.publish({ passThrough: true });
  const release = await yard.publish({ minCounter: 0 });
  const ready = { releaseCounter: step.releaseCounter };
  await yard.ovens(8, { ...ready, timeZone: "Europe/Berlin" });
  await yard.ovens(2, { ...ready, tags: ["internal"], timeZone: "Asia/Tokyo" });
  const [far = ""] = await yard.ovens(1);
  const [other = ""] = await yard.ovens(1, { ...ready, hardware: "h9" });
  const [there = ""] = await yard.ovens(1, { releaseCounter: release.releaseCounter });
  await yard.kitchen.ovens("silent");
  const [blocked = ""] = await yard.ovens(1, ready);
  await yard.kitchen.as("admin", "POST", `/devices/${blocked}/block`);
  await yard.ovens(1, { ...ready, country: "AT" });
  const plan = yard.plan(release, {
    target: 'country != "AT" || "internal" in tags',
    windows: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:00", to: "05:00" }],
    stages: [
      { name: "ring 0", size: { kind: "tag", tag: "internal" }, soakMs: hourMs },
      { name: "half", size: { kind: "share", share: 0.5 }, soakMs: 0 },
      { name: "all", size: rest, soakMs: 0 },
    ],
  });
  const before = await everyTable();
  const { status, body } = await yard.kitchen.as("release", "POST", "/rollouts/preview", plan);
  expect(status).toBe(200);
  expect(await everyTable()).toEqual(before);
  // What is said of a country that nobody knows is unknown: only the two with the tag are meant.
  expect(body).toMatchObject({ eligible: 2, stages: [{ members: 2 }, { members: 0 }, { members: 0 }] });
  expect(body.warnings.join(" ")).toContain("The stage half has nobody in it");
  const known = await yard.kitchen.as("release", "POST", "/rollouts/preview", { ...plan, target: "true" });
  expect(known.body).toMatchObject({
    eligible: 11,
    noGate: true,
    stages: [
      { name: "ring 0", members: 2 },
      { name: "half", members: 6 },
      { name: "all", members: 3 },
    ],
    problems: [],
  });
  const why = new Map(
    known.body.excluded.map(({ reason, examples }: { reason: string; examples: string[] }) => [reason, examples]),
  );
  expect(Object.fromEntries(why)).toEqual({
    [`needs_release:${step.version}`]: [far],
    wrong_hardware: [other],
    already_there: [there],
    hardware_unknown: ["silent"],
    blocked: [blocked],
  });
  const others = body.excluded.find(({ reason }: { reason: string }) => reason === "not_in_target");
  expect(others.count).toBe(8 + 6);
  expect(known.body.zones).toEqual(
    expect.arrayContaining([
      { timeZone: "Europe/Berlin", devices: 8, open: false, changesAtMs: Date.UTC(2026, 0, 16, 0) },
      { timeZone: "Asia/Tokyo", devices: 2, open: false, changesAtMs: Date.UTC(2026, 0, 15, 16) },
    ]),
  );
  expect(known.body.expectedFinishAtMs).toBeGreaterThan(Date.UTC(2026, 0, 16));
  expect(known.body.warnings[0]).toContain("No stage has a gate");
});

async function everyTable() {
  const { rows } = await sql`
    SELECT (SELECT count(*) FROM rollout) AS a, (SELECT count(*) FROM rollout_device) AS b, (SELECT count(*) FROM outbox) AS c,
      (SELECT count(*) FROM delivery) AS d, (SELECT count(*) FROM audit_entry) AS e`.execute(yard.kitchen.base.db);
  return rows[0];
}

test("members go to their stages in the order of their buckets, as a dry run said", async () => {
  const release = await yard.publish();
  const ids = await yard.ovens(30);
  const stages = [
    { name: "three", size: { kind: "count", count: 3 }, soakMs: 0 },
    { name: "a third", size: { kind: "share", share: 1 / 3 }, soakMs: 0 },
    { name: "all", size: rest, soakMs: 0 },
  ];
  const preview = await yard.kitchen.as("release", "POST", "/rollouts/preview", yard.plan(release, { stages }));
  const id = await yard.running(release, { stages });
  const order = ids.toSorted((a, b) => bucketOf(id, a) - bucketOf(id, b));
  const placed = new Map((await yard.devices(id)).map(({ deviceId, stage }) => [deviceId, stage]));
  expect(order.map((one) => placed.get(one))).toEqual([
    ...Array.from({ length: 3 }, () => 0),
    ...Array.from({ length: 10 }, () => 1),
    ...Array.from({ length: 17 }, () => 2),
  ]);
  expect(preview.body.stages.map(({ members }: { members: number }) => members)).toEqual([3, 10, 17]);
});

test("an appliance is looked at again when its turn comes: who is no longer meant is left out, with the reason", async () => {
  const release = await yard.publish();
  const [a = "", b = "", c = ""] = await yard.ovens(3);
  const id = await yard.running(release);
  await yard.kitchen.as("admin", "POST", `/devices/${a}/block`);
  await yard.report(b, { releaseCounter: release.releaseCounter, firmware: release.version });
  await yard.tick();
  const states = (await yard.devices(id)).map(({ deviceId, state, reason }) => [deviceId, state, reason]);
  expect(states).toEqual([
    [a, "skipped", "blocked"],
    [b, "skipped", "already_there"],
    [c, "offered", null],
  ]);
  const timeline = await yard.kitchen.as("support", "GET", `/devices/${b}/timeline?kinds=rollout`);
  expect(timeline.body.items).toMatchObject([
    {
      title: "Left out of the rollout a rollout",
      data: { rolloutId: id, why: "It runs this release or a later one." },
    },
  ]);
});

test("an update that is under way is not disturbed, and its appliance is left out", async () => {
  const [older, newer] = [await yard.publish(), await yard.publish()];
  const [busy = "", free = ""] = await yard.ovens(2);
  await yard.kitchen.as("release", "POST", `/firmware/releases/${older.id}/send`, { deviceIds: [busy, free] });
  await yard.say([busy], "downloading");
  const id = await yard.running(newer);
  await yard.tick();
  const states = (await yard.devices(id)).map(({ deviceId, state, reason }) => [deviceId, state, reason]);
  expect(states).toEqual([
    [busy, "skipped", "other_update_under_way"],
    [free, "offered", null],
  ]);
  // And a newer offer by hand takes the rollout's away.
  await yard.kitchen.as("release", "POST", `/firmware/releases/${newer.id}/send`, { deviceIds: [free] });
  expect((await yard.devices(id))[1]).toMatchObject({ state: "cancelled", reason: "superseded" });
});

test("windows are those of each appliance's own zone, and one that moves is started by its new clock", async () => {
  const release = await yard.publish();
  const [berlin = ""] = await yard.ovens(1, { timeZone: "Europe/Berlin" });
  const [tokyo = ""] = await yard.ovens(1, { timeZone: "Asia/Tokyo" });
  const [traveller = ""] = await yard.ovens(1, { timeZone: "Europe/Berlin" });
  const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "22:00", to: "23:30" }];
  const id = await yard.running(release, { windows });
  await yard.tick();
  expect(await yard.idsIn(id, "offered")).toEqual([]);
  expect((await yard.get(id)).windows).toMatchObject({
    openZones: [],
    closedZones: ["Asia/Tokyo", "Europe/Berlin"],
    nextChangeAtMs: Date.UTC(2026, 0, 15, 13),
    waitingClosed: 3,
  });
  await yard.tick(30 * minuteMs);
  await yard.report(traveller, { timeZone: "Asia/Tokyo" });
  // 13:10 in UTC is 22:10 in Tokyo.
  await yard.tick(40 * minuteMs);
  expect((await yard.idsIn(id, "offered")).toSorted()).toEqual([tokyo, traveller].toSorted());
  await yard.tick(8 * hourMs);
  expect(await yard.idsIn(id, "offered")).toContain(berlin);
});

test("nothing begins in a freeze but what a security release may override, with a reason", async () => {
  const feature = await yard.publish();
  const [german = ""] = await yard.ovens(1, { country: "DE" });
  const [swiss = ""] = await yard.ovens(1, { country: "CH" });
  const [somewhere = ""] = await yard.ovens(1);
  const nowMs = yard.kitchen.clock.nowMs();
  const freeze = { countries: ["DE"], fromMs: nowMs - 1, toMs: nowMs + hourMs, reason: "Fair" };
  const made = await yard.kitchen.as("release", "POST", "/freezes", freeze);
  expect([made.status, made.body.countries]).toEqual([201, ["DE"]]);
  const id = await yard.running(feature);
  await yard.tick();
  expect((await yard.idsIn(id, "offered")).toSorted()).toEqual([swiss, somewhere].toSorted());
  expect((await yard.get(id)).windows).toMatchObject({ waitingFrozen: 1, frozen: ["DE"] });
  const range = `from=${nowMs - hourMs}&to=${nowMs + 24 * hourMs}`;
  const schedule = (await yard.kitchen.as("viewer", "GET", `/schedule?${range}`)).body;
  expect(schedule.items.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual(["freeze", "rollout"]);
  expect(schedule.clashes[0]).toMatchObject({
    rule: "freeze_over_window",
    rolloutIds: [id],
    freezeIds: [made.body.id],
  });
  await yard.done(id, "abort", { reason: "make room" });

  const urgent = await yard.publish({ kind: "security" });
  const override = await yard.running(urgent, { freezeOverride: { reason: "actively exploited" } });
  await yard.tick();
  expect((await yard.idsIn(override, "offered")).toSorted()).toEqual([german, swiss, somewhere].toSorted());
  expect((await yard.kitchen.as("release", "DELETE", `/freezes/${made.body.id}`)).status).toBe(204);
  expect((await yard.kitchen.as("viewer", "GET", "/freezes")).body.items).toEqual([]);
  const audit = await yard.kitchen.as("admin", "GET", `/audit?subject=freeze:${made.body.id}`);
  expect(audit.body.items.map(({ action }: { action: string }) => action)).toEqual(["freeze.removed", "freeze.added"]);
});

test("new and returning appliances get it by themselves, also once the rollout has finished; others do not", async () => {
  const release = await yard.publish();
  const [first = ""] = await yard.ovens(1, { country: "DE" });
  const stages = [
    { name: "half", size: { kind: "share", share: 0.5 }, soakMs: 0 },
    { name: "all", size: rest, soakMs: 0 },
  ];
  const id = await yard.running(release, { autoAssign: true, target: 'country == "DE"', stages });
  await yard.tick();
  const [second = ""] = await yard.ovens(1, { country: "DE" });
  await yard.ovens(1, { country: "AT" });
  await yard.tick(10_000);
  expect((await yard.devices(id)).map(({ deviceId }) => deviceId).toSorted()).toEqual([first, second].toSorted());
  await yard.tick(minuteMs);
  for (let at = 0; at < 3; at += 1) {
    await yard.update(await yard.idsIn(id, "offered"), release);
    await yard.tick(minuteMs);
  }
  expect((await yard.get(id)).state.kind).toBe("finished");
  const [late = ""] = await yard.ovens(1, { country: "DE" });
  const [moved = ""] = await yard.ovens(1, { country: "AT" });
  await yard.tick(10_000);
  expect(await yard.idsIn(id, "offered")).toEqual([late]);
  await yard.kitchen.as("admin", "PATCH", `/devices/${moved}`, { country: "DE" });
  await yard.tick(10_000);
  expect((await yard.idsIn(id, "offered")).toSorted()).toEqual([late, moved].toSorted());

  // A later release's rollout comes first, and what it has dealt with the older one leaves alone.
  const later = await yard.publish();
  for (const one of [late, moved]) await yard.update([one], release);
  const next = await yard.running(later, { autoAssign: true });
  const [newest = ""] = await yard.ovens(1, { country: "DE" });
  await yard.tick(10_000);
  expect((await yard.devices(next)).map(({ deviceId }) => deviceId)).toContain(newest);
  expect((await yard.devices(id)).map(({ deviceId }) => deviceId)).not.toContain(newest);
  await yard.say([newest], "rejected");
  await yard.kitchen.as("admin", "PATCH", `/devices/${newest}`, { tags: ["asked"] });
  await yard.tick(10_000);
  expect((await yard.devices(id)).map(({ deviceId }) => deviceId)).not.toContain(newest);
});

test("households may be told before, and nothing begins until then", async () => {
  const release = await yard.publish({ kind: "security" });
  const [oven = ""] = await yard.ovens(1);
  const nowMs = yard.kitchen.clock.nowMs();
  await yard.running(release, { noticeMs: 2 * hourMs, postponeMsMax: 24 * hourMs, consent: "ask" });
  await yard.tick();
  const { id } = await yard.delivery(oven);
  const { body } = await yard.kitchen.as("viewer", "GET", `/deliveries/${id}`);
  expect(body.body).toMatchObject({
    notBeforeMs: nowMs + 2 * hourMs,
    postponeUntilMsMax: nowMs + 26 * hourMs,
    consent: "ask",
    security: true,
  });
  const told = await yard.kitchen.as("viewer", "GET", `/deliveries?device=${oven}&kind=message`);
  expect(told.body.items).toMatchObject([{ label: `Update ${release.version}`, phase: "queued" }]);
});

test("an offer that an older rollout left open gives way to a newer one's, and the older one knows", async () => {
  const [older, newer] = [await yard.publish(), await yard.publish()];
  const [oven = ""] = await yard.ovens(1);
  const first = await yard.running(older);
  await yard.tick();
  await yard.done(first, "promote", { reason: "the rest are away" });
  const second = await yard.running(newer);
  await yard.tick();
  expect(await yard.idsIn(second, "offered")).toEqual([oven]);
  expect(await yard.devices(first)).toMatchObject([{ deviceId: oven, state: "cancelled", reason: "superseded" }]);
});

test("an appliance that was away until its offer ended gets it again when it is seen, where rollouts assign by themselves", async () => {
  const release = await yard.publish();
  const [away = "", gone = ""] = await yard.ovens(2);
  const id = await yard.running(release, { autoAssign: true });
  await yard.tick();
  await yard.tick(60 * 24 * hourMs);
  await yard.tick(minuteMs);
  const states = async () => (await yard.devices(id)).map(({ deviceId, state }) => [deviceId, state]);
  expect(await states()).toEqual([
    [away, "skipped"],
    [gone, "skipped"],
  ]);
  // As the gateway's word of its connection leaves it.
  await sql`UPDATE device SET presence_at_ms = ${yard.kitchen.clock.nowMs()} WHERE id = ${away}`.execute(
    yard.kitchen.base.db,
  );
  await yard.tick(minuteMs);
  expect(await states()).toEqual([
    [away, "offered"],
    [gone, "skipped"],
  ]);
});
