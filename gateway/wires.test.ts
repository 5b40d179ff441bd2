import { afterEach, expect, test } from "vitest";
import type { WirePacket } from "#protocol/link/wire.ts";
import { type House, closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const own = "hearth/v1/devices/oven-1";
const recipes = "hearth/v1/content/oven-x200/de/recipes";

/** What is kept of a device. @param goOn goes on watching it */
async function whole({ cloud }: House, name: string, goOn = false): Promise<WirePacket[]> {
  const before = cloud.of("wire").length;
  cloud.say({ kind: "watch", name, on: true });
  if (!goOn) cloud.say({ kind: "watch", name, on: false });
  const message = await cloud.wait("wire", before + 1);
  expect([message.name, message.whole]).toEqual([name, true]);
  return message.packets;
}

const line = ({ direction, type, messageId, publish: told, filters, codes, reasons }: WirePacket): string => {
  const of = told && `qos${told.qos}${told.dup ? " dup" : ""}${told.retain ? " retain" : ""} ${told.topic}`;
  const id = messageId === null ? "" : `#${messageId}`;
  return [direction, type, id, of, ...filters, ...codes, ...reasons]
    .filter((word) => word !== "" && word !== null)
    .join(" ");
};

test("the wire tells each packet of both directions, and no payload and no password", async () => {
  const house = await openHouse();
  const { cloud, port } = house;
  const device = await RawDevice.login(port, "oven-1", { keepalive: 77, clean: false });
  device.subscribe(7, `${own}/inbox`, "#", recipes);
  await device.wait("suback");
  device.send(publish(`${own}/events`, 9, "payload-1"));
  device.send({ ...publish(`${own}/telemetry`, 0, "payload-2") });
  await device.wait("puback");
  device.send({ cmd: "pingreq" }, { cmd: "pingreq" }, { cmd: "pingreq" });
  await device.wait("pingresp", 3);
  cloud.say({ kind: "deliver", ref: "r", deviceId: "oven-1", channel: "inbox", payload: "payload-3" });
  const delivered = await device.wait("publish");
  device.send({ cmd: "puback", messageId: delivered.messageId ?? 0 });
  cloud.say({ kind: "feeds_changed", version: 2, items: [{ topic: recipes, payload: "payload-4" }] });
  await device.wait("publish", 2);
  device.send({ cmd: "unsubscribe", messageId: 8, unsubscriptions: [recipes] });
  await device.wait("unsuback");
  device.send({ cmd: "disconnect" });
  await device.waitClosed();
  await cloud.waitRecords(2, "presence");
  const packets = await whole(house, "oven-1");
  expect(packets.map(line)).toEqual([
    "in connect",
    "out connack 0",
    `in subscribe #7 ${own}/inbox # ${recipes}`,
    "out suback #7 1 128 1",
    `in publish #9 qos1 ${own}/events`,
    `in publish qos0 ${own}/telemetry`,
    "out puback #9",
    "in pingreq",
    `out publish #${delivered.messageId} qos1 ${own}/inbox`,
    `in puback #${delivered.messageId}`,
    `out publish #${device.all("publish")[1]?.messageId} qos1 ${recipes}`,
    `in unsubscribe #8 ${recipes}`,
    "out unsuback #8",
    "in disconnect",
    "none closed closed",
  ]);
  expect(packets[0]?.connect).toEqual({ clean: false, keepaliveS: 77, via: "tcp", login: "token" });
  expect(packets[7]?.count).toBe(3);
  expect(packets[4]?.size).toBe(2 + 2 + `${own}/events`.length + 2 + "payload-1".length);
  for (const word of ["payload", "token of"]) expect(JSON.stringify(packets)).not.toContain(word);
});

test("a refused login is there with its reason, and so is whatever closed a connection", async () => {
  const house = await openHouse();
  const { cloud, port } = house;
  const foreign = await RawDevice.login(port, "oven-1");
  foreign.send(publish("hearth/v1/devices/oven-2/events", 5, "payload"));
  await foreign.waitClosed();
  await RawDevice.login(port, "oven-1", { password: "wrong" });
  const willing = await RawDevice.open(port);
  willing.connect("oven-1", { will: { topic: "a/b", payload: "will" } });
  await willing.waitClosed();
  cloud.devices.set("ghost", null);
  await RawDevice.login(port, "ghost");
  expect((await whole(house, "oven-1")).map(line)).toEqual([
    "in connect",
    "out connack 0",
    "in publish #5 qos1 hearth/v1/devices/oven-2/events",
    "none closed publish_refused not_allowed",
    "in connect",
    "out connack 5 wrong_token",
    "in connect",
    "none closed will_refused not_allowed",
  ]);
  expect((await whole(house, "ghost")).map(line)).toEqual(["in connect", "out connack 5 unknown_name"]);
  expect(await whole(house, "nobody-ever")).toEqual([]);
});

test("the last 200 are kept over connections, also of one that takes the place of another", async () => {
  const house = await openHouse({ bounds: { wirePacketsMax: 16 } });
  const { port, cloud } = house;
  const first = await RawDevice.login(port, "oven-1");
  for (let n = 1; n <= 20; n += 1) first.send(publish(`${own}/events`, n));
  await first.wait("puback", 20);
  await RawDevice.login(port, "oven-1");
  await first.waitClosed();
  await cloud.waitRecords(3, "presence");
  const packets = await whole(house, "oven-1");
  expect(packets.length).toBe(16);
  expect(packets.slice(-3).map(line)).toEqual(["none closed taken_over", "in connect", "out connack 0"]);
});

test("who watches gets what is there and then what comes, each packet once; a repeated ping replaces the one before", async () => {
  const house = await openHouse({ bounds: { wireTellMs: 10 } });
  const { cloud, port } = house;
  const device = await RawDevice.login(port, "oven-1");
  const told = await whole(house, "oven-1", true);
  const shown = new Map(told.map((packet) => [packet.id, packet]));
  const seen = () => {
    for (const { packets, whole: isWhole } of cloud.of("wire")) {
      if (!isWhole) for (const packet of packets) shown.set(packet.id, packet);
    }
    return [...shown.values()];
  };
  for (let n = 1; n <= 3; n += 1) {
    device.send(publish(`${own}/events`, n));
    await device.wait("puback", n);
  }
  await until(() => seen().length === 8, "three more and their answers");
  for (let n = 1; n <= 3; n += 1) {
    device.send({ cmd: "pingreq" });
    await device.wait("pingresp", n);
    await until(() => seen().at(-1)?.count === n, `ping ${n}`);
  }
  expect(seen().map(line)).toEqual([
    "in connect",
    "out connack 0",
    ...[1, 2, 3].flatMap((n) => [`in publish #${n} qos1 ${own}/events`, `out puback #${n}`]),
    "in pingreq",
  ]);
  await RawDevice.login(port, "oven-1", { password: "wrong" });
  await until(() => seen().some(({ reasons }) => reasons.includes("wrong_token")), "the refusal");
  cloud.say({ kind: "watch", name: "oven-1", on: false });
  await whole(house, "oven-2");
  const count = cloud.of("wire").length;
  device.send(publish(`${own}/events`, 4));
  await device.wait("puback", 4);
  await cloud.wait("status", cloud.of("status").length + 2);
  expect(cloud.of("wire").length).toBe(count);
});

test("what is kept of devices that are gone and of names that were refused is bounded, and watching ends with the link", async () => {
  const house = await openHouse({ bounds: { wiresEndedMax: 2, wiresRefusedMax: 2, watchesMax: 1, wireTellMs: 10 } });
  const { cloud, port, relink } = house;
  for (let n = 0; n < 4; n += 1) {
    const device = await RawDevice.login(port, `oven-${n}`);
    device.send({ cmd: "disconnect" });
    await device.waitClosed();
    await RawDevice.login(port, `bad-${n}`, { password: "wrong" });
  }
  await cloud.waitRecords(8, "presence");
  const kept = [];
  for (let n = 0; n < 4; n += 1) {
    kept.push([(await whole(house, `oven-${n}`)).length, (await whole(house, `bad-${n}`)).length]);
  }
  expect(kept).toEqual([
    [0, 0],
    [0, 0],
    [4, 2],
    [4, 2],
  ]);
  await whole(house, "oven-2", true);
  await whole(house, "oven-3", true);
  relink();
  await cloud.wait("hello", 2);
  const count = cloud.of("wire").length;
  await RawDevice.login(port, "oven-2");
  await RawDevice.login(port, "oven-3");
  await cloud.wait("status", cloud.of("status").length + 2);
  expect(cloud.of("wire").length).toBe(count);
});
