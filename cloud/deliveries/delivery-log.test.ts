import { afterAll, beforeAll, expect, test } from "vitest";
import { DeliveryYard } from "../../test/support/delivery-yard.ts";

let yard: DeliveryYard;
beforeAll(async () => {
  yard = await DeliveryYard.open();
});
afterAll(() => yard.database.drop());

test("a page of a device's timeline tells what was sent, what the appliance said and what the cloud ended", async () => {
  const device = await yard.oneDevice();
  const [first = ""] = await yard.create(yard.firmware(device));
  yard.road.clock.forward(10);
  await yard.say(device, { deliveryId: first, attempt: 1, step: "offered" });
  yard.road.clock.forward(10);
  await yard.create({ ...yard.firmware(device), label: "2.2.0" });
  const entries = await yard.deliveries.log.timeline(device, { beforeMs: yard.road.clock.nowMs() + 1, limit: 10 });
  expect(entries.map(({ title }) => title).toSorted()).toEqual([
    "Firmware 2.1.0: offered",
    "Firmware 2.1.0: queued",
    "Firmware 2.1.0: superseded",
    "Firmware 2.2.0: queued",
  ]);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(4);
  expect(await yard.deliveries.log.timeline(device, { beforeMs: yard.road.clock.nowMs(), limit: 1 })).toMatchObject([
    { title: "Firmware 2.1.0: offered" },
  ]);
});

test("a timeline says why a step went wrong, which word changed nothing, and the steps of one moment in their order", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  yard.road.clock.forward(10);
  for (const step of ["verified", "installing", "rebooting", "polishing"])
    await yard.say(device, { deliveryId: id, attempt: 1, step });
  await yard.say(device, { deliveryId: id, attempt: 1, step: "rolled_back", reason: "health_check_failed" });
  const entries = await yard.deliveries.log.timeline(device, { beforeMs: yard.road.clock.nowMs() + 1, limit: 10 });
  expect(entries.map(({ title }) => title)).toEqual([
    "Firmware 2.1.0: polishing (not a step of its kind, so nothing changed)",
    "Firmware 2.1.0: rolled back (The new firmware did not come up well; the appliance went back to what it had)",
    "Firmware 2.1.0: restarting",
    "Firmware 2.1.0: installing",
    "Firmware 2.1.0: checked",
    "Firmware 2.1.0: queued",
  ]);
});

test("nonsense about an update moves nothing and leaves a mark on the timeline", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  await yard.say(device, { deliveryId: id, attempt: 1, step: "offered" });
  yard.road.clock.forward(10);
  const before = await yard.known(id);
  for (const [attempt, step] of [
    [1, "cooked"],
    [1, "queued"],
    [7, "confirmed"],
    [1, "constructor"],
  ] as const)
    await yard.say(device, { deliveryId: id, attempt, step, reason: "\u{1f525}" });
  expect(await yard.known(id)).toEqual(before);
  const entries = await yard.deliveries.log.timeline(device, { beforeMs: yard.road.clock.nowMs() + 1, limit: 10 });
  const byTitle = entries.toSorted((a, b) => (a.title < b.title ? -1 : 1));
  expect(byTitle.map(({ title, data }) => [title, data["refused"]])).toEqual([
    [
      "Firmware 2.1.0: confirmed by a healthy boot (of an attempt that was never made, so nothing changed)",
      "attempt_not_made",
    ],
    ["Firmware 2.1.0: constructor (not a step of its kind, so nothing changed)", "unknown_step"],
    ["Firmware 2.1.0: cooked (not a step of its kind, so nothing changed)", "unknown_step"],
    ["Firmware 2.1.0: offered", null],
    ["Firmware 2.1.0: queued", null],
    ["Firmware 2.1.0: queued (not a step of its kind, so nothing changed)", "unknown_step"],
  ]);
});

test("staff reads on a timeline which rollout an update was of, and its household does not", async () => {
  const device = await yard.oneDevice();
  const rolloutId = "01980000-0000-7000-8000-00000000000a";
  yard.deliveries.log.nameRollouts(async (ids) => new Map(ids.map((one) => [one, "Spring, careful"])));
  const [id = ""] = await yard.create({ ...yard.firmware(device), body: { sha256: "aa", rolloutId } });
  yard.road.clock.forward(10);
  await yard.say(device, { deliveryId: id, attempt: 1, step: "failed", reason: "wrong_hardware" });
  const page = { beforeMs: yard.road.clock.nowMs() + 1, limit: 10 };
  const staff = await yard.deliveries.log.timeline(device, page);
  expect(staff.map(({ title }) => title)).toEqual([
    "Firmware 2.1.0 (Spring, careful): failed (The image does not list this hardware)",
    "Firmware 2.1.0 (Spring, careful): queued",
  ]);
  expect(staff[0]?.data).toMatchObject({ rolloutId, reason: "wrong_hardware" });
  const owner = { householdId: "01980000-0000-7000-8000-00000000000b", sinceMs: 0 };
  const theirs = JSON.stringify(await yard.deliveries.log.timeline(device, { ...page, owner }));
  expect(theirs).toContain("Firmware 2.1.0: failed (The image does not list this hardware)");
  expect(theirs).not.toMatch(/Spring|00000000000a/);
});
