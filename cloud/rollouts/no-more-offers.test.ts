import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs, Yard } from "../../test/support/rollout-yard.ts";

let yard: Yard;
beforeEach(async () => {
  yard = await Yard.open();
});
afterEach(() => yard.close());

const rest = { kind: "rest" };
const dayMs = 24 * 60 * minuteMs;

test("an appliance that waits for another attempt is not offered a release again whose rollout has ended", async () => {
  const release = await yard.publish();
  await yard.ovens(4);
  const gate = { failuresMax: 1, sampleMin: 4 };
  const halted = await yard.running(release, { stages: [{ name: "all", size: rest, soakMs: 0, gate }] });
  await yard.tick();
  const [again = "", busy = "", ...bad] = await yard.idsIn(halted, "offered");
  await yard.fail([again], "download_ended_early");
  await yard.say([busy], "downloading");
  await yard.fail(bad, "image_signature_wrong");
  await yard.tick();
  expect((await yard.get(halted)).state.kind).toBe("halted");
  await yard.tick(60 * minuteMs);
  expect(await yard.delivery(again)).toMatchObject({ phase: "cancelled", attempt: 2 });
  expect(await yard.idsIn(halted, "cancelled")).toEqual([again]);
  // What has begun goes on.
  expect((await yard.delivery(busy)).phase).toBe("received");
});

test("who has begun and fails after the end of its rollout gets no further attempt", async () => {
  const release = await yard.publish();
  await yard.ovens(1);
  const id = await yard.running(release);
  await yard.tick();
  const [one = ""] = await yard.idsIn(id, "offered");
  await yard.say([one], "downloading");
  await yard.done(id, "abort", { reason: "it is bad" });
  await yard.say([one], { step: "failed", reason: "download_ended_early" });
  await yard.tick(60 * minuteMs);
  expect((await yard.delivery(one)).phase).not.toMatch(/queued|sent/);
  expect(await yard.devices(id)).toMatchObject([{ state: "failed", reason: "download_ended_early" }]);
});

test("a release that is withdrawn while an appliance is at it is not offered to it again when that fails", async () => {
  const release = await yard.publish();
  await yard.ovens(3);
  const id = await yard.running(release);
  await yard.tick();
  const [begun = "", again = "", offered = ""] = await yard.idsIn(id, "offered");
  await yard.say([begun], "downloading");
  await yard.fail([again], "download_ended_early");
  await yard.kitchen.as("release", "POST", `/firmware/releases/${release.id}/withdraw`, { reason: "it burns" });
  await yard.say([begun], { step: "failed", reason: "download_http_4xx" });
  await yard.tick(60 * minuteMs);
  const phases = await Promise.all([begun, again, offered].map(async (one) => (await yard.delivery(one)).phase));
  expect(phases).toEqual(["failed", "cancelled", "cancelled"]);
});

test("an older release that somebody has tried again takes nothing from a rollout of a newer one", async () => {
  const [older, newer] = [await yard.publish(), await yard.publish()];
  await yard.ovens(2);
  const first = await yard.running(older, { attemptsMax: 1 });
  await yard.tick();
  const [failed = "", other = ""] = await yard.idsIn(first, "offered");
  await yard.fail([failed], "download_ended_early");
  await yard.say([other], "downloading");
  await yard.kitchen.as("admin", "POST", "/devices/tags", { deviceIds: [failed], add: ["next"], remove: [] });
  const claimed = await yard.running(newer, { target: '"next" in tags' });
  await yard.tick();
  expect(await yard.idsIn(claimed, "offered")).toEqual([failed]);
  await yard.done(first, "retry-failed", { force: true });
  await yard.tick(minuteMs);
  expect(await yard.devices(claimed)).toMatchObject([{ deviceId: failed, state: "offered" }]);
  expect((await yard.devices(first)).find(({ deviceId }) => deviceId === failed)).toMatchObject({ state: "skipped" });
});

test("an appliance that comes back stays with the rollout of the newer release that has it by now", async () => {
  const [older, newer] = [await yard.publish(), await yard.publish()];
  const [one = "", done = ""] = await yard.ovens(2);
  const first = await yard.running(older, { autoAssign: true });
  await yard.tick();
  await yard.update([done], older);
  // Away until its offer ended, long after anything was last heard of it.
  await yard.tick(10 * minuteMs);
  await yard.tick(60 * dayMs);
  expect((await yard.devices(first)).find(({ deviceId }) => deviceId === one)).toMatchObject({ state: "skipped" });
  await yard.tick(minuteMs);
  expect((await yard.get(first)).state.kind).toBe("finished");
  const second = await yard.running(newer);
  await yard.tick();
  expect(await yard.idsIn(second, "offered")).toContain(one);
  await sql`UPDATE device SET presence_at_ms = ${yard.kitchen.clock.nowMs()} WHERE id = ${one}`.execute(
    yard.kitchen.base.db,
  );
  for (let at = 0; at < 3; at += 1) await yard.tick(minuteMs);
  expect(await yard.idsIn(second, "offered")).toContain(one);
});

test("what a household declined is not offered to it by another rollout of the same release, nor tried again", async () => {
  const [release, newer] = [await yard.publish(), await yard.publish()];
  await yard.ovens(2);
  const first = await yard.running(release, { consent: "ask" });
  await yard.tick();
  const [no = "", yes = ""] = await yard.idsIn(first, "offered");
  await yard.say([no], { step: "rejected", reason: "declined_by_owner" });
  await yard.done(first, "abort", { reason: "the plan was wrong" });
  const { status, body } = await yard.kitchen.as("release", "POST", "/rollouts/preview", yard.plan(release));
  expect([status, body.eligible]).toEqual([200, 1]);
  const again = await yard.running(release);
  await yard.tick();
  expect((await yard.devices(again)).map(({ deviceId, state }) => [deviceId, state])).toEqual([[yes, "offered"]]);
  await yard.done(again, "abort", { reason: "the next one" });
  const next = await yard.running(newer);
  await yard.tick();
  expect((await yard.idsIn(next, "offered")).toSorted()).toEqual([no, yes].toSorted());
});

test("appliances that a rollout left waiting when it ended are free for the next", async () => {
  const [older, newer] = [await yard.publish(), await yard.publish()];
  await yard.ovens(2);
  const first = await yard.running(older, { startsPerMinuteMax: 1 });
  await yard.tick();
  const [waits = ""] = await yard.idsIn(first, "waiting");
  await yard.done(first, "abort", { reason: "no good" });
  await yard.ovens(1, { tags: ["next"] });
  const second = await yard.running(newer, { target: '"next" in tags', autoAssign: true });
  await yard.tick();
  await yard.kitchen.as("admin", "POST", "/devices/tags", { deviceIds: [waits], add: ["next"], remove: [] });
  await yard.tick(10_000);
  expect(await yard.idsIn(second, "offered")).toContain(waits);
});

test("a rollout that goes on by itself after its end can be stopped by a person, and stops itself", async () => {
  const release = await yard.publish();
  await yard.ovens(1);
  const gate = { failuresMax: 0, sampleMin: 1 };
  const stages = [{ name: "all", size: rest, soakMs: 0, gate }];
  const id = await yard.running(release, { autoAssign: true, stages });
  await yard.tick();
  await yard.update(await yard.idsIn(id, "offered"), release);
  await yard.tick(minuteMs);
  await yard.tick(minuteMs);
  expect((await yard.get(id)).state.kind).toBe("finished");
  const [late = ""] = await yard.ovens(1);
  await yard.tick(10_000);
  expect(await yard.idsIn(id, "offered")).toEqual([late]);
  expect((await yard.done(id, "abort", { reason: "it is bad" })).state.kind).toBe("aborted");
  expect((await yard.delivery(late)).phase).toBe("cancelled");
  await yard.ovens(1);
  await yard.tick(10_000);
  expect(await yard.idsIn(id, "offered")).toEqual([]);
});

test("nobody gets round the second person by promoting before the stage asks", async () => {
  const release = await yard.publish();
  await yard.ovens(4);
  const stages = [
    { name: "one", size: { kind: "count", count: 1 }, soakMs: dayMs, next: "wait_for_approval" },
    { name: "all", size: rest, soakMs: 0 },
  ];
  const id = await yard.running(release, { stages });
  await yard.tick();
  const promoted = await yard.done(id, "promote", { reason: "no patience" });
  expect(promoted.state).toMatchObject({ kind: "running", progress: { kind: "waiting", stage: 0 } });
  await yard.tick(minuteMs);
  expect(await yard.idsIn(id, "offered")).toHaveLength(1);
  expect((await yard.act(id, "approve")).body.code).toBe("approver_is_author");
  await yard.done(id, "approve", undefined, "admin");
  await yard.tick();
  expect(await yard.idsIn(id, "offered")).toHaveLength(4);
});

test("who changed a draft does not approve it, whoever wrote it and handed it in", async () => {
  const release = await yard.publish();
  await yard.ovens(2);
  const { id } = (await yard.create(yard.plan(release, { approval: "second_person" }))).body;
  const patched = await yard.kitchen.as("admin", "PATCH", `/rollouts/${id}`, { startsPerMinuteMax: 100_000 });
  expect(patched.status).toBe(200);
  await yard.done(id, "submit");
  expect((await yard.act(id, "approve", undefined, "admin")).body.code).toBe("approver_is_author");
});
