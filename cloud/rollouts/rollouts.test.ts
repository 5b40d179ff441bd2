import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs, Yard } from "../../test/support/rollout-yard.ts";

let yard: Yard;
beforeEach(async () => {
  yard = await Yard.open();
});
afterEach(() => yard.close());

const rest = { kind: "rest" };
const gate = { failureShareMax: 0.2, sampleMin: 5 };

test("a rollout goes through its whole life: ring 0, a share, the rest, each behind its gate and its soak", async () => {
  const release = await yard.publish();
  const inside = await yard.ovens(3, { tags: ["internal"] });
  await yard.ovens(20);
  const id = await yard.running(release, {
    stages: [
      { name: "ring 0", size: { kind: "tag", tag: "internal" }, soakMs: 10 * minuteMs, gate },
      { name: "a tenth", size: { kind: "share", share: 0.3 }, soakMs: minuteMs, gate },
      { name: "all", size: rest, soakMs: 0 },
    ],
  });
  const begun = await yard.get(id);
  expect(begun).toMatchObject({ state: { kind: "running" }, members: 23, noGate: false, version: release.version });
  expect(begun.stages.map(({ members }: { members: number }) => members)).toEqual([3, 7, 13]);

  await yard.tick();
  expect((await yard.idsIn(id, "offered")).toSorted()).toEqual(inside);
  await yard.update(inside, release);
  await yard.tick(1_000);
  expect(await yard.get(id)).toMatchObject({
    state: { progress: { kind: "soaking", stage: 0 } },
    stages: [
      { state: "soaking", sampleMissing: 0, gates: [{ value: 0, line: 0.2, sample: 3, verdict: "within" }] },
      {},
      {},
    ],
  });
  await yard.tick(9 * minuteMs);
  expect(await yard.idsIn(id, "offered")).toEqual([]);
  await yard.tick(minuteMs);
  const second = await yard.idsIn(id, "offered");
  expect(second).toHaveLength(7);
  await yard.update(second.slice(0, 4), release);
  await yard.tick(10 * minuteMs);
  expect(await yard.get(id)).toMatchObject({
    state: { progress: { kind: "starting", stage: 1 } },
    stages: [{}, { sampleMissing: 1 }, {}],
  });
  await yard.update(second.slice(4, 5), release);
  await yard.tick(minuteMs);
  await yard.tick(minuteMs);
  const third = (await yard.idsIn(id, "offered")).filter((one) => !second.includes(one));
  expect(third).toHaveLength(13);
  await yard.update([...second.slice(5), ...third], release);
  await yard.tick(minuteMs);
  expect(await yard.get(id)).toMatchObject({
    state: { kind: "finished" },
    funnel: { done: 23, waiting: 0, offered: 0 },
  });
  const history = (await yard.get(id)).history.map(({ what, by }: { what: string; by: string }) => [
    what,
    by.split(":")[0],
  ]);
  expect(history.toReversed()).toEqual([
    ["created", "staff"],
    ["submitted", "staff"],
    ["begun", "staff"],
    ["soaking", "system"],
    ["stage_passed", "system"],
    ["soaking", "system"],
    ["stage_passed", "system"],
    ["soaking", "system"],
    ["finished", "system"],
  ]);
});

test("a gate halts the rollout by itself, says by what, and calls back offers that have not begun", async () => {
  const release = await yard.publish();
  await yard.ovens(24);
  const id = await yard.running(release, {
    stages: [
      { name: "first", size: { kind: "count", count: 10 }, soakMs: 0, gate: { failureShareMax: 0.2, sampleMin: 8 } },
      { name: "all", size: rest, soakMs: 0 },
    ],
  });
  await yard.tick();
  const first = await yard.idsIn(id, "offered");
  expect(first).toHaveLength(10);
  await yard.update(first.slice(0, 6), release);
  await yard.fail(first.slice(6, 8), "health_check_failed");
  await yard.tick(1_000);
  const halted = await yard.get(id);
  expect(halted).toMatchObject({
    state: { kind: "halted", stage: 0 },
    haltedBy: { gate: "failure_share", value: 0.25, line: 0.2, sample: 8, sampleMin: 8, verdict: "tripped" },
    stages: [{ state: "halted" }, { state: "stopped" }],
    funnel: { done: 6, failed: 2, cancelled: 2, offered: 0, waiting: 14 },
  });
  expect(halted.history[0]).toMatchObject({
    what: "halted",
    by: "system",
    reason: "failure_share",
    data: { value: 0.25, line: 0.2, sample: 8, calledBack: 2 },
  });
  expect((await yard.delivery(first[9] ?? "")).phase).toBe("cancelled");
  await yard.tick(60 * minuteMs);
  expect((await yard.get(id)).funnel).toMatchObject({ waiting: 14, offered: 0 });
  const { rows } =
    await sql`SELECT subject, data ->> 'reason' AS reason FROM outbox WHERE type = 'hearth.rollout.halted'`.execute(
      yard.kitchen.base.db,
    );
  expect(rows).toEqual([{ subject: `rollout:${id}`, reason: "failure_share" }]);
});

test("another person approves: the plan, and a stage that asks for it", async () => {
  const release = await yard.publish();
  await yard.ovens(5);
  const plan = yard.plan(release, {
    approval: "second_person",
    stages: [
      { name: "one", size: { kind: "count", count: 1 }, soakMs: 0, next: "wait_for_approval" },
      { name: "all", size: rest, soakMs: 0 },
    ],
  });
  const { id } = (await yard.create(plan)).body;
  expect((await yard.act(id, "approve", undefined, "admin")).body.code).toBe("rollout_not_submitted");
  expect((await yard.done(id, "submit")).state.kind).toBe("awaiting_approval");
  expect((await yard.act(id, "start")).body.code).toBe("rollout_waits_for_approval");
  const own = await yard.act(id, "approve");
  expect([own.status, own.body.code]).toEqual([403, "approver_is_author"]);
  expect((await yard.done(id, "approve", undefined, "admin")).state.kind).toBe("scheduled");
  await yard.done(id, "start");
  await yard.tick();
  const [first = ""] = await yard.idsIn(id, "offered");
  await yard.update([first], release);
  await yard.tick(minuteMs);
  expect((await yard.get(id)).state.progress).toMatchObject({ kind: "waiting", stage: 0 });
  await yard.tick(60 * minuteMs);
  expect(await yard.idsIn(id, "offered")).toEqual([]);
  expect((await yard.act(id, "promote", { reason: "no patience" })).body.code).toBe("rollout_waits_for_approval");
  expect((await yard.act(id, "approve")).body.code).toBe("approver_is_author");
  await yard.done(id, "approve", undefined, "admin");
  await yard.tick();
  expect((await yard.idsIn(id, "offered")).length).toBeGreaterThan(1);
  await yard.done(id, "abort", { reason: "enough" });
});

test("pause, resume and abort do what they say, and nothing starts meanwhile", async () => {
  const release = await yard.publish();
  await yard.ovens(20);
  const id = await yard.running(release, { startsPerMinuteMax: 4 });
  await yard.tick();
  const offered = await yard.idsIn(id, "offered");
  expect(offered).toHaveLength(4);
  const [begun = "", done = "", ...waits] = offered;
  await yard.say([begun], "downloading");
  await yard.update([done], release);
  const paused = await yard.done(id, "pause", { reason: "calls come in" });
  expect(paused.state).toMatchObject({ kind: "paused", reason: "calls come in" });
  await yard.tick(10 * minuteMs);
  expect(await yard.idsIn(id, "offered")).toHaveLength(2);
  await yard.done(id, "resume");
  await yard.tick();
  expect(await yard.idsIn(id, "offered")).toHaveLength(6);
  await yard.tick(30_000);
  expect(await yard.idsIn(id, "offered")).toHaveLength(6);
  const before = await yard.get(id);
  expect(before.abortEffect).toMatchObject({ done: 1, underWay: 1, calledBack: 6, notStarted: before.funnel.waiting });
  const aborted = await yard.done(id, "abort", { reason: "wrong notes" });
  expect(aborted.state).toMatchObject({ kind: "aborted", reason: "wrong notes" });
  expect(aborted.funnel).toMatchObject({ done: 1, started: 1, cancelled: 6, offered: 0 });
  expect(await Promise.all(waits.map(async (one) => (await yard.delivery(one)).phase))).toEqual([
    "cancelled",
    "cancelled",
  ]);
  // Who had begun goes on, and is still followed.
  await yard.update([begun], release);
  expect((await yard.get(id)).funnel).toMatchObject({ done: 2, started: 0 });
  for (const act of ["pause", "abort", "promote"] as const)
    expect((await yard.act(id, act, { reason: "again" })).body.code).toBe("rollout_over");
});

test("failures are told by reason, and those that may pass are tried again when somebody asks", async () => {
  const release = await yard.publish();
  await yard.ovens(6);
  const id = await yard.running(release, { attemptsMax: 1 });
  await yard.tick();
  const [a = "", b = "", c = "", d = ""] = await yard.idsIn(id, "offered");
  await yard.fail([a], "download_ended_early");
  await yard.fail([b], "health_check_failed");
  await yard.say([c], "rejected");
  await yard.say([d], "downloading");
  // Six hours of silence in a download end the attempt.
  await yard.tick(7 * 60 * minuteMs);
  const { body } = await yard.kitchen.as("viewer", "GET", `/rollouts/${id}/failures`);
  expect(
    body.items.toSorted((x: { reason: string }, y: { reason: string }) => x.reason.localeCompare(y.reason)),
  ).toEqual([
    { state: "failed", reason: "download_ended_early", count: 1, retryable: true, examples: [a] },
    { state: "failed", reason: "health_check_failed", count: 1, retryable: false, examples: [b] },
    { state: "timed_out", reason: "silent_after_downloading", count: 1, retryable: true, examples: [d] },
  ]);
  expect(await yard.get(id)).toMatchObject({ retryable: 2, funnel: { failed: 2, timed_out: 1, declined: 1 } });
  await yard.done(id, "retry-failed", { force: false });
  await yard.tick();
  expect((await yard.devices(id)).filter(({ deviceId }) => [a, b, c, d].includes(deviceId))).toMatchObject([
    { deviceId: a, state: "offered", reason: null },
    { deviceId: b, state: "failed", reason: "health_check_failed" },
    { deviceId: c, state: "declined" },
    { deviceId: d, state: "offered", reason: null },
  ]);
  expect((await yard.act(id, "retry-failed", { force: false })).body.code).toBe("nothing_to_retry");
  await yard.done(id, "retry-failed", { force: true });
  await yard.tick();
  expect(await yard.idsIn(id, "failed")).toEqual([]);
  await yard.update([a], release);
  expect((await yard.get(id)).funnel).toMatchObject({ done: 1, failed: 0 });
  await yard.done(id, "abort", { reason: "done with it" });
});

test("a stage is promoted early with a reason, and the last one ends the rollout", async () => {
  const release = await yard.publish();
  await yard.ovens(5);
  const stages = [
    { name: "one", size: { kind: "count", count: 2 }, soakMs: 86_400_000, gate },
    { name: "all", size: rest, soakMs: 86_400_000 },
  ];
  const id = await yard.running(release, { stages });
  await yard.tick();
  expect((await yard.act(id, "promote", {})).status).toBe(400);
  const promoted = await yard.done(id, "promote", { reason: "known good" });
  expect(promoted.history[0]).toMatchObject({ what: "promoted", stage: 0, reason: "known good" });
  await yard.tick();
  const total = (await yard.get(id)).members;
  expect(await yard.idsIn(id, "offered")).toHaveLength(total);
  expect((await yard.done(id, "promote", { reason: "the rest are away" })).state.kind).toBe("finished");
  // What was promised stays promised.
  expect(await yard.idsIn(id, "offered")).toHaveLength(total);
  for (const one of await yard.idsIn(id, "offered"))
    await yard.kitchen.as("release", "POST", `/deliveries/${(await yard.delivery(one)).id}/cancel`);
  expect((await yard.get(id)).funnel).toMatchObject({ cancelled: total, offered: 0 });
});

test("a withdrawn release ends its rollout, with that as the reason, and is not offered again", async () => {
  const release = await yard.publish();
  await yard.ovens(5);
  const id = await yard.running(release, { startsPerMinuteMax: 2 });
  await yard.tick();
  expect(await yard.idsIn(id, "offered")).toHaveLength(2);
  await sql`UPDATE firmware_release SET state = 'withdrawn', withdrawn_at_ms = 1 WHERE id = ${release.id}`.execute(
    yard.kitchen.base.db,
  );
  await yard.tick(minuteMs);
  expect(await yard.get(id)).toMatchObject({
    state: { kind: "aborted", by: "system", reason: "release_withdrawn" },
    funnel: { cancelled: 2, offered: 0 },
  });
  expect((await yard.create(yard.plan(release))).body.code).toBe("rollout_release_withdrawn");
});
