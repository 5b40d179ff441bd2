import { afterEach, expect, test } from "vitest";
import { closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";

afterEach(closeHouses);

const topic = (id: string, channel: string) => `hearth/v1/devices/${id}/${channel}`;

test("what a device publishes is acknowledged and reaches the cloud in order, between its presence records", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.send(
    publish(topic("oven-1", "telemetry"), 1, '{"atMs":1}'),
    publish(topic("oven-1", "events"), 2, '{"id":"a"}'),
  );
  await device.wait("puback", 2);
  expect(device.all("puback").map(({ messageId }) => messageId)).toEqual([1, 2]);
  device.send({ cmd: "disconnect" });
  const records = await cloud.waitRecords(4);
  expect(records.map(({ channel, sequence }) => [sequence, channel])).toEqual([
    [0, "presence"],
    [1, "telemetry"],
    [2, "events"],
    [3, "presence"],
  ]);
  expect(Buffer.from(records[1]?.payload ?? []).toString()).toBe('{"atMs":1}');
  const [connected, , , disconnected] = records.map(({ payload }) => Buffer.from(payload).toString());
  expect(JSON.parse(connected ?? "")).toMatchObject({ state: "connected", connectionId: 1 });
  expect(JSON.parse(disconnected ?? "")).toMatchObject({ state: "disconnected", connectionId: 1, reason: "closed" });
});
