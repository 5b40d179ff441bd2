import { connectAsync } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const inbox = "hearth/v1/devices/oven-1/inbox";
const desired = "hearth/v1/devices/oven-1/desired";
const recipes = "hearth/v1/content/oven-x200/de/recipes";
const foreign = "hearth/v1/content/hob-1/de/recipes";

test("a refused filter is answered 0x80 and the connection stays", async () => {
  const { port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, inbox, "#", "$SYS/#", `$share/g/${inbox}`, recipes, foreign);
  const suback = await device.wait("suback");
  expect(suback.granted).toEqual([1, 128, 128, 128, 1, 128]);
  expect(device.closed).toBe(false);
});

test("a refused filter beside an allowed one is not there after a reconnect with clean=false", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1", { clean: false });
  device.subscribe(1, recipes, foreign, "hearth/v1/devices/oven-2/inbox");
  expect((await device.wait("suback")).granted).toEqual([1, 128, 128]);
  device.socket.destroy();
  await cloud.waitRecords(2, "presence");
  cloud.say({
    kind: "feeds_changed",
    version: 2,
    items: [
      { topic: foreign, payload: "not for ovens" },
      { topic: recipes, payload: "for ovens" },
    ],
  });
  await cloud.waitStatus(({ counters }) => counters["feeds_published"] === 2);
  const again = await RawDevice.login(port, "oven-1", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(true);
  cloud.say({ kind: "feeds_changed", version: 3, items: [{ topic: foreign, payload: "again" }] });
  cloud.say({ kind: "feeds_changed", version: 4, items: [{ topic: recipes, payload: "again" }] });
  await again.wait("publish", 2);
  expect(again.all("publish").map(({ topic, payload }) => [topic, payload.toString()])).toEqual([
    [recipes, "for ovens"],
    [recipes, "again"],
  ]);
});

test("subscriptions over the bound are refused", async () => {
  const { port } = await openHouse({ limits: { subscriptionsPerConnectionMax: 2 } });
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, inbox, desired, recipes);
  expect((await device.wait("suback")).granted).toEqual([1, 1, 128]);
  device.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [desired] });
  await device.wait("unsuback");
  device.subscribe(3, recipes);
  expect((await device.wait("suback", 2)).granted).toEqual([1]);
});

test("a granted inbox is told as ready, a delivery is written, and its PUBACK needs no answer", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, inbox);
  expect(await cloud.wait("ready")).toMatchObject({ deviceId: "oven-1", connectionId: 1, channels: ["inbox"] });
  cloud.say({ kind: "deliver", ref: "d1", deviceId: "oven-1", channel: "inbox", payload: '{"id":1}' });
  const publish = await device.wait("publish");
  expect([publish.topic, publish.qos, publish.payload.toString()]).toEqual([inbox, 1, '{"id":1}']);
  expect(await cloud.wait("written")).toMatchObject({ ref: "d1", deviceId: "oven-1" });
  device.send({ cmd: "puback", messageId: publish.messageId ?? 0 }, { cmd: "pingreq" });
  await device.wait("pingresp");
  expect(device.closed).toBe(false);
});

test("a wildcard on its own topics makes both channels ready, and UNSUBSCRIBE ends that", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, "hearth/v1/devices/oven-1/#");
  expect((await cloud.wait("ready")).channels).toEqual(["inbox", "desired"]);
  device.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["hearth/v1/devices/oven-1/#"] });
  await device.wait("unsuback");
  cloud.say({ kind: "deliver", ref: "d1", deviceId: "oven-1", channel: "inbox", payload: "{}" });
  expect(await cloud.wait("not_written")).toMatchObject({ ref: "d1", reason: "absent" });
});

test("a delivery to a device that is not there or has not subscribed is not written, and never queued", async () => {
  const { cloud, port } = await openHouse();
  cloud.say({ kind: "deliver", ref: "d1", deviceId: "oven-1", channel: "inbox", payload: "{}" });
  expect(await cloud.wait("not_written")).toMatchObject({ ref: "d1", reason: "absent" });
  const device = await RawDevice.login(port, "oven-1", { clean: false });
  device.subscribe(1, desired);
  await cloud.wait("ready");
  cloud.say({ kind: "deliver", ref: "d2", deviceId: "oven-1", channel: "inbox", payload: "{}" });
  expect(await cloud.wait("not_written", 2)).toMatchObject({ ref: "d2", reason: "absent" });
  device.subscribe(2, inbox);
  await cloud.wait("ready", 2);
  device.socket.destroy();
  await cloud.waitRecords(2, "presence");
  cloud.say({ kind: "deliver", ref: "d3", deviceId: "oven-1", channel: "inbox", payload: "{}" });
  expect(await cloud.wait("not_written", 3)).toMatchObject({ ref: "d3" });
  const again = await RawDevice.login(port, "oven-1", { clean: false });
  // A restored session is ready without a SUBSCRIBE.
  expect((await cloud.wait("ready", 3)).channels).toEqual(["inbox", "desired"]);
  cloud.say({ kind: "deliver", ref: "d4", deviceId: "oven-1", channel: "inbox", payload: "fresh" });
  await again.wait("publish");
  expect(again.all("publish").map(({ payload }) => payload.toString())).toEqual(["fresh"]);
});

test("deliveries that a device does not acknowledge are bounded: the cloud hears busy", async () => {
  const { cloud, port } = await openHouse({ limits: { deliveriesPerConnectionMax: 3 } });
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, inbox);
  await cloud.wait("ready");
  for (let n = 1; n <= 4; n += 1)
    cloud.say({ kind: "deliver", ref: `d${n}`, deviceId: "oven-1", channel: "inbox", payload: "{}" });
  expect(await cloud.wait("not_written")).toMatchObject({ ref: "d4", reason: "busy" });
  const first = await device.wait("publish");
  device.send({ cmd: "puback", messageId: first.messageId ?? 0 }, { cmd: "pingreq" });
  await device.wait("pingresp");
  cloud.say({ kind: "deliver", ref: "d5", deviceId: "oven-1", channel: "inbox", payload: "{}" });
  await cloud.wait("written", 4);
  await device.wait("publish", 4);
  const ids = device.all("publish").map(({ messageId }) => messageId);
  expect(new Set(ids).size).toBe(4);
});

test("the port opens only once feeds are there, and a restart without the cloud still has them", async () => {
  const first = await openHouse();
  first.cloud.say({ kind: "feeds_changed", version: 2, items: [{ topic: recipes, payload: "index" }] });
  await first.cloud.waitStatus(({ counters }) => counters["feeds_published"] === 1);
  await first.stop();
  const second = await openHouse({ dir: first.dir, feeds: false });
  const device = await RawDevice.login(second.port, "oven-1");
  device.subscribe(1, "hearth/v1/content/oven-x200/#");
  const publish = await device.wait("publish");
  expect([publish.topic, publish.payload.toString(), publish.retain]).toEqual([recipes, "index", true]);
});

test("feeds go out in order, an empty payload withdraws, and what is older is ignored", async () => {
  const { cloud, port } = await openHouse();
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, "hearth/v1/content/oven-x200/de/#");
  await device.wait("suback");
  const item = `${recipes}/item-1`;
  cloud.say({
    kind: "feeds_changed",
    version: 2,
    items: [
      { topic: item, payload: "item" },
      { topic: recipes, payload: "index with item" },
    ],
  });
  cloud.say({ kind: "feeds_changed", version: 2, items: [{ topic: recipes, payload: "not newer" }] });
  cloud.say({
    kind: "feeds_changed",
    version: 3,
    items: [{ topic: "hearth/v1/devices/oven-1/inbox", payload: "not content" }],
  });
  cloud.say({ kind: "feeds", version: 4, items: [{ topic: recipes, payload: "empty index" }] });
  await device.wait("publish", 4);
  expect(device.all("publish").map(({ topic, payload }) => [topic, payload.toString()])).toEqual([
    [item, "item"],
    [recipes, "index with item"],
    [recipes, "empty index"],
    [item, ""],
  ]);
  const late = await RawDevice.login(port, "oven-2");
  late.subscribe(1, "hearth/v1/content/oven-x200/#");
  await late.wait("publish");
  late.send({ cmd: "pingreq" });
  await late.wait("pingresp");
  expect(late.all("publish").map(({ topic }) => topic)).toEqual([recipes]);
});

test("after an older database was restored its feeds replace what is held, and what it publishes goes out", async () => {
  const { cloud, port, relink } = await openHouse();
  const item = `${recipes}/item-1`;
  cloud.say({
    kind: "feeds_changed",
    version: 9,
    items: [
      { topic: item, payload: "item" },
      { topic: recipes, payload: "index of 9" },
    ],
  });
  await cloud.waitStatus(({ counters }) => counters["feeds_published"] === 2);
  relink();
  await cloud.wait("hello", 2);
  cloud.say({ kind: "feeds", version: 4, items: [{ topic: recipes, payload: "index of 4" }] });
  // Read before the change that overtook it: not the first of this link, and so older.
  cloud.say({ kind: "feeds_changed", version: 5, items: [{ topic: recipes, payload: "index of 5" }] });
  cloud.say({ kind: "feeds", version: 4, items: [{ topic: recipes, payload: "index of 4" }] });
  await cloud.waitStatus(({ counters }) => counters["feeds_published"] === 5);
  const device = await RawDevice.login(port, "oven-1");
  device.subscribe(1, "hearth/v1/content/oven-x200/#");
  await device.wait("publish");
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp");
  expect(device.all("publish").map(({ topic, payload }) => [topic, payload.toString()])).toEqual([
    [recipes, "index of 5"],
  ]);
});

test("a session that sleeps too long is ended rather than left with holes: its device subscribes anew", async () => {
  const { cloud, port } = await openHouse({ limits: { queuedPerSessionMax: 3 } });
  const device = await RawDevice.login(port, "oven-1", { clean: false });
  device.subscribe(1, recipes);
  await device.wait("suback");
  device.socket.destroy();
  await cloud.waitRecords(2, "presence");
  for (let version = 2; version < 8; version += 1) {
    cloud.say({ kind: "feeds_changed", version, items: [{ topic: recipes, payload: `v${version}` }] });
  }
  await cloud.waitStatus(({ counters }) => counters["sessions_dropped"] === 1);
  const again = await RawDevice.login(port, "oven-1", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(false);
  again.subscribe(1, recipes);
  expect((await again.wait("publish")).payload.toString()).toBe("v7");
});

test("an ordinary MQTT client works", async () => {
  const { cloud, port } = await openHouse();
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    clientId: "oven-1",
    username: "oven-1",
    password: "token of oven-1",
    keepalive: 5,
  });
  const received: string[] = [];
  client.on("message", (topic, payload) => received.push(`${topic} ${payload.toString()}`));
  await client.subscribeAsync([inbox, recipes], { qos: 1 });
  await client.publishAsync("hearth/v1/devices/oven-1/events", "{}", { qos: 1 });
  cloud.say({ kind: "deliver", ref: "d1", deviceId: "oven-1", channel: "inbox", payload: "hello" });
  await until(() => received.includes(`${inbox} hello`), "the delivery");
  await client.endAsync();
  const [event] = await cloud.waitRecords(1, "events");
  expect(event?.deviceId).toBe("oven-1");
});
