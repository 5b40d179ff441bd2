import type { Packet } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import type { GatewaySecurityKind, SecurityReport } from "#protocol/link/messages.ts";
import { type PlayedCloud, closeHouses, openHouse } from "./testing/house.ts";
import { type ConnectOptions, RawDevice, publish } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const own = "hearth/v1/devices/oven-1";
const secret = "s3cret-5f1c";
const planted = "payload-77ad";

const reportsOf = (cloud: PlayedCloud): SecurityReport[] =>
  cloud.records
    .filter(({ channel }) => channel === "security")
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));

async function waitReports(cloud: PlayedCloud, count = 1): Promise<SecurityReport[]> {
  await until(() => reportsOf(cloud).length >= count, `${count} security reports`);
  return reportsOf(cloud);
}

const connecting = (options: ConnectOptions) => async (port: number) => {
  const device = await RawDevice.open(port);
  device.connect("oven-1", options);
  await device.waitClosed();
};
const afterLogin = (act: (device: RawDevice) => void) => async (port: number) => {
  const device = await RawDevice.login(port, "oven-1");
  act(device);
  await device.waitClosed();
};
const raw =
  (...bytes: number[]) =>
  async (port: number) => {
    const device = await RawDevice.open(port);
    device.bytes(...bytes);
    await device.waitClosed();
  };
const qos2: Packet = { ...publish(`${own}/events`, 3, planted), qos: 2, cmd: "publish" } as Packet;

/** Every refusal that a connection can bring on itself, and how it is told. */
const refusals: [GatewaySecurityKind, string, name: string, offend: (port: number) => Promise<void>][] = [
  ["login_refused", "wrong_token", "oven-1", connecting({ password: secret })],
  ["login_refused", "unknown_name", "ghost", connecting({ username: "ghost", password: secret })],
  ["login_refused", "malformed_name", "no/id", connecting({ username: "no/id", password: secret })],
  ["login_refused", "client_id_differs", "oven-1", connecting({ clientId: "neighbour" })],
  [
    "will_refused",
    "not_allowed",
    "oven-1",
    connecting({ will: { topic: "hearth/v1/devices/x/events", payload: planted } }),
  ],
  ["publish_refused", "not_allowed", "oven-1", afterLogin((it) => it.send(publish("a/b", 1, planted)))],
  ["publish_refused", "qos_2", "oven-1", afterLogin((it) => it.send(qos2))],
  [
    "limit_hit",
    "bytes_per_payload",
    "oven-1",
    afterLogin((it) => it.send(publish(`${own}/events`, 1, planted.repeat(30_000)))),
  ],
  ["protocol_error", "unexpected_packet", "oven-1", afterLogin((it) => it.bytes(0xff, 0))],
  ["protocol_error", "not_connect", "", raw(0x30, 2, 0, 0)],
  ["protocol_error", "protocol_version", "", raw(0x10, 13, 0, 4, 77, 81, 84, 84, 5, 2, 0, 60, 0, 0, 0)],
];

test.each(refusals)(
  "%s, %s by '%s': closes only the offender, is told and logged once with its reason and no secret",
  async (kind, reason, name, offend) => {
    const lines: string[] = [];
    const { cloud, port } = await openHouse({
      bounds: { securityWindowMs: 30 },
      log: (line) => lines.push(line),
    });
    cloud.devices.set("ghost", null);
    const neighbour = await RawDevice.login(port, "neighbour");
    await offend(port);
    const [report, ...more] = await waitReports(cloud);
    expect(more).toEqual([]);
    expect(report).toMatchObject({ kind, reason, name, address: "127.0.0.1", count: 1 });
    const logged = lines.map((line) => JSON.parse(line)).filter(({ event }) => String(event).startsWith("security."));
    expect(logged).toEqual([
      expect.objectContaining({ event: `security.${kind}`, reason, name, address: "127.0.0.1", count: 1, level: 40 }),
    ]);
    const everything = [...lines, ...cloud.records.map(({ payload }) => Buffer.from(payload).toString())].join();
    for (const word of [secret, planted, "token of"]) expect(everything).not.toContain(word);
    neighbour.send(publish("hearth/v1/devices/neighbour/events", 1));
    await neighbour.wait("puback");
    expect(neighbour.closed).toBe(false);
  },
);

test("a refused filter leaves the connection, and is told once for each", async () => {
  const { cloud, port } = await openHouse({
    bounds: { securityWindowMs: 30 },
    limits: { subscriptionsPerConnectionMax: 1 },
  });
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, "#", `${own}/inbox`, `${own}/desired`);
  await device.wait("suback");
  const reports = await waitReports(cloud, 2);
  expect(reports.map(({ kind, reason, count, name }) => `${kind} ${reason} ${count} ${name}`).toSorted()).toEqual([
    "subscribe_refused not_allowed 1 oven-1",
    "subscribe_refused subscriptions_per_connection_max 1 oven-1",
  ]);
  expect(device.closed).toBe(false);
});

test("device A's credential with B's client id is refused, and B stays connected and is not told apart outside", async () => {
  const { cloud, port } = await openHouse({ bounds: { securityWindowMs: 30 } });
  const b = await RawDevice.login(port, "oven-b");
  const a = await RawDevice.login(port, "oven-a", { clientId: "oven-b" });
  expect(a.all("connack")[0]?.returnCode).toBe(2);
  const [report] = await waitReports(cloud);
  expect(report).toMatchObject({ kind: "login_refused", reason: "client_id_differs", name: "oven-a" });
  b.send({ cmd: "pingreq" });
  await b.wait("pingresp");
});

test("a record bears the name where it can be a device's, and no id where it cannot", async () => {
  const { cloud, port } = await openHouse({ bounds: { securityWindowMs: 30 } });
  await connecting({ password: "wrong" })(port);
  await connecting({ username: "\u{1F525} no id\n", password: "wrong" })(port);
  const reports = await waitReports(cloud, 2);
  expect(reports.map(({ name }) => name).toSorted()).toEqual(["???no?id?", "oven-1"].toSorted());
  const records = cloud.records.filter(({ channel }) => channel === "security");
  expect(records.map(({ deviceId }) => deviceId).toSorted()).toEqual(["", "oven-1"]);
});

test("an attack costs a bounded number of records and lines, and every refusal of it is counted", async () => {
  const lines: string[] = [];
  const { cloud, port, stop } = await openHouse({
    bounds: {
      securityWindowMs: 60_000,
      securityNamesPerAddressMax: 3,
      securityReportsMax: 6,
      loginFailuresFreeByAddress: 1_000,
    },
    log: (line) => lines.push(line),
  });
  const attempts = 40;
  for (let n = 0; n < attempts; n += 1) {
    cloud.devices.set(`guess-${n}`, null);
    await connecting({ username: `guess-${n}` })(port);
  }
  for (let n = 0; n < 5; n += 1) await raw(0x30, 2, 0, 0)(port);
  await connecting({ clientId: "other" })(port);
  await connecting({ password: "wrong" })(port);
  // What was gathered is told as the gateway ends.
  cloud.say({ kind: "drain" });
  await cloud.waitDrained();
  await stop();
  const reports = reportsOf(cloud);
  expect(reports.length).toBeLessThanOrEqual(7);
  expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(attempts + 7);
  const guesses = reports.filter(({ reason }) => reason === "unknown_name");
  expect(guesses.map(({ name, count }) => [name, count])).toEqual([
    ["guess-0", 1],
    ["guess-1", 1],
    ["guess-2", 1],
    ["", attempts - 3],
  ]);
  expect(reports.filter(({ reason }) => reason === "more").length).toBe(1);
  expect(lines.filter((line) => line.includes('"security.')).length).toBe(reports.length);
});

test("while the spool takes nothing reports go on gathering, and none is lost", async () => {
  const { cloud, port } = await openHouse({ bounds: { securityWindowMs: 30 }, spoolBytesMax: 1_048_576 });
  cloud.commits = false;
  const device = await RawDevice.login(port, "oven-1");
  const filler = "x".repeat(200_000);
  for (let n = 1; n <= 6; n += 1) device.send(publish(`${own}/events`, n, filler));
  await cloud.waitStatus(({ spoolFull }) => spoolFull);
  for (let n = 0; n < 3; n += 1) await raw(0x30, 2, 0, 0)(port);
  const before = reportsOf(cloud).length;
  cloud.commits = true;
  await cloud.waitStatus(({ spoolFull }) => spoolFull);
  const last = cloud.records.at(-1)?.sequence ?? -1;
  cloud.commit(last, 3);
  await waitReports(cloud, before + 1);
  const told = () => reportsOf(cloud).reduce((sum, { count }) => sum + count, 0);
  await until(() => told() === 3, "all three are told");
  expect(told()).toBe(3);
});

test("a takeover tells the address; from the same one it is an appliance that is back", async () => {
  const { cloud, port } = await openHouse({ bounds: { securityWindowMs: 30 } });
  const first = await RawDevice.login(port, "oven-1");
  await RawDevice.login(port, "oven-1");
  await first.waitClosed();
  const [report] = await waitReports(cloud);
  expect(report).toMatchObject({ kind: "takeover", reason: "same_address", name: "oven-1", address: "127.0.0.1" });
});

// Elsewhere the loopback has one address only.
test.runIf(process.platform === "linux")(
  "a takeover from elsewhere is told from both sides: who was replaced, and by whom",
  async () => {
    const { cloud, port } = await openHouse({ bounds: { securityWindowMs: 30 } });
    const first = await RawDevice.login(port, "oven-1");
    await RawDevice.login(port, "oven-1", {}, { localAddress: "127.0.0.2" });
    await first.waitClosed();
    const reports = await waitReports(cloud, 2);
    expect(reports.map(({ reason, address, name }) => `${reason} ${address} ${name}`).toSorted()).toEqual([
      "replaced 127.0.0.1 oven-1",
      "took_over 127.0.0.2 oven-1",
    ]);
  },
);
