import { once } from "node:events";
import { connect } from "node:net";
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import { systemClock } from "./platform/clock.ts";
import { type House, type HouseOptions, closeHouses, openHouse as openAnyHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
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

/** The session that the server gave last. TLS 1.3 gives it after the handshake. */
async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  return until(() => socket.getSession(), "a session");
}

test("a device comes in over TLS with its token, and is heard", async () => {
  const { cloud, tlsPort } = await openHouse({ ca });
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa });
  expect(device.socket.authorized).toBe(true);
  device.connect("oven-1");
  expect((await device.wait("connack")).returnCode).toBe(0);
  device.send(publish("hearth/v1/devices/oven-1/events", 1, '{"id":"a"}'));
  await device.wait("puback");
  const [presence] = await cloud.waitRecords(1, "presence");
  expect(JSON.parse(Buffer.from(presence?.payload ?? []).toString())).toMatchObject({ via: "tls", login: "token" });
});

test.each([
  ["TLS 1.1", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
  ["TLS 1.0", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }],
] satisfies [string, ConnectionOptions][])("%s is refused", async (_what, options) => {
  const { cloud, tlsPort } = await openHouse({ ca });
  const socket = connectTls({ port: tlsPort, host: "127.0.0.1", ca: ca.serverCa, ...options });
  const [error] = await once(socket, "error");
  expect(error.code).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  const { counters } = await cloud.waitStatus((status) => status.counters["tls_refused_version"] === 1);
  expect(counters["tls_handshakes"]).toBe(0);
});

test.each(["ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"])(
  "the TLS 1.2 cipher %s, which is not both forward secret and authenticated, is refused",
  async (ciphers) => {
    const { tlsPort } = await openHouse({ ca });
    const socket = connectTls({ port: tlsPort, host: "127.0.0.1", ca: ca.serverCa, maxVersion: "TLSv1.2", ciphers });
    const [error] = await once(socket, "error");
    expect(error.code).toMatch(/HANDSHAKE_FAILURE/);
  },
);

test.each(["TLSv1.2", "TLSv1.3"] as const)("with %s a session is resumed, and that is counted", async (version) => {
  const { cloud, tlsPort } = await openHouse({ ca });
  const first = await RawDevice.openTls(tlsPort, { ca: ca.serverCa, maxVersion: version });
  first.connect("oven-1");
  await first.wait("connack");
  const session = await sessionOf(first.socket);
  const second = await RawDevice.openTls(tlsPort, { ca: ca.serverCa, maxVersion: version, session });
  expect(second.socket.isSessionReused()).toBe(true);
  second.connect("oven-1");
  expect((await second.wait("connack")).returnCode).toBe(0);
  const { counters } = await cloud.waitStatus((status) => status.counters["tls_handshakes"] === 2);
  expect(counters["tls_resumed"]).toBe(1);
});

test("a TLS 1.2 client that wants to negotiate anew, and could show another certificate then, is refused that", async () => {
  const { tlsPort } = await openHouse({ ca });
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa, maxVersion: "TLSv1.2" });
  const failed = once(device.socket, "error");
  device.socket.renegotiate({}, () => {});
  const [error] = await failed;
  expect(error.code).toBe("ERR_SSL_NO_RENEGOTIATION");
});

test("MQTT without TLS on the TLS port is closed and answered by nothing that looks like MQTT", async () => {
  const { cloud, tlsPort } = await openHouse({ ca });
  const socket = connect({ port: tlsPort, host: "127.0.0.1" });
  const said: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => said.push(chunk));
  socket.write(Buffer.from([0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 2, 0x61, 0x62]));
  await once(socket, "close");
  // At most an alert.
  expect(Buffer.concat(said)[0] ?? 0x15).toBe(0x15);
  await cloud.waitStatus((status) => status.counters["tls_failed"] === 1);
});

test.each([
  ["says nothing", []],
  ["begins a handshake and stops", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
])("whoever %s on the TLS port is cut off in time", async (_what, bytes) => {
  const { cloud, tlsPort } = await openHouse({ ca, limits: { connectTimeoutMs: 200 } });
  const device = await RawDevice.open(tlsPort);
  device.bytes(...bytes);
  await device.waitClosed();
  const { counters } = await cloud.waitStatus((status) => status.counters["limit_connect_timeout_ms"] === 1);
  expect(counters["tls_handshakes"]).toBe(0);
});

test("one byte of a handshake at a time is given up in time", async () => {
  const { cloud, tlsPort } = await openHouse({ ca, limits: { connectTimeoutMs: 300 } });
  const device = await RawDevice.open(tlsPort);
  // A record of a ClientHello that never gets whole.
  device.bytes(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);
  const drip = setInterval(() => device.bytes(0), 10);
  await device.waitClosed();
  clearInterval(drip);
  const { counters } = await cloud.waitStatus((status) => status.counters["limit_connect_timeout_ms"] === 1);
  expect(counters["tls_handshakes"]).toBe(0);
});

test("the clock of a CONNECT does not begin anew after the handshake", async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  const limits = { connectTimeoutMs: 60_000, drainTimeoutMs: 200 };
  const { cloud, tlsPort } = await openHouse({ ca, clock, limits });
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa });
  aheadMs = 40_000;
  device.bytes(0x10);
  await cloud.waitStatus((status) => status.counters["connects"] === 1);
  expect(device.closed).toBe(false);
  aheadMs = 61_000;
  await device.waitClosed();
});

test("renewed material meets new handshakes, and connections that are open stay", async () => {
  const { cloud, tlsPort } = await openHouse({ ca });
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa });
  device.connect("oven-1");
  await device.wait("connack");
  const next = await TestCa.make("Next");
  cloud.say({ kind: "tls", material: next.material });
  await cloud.heard();
  const later = await RawDevice.openTls(tlsPort, { ca: next.serverCa });
  later.connect("oven-2");
  expect((await later.wait("connack")).returnCode).toBe(0);
  await expect(RawDevice.openTls(tlsPort, { ca: ca.serverCa })).rejects.toThrow(/certificate/);
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp");
  // Material that is none changes nothing.
  cloud.say({ kind: "tls", material: { ...next.material, key: "no key" } });
  cloud.say({ kind: "tls", material: { ...next.material, clientCa: "" } });
  await cloud.heard();
  await RawDevice.openTls(tlsPort, { ca: next.serverCa });
});

test.each([
  ["mqtt", "port"],
  ["mqtts", "tlsPort"],
] as const)("a port of %s that is taken is named", async (_what, name) => {
  const first = await openHouse({ ca });
  const taken = first[name];
  await expect(openHouse({ ca, [name]: taken })).rejects.toMatchObject({ code: "EADDRINUSE", port: taken });
});
