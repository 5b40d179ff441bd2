import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { DeviceMessage } from "../platform/device-message.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.ovens("m-1", "m-2");
});
afterAll(() => kitchen.close());

const messages = async (query = "") =>
  (await kitchen.as("support", "GET", `/devices/m-1/messages${query}`)).body.items as DeviceMessage[];

test("support reads what an appliance said in its own words, newest first; without codes, without others' words, and it is on record", async () => {
  const { clock } = kitchen;
  await kitchen.say({ device: "m-1", channel: "reported", payload: { state: { firmware: "1.0.0", childLock: true } } });
  clock.forward(60_000);
  await kitchen.say({ device: "m-1", channel: "telemetry", payload: { m: { cavity_c: 20.5, odd: true } } });
  await kitchen.say({ device: "m-2", channel: "telemetry", payload: { m: { cavity_c: 99 } } });
  clock.forward(60_000);
  await kitchen.showCode("m-1");
  clock.forward(60_000);
  const { body } = await kitchen.as("support", "POST", "/devices/m-1/commands", { name: "self_test" });
  const reply = { commandId: body.id, ok: true, result: { passed: true } };
  await kitchen.say({ device: "m-1", channel: "replies", payload: reply });

  const said = await messages();
  const nowMs = clock.nowMs();
  expect(said).toMatchObject([
    { channel: "receipts", payload: { deliveryId: body.id, step: "replied", result: { passed: true } } },
    { channel: "events", receivedAtMs: nowMs - 60_000, payload: { type: "pairing.opened" } },
    { channel: "telemetry", payload: { atMs: nowMs - 120_000, m: { cavity_c: 20.5, odd: true } } },
    { channel: "reported", payload: { state: { firmware: "1.0.0", childLock: true } } },
  ]);
  expect(JSON.stringify(said)).not.toContain("codeSha256");
  expect((await messages(`?before=${nowMs - 60_000}&limit=1`)).map(({ channel }) => channel)).toEqual(["telemetry"]);
  expect((await messages("?channels=events,receipts")).map(({ channel }) => channel)).toEqual(["receipts", "events"]);
  const audit = await kitchen.as("admin", "GET", "/audit?subject=device:m-1");
  expect(audit.body.items.filter(({ action }: { action: string }) => action === "device.messages_read").length).toBe(3);
  for (const role of ["viewer", "content", "release"] as const)
    expect((await kitchen.as(role, "GET", "/devices/m-1/messages")).status).toBe(403);
});
