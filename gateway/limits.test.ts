import { afterEach, expect, test } from "vitest";
import type { CloseReason } from "#protocol/errors.ts";
import { type House, closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const telemetry = "hearth/v1/devices/oven-1/telemetry";

/** A neighbour that must notice nothing. */
async function neighbour({ port }: House): Promise<() => Promise<void>> {
  const device = await RawDevice.login(port, "neighbour");
  return async () => {
    device.send(publish("hearth/v1/devices/neighbour/events", 1));
    await device.wait("puback");
    expect(device.closed).toBe(false);
  };
}

const field = (text: string): number[] => [0, text.length, ...Buffer.from(text)];

/** A packet from its first byte and what follows its length. */
function packet(first: number, ...body: number[]): number[] {
  const length = body.length < 128 ? [body.length] : [(body.length % 128) | 0x80, Math.floor(body.length / 128)];
  return [first, ...length, ...body];
}

test.each<[string, number[]]>([
  ["another packet first", packet(0xc0)],
  ["PUBLISH first", packet(0x30, ...field("a/b/c"))],
  ["a packet of 4 KiB first", [0x10, 0xff, 0x1f]],
  ["a header that claims 256 MB", [0x10, 0xff, 0xff, 0xff, 0x7f]],
  ["a length of five bytes", [0x10, 0x80, 0x80, 0x80, 0x80, 1]],
  ["TLS on the plain port", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
])("before login, %s closes the connection", async (_what, bytes) => {
  const house = await openHouse();
  const unharmed = await neighbour(house);
  const device = await RawDevice.open(house.port);
  device.bytes(...bytes);
  await device.waitClosed();
  expect(device.received).toEqual([]);
  await unharmed();
});

test.each<[string, CloseReason, number[]]>([
  ["a packet over the limit", "packet_too_large", [0x32, 0x90, 0x84, 0x10]],
  ["a header that claims 256 MB", "packet_too_large", [0x32, 0xff, 0xff, 0xff, 0x7f]],
  ["a length of five bytes", "protocol_error", [0x32, 0x80, 0x80, 0x80, 0x80, 1]],
  ["a second CONNECT", "protocol_error", packet(0x10, ...field("MQTT"), 4, 2, 0, 60, ...field("a"))],
  ["an empty topic", "publish_refused", packet(0x30, 0, 0)],
  ["a topic longer than its packet", "protocol_error", packet(0x30, 0, 40, 97, 98)],
  ["bad UTF-8 in a topic", "publish_refused", packet(0x30, 0, 2, 0xc3, 0x28)],
  ["packet id 0", "protocol_error", packet(0x32, ...field(telemetry), 0, 0)],
  ["no packet id", "protocol_error", packet(0x32, ...field(telemetry))],
  ["QoS 3", "protocol_error", packet(0x36, ...field(telemetry), 0, 1)],
  ["QoS 2", "publish_refused", packet(0x34, ...field(telemetry), 0, 1)],
  ["a retained message", "publish_refused", packet(0x31, ...field(telemetry))],
  ["another device's topic", "publish_refused", packet(0x30, ...field("hearth/v1/devices/oven-2/telemetry"))],
  ["its own inbox", "publish_refused", packet(0x30, ...field("hearth/v1/devices/oven-1/inbox"))],
  ["a topic below its own", "publish_refused", packet(0x30, ...field(`${telemetry}/x`))],
  ["a forged broker topic", "publish_refused", packet(0x30, ...field("$SYS/x/new/clients"))],
  ["SUBSCRIBE without a filter", "protocol_error", packet(0x82, 0, 1)],
  ["SUBSCRIBE with wrong flags", "protocol_error", packet(0x80, 0, 1, ...field("a"), 0)],
  ["SUBSCRIBE with 101 levels", "over_limit", packet(0x82, 0, 1, ...field("a/".repeat(100) + "a"), 0)],
  ["UNSUBSCRIBE without a filter", "protocol_error", packet(0xa2, 0, 1)],
  ["UNSUBSCRIBE with 101 levels", "over_limit", packet(0xa2, 0, 1, ...field("a/".repeat(100) + "a"))],
  ["PUBREL", "protocol_error", packet(0x62, 0, 1)],
  ["PUBACK of id 0", "protocol_error", packet(0x40, 0, 0)],
  ["a reserved packet type", "protocol_error", packet(0xf0)],
])("after login, %s closes the connection", async (_what, reason, bytes) => {
  const house = await openHouse();
  const unharmed = await neighbour(house);
  const device = await RawDevice.login(house.port, "oven-1");
  device.bytes(...bytes);
  await device.waitClosed();
  expect(device.received.map(({ cmd }) => cmd)).toEqual(["connack"]);
  await unharmed();
  const records = await house.cloud.waitRecords(4);
  expect(records.filter(({ channel }) => channel === "telemetry")).toEqual([]);
  expect(
    records.map(({ payload }) => Buffer.from(payload).toString()).filter((told) => told.includes(reason)).length,
  ).toBe(1);
});

test("the largest payload allowed is taken, and one byte more is not", async () => {
  const { cloud, port } = await openHouse({ limits: { bytesPerPayload: 1_000 } });
  const device = await RawDevice.login(port, "oven-1");
  device.send(publish(telemetry, 1, "x".repeat(1_000)));
  await device.wait("puback");
  device.send(publish(telemetry, 2, "x".repeat(1_001)));
  await device.waitClosed();
  const [record] = await cloud.waitRecords(1, "telemetry");
  expect(record?.payload.length).toBe(1_000);
});

test("one byte at a time before login is given up in time", async () => {
  const { port } = await openHouse({ limits: { connectTimeoutMs: 300 } });
  const device = await RawDevice.open(port);
  const connect = [0x10, 40, ...field("MQTT"), 4, 2];
  for (const byte of connect) {
    device.bytes(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test("a silent connection is given up in time", async () => {
  const { port } = await openHouse({ limits: { connectTimeoutMs: 100 } });
  const device = await RawDevice.open(port);
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test("a login that the cloud never answers is given up with code 3", async () => {
  const { cloud, port } = await openHouse({ limits: { loginTimeoutMs: 150 } });
  cloud.silent = true;
  const device = await RawDevice.login(port, "oven-1");
  expect(device.all("connack")[0]?.returnCode).toBe(3);
  await device.waitClosed();
});

test("much sent behind CONNECT before the login is decided closes the connection", async () => {
  const { cloud, port } = await openHouse();
  cloud.silent = true;
  const device = await RawDevice.open(port);
  device.connect("oven-1");
  device.send(publish(telemetry, 1, "x".repeat(5_000)));
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test("what a device sends behind its CONNECT is handled once it is let in", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.open(port);
  device.connect("oven-1");
  device.send(publish(telemetry, 1), publish(telemetry, 2));
  device.subscribe(3, "hearth/v1/devices/oven-1/inbox");
  await device.wait("puback", 2);
  await device.wait("suback");
  expect(device.received[0]?.cmd).toBe("connack");
  await cloud.waitRecords(2, "telemetry");
});

test("a device that goes silent is ended after one and a half times its keepalive", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1", { keepalive: 1 });
  await device.waitClosed();
  const presence = await cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(presence[1]?.payload ?? []).toString())).toMatchObject({ reason: "keepalive" });
});

test("a client that sends PINGREQ for ever and never reads is cut, and what waits for it stays bounded", async () => {
  const house = await openHouse({ limits: { drainTimeoutMs: 500, messagesPerSecondMax: 1_000_000 } });
  const unharmed = await neighbour(house);
  const device = await RawDevice.login(house.port, "oven-1");
  device.socket.pause();
  const pings = Buffer.alloc(1_048_576, Buffer.from([0xc0, 0]));
  for (let n = 0; n < 30; n += 1) device.socket.write(pings);
  const presence = await until(
    () => house.cloud.records.find(({ payload }) => Buffer.from(payload).includes("disconnected")),
    "the connection to be cut",
  );
  expect(JSON.parse(Buffer.from(presence.payload).toString())).toMatchObject({ reason: "stalled" });
  await unharmed();
  device.socket.destroy();
});

test("devices over the bound are told to come back later, and there is room again when one ends", async () => {
  const { cloud, port } = await openHouse({ limits: { connectionsMax: 1 } });
  const first = await RawDevice.login(port, "oven-1");
  const second = await RawDevice.login(port, "oven-2");
  expect(second.all("connack")[0]?.returnCode).toBe(3);
  await second.waitClosed();
  first.socket.destroy();
  await cloud.waitRecords(2, "presence");
  const third = await RawDevice.login(port, "oven-2");
  expect(third.all("connack")[0]?.returnCode).toBe(0);
});

test("in a full house a device that comes anew takes its own place, whose connection may be dead", async () => {
  const { cloud, port } = await openHouse({ limits: { connectionsMax: 1 } });
  const first = await RawDevice.login(port, "oven-1");
  const again = await RawDevice.login(port, "oven-1");
  expect(again.all("connack")[0]?.returnCode).toBe(0);
  await first.waitClosed();
  expect((await cloud.waitStatus(({ connections }) => connections === 1)).counters["limit_connections_max"]).toBe(0);
});
