import { afterAll, beforeAll, expect, test } from "vitest";
import { DeliveryYard } from "../../test/support/delivery-yard.ts";
import { randomIds } from "../platform/ids.ts";

let yard: DeliveryYard;
beforeAll(async () => {
  yard = await DeliveryYard.open();
});
afterAll(() => yard.database.drop());

test("receipts move a delivery, a lower one is kept and changes nothing, and a repeated one is stored once", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  const of = (step: string, progress?: number) => ({
    deliveryId: id,
    attempt: 1,
    step,
    ...(progress === undefined ? {} : { progress }),
  });
  await yard.say(device, of("downloading", 0.1), of("downloading", 0.6), of("verified"), of("offered"));
  await yard.say(device, of("downloading", 0.9), of("verified"));
  const found = await yard.deliveries.get(id);
  expect(found?.delivery).toMatchObject({ phase: "received", step: "verified" });
  const receipts = found?.receipts.map(({ step, progress, refused }) => [step, progress, refused]);
  expect(receipts?.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ["downloading", 0.9, null],
    ["offered", null, "step_not_later"],
    ["verified", null, null],
  ]);
  await yard.say(device, of("confirmed"));
  expect(await yard.known(id)).toMatchObject({ phase: "done", step: "confirmed" });
});

test("a receipt for nothing, or for another appliance's delivery, comes back as unknown and changes nothing", async () => {
  const [owner, stranger] = [await yard.oneDevice(), await yard.oneDevice()];
  const [id = ""] = await yard.create(yard.firmware(owner));
  const unknown = await yard.say(
    stranger,
    { deliveryId: id, attempt: 1, step: "confirmed" },
    { deliveryId: randomIds.next(), attempt: 1, step: "confirmed" },
  );
  expect(unknown).toHaveLength(2);
  expect(await yard.deliveries.get(id)).toMatchObject({ delivery: { phase: "queued" }, receipts: [] });
});

test("silence after a write, and in a step, is noticed by the tick, which tries again and then gives up", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  await yard.deliveries.noteWritten([{ id, attempt: 1, atMs: yard.road.clock.nowMs() }]);
  expect(await yard.known(id)).toMatchObject({ phase: "sent" });
  yard.waiting.length = 0;
  await yard.deliveries.tick(yard.road.clock.forward(2 * 60_000));
  expect(await yard.known(id)).toMatchObject({ phase: "queued", attempt: 1 });
  expect(yard.waiting).toContain(device.id);
  for (const [attempt, after] of [
    ["queued", 2],
    ["queued", 3],
    ["failed", 3],
  ].entries()) {
    await yard.say(device, { deliveryId: id, attempt: attempt + 1, step: "installing" });
    await yard.deliveries.tick(yard.road.clock.forward(30 * 60_000));
    expect(await yard.known(id)).toMatchObject({ phase: after[0], attempt: after[1] });
  }
  expect(await yard.known(id)).toMatchObject({ cause: "timed_out" });
  await yard.say(device, { deliveryId: id, attempt: 3, step: "confirmed" });
  expect(await yard.known(id)).toMatchObject({ phase: "done" });
});

test("after its back-off a failed attempt is sendable again", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  await yard.say(device, { deliveryId: id, attempt: 1, step: "failed" });
  expect(await yard.deliveries.sendable([device.id], true, 10)).toHaveLength(0);
  yard.waiting.length = 0;
  await yard.deliveries.tick(yard.road.clock.forward(60_000));
  expect(yard.waiting).toContain(device.id);
  expect(await yard.deliveries.sendable([device.id], true, 10)).toMatchObject([{ id, attempt: 2 }]);
});

test("what a device makes up about a delivery fills no table, and its true word still counts", async () => {
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  for (let batch = 0; batch < 30; batch += 1)
    await yard.say(
      device,
      ...Array.from({ length: 20 }, (_, at) => ({
        deliveryId: id,
        attempt: 2 + 20 * batch + at,
        step: `made_up_${at}`,
      })),
    );
  expect((await yard.deliveries.get(id))?.receipts).toHaveLength(200);
  await yard.say(device, { deliveryId: id, attempt: 1, step: "downloading", progress: 0.25 });
  await yard.say(device, { deliveryId: id, attempt: 1, step: "downloading", progress: 0.5 });
  expect(await yard.known(id)).toMatchObject({ phase: "received", step: "downloading" });
  const said = (await yard.deliveries.get(id))?.receipts.find(({ step }) => step === "downloading");
  expect(said).toMatchObject({ progress: 0.5, refused: null });
});

test("counts are per phase, with confirmed firmware apart", async () => {
  const before = await yard.deliveries.counts();
  const device = await yard.oneDevice();
  const [id = ""] = await yard.create(yard.firmware(device));
  await yard.say(device, { deliveryId: id, attempt: 1, step: "confirmed" });
  const after = await yard.deliveries.counts();
  expect(after.byPhase.done - before.byPhase.done).toBe(1);
  expect(after.firmwareConfirmed - before.firmwareConfirmed).toBe(1);
});
