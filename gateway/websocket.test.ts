import fc from "fast-check";
import { connectAsync } from "mqtt";
import { generate } from "mqtt-packet";
import { afterEach, beforeAll, expect, test } from "vitest";
import type { GatewayStatus } from "#protocol/link/messages.ts";
import { type House, type HouseOptions, closeHouses, openHouse as openAnyHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { type FrameOptions, RawWebSocket, frame, opcodes, upgradeRequest } from "./testing/raw-websocket.ts";
import { TestCa } from "./testing/test-ca.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

/** One that tells often how it is. */
const openHouse = (options: HouseOptions = {}): Promise<House> =>
  openAnyHouse({ ...options, bounds: { statusMs: 50, ...options.bounds } });

let ca: TestCa;
beforeAll(async () => {
  ca = await TestCa.make();
});

const events = "hearth/v1/devices/oven-1/events";
const inbox = "hearth/v1/devices/oven-1/inbox";
const { binary, continuation, text, ping, pong, close } = opcodes;

const connectPacket = generate({
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clientId: "oven-1",
  clean: true,
  keepalive: 60,
  username: "oven-1",
  password: Buffer.from("token of oven-1"),
});
const connackBytes = Buffer.from([0x20, 2, 0, 0]);
const pingreqBytes = Buffer.from([0xc0, 0]);
const pingrespBytes = Buffer.from([0xd0, 0]);

/** A device that is let in over raw frames. */
async function loggedIn(port: number): Promise<RawWebSocket> {
  const device = await RawWebSocket.open(port);
  device.send(frame(binary, connectPacket));
  expect(await device.wait(binary)).toEqual(connackBytes);
  return device;
}

const mqttBytes = (device: RawWebSocket): Buffer =>
  Buffer.concat(device.frames.filter(({ opcode }) => opcode === binary).map(({ payload }) => payload));

test.each(["ws", "wss", "wss with a certificate"])("mqtt.js speaks over %s as it does over TCP", async (how) => {
  const { cloud, port, tlsPort } = await openHouse({ ca });
  const isSecure = how !== "ws";
  const { cert, key } = await ca.device("oven-1");
  const client = await connectAsync(`${isSecure ? "wss" : "ws"}://localhost:${isSecure ? tlsPort : port}/mqtt`, {
    clientId: "oven-1",
    reconnectPeriod: 0,
    wsOptions: { ca: ca.serverCa },
    ...(how === "wss with a certificate"
      ? { wsOptions: { ca: ca.serverCa, cert, key } }
      : { username: "oven-1", password: "token of oven-1" }),
  });
  const heard: string[] = [];
  client.on("message", (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await client.subscribeAsync(inbox, { qos: 1 });
  await cloud.wait("ready");
  const large = "x".repeat(200_000);
  cloud.say({ kind: "deliver", ref: "d1", deviceId: "oven-1", channel: "inbox", payload: large });
  await client.publishAsync(events, large, { qos: 1 });
  await until(() => heard.length === 1, "the delivery");
  expect(heard).toEqual([`${inbox} ${large}`]);
  await client.endAsync();
  const records = await cloud.waitRecords(3);
  const [came, said, went] = records.map(({ payload }) => Buffer.from(payload).toString());
  expect(JSON.parse(came ?? "")).toMatchObject({
    via: isSecure ? "wss" : "ws",
    login: how === "wss with a certificate" ? "certificate" : "token",
  });
  expect(said).toBe(large);
  expect(JSON.parse(went ?? "")).toMatchObject({ reason: "closed" });
});

test("where a message ends means nothing: packets may be split over messages and frames, and joined in one", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawWebSocket.open(port);
  for (const byte of connectPacket) device.send(frame(binary, Buffer.from([byte])));
  await until(() => mqttBytes(device).equals(connackBytes), "CONNACK");
  const [one, two] = [generate(publish(events, 1, "first")), generate(publish(events, 2, "second"))];
  device.send(
    frame(binary, Buffer.concat([one, two.subarray(0, 3)]), { isFinal: false }),
    frame(ping, "between frames"),
    frame(continuation, Buffer.alloc(0), { isFinal: false }),
    frame(continuation, Buffer.concat([two.subarray(3), pingreqBytes])),
  );
  const acknowledged = Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2]);
  await until(() => mqttBytes(device).includes(acknowledged), "PUBACKs");
  expect(mqttBytes(device).includes(pingrespBytes)).toBe(true);
  expect((await device.wait(pong)).toString()).toBe("between frames");
  const records = await cloud.waitRecords(2, "events");
  expect(records.map(({ payload }) => Buffer.from(payload).toString())).toEqual(["first", "second"]);
});

const badFrames: [what: string, code: number, bytes: Buffer][] = [
  ["a text message", 1003, frame(text, "hello")],
  ["a frame without a mask", 1002, frame(binary, pingreqBytes, { isMasked: false })],
  ["a reserved bit", 1002, frame(binary, pingreqBytes, { reserved: 4 })],
  ["an unknown kind of frame", 1002, frame(3, pingreqBytes)],
  ["a continuation of nothing", 1002, frame(continuation, pingreqBytes)],
  ["a ping in fragments", 1002, frame(ping, "", { isFinal: false })],
  ["a ping that is too long", 1002, frame(ping, "x".repeat(126))],
  ["a message over the limit", 1009, frame(binary, "", { length: 524_289n })],
  ["a message of 2^40 bytes", 1009, frame(binary, "", { length: 2n ** 40n })],
  ["a message of 2^63 bytes", 1009, frame(binary, "", { length: 2n ** 63n })],
  ["an MQTT packet over the limit", 1009, frame(binary, Buffer.from([0x32, 0x90, 0x84, 0x10]))],
  ["an MQTT length of five bytes", 1002, frame(binary, Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80, 1]))],
  ["another's topic", 1008, frame(binary, generate(publish("hearth/v1/devices/oven-2/events", 1)))],
];

test("what a WebSocket may not carry closes it with its code, and a neighbour notices nothing", async () => {
  const { port } = await openHouse();
  const neighbour = await RawDevice.login(port, "neighbour");
  for (const [what, code, bytes] of badFrames) {
    const device = await loggedIn(port);
    device.send(bytes);
    expect([what, await device.closeCode()]).toEqual([what, code]);
    await device.waitClosed();
  }
  neighbour.send({ cmd: "pingreq" });
  await neighbour.wait("pingresp");
});

test("an MQTT packet that says it is longer than its message waits for the next, and its neighbours' bytes are theirs", async () => {
  const { cloud, port } = await openHouse();
  const device = await loggedIn(port);
  const packet = generate(publish(events, 1, "whole"));
  device.send(frame(binary, packet.subarray(0, packet.length - 1)));
  const other = await RawDevice.login(port, "oven-2");
  other.send(publish("hearth/v1/devices/oven-2/events", 1, "other"));
  await other.wait("puback");
  device.send(frame(binary, packet.subarray(-1)));
  const records = await cloud.waitRecords(2, "events");
  expect(records.map(({ payload }) => Buffer.from(payload).toString())).toEqual(["other", "whole"]);
});

test("a client that closes, a gateway that ends and a login that is refused say so with their codes", async () => {
  const house = await openHouse();
  const leaves = await loggedIn(house.port);
  leaves.send(frame(close, Buffer.from([0x03, 0xe8])));
  expect(await leaves.closeCode()).toBe(1000);
  const refused = await RawDevice.openWebSocket(`ws://127.0.0.1:${house.port}/mqtt`);
  refused.connect("oven-2", { password: "wrong" });
  expect((await refused.wait("connack")).returnCode).toBe(5);
  await refused.waitClosed();
  const stays = await loggedIn(house.port);
  house.cloud.say({ kind: "drain" });
  expect(await stays.closeCode()).toBe(1001);
});

test("pings without end to a client that never reads leave nothing waiting without bound", async () => {
  const { cloud, port } = await openHouse({ limits: { drainTimeoutMs: 500 } });
  const device = await loggedIn(port);
  device.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(ping, "x".repeat(125))));
  for (let n = 0; n < 30; n += 1) device.socket.write(pings);
  const [, went] = await cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(went?.payload ?? []).toString())).toMatchObject({ reason: "lost" });
  device.socket.destroy();
});

test("a client that sends PINGREQ for ever and never reads is cut off", async () => {
  const { cloud, port } = await openHouse({ limits: { drainTimeoutMs: 500, messagesPerSecondMax: 1_000_000 } });
  const device = await loggedIn(port);
  device.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 50 }, () => frame(binary, Buffer.alloc(20_000, pingreqBytes))));
  for (let n = 0; n < 20; n += 1) device.socket.write(pings);
  const [, went] = await cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(went?.payload ?? []).toString())).toMatchObject({ reason: "stalled" });
  device.socket.destroy();
});

test.each<[string, number, string]>([
  ["another path", 404, upgradeRequest("/")],
  ["no upgrade", 426, upgradeRequest("/mqtt", { Upgrade: null, Connection: null })],
  ["an upgrade without the subprotocol mqtt", 400, upgradeRequest("/mqtt", { "Sec-WebSocket-Protocol": null })],
  ["another subprotocol", 400, upgradeRequest("/mqtt", { "Sec-WebSocket-Protocol": "mqttv3.1, chat" })],
  ["another upgrade", 400, upgradeRequest("/mqtt", { Upgrade: "h2c" })],
  ["another version of WebSockets", 400, upgradeRequest("/mqtt", { "Sec-WebSocket-Version": "7" })],
  ["no key", 400, upgradeRequest("/mqtt", { "Sec-WebSocket-Key": null })],
  ["headers over the limit", 431, upgradeRequest("/mqtt", { Cookie: "x".repeat(5_000) })],
  ["what is no HTTP", 400, "GARBAGE\r\n\r\n"],
])("%s is answered with %i, and closed", async (_what, status, request) => {
  const { cloud, port } = await openHouse();
  const client = await RawWebSocket.connect(port);
  client.socket.write(request);
  await client.waitClosed();
  expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(client.text).not.toMatch(/node|ws\/|at .*\.ts/i);
  expect(cloud.of("who")).toEqual([]);
});

test("a query behind the path and other subprotocols beside mqtt are allowed", async () => {
  const { port } = await openHouse();
  const client = await RawWebSocket.connect(port);
  client.socket.write(upgradeRequest("/mqtt?from=console", { "Sec-WebSocket-Protocol": "mqttv3.1, mqtt" }));
  await until(() => client.text.includes("\r\n\r\n"), "an answer");
  expect(client.text).toMatch(/^HTTP\/1.1 101 /);
  expect(client.text).toMatch(/^Sec-WebSocket-Protocol: mqtt\r$/m);
  expect(client.text).not.toMatch(/permessage-deflate/);
});

test.each<[string, string]>([
  ["a request that never ends", "GET /mqtt HTTP/1.1\r\nHost: a\r\n"],
  ["a request with an endless body", "GET /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"],
  ["silence after the upgrade", upgradeRequest()],
  ["half a message after the upgrade", upgradeRequest()],
])("%s is cut off in time", async (what, request) => {
  const { cloud, port } = await openHouse({ limits: { connectTimeoutMs: 200 } });
  const client = await RawWebSocket.connect(port);
  client.socket.write(request);
  if (what.startsWith("half")) {
    await until(() => client.text.includes("\r\n\r\n"), "an answer");
    client.send(frame(binary, connectPacket.subarray(0, 5), { length: 100n }));
  }
  await client.waitClosed();
  expect(cloud.of("who")).toEqual([]);
});

test.each<[string, FrameOptions]>([
  ["in one frame", { length: 200_000n }],
  ["in fragments", { isFinal: false }],
])("before the login a large message %s is not gathered", async (_what, options) => {
  const { cloud, port } = await openHouse({ limits: { connectTimeoutMs: 60_000 } });
  const client = await RawWebSocket.open(port);
  client.send(frame(binary, "x".repeat(9_000), options));
  await client.waitClosed();
  const { counters } = await cloud.waitStatus((status) => status.counters["limit_bytes_before_login"] === 1);
  expect(counters["closed_lost"]).toBe(1);
});

test("many small fragments of one message are cut off", async () => {
  const { port } = await openHouse();
  const client = await loggedIn(port);
  const fragment = frame(continuation, "x", { isFinal: false });
  client.send(frame(binary, "x", { isFinal: false }), ...Array.from({ length: 2_000 }, () => fragment));
  expect(await client.closeCode()).toBe(1008);
  await client.waitClosed();
});

const openOf = ({ counters }: GatewayStatus): number =>
  Object.entries(counters).reduce(
    (open, [name, count]) => (name.startsWith("closed_") ? open - count : open),
    counters["connects"] ?? 0,
  );

test("random frames, before the login and after it, take nobody down and leave nothing behind", async () => {
  const { cloud, port } = await openHouse();
  const neighbour = await RawDevice.login(port, "neighbour");
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  const anyFrame = fc
    .record({
      opcode: fc.constantFrom(0, 1, 2, 2, 2, 3, 8, 9, 10, 15),
      payload: bytes,
      isFinal: fc.boolean(),
      isMasked: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
      reserved: fc.constantFrom(0, 0, 0, 0, 0, 1, 4),
      length: fc.option(fc.bigInt(0n, 2n ** 63n), { nil: undefined, freq: 10 }),
    })
    .map(({ opcode, payload, length, ...options }) =>
      frame(opcode, payload, length === undefined ? options : { ...options, length }),
    );
  const attack = fc.record({ isIn: fc.boolean(), pieces: fc.array(fc.oneof(anyFrame, bytes), { maxLength: 8 }) });
  await fc.assert(
    fc.asyncProperty(attack, async ({ isIn, pieces }) => {
      const device = await (isIn ? loggedIn(port) : RawWebSocket.open(port));
      device.send(...pieces);
      device.socket.end();
      await device.waitClosed();
    }),
    { numRuns: 150 },
  );
  neighbour.send({ cmd: "pingreq" });
  await neighbour.wait("pingresp");
  const { connections } = await cloud.waitNextStatus((status) => openOf(status) === 1 && status.connections === 1);
  expect(connections).toBe(1);
});
