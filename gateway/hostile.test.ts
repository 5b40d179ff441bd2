import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Packet, generate } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { Arena } from "./testing/arena.ts";
import { closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";

afterEach(closeHouses);

const own = "hearth/v1/devices/oven-1";
const recipes = "hearth/v1/content/oven-x200/de/recipes";

test("2,000 hostile connections cost the healthy device nothing, and leave nothing behind", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "hearth-arena-"));
  const arena = await Arena.open(dir);
  try {
    await arena.run(1, 0, 2_000);
    expect(await arena.remains()).toEqual({
      connections: 1,
      held: 0,
      spoolRecords: 0,
      open: 1,
      gates: 1,
      brokerClients: 1,
    });
  } finally {
    await arena.close();
    await rm(dir, { recursive: true, force: true });
  }
});

test("a large packet that is no CONNECT is refused by its header, before any of the rest is kept", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.open(port);
  device.send(publish(`${own}/telemetry`, 1, "x".repeat(200_000)));
  await device.waitClosed();
  expect(device.received).toEqual([]);
  expect((await cloud.waitStatus(({ counters }) => counters["closed_packet_too_large"] === 1)).connections).toBe(0);
});

test("packets that claim to be as large as may be, and never come, take memory for what has come", async () => {
  const { port } = await openHouse();
  const neighbour = await RawDevice.login(port, "neighbour");
  const claimers = await Promise.all(Array.from({ length: 200 }, (_, at) => RawDevice.login(port, `claimer-${at}`)));
  const before = process.memoryUsage().arrayBuffers;
  for (const device of claimers) device.bytes(0x32, 0x80, 0x80, 0x10, 0, 40, ...Buffer.from("hearth/v1/devices/cl"));
  neighbour.send({ cmd: "pingreq" });
  await neighbour.wait("pingresp");
  for (const device of claimers) device.bytes(1, 2, 3);
  neighbour.send({ cmd: "pingreq" });
  await neighbour.wait("pingresp", 2);
  // Together they claim 52 MB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  expect(claimers.filter(({ closed }) => closed)).toEqual([]);
});

test("a flood of QoS 2 in one segment is refused at its first packet, and nothing of it is kept", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1", { clean: false });
  const flood = Array.from({ length: 2_000 }, (_, at) =>
    generate({ ...publish(`${own}/telemetry`, at + 1), qos: 2, cmd: "publish" } as Parameters<typeof generate>[0]),
  );
  device.socket.write(Buffer.concat(flood));
  await device.waitClosed();
  expect(device.received.map(({ cmd }) => cmd)).toEqual(["connack"]);
  await cloud.waitRecords(2, "presence");
  expect(cloud.records.filter(({ channel }) => channel === "telemetry")).toEqual([]);
});

test.each(["a".repeat(50) + "/".repeat(101), "$SYS/x/new/clients", `${own}/telemetry\0`])(
  "a PUBLISH to %j takes no neighbour down",
  async (topic) => {
    const { port } = await openHouse();
    const neighbour = await RawDevice.login(port, "oven-2");
    const device = await RawDevice.login(port, "oven-1");
    const name = Buffer.from(topic);
    device.bytes(0x30, name.length + 4, 0, name.length, ...name, 0x7b, 0x7d);
    await device.waitClosed();
    neighbour.send({ cmd: "pingreq" });
    await neighbour.wait("pingresp");
    expect(neighbour.closed).toBe(false);
  },
);

test.each(["#", "+", "oven/1", "a".repeat(65), ".oven", "$oven", ""])(
  "the client id %j is refused even to one whose token the cloud would know",
  async (id) => {
    const { cloud, port } = await openHouse();
    const device = await RawDevice.login(port, id);
    expect(device.all("connack")[0]?.returnCode).toBe(5);
    await device.waitClosed();
    expect(cloud.of("who")).toEqual([]);
  },
);

test("a session that is left behind again and again is one session, and all of them queue within one bound", async () => {
  const { cloud, port } = await openHouse({ limits: { queuedMax: 10 } });
  for (const id of ["oven-1", "oven-2", "oven-3", "oven-1", "oven-2", "oven-3"]) {
    const device = await RawDevice.login(port, id, { clean: false });
    device.subscribe(1, recipes);
    await device.wait("suback");
    device.socket.destroy();
  }
  await cloud.waitRecords(12, "presence");
  for (let version = 2; version < 7; version += 1) {
    cloud.say({ kind: "feeds_changed", version, items: [{ topic: recipes, payload: `v${version}` }] });
  }
  const { counters } = await cloud.waitStatus((status) => (status.counters["feeds_published"] ?? 0) === 5);
  // Three queues of five do not fit: one session goes, the two others keep all of theirs.
  expect(counters["sessions_dropped"]).toBe(1);
  let kept = 0;
  for (const id of ["oven-1", "oven-2", "oven-3"]) {
    const device = await RawDevice.login(port, id, { clean: false });
    if (!device.all("connack")[0]?.sessionPresent) continue;
    kept += 1;
    await device.wait("publish", 5);
  }
  expect(kept).toBe(2);
});

test("what a device was subscribed to and what waited for it does not survive a change of its owner", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1", { clean: false });
  device.subscribe(1, recipes);
  await device.wait("suback");
  device.socket.destroy();
  await cloud.waitRecords(2, "presence");
  cloud.say({ kind: "feeds_changed", version: 2, items: [{ topic: recipes, payload: "for the old owner" }] });
  cloud.say({ kind: "forget", name: "oven-1", disconnect: true });
  const again = await RawDevice.login(port, "oven-1", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(false);
  again.send({ cmd: "pingreq" });
  await again.wait("pingresp");
  expect(again.all("publish")).toEqual([]);
});

test("UNSUBSCRIBE and SUBSCRIBE for one filter in one segment leave the new subscription, and none that outlives it", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, recipes);
  await device.wait("suback");
  const change: Packet[] = [
    { cmd: "unsubscribe", messageId: 2, unsubscriptions: [recipes] },
    { cmd: "subscribe", messageId: 3, subscriptions: [{ topic: recipes, qos: 0 }] },
  ];
  device.send(...change);
  await device.wait("suback", 2);
  cloud.say({ kind: "feeds_changed", version: 2, items: [{ topic: recipes, payload: "still there" }] });
  expect((await device.wait("publish")).payload.toString()).toBe("still there");
  device.send({ cmd: "unsubscribe", messageId: 4, unsubscriptions: [recipes] });
  await device.wait("unsuback", 2);
  cloud.say({ kind: "feeds_changed", version: 3, items: [{ topic: recipes, payload: "no longer wanted" }] });
  await cloud.waitStatus(({ counters }) => counters["feeds_published"] === 2);
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp");
  expect(device.all("publish").length).toBe(1);
});
