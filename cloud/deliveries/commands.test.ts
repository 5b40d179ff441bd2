import { afterAll, beforeAll, expect, test } from "vitest";
import { DeliveryYard } from "../../test/support/delivery-yard.ts";
import { transaction } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";

let yard: DeliveryYard;
beforeAll(async () => {
  yard = await DeliveryYard.open();
});
afterAll(() => yard.database.drop());

test("a command's reply closes it with its result, and a refusal is kept as rejected", async () => {
  const device = await yard.oneDevice();
  const ask = async (name: "identify" | "self_test") => {
    const sent = await yard.deliveries.commands.send({ kind: "system" }, device.id, { name, args: {} });
    return sent.kind === "accepted" ? sent.id : "";
  };
  const [obeyed, refused] = [await ask("identify"), await ask("self_test")];
  const atMs = yard.road.clock.nowMs();
  const facts = [
    { device, receivedAtMs: atMs, reply: { commandId: obeyed, atMs, ok: true, result: { blinks: 3 } } },
    { device, receivedAtMs: atMs, reply: { commandId: refused, atMs, ok: false, reason: "door open" } },
    { device, receivedAtMs: atMs, reply: { commandId: randomIds.next(), atMs, ok: true } },
  ];
  const { unknown } = await transaction(yard.database.db, (tx) => yard.deliveries.ingestReplies(tx, facts));
  expect(unknown).toHaveLength(1);
  expect(await yard.deliveries.get(obeyed)).toMatchObject({
    delivery: { phase: "done" },
    receipts: [{ result: { blinks: 3 } }],
  });
  expect(await yard.deliveries.get(refused)).toMatchObject({
    delivery: { phase: "rejected" },
    receipts: [{ reason: "door open" }],
  });
});

test("a command to an appliance that is away expires, and is not sendable from its deadline on", async () => {
  const device = await yard.oneDevice();
  const sent = await yard.deliveries.commands.send({ kind: "system" }, device.id, { name: "stop", args: {} });
  const id = sent.kind === "accepted" ? sent.id : "";
  yard.road.clock.forward(29_999);
  expect(await yard.deliveries.sendable([device.id], true, 10)).toHaveLength(1);
  yard.road.clock.forward(1);
  expect(await yard.deliveries.sendable([device.id], false, 10)).toHaveLength(0);
  await yard.deliveries.noteWritten([{ id, attempt: 1, atMs: yard.road.clock.nowMs() }]);
  expect(await yard.known(id)).toMatchObject({ phase: "queued" });
  await yard.deliveries.tick(yard.road.clock.nowMs());
  expect(await yard.known(id)).toMatchObject({ phase: "expired", cause: "deadline" });
});
