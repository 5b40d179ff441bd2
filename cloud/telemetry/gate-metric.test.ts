import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const hourMs = 3_600_000;
const side = async (ids: readonly string[], sinceMs: number) => {
  const found = await kitchen.slices.devices.find(ids);
  return ids.map((id) => ({ deviceKey: found.get(id)?.key ?? 0, sinceMs }));
};
const read = (device: string, atMs: number, m: object) =>
  kitchen.say({ device, channel: "telemetry", payload: { atMs, m }, receivedAtMs: atMs });

test("a metric is the mean of appliances' own means, from the time on that each was treated", async () => {
  const [a, b, c, silent] = ["gm-a", "gm-b", "gm-c", "gm-d"];
  await kitchen.ovens(a, b, c, silent);
  const nowMs = kitchen.clock.nowMs();
  // a reports ten times as often as b, and weighs no more; what it said before it was treated does not count.
  await read(a, nowMs - 5 * hourMs, { power_w: 9_000 });
  for (let at = 0; at < 10; at += 1) await read(a, nowMs - hourMs + at, { power_w: 100 });
  await read(b, nowMs - hourMs, { power_w: 200 });
  await read(c, nowMs - hourMs, { power_w: 60 });
  const sides = { treated: await side([a, b, silent], nowMs - 2 * hourMs), untreated: await side([c], 0) };
  const what = { model: "oven", source: { kind: "metric" as const, name: "power_w" } };
  expect(await kitchen.slices.telemetry.gateMetric(what, sides, nowMs)).toEqual({
    treated: 150,
    untreated: 60,
    treatedDevices: 2,
    untreatedDevices: 1,
  });
  const unknown = { model: "oven", source: { kind: "metric" as const, name: "noise_db" } };
  expect(await kitchen.slices.telemetry.gateMetric(unknown, sides, nowMs)).toMatchObject({
    treatedDevices: 0,
    untreatedDevices: 0,
  });
});

test("an event is counted by appliance and day, and who was watched for less than an hour says nothing", async () => {
  const [a, b, young, other] = ["ge-a", "ge-b", "ge-c", "ge-d"];
  await kitchen.ovens(a, b, young, other);
  const nowMs = kitchen.clock.nowMs();
  for (const [device, agoMs] of [
    [a, hourMs],
    [a, 2 * hourMs],
    [a, 30 * hourMs],
    [b, hourMs],
    [young, 1_000],
  ] as const)
    await kitchen.event(device, "fault.raised", { code: "E1" }, { atMs: nowMs - agoMs });
  await kitchen.event(a, "door.opened", {}, { atMs: nowMs - hourMs });
  const treated = [...(await side([a, b], nowMs - 12 * hourMs)), ...(await side([young], nowMs - hourMs / 2))];
  const sides = { treated, untreated: await side([other], nowMs - 24 * hourMs) };
  const what = { model: "oven", source: { kind: "event" as const, type: "fault.raised" } };
  expect(await kitchen.slices.telemetry.gateMetric(what, sides, nowMs)).toEqual({
    // Three in two half days.
    treated: 3,
    untreated: 0,
    treatedDevices: 2,
    untreatedDevices: 1,
  });
});
