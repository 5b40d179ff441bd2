import { afterEach, expect, test } from "vitest";
import type { Presence } from "#protocol/link/messages.ts";
import { closeHouses, deviceIdentity, type House, openHouse } from "./testing/house.ts";
import { type ConnectOptions, RawDevice } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

async function codeOf(port: number, deviceId: string, options: ConnectOptions = {}): Promise<number | undefined> {
  const device = await RawDevice.login(port, deviceId, options);
  if (device.all("connack")[0]?.returnCode !== 0) await device.waitClosed();
  return device.all("connack")[0]?.returnCode;
}

/** Logs a device in until the gateway asks nobody: what the cloud said of it is kept a moment after it was let in. */
async function remember({ cloud, port }: House, deviceId: string, options: ConnectOptions = {}): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const asked = cloud.of("who").length;
    expect(await codeOf(port, deviceId, options)).toBe(0);
    if (cloud.of("who").length === asked) return;
  }
  throw new Error(`the cloud is asked about ${deviceId} again and again`);
}

test("an unknown device and a wrong token are the same from outside: code 5, after the same question to the cloud", async () => {
  const { cloud, port } = await openHouse();
  cloud.devices.set("ghost", null);
  expect(await codeOf(port, "oven-1")).toBe(0);
  const asked = cloud.of("who").length;
  expect(await codeOf(port, "oven-1", { password: "wrong" })).toBe(5);
  expect(cloud.of("who").length).toBe(asked + 1);
  expect(await codeOf(port, "ghost")).toBe(5);
  expect(cloud.of("who").length).toBe(asked + 2);
  expect(await codeOf(port, "oven-1", { password: "" })).toBe(5);
  expect(await codeOf(port, "not/an/id")).toBe(5);
});

test("a client id other than the device's own is refused after a right token alone, and the device stays connected", async () => {
  const { port } = await openHouse();
  const oven = await RawDevice.login(port, "oven-2");
  expect(await codeOf(port, "oven-1", { clientId: "oven-2" })).toBe(2);
  expect(await codeOf(port, "oven-1", { clientId: "" })).toBe(2);
  expect(await codeOf(port, "oven-1", { clientId: "oven-2", password: "wrong" })).toBe(5);
  expect(oven.closed).toBe(false);
});

test.each(["__proto__", "constructor", "-", "a".repeat(64), "x.y_z-1"])(
  "the odd but valid device id %s is let in",
  async (id) => {
    const { port } = await openHouse();
    expect(await codeOf(port, id)).toBe(0);
  },
);

test("a known device is let in while the cloud is silent, an unknown one is told to come back later", async () => {
  const house = await openHouse({ bounds: { askTimeoutMs: 1_000 } });
  const { cloud, port } = house;
  await remember(house, "oven-1");
  cloud.silent = true;
  expect(await codeOf(port, "oven-1")).toBe(0);
  expect(await codeOf(port, "oven-3")).toBe(3);
  expect(await codeOf(port, "oven-1", { password: "wrong" })).toBe(3);
});

test("what was cached lets a device in after a restart without a cloud", async () => {
  const first = await openHouse();
  expect(await codeOf(first.port, "oven-1")).toBe(0);
  await first.stop();
  const second = await openHouse({ dir: first.dir, bounds: { askTimeoutMs: 100 } });
  second.cloud.silent = true;
  expect(await codeOf(second.port, "oven-1")).toBe(0);
  expect(await codeOf(second.port, "oven-2")).toBe(3);
});

test("each identity is confirmed once a link: a token that ended while the link was down no longer counts", async () => {
  const house = await openHouse();
  const { cloud, port, relink } = house;
  await remember(house, "oven-1");
  cloud.devices.set("oven-1", { model: "oven-x200", token: "new" });
  relink();
  expect(await codeOf(port, "oven-1")).toBe(5);
  expect(await codeOf(port, "oven-1", { password: "new" })).toBe(0);
});

test("forget drops what was cached, and disconnects where asked", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1", {
    will: { topic: "hearth/v1/devices/oven-1/events", payload: "will" },
  });
  cloud.devices.set("oven-1", null);
  cloud.say({ kind: "forget", name: "oven-1", disconnect: true });
  await device.waitClosed();
  const presence = await cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(presence[1]?.payload ?? []).toString())).toMatchObject({ reason: "revoked" });
  expect(await codeOf(port, "oven-1")).toBe(5);
  expect(cloud.records.filter(({ channel }) => channel === "events")).toEqual([]);
});

test("an answer that is overtaken by a block lets nobody in: the cloud is asked again", async () => {
  const { cloud, port } = await openHouse();
  cloud.silent = true;
  const device = await RawDevice.open(port);
  device.connect("oven-1");
  const { askId, name: deviceId } = await cloud.wait("who");
  cloud.devices.set("oven-1", null);
  cloud.silent = false;
  cloud.say({ kind: "forget", name: deviceId, disconnect: true });
  cloud.say({ kind: "identity", askId, identity: deviceIdentity(deviceId, "oven-x200", "token of oven-1") });
  await device.waitClosed();
  expect(device.all("connack")[0]?.returnCode).toBe(5);
  expect(await codeOf(port, "oven-1")).toBe(5);
});

test("a device that is blocked while the cloud is asked, and then falls silent, is not let in from memory", async () => {
  const { cloud, port, relink } = await openHouse({ bounds: { askTimeoutMs: 200 } });
  expect(await codeOf(port, "oven-1")).toBe(0);
  relink();
  await cloud.wait("hello", 2);
  cloud.silent = true;
  const device = await RawDevice.open(port);
  device.connect("oven-1");
  await cloud.wait("who", 2);
  cloud.say({ kind: "forget", name: "oven-1", disconnect: true });
  await device.waitClosed();
  expect(device.all("connack")[0]?.returnCode).toBe(3);
});

test("a second connection of a device ends the first, and each disconnect names its own connection", async () => {
  const { cloud, port } = await openHouse();
  const first = await RawDevice.login(port, "oven-1");
  const second = await RawDevice.login(port, "oven-1");
  await first.waitClosed();
  second.send({ cmd: "disconnect" });
  const presence = await cloud.waitRecords(4, "presence");
  const told = presence.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
  expect(told.filter(({ connectionId }) => connectionId === 1).map(({ state, reason }) => [state, reason])).toEqual([
    ["connected", undefined],
    ["disconnected", "taken_over"],
  ]);
  expect(told.filter(({ connectionId }) => connectionId === 2).map(({ state, reason }) => [state, reason])).toEqual([
    ["connected", undefined],
    ["disconnected", "closed"],
  ]);
});

test("an address that fails too often no longer makes the gateway ask, and its known devices still come in", async () => {
  const { cloud, port } = await openHouse({ bounds: { loginFailuresPerMinuteMax: 3 } });
  expect(await codeOf(port, "oven-1")).toBe(0);
  for (let n = 0; n < 3; n += 1) expect(await codeOf(port, "oven-1", { password: `wrong ${n}` })).toBe(5);
  const asked = cloud.of("who").length;
  expect(await codeOf(port, "oven-1", { password: "wrong" })).toBe(3);
  expect(await codeOf(port, "oven-2")).toBe(3);
  expect(cloud.of("who").length).toBe(asked);
  expect(await codeOf(port, "oven-1")).toBe(0);
});

test("MQTT 5 and 3.1 are answered with code 1", async () => {
  const { port } = await openHouse();
  for (const [name, level] of [
    ["MQTT", 5],
    ["MQIsdp", 3],
  ] as const) {
    const device = await RawDevice.open(port);
    const body = [0, name.length, ...Buffer.from(name), level, 2, 0, 60, 0, 0, 1, 0x61];
    device.bytes(0x10, body.length, ...body);
    await device.waitClosed();
    expect(device.all("connack")[0]?.returnCode).toBe(1);
  }
});

test.each([
  ["another device's topic", { topic: "hearth/v1/devices/oven-2/events", payload: "x" }],
  ["a wildcard topic", { topic: "hearth/v1/devices/oven-1/#", payload: "x" }],
  ["a retained will", { topic: "hearth/v1/devices/oven-1/events", payload: "x", retain: true }],
  ["a will of QoS 2", { topic: "hearth/v1/devices/oven-1/events", payload: "x", qos: 2 as const }],
])("a will with %s closes the connection at CONNECT", async (_what, will) => {
  const { port } = await openHouse();
  const device = await RawDevice.open(port);
  device.connect("oven-1", { will });
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test("a will on its own topic reaches the cloud when the connection is lost, and not after DISCONNECT", async () => {
  const { cloud, port } = await openHouse();
  const will = { topic: "hearth/v1/devices/oven-1/events", payload: "lost" };
  const first = await RawDevice.login(port, "oven-1", { will });
  first.send({ cmd: "disconnect" });
  await first.waitClosed();
  const second = await RawDevice.login(port, "oven-1", { will });
  second.socket.destroy();
  await cloud.waitRecords(4, "presence");
  expect(cloud.records.filter(({ channel }) => channel === "events").length).toBe(1);
});

const presenceOf = (records: { payload: Uint8Array }[]): Presence[] =>
  records.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));

test("presence tells from where a device came, over what, and with what it logged in", async () => {
  const { cloud, port } = await openHouse();
  await RawDevice.login(port, "oven-1");
  const [came] = presenceOf(await cloud.waitRecords(1, "presence"));
  expect(came).toMatchObject({ state: "connected", address: "127.0.0.1", via: "tcp", login: "token" });
});

test("a rotated token works and the old one ends after its grace, also when the cloud is away by then", async () => {
  const house = await openHouse({ bounds: { askTimeoutMs: 50 } });
  const { cloud, port } = house;
  const graceEndsAtMs = Date.now() + 2_000;
  cloud.devices.set("oven-1", { model: "oven-x200", token: "new", ending: { old: graceEndsAtMs } });
  await remember(house, "oven-1", { password: "old" });
  cloud.silent = true;
  expect(await codeOf(port, "oven-1", { password: "new" })).toBe(0);
  await until(() => Date.now() > graceEndsAtMs, "the end of the grace");
  expect(await codeOf(port, "oven-1", { password: "old" })).toBe(3);
  expect(await codeOf(port, "oven-1", { password: "new" })).toBe(0);
});

test("a connection that came in with a token whose grace ends is cut at the sweep after, and its will stays unsaid", async () => {
  const { cloud, port } = await openHouse({ limits: { connectTimeoutMs: 200 } });
  const will = { topic: "hearth/v1/devices/oven-1/events", payload: "will" };
  const device = await RawDevice.login(port, "oven-1", { will });
  cloud.devices.set("oven-1", {
    model: "oven-x200",
    token: "new",
    ending: { "token of oven-1": Date.now() + 300 },
  });
  cloud.say({ kind: "forget", name: "oven-1", disconnect: false });
  await cloud.wait("who", 2);
  expect(device.closed).toBe(false);
  await device.waitClosed();
  expect(presenceOf(await cloud.waitRecords(2, "presence"))[1]).toMatchObject({ reason: "credential_ended" });
  expect(cloud.records.filter(({ channel }) => channel === "events")).toEqual([]);
  expect(await codeOf(port, "oven-1", { password: "new" })).toBe(0);
});

test("a connection whose token is no longer one of the device's is cut; one with the token in force stays", async () => {
  const { cloud, port } = await openHouse();
  const [stays, goes] = [await RawDevice.login(port, "oven-1"), await RawDevice.login(port, "oven-2")];
  for (const id of ["oven-1", "oven-2"]) {
    if (id === "oven-2") cloud.devices.set(id, { model: "oven-x200", token: "another" });
    cloud.say({ kind: "forget", name: id, disconnect: false });
  }
  await goes.waitClosed();
  expect(presenceOf(await cloud.waitRecords(3, "presence"))[2]).toMatchObject({ reason: "revoked" });
  stays.send({ cmd: "pingreq" });
  await stays.wait("pingresp");
});
