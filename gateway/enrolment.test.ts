import { afterEach, expect, test } from "vitest";
import { provisioningReply } from "#protocol/provisioning.ts";
import { closeHouses, type House, type HouseOptions, openHouse } from "./testing/house.ts";
import { type ConnectOptions, publish, RawDevice } from "./testing/raw-device.ts";
import { TestCa } from "./testing/test-ca.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const request = "hearth/v1/provisioning/2026-41/oven-1/request";
const reply = "hearth/v1/provisioning/2026-41/oven-1/reply";
const renewRequest = "hearth/v1/provisioning/device/oven-1/request";
const renewReply = "hearth/v1/provisioning/device/oven-1/reply";
const csr = JSON.stringify({ csr: "-----BEGIN CERTIFICATE REQUEST-----" });

async function openHouseWithBatch(options: HouseOptions = {}): Promise<House> {
  const house = await openHouse(options);
  house.cloud.batches.set("2026-41", "claim secret");
  return house;
}

const claim = (port: number, options: ConnectOptions = {}): Promise<RawDevice> =>
  RawDevice.login(port, "oven-1", {
    clientId: "claim:2026-41:oven-1",
    username: "claim:2026-41",
    password: "claim secret",
    ...options,
  });

async function claimReady(port: number): Promise<RawDevice> {
  const device = await claim(port);
  device.subscribe(1, reply);
  expect((await device.wait("suback")).granted).toEqual([1]);
  return device;
}

const codeOf = (device: RawDevice): number | undefined => device.all("connack")[0]?.returnCode;

/** The rule of the reply that came `count`th, or `issued`. */
async function answered(device: RawDevice, count = 1): Promise<string> {
  const { payload } = await device.wait("publish", count);
  const said = provisioningReply.parse(JSON.parse(payload.toString()));
  return said.kind === "refused" ? said.rule : said.kind;
}

test("a claim connection hands its request to the cloud, gets its PUBACK then, and the answer once it comes", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 7, csr));
  expect((await device.wait("puback")).messageId).toBe(7);
  expect(await cloud.wait("enrol")).toEqual({
    kind: "enrol",
    askId: 1,
    from: { kind: "claim", batch: "2026-41", serial: "oven-1" },
    payload: csr,
    address: "127.0.0.1",
  });
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  const said = await device.wait("publish");
  expect([said.topic, said.qos, said.retain, said.payload.toString()]).toEqual([reply, 1, false, '{"kind":"issued"}']);
});

test("a claim connection leaves no presence and no record on the up road", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 7, csr), { cmd: "disconnect" });
  await device.waitClosed();
  const oven = await RawDevice.login(port, "oven-2");
  oven.send(publish("hearth/v1/devices/oven-2/events", 1));
  await cloud.waitRecords(1, "events");
  expect(cloud.records.map(({ deviceId, channel }) => [deviceId, channel])).toEqual([
    ["oven-2", "presence"],
    ["oven-2", "events"],
  ]);
  expect(cloud.of("ready")).toEqual([]);
});

test.each([
  "hearth/v1/devices/oven-1/telemetry",
  "hearth/v1/devices/oven-1/events",
  reply,
  "hearth/v1/provisioning/2026-41/oven-2/request",
  "hearth/v1/provisioning/2026-42/oven-1/request",
  renewRequest,
  "hearth/v1/content/oven-x200/de/recipes",
  "$SYS/x/new/clients",
])("publishing to %s ends a claim connection", async (topic) => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(topic, 1));
  await device.waitClosed();
  expect(device.all("puback")).toEqual([]);
  expect([cloud.of("enrol"), cloud.records]).toEqual([[], []]);
});

test.each([
  ["retained", { retain: true, qos: 1 as const }],
  ["with QoS 2", { retain: false, qos: 2 as const }],
])("a request that is sent %s ends the connection", async (_how, how) => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send({ cmd: "publish", topic: request, payload: csr, messageId: 1, dup: false, ...how });
  await device.waitClosed();
  expect(cloud.of("enrol")).toEqual([]);
});

test("a claim connection may subscribe to its own reply and nothing else", async () => {
  const { port } = await openHouseWithBatch();
  const device = await claim(port);
  const filters = [
    reply,
    "#",
    "$SYS/#",
    "hearth/v1/provisioning/#",
    "hearth/v1/provisioning/2026-41/+/reply",
    "hearth/v1/provisioning/2026-41/oven-2/reply",
    request,
    "hearth/v1/devices/oven-1/inbox",
    "hearth/v1/content/oven-x200/#",
  ];
  device.subscribe(1, ...filters);
  expect((await device.wait("suback")).granted).toEqual([1, ...filters.slice(1).map(() => 128)]);
  expect(device.closed).toBe(false);
});

test.each<[string, ConnectOptions, number]>([
  ["a wrong secret", { password: "wrong" }, 5],
  ["no batch of that name", { username: "claim:2026-40", clientId: "claim:2026-40:oven-1" }, 5],
  ["the batch name of those that are in", { username: "claim:device", clientId: "claim:device:oven-1" }, 5],
  ["no batch at all", { username: "claim:", clientId: "claim::oven-1" }, 5],
  ["a session that stays", { clean: false }, 5],
  ["a serial number of its own as client id", { clientId: "oven-1" }, 2],
  ["another batch's client id", { clientId: "claim:2026-40:oven-1" }, 2],
  ["no serial number", { clientId: "claim:2026-41:" }, 2],
  ["a serial number with a wildcard", { clientId: "claim:2026-41:+" }, 2],
  ["a serial number with a level", { clientId: "claim:2026-41:a/b" }, 2],
  ["a serial number that is too long", { clientId: `claim:2026-41:${"x".repeat(65)}` }, 2],
])("a claim login with %s is refused", async (_what, options, code) => {
  const { cloud, port } = await openHouseWithBatch();
  cloud.batches.set("device", "claim secret");
  const device = await claim(port, options);
  await device.waitClosed();
  expect(codeOf(device)).toBe(code);
});

test("a claim credential is no device's, and a device's token is no claim", async () => {
  const { port } = await openHouseWithBatch();
  const asDevice = await claim(port, { username: "oven-1", clientId: "oven-1" });
  expect(codeOf(asDevice)).toBe(5);
  const asClaim = await claim(port, { password: "token of oven-1" });
  expect(codeOf(asClaim)).toBe(5);
});

test("a will ends a claim connection at CONNECT, whatever it says", async () => {
  const { port } = await openHouseWithBatch();
  for (const topic of [request, reply, "hearth/v1/devices/oven-1/events"]) {
    const device = await RawDevice.open(port);
    device.connect("oven-1", {
      clientId: "claim:2026-41:oven-1",
      username: "claim:2026-41",
      password: "claim secret",
      will: { topic, payload: "x" },
    });
    await device.waitClosed();
    expect(device.all("connack")).toEqual([]);
  }
});

test("there is one claim connection for each serial number, and so many in all", async () => {
  const { port } = await openHouseWithBatch({ limits: { claimConnectionsMax: 2 } });
  const first = await claim(port);
  const second = await claim(port);
  await first.waitClosed();
  const other = await claim(port, { clientId: "claim:2026-41:oven-2" });
  const third = await claim(port, { clientId: "claim:2026-41:oven-3" });
  expect([codeOf(second), codeOf(other), codeOf(third)]).toEqual([0, 0, 3]);
  // The room that one leaves is another's; what takes its own place needs none.
  const again = await claim(port, { clientId: "claim:2026-41:oven-2" });
  expect(codeOf(again)).toBe(0);
  second.socket.destroy();
  await until(async () => codeOf(await claim(port, { clientId: "claim:2026-41:oven-3" })) === 0, "room for oven-3");
  const oven = await RawDevice.login(port, "oven-9");
  expect(codeOf(oven)).toBe(0);
});

test("a claim connection may not stay", async () => {
  const { cloud, port } = await openHouseWithBatch({ limits: { claimStayMsMax: 50, connectTimeoutMs: 40 } });
  const device = await claimReady(port);
  const oven = await RawDevice.login(port, "oven-2");
  await device.waitClosed();
  await cloud.waitStatus(({ counters }) => counters["closed_stayed_too_long"] === 1);
  expect(oven.closed).toBe(false);
});

test("a second request before the answer is told so, and does not reach the cloud", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 1, csr), publish(request, 2, csr));
  await device.wait("puback", 2);
  expect(await answered(device)).toBe("one_at_a_time");
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  await device.wait("publish", 2);
  device.send(publish(request, 3, csr));
  expect((await cloud.wait("enrol", 2)).askId).toBe(2);
});

test("over the bound of requests in all, and while there is no answer, a device is told to try again", async () => {
  const { cloud, port } = await openHouseWithBatch({
    limits: { enrolmentsPendingMax: 1 },
    bounds: { enrolTimeoutMs: 50 },
  });
  const [first, second] = [await claimReady(port), await RawDevice.login(port, "oven-2")];
  second.subscribe(1, "hearth/v1/provisioning/device/oven-2/reply");
  await second.wait("suback");
  first.send(publish(request, 1, csr));
  await cloud.wait("enrol");
  second.send(publish("hearth/v1/provisioning/device/oven-2/request", 1, csr));
  expect(await answered(second)).toBe("try_again");
  expect(await answered(first)).toBe("try_again");
  // An answer that comes after all is nobody's.
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  first.send(publish(request, 2, csr));
  await cloud.wait("enrol", 2);
  expect(first.all("publish")).toHaveLength(1);
});

test("beyond the pace of requests devices are told to try again, and those that are in keep theirs", async () => {
  const { cloud, port } = await openHouseWithBatch({ limits: { enrolmentsPerSecondMax: 1 } });
  const device = await claimReady(port);
  for (let n = 1; n <= 2; n += 1) {
    device.send(publish(request, n, csr));
    await cloud.wait("enrol", n);
    cloud.say({ kind: "enrolled", askId: n, payload: '{"kind":"issued"}' });
    await device.wait("publish", n);
  }
  device.send(publish(request, 3, csr));
  expect(await answered(device, 3)).toBe("try_again");
  expect(cloud.of("enrol")).toHaveLength(2);
  const oven = await RawDevice.login(port, "oven-2");
  oven.send(publish("hearth/v1/provisioning/device/oven-2/request", 1, csr));
  expect((await cloud.wait("enrol", 3)).from).toMatchObject({ deviceId: "oven-2" });
});

test("a link that breaks answers what waited on it", async () => {
  const { cloud, port, relink } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 1, csr));
  await cloud.wait("enrol");
  relink();
  expect(await answered(device)).toBe("try_again");
});

test("a payload that no CSR has the size of is refused here", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 1, "x".repeat(9_000)));
  expect(await answered(device)).toBe("request_invalid");
  expect(cloud.of("enrol")).toEqual([]);
});

test("an answer goes to the connection that asked, and not to the one that took its place", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claimReady(port);
  device.send(publish(request, 1, csr));
  await cloud.wait("enrol");
  const other = await claimReady(port);
  await device.waitClosed();
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  other.send(publish(request, 1, csr));
  await cloud.wait("enrol", 2);
  cloud.say({ kind: "enrolled", askId: 2, payload: '{"kind":"refused"}' });
  expect((await other.wait("publish")).payload.toString()).toBe('{"kind":"refused"}');
  expect(other.all("publish")).toHaveLength(1);
});

test("an answer that nobody subscribed to is dropped, and asking again gets another", async () => {
  const { cloud, port } = await openHouseWithBatch();
  const device = await claim(port);
  device.send(publish(request, 1, csr));
  await cloud.wait("enrol");
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  await cloud.waitStatus(({ counters }) => counters["enrol_unheard"] === 1);
  device.subscribe(1, reply);
  await device.wait("suback");
  device.send(publish(request, 2, csr));
  await cloud.wait("enrol", 2);
  cloud.say({ kind: "enrolled", askId: 2, payload: '{"kind":"issued"}' });
  await device.wait("publish");
  expect(device.all("publish")).toHaveLength(1);
});

test("a device that is in asks for its next certificate as itself, and for nobody else's", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, renewReply, "hearth/v1/provisioning/device/oven-2/reply", reply);
  expect((await device.wait("suback")).granted).toEqual([1, 128, 128]);
  device.send(publish(renewRequest, 1, csr));
  expect((await cloud.wait("enrol")).from).toEqual({ kind: "device", deviceId: "oven-1", fingerprint: null });
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  expect((await device.wait("publish")).topic).toBe(renewReply);
  device.send(publish("hearth/v1/provisioning/device/oven-2/request", 2, csr));
  await device.waitClosed();
  expect(cloud.of("enrol")).toHaveLength(1);
});

test("a device that came by certificate asks with its fingerprint, so that it is known how old that one is", async () => {
  const ca = await TestCa.make();
  const { cloud, tlsPort } = await openHouse({ ca });
  const shown = await ca.device("oven-1");
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa, ...shown });
  device.connect("oven-1");
  await device.wait("connack");
  device.send(publish(renewRequest, 1, csr));
  const { from } = await cloud.wait("enrol");
  expect(from).toEqual({ kind: "device", deviceId: "oven-1", fingerprint: shown.fingerprint });
});

test("a claim credential reaches the same over TLS, and its answers", async () => {
  const ca = await TestCa.make();
  const { cloud, tlsPort } = await openHouseWithBatch({ ca });
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa });
  device.connect("oven-1", { clientId: "claim:2026-41:oven-1", username: "claim:2026-41", password: "claim secret" });
  await device.wait("connack");
  device.subscribe(1, reply);
  await device.wait("suback");
  device.send(publish(request, 1, csr));
  await cloud.wait("enrol");
  cloud.say({ kind: "enrolled", askId: 1, payload: '{"kind":"issued"}' });
  expect((await device.wait("publish")).topic).toBe(reply);
});

test("a batch's credential that ends takes its connections with it, and no others", async () => {
  const { cloud, port } = await openHouseWithBatch();
  cloud.batches.set("2026-4", "claim secret");
  const device = await claim(port);
  const other = await claim(port, { clientId: "claim:2026-4:oven-1", username: "claim:2026-4" });
  cloud.batches.delete("2026-41");
  cloud.say({ kind: "forget", name: "claim:2026-41", disconnect: true });
  await device.waitClosed();
  expect(other.closed).toBe(false);
  expect(codeOf(await claim(port))).toBe(5);
});
