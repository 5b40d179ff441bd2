import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeliveryYard } from "../../test/support/delivery-yard.ts";

let yard: DeliveryYard;
beforeAll(async () => {
  yard = await DeliveryYard.open();
});
afterAll(() => yard.database.drop());

test("generations count per device, kind and subject, and a newer delivery supersedes the open older one", async () => {
  const device = await yard.oneDevice();
  const [first] = await yard.create(yard.firmware(device));
  const [other] = await yard.create({ ...yard.firmware(device), kind: "recipe", subject: "pie" });
  const [second, third] = await yard.create(yard.firmware(device), yard.firmware(device));
  expect(
    [await yard.known(first), await yard.known(second), await yard.known(third)].map(({ generation, phase }) => [
      generation,
      phase,
    ]),
  ).toEqual([
    [1, "superseded"],
    [2, "superseded"],
    [3, "queued"],
  ]);
  expect(await yard.known(other)).toMatchObject({ generation: 1, phase: "queued" });
});

test("firmware that an appliance downloads is not superseded", async () => {
  const device = await yard.oneDevice();
  const [first = ""] = await yard.create(yard.firmware(device));
  await yard.say(device, { deliveryId: first, attempt: 1, step: "downloading", progress: 0.2 });
  const [second] = await yard.create(yard.firmware(device));
  expect(await yard.known(first)).toMatchObject({ phase: "received", step: "downloading" });
  expect(await yard.known(second)).toMatchObject({ generation: 2, phase: "queued" });
});

test("two who create for one subject at once get two generations", async () => {
  const device = await yard.oneDevice();
  const made = await Promise.all(Array.from({ length: 8 }, () => yard.create(yard.firmware(device))));
  const all = await Promise.all(made.flat().map((id) => yard.known(id)));
  expect(all.map(({ generation }) => generation).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(all.filter(({ phase }) => phase === "queued")).toHaveLength(1);
});

test("ten thousand deliveries are created at once, and each change of phase is in the outbox", async () => {
  const devices = await yard.road.devices.add(Array.from({ length: 10_000 }, (_, at) => `fleet-${at}`));
  const body = { sha256: "bb" };
  const ids = await yard.create(...devices.map((device) => ({ ...yard.firmware(device), body })));
  expect(new Set(ids).size).toBe(10_000);
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM outbox WHERE type = 'hearth.delivery.queued' AND data ->> 'deviceId' LIKE 'fleet-%'`.execute(
    yard.database.db,
  );
  expect(rows[0]?.n).toBe(10_000);
  expect(yard.waiting).toEqual(expect.arrayContaining(["fleet-0", "fleet-9999"]));
});
