/** What subscribers, sessions, retained items and QoS 2 may take: each bound is tried to be broken. */
import { randomUUID } from "node:crypto";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { openAdmission } from "./open-admission.ts";
import { closeHouses, type HouseOptions } from "./testing/house.ts";
import { type ConnectOptions, RawDevice } from "./testing/raw-device.ts";
import { openTimedHouse, type TimedHouse } from "./testing/timed-house.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const recipes = "hearth/v1/content/oven-x200/de/recipes";
const openHouseOf = (limits: HouseOptions["limits"] = {}) =>
  openTimedHouse({ limits, admission: openAdmission(randomUUID) });

const message = (topic: string, payload: string | Buffer, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload,
  qos: 1,
  messageId: 1,
  dup: false,
  retain: false,
  ...more,
});

async function subscriber(house: TimedHouse, id: string, filter: string, options: ConnectOptions = {}) {
  const device = await RawDevice.login(house.port, id, options);
  device.subscribe(1, filter);
  await device.wait("suback");
  return device;
}

/** Goes, and the gateway knows. */
async function leave(house: TimedHouse, device: RawDevice): Promise<void> {
  const { connections } = await house.second();
  device.socket.destroy();
  await house.until((status) => status.connections < connections, "the device to be gone");
}

/** An answer to a PINGREQ: what was sent before it has been dealt with. */
async function settle(device: RawDevice): Promise<void> {
  const count = device.all("pingresp").length + 1;
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp", count);
}

/** Acknowledges whatever comes from now on. */
function acknowledgeAll(device: RawDevice): void {
  let acknowledged = 0;
  device.socket.on("data", () => {
    const news = device.all("publish").slice(acknowledged);
    acknowledged += news.length;
    if (news.length > 0) device.send(...news.map(({ messageId = 0 }): Packet => ({ cmd: "puback", messageId })));
  });
}

test("QoS 2 without PUBREL is capped, a copy does not count, and what is released makes room", async () => {
  const house = await openHouseOf({ unreleasedPerConnectionMax: 10 });
  const watcher = await subscriber(house, "watcher", "t");
  const device = await RawDevice.login(house.port, "device", { clean: false });
  const send = (messageId: number, dup = false) =>
    device.send(message("t", String(messageId), { qos: 2, messageId, dup }));
  for (let id = 1; id <= 30; id += 1) {
    send(id);
    await device.wait("pubrec", id);
    device.send({ cmd: "pubrel", messageId: id });
    await device.wait("pubcomp", id);
  }
  for (let id = 101; id <= 110; id += 1) send(id);
  for (let id = 101; id <= 110; id += 1) send(id, true);
  await device.wait("pubrec", 50);
  expect(device.closed).toBe(false);
  send(111);
  await device.waitClosed();
  await watcher.wait("publish", 40);
  expect(device.all("pubrec").length).toBe(50);
  expect((await house.second()).counters).toMatchObject({
    limit_unreleased_per_connection_max: 1,
    closed_over_limit: 1,
  });
  // They are the session's, and there the next connection finds them.
  const again = await RawDevice.login(house.port, "device", { clean: false });
  again.send(message("t", "more", { qos: 2, messageId: 200 }));
  await again.waitClosed();
  await settle(watcher);
  expect(watcher.all("publish").length).toBe(40);
});

test("message ids that nobody gave, that come twice or in a strange order harm nobody", async () => {
  const house = await openHouseOf();
  const writer = await RawDevice.login(house.port, "writer");
  const device = await subscriber(house, "device", "t");
  const odd: Packet[] = [];
  for (const messageId of [1, 2, 2, 65_535, 7, 1]) {
    odd.push({ cmd: "puback", messageId }, { cmd: "pubrel", messageId }, { cmd: "pubcomp", messageId });
    odd.push({ cmd: "pubrec", messageId });
  }
  device.send(...odd);
  await settle(device);
  for (let n = 0; n < 5; n += 1) writer.send(message("t", String(n), { messageId: 65_535 }));
  await device.wait("publish", 5);
  device.send(...odd);
  await settle(device);
  expect(device.closed).toBe(false);
  expect(new Set(device.all("publish").map(({ messageId }) => messageId)).size).toBe(5);
});

test("a device that reads and never acknowledges is cut at the bound", async () => {
  const house = await openHouseOf({ unacknowledgedPerConnectionMax: 100 });
  const deaf = await subscriber(house, "deaf", "t");
  const writer = await RawDevice.login(house.port, "writer");
  for (let n = 1; n <= 150; n += 1) writer.send(message("t", String(n), { messageId: n }));
  await deaf.waitClosed();
  await writer.wait("puback", 150);
  expect(deaf.all("publish").length).toBeLessThanOrEqual(100);
  expect((await house.second()).counters["limit_unacknowledged_per_connection_max"]).toBe(1);
});

test("more retained items than may be unacknowledged go out as they are acknowledged, and wait for who does not", async () => {
  const house = await openTimedHouse({ limits: { unacknowledgedPerConnectionMax: 100 } });
  const items = Array.from({ length: 2_000 }, (_, at) => ({ topic: `${recipes}/item-${at}`, payload: String(at) }));
  house.cloud.say({ kind: "feeds_changed", version: 2, items });
  await house.until(({ retainedItems }) => retainedItems === items.length, "all items");
  const willing = await RawDevice.login(house.port, "willing");
  acknowledgeAll(willing);
  willing.subscribe(1, `${recipes}/#`);
  const deaf = await RawDevice.login(house.port, "deaf");
  deaf.subscribe(1, `${recipes}/#`);
  await willing.wait("publish", items.length);
  expect(willing.all("publish").map(({ payload }) => payload.toString())).toEqual(items.map(({ payload }) => payload));
  await settle(deaf);
  const sent = deaf.all("publish");
  expect(sent.length).toBeGreaterThan(0);
  expect(sent.length).toBeLessThan(100);
  expect(deaf.closed).toBe(false);
  acknowledgeAll(deaf);
  deaf.send(...sent.map(({ messageId = 0 }): Packet => ({ cmd: "puback", messageId })));
  await deaf.wait("publish", items.length);
});

test("thousands of subscriptions are refused one by one, and too many filters at once, too long or too deep end the connection", async () => {
  const house = await openHouseOf();
  const device = await RawDevice.login(house.port, "device", { clean: false });
  for (let n = 0; n < 50; n += 1) device.subscribe(n + 1, ...Array.from({ length: 100 }, (_, at) => `t/${n}/${at}`));
  await device.wait("suback", 50);
  const granted = device.all("suback").flatMap((suback) => suback.granted);
  expect(granted.filter((code) => code === 1).length).toBe(50);
  expect(granted.filter((code) => code === 128).length).toBe(4_950);
  const tries: [Packet, string][] = [
    [
      { cmd: "subscribe", messageId: 1, subscriptions: many(101).map((topic) => ({ topic, qos: 0 })) },
      "filters_per_subscribe_max",
    ],
    [{ cmd: "unsubscribe", messageId: 1, unsubscriptions: many(101) }, "filters_per_subscribe_max"],
    [{ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "x".repeat(513), qos: 0 }] }, "bytes_per_topic_max"],
    [{ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "/".repeat(20), qos: 0 }] }, "topic_levels_max"],
    [message("x".repeat(513), "", { qos: 0 }), "bytes_per_topic_max"],
    [message("/".repeat(20), "", { qos: 0 }), "topic_levels_max"],
  ];
  for (const [packet, limit] of tries) {
    const before = (await house.second()).counters[`limit_${limit}`] ?? 0;
    const intruder = await RawDevice.login(house.port, "intruder");
    intruder.send(packet);
    await intruder.waitClosed();
    expect([limit, (await house.second()).counters[`limit_${limit}`]]).toEqual([limit, before + 1]);
  }
  const will = { topic: "/".repeat(20), payload: "" };
  const willing = await RawDevice.open(house.port);
  willing.connect("willing", { will });
  await willing.waitClosed();
  const { counters } = await house.second();
  expect(counters).toMatchObject({ closed_will_refused: 1, limit_subscriptions_per_connection_max: 4_950 });
  expect(device.closed).toBe(false);
});

const many = (count: number) => Array.from({ length: count }, (_, at) => `t/${at}`);

test("sessions are bounded: the one that has slept longest goes, and where all are awake a further one is put off", async () => {
  const house = await openHouseOf({ sessionsMax: 3 });
  const asleep = async (id: string) => leave(house, await subscriber(house, id, "t", { clean: false }));
  for (const id of ["a", "b", "c", "a", "d"]) await asleep(id);
  expect((await house.second()).sessions).toBe(3);
  const present: [string, boolean][] = [];
  const devices: RawDevice[] = [];
  for (const id of ["a", "c", "d"]) {
    const device = await RawDevice.login(house.port, id, { clean: false });
    present.push([id, device.all("connack")[0]?.sessionPresent ?? false]);
    devices.push(device);
  }
  expect(present).toEqual([
    ["a", true],
    ["c", true],
    ["d", true],
  ]);
  const putOff = await RawDevice.login(house.port, "b", { clean: false });
  expect(putOff.all("connack")[0]?.returnCode).toBe(3);
  const clean = await RawDevice.login(house.port, "e");
  expect(clean.all("connack")[0]?.returnCode).toBe(0);
  const { sessions, counters } = await house.second();
  expect(sessions).toBe(3);
  expect(counters).toMatchObject({ limit_sessions_max: 2, sessions_dropped: 1 });
  expect(devices.some(({ closed }) => closed)).toBe(false);
});

test("clients that come once, leave QoS 2 open and never return leave nothing behind", async () => {
  const house = await openHouseOf();
  for (let n = 0; n < 30; n += 1) {
    const device = await RawDevice.login(house.port, `once-${n}`);
    device.send(message("t", "x", { qos: 2, messageId: 1, retain: false }));
    await device.wait("pubrec");
    device.socket.destroy();
  }
  await house.until(({ connections }) => connections === 0, "all to be gone");
  expect(await house.second()).toMatchObject({ sessions: 0, queued: 0, queuedBytes: 0 });
});

test("what waits for a session is bounded in bytes: beyond it the session ends", async () => {
  const house = await openHouseOf({ queuedBytesPerSessionMax: 300_000 });
  await leave(house, await subscriber(house, "sleeper", "t", { clean: false }));
  const writer = await RawDevice.login(house.port, "writer");
  const payload = "x".repeat(100_000);
  for (let n = 1; n <= 3; n += 1) writer.send(message("t", `${n}${payload.slice(1)}`, { messageId: n }));
  await writer.wait("puback", 3);
  expect(await house.second()).toMatchObject({ queued: 3, sessions: 1 });
  writer.send(message("t", "4", { messageId: 4 }));
  await writer.wait("puback", 4);
  const { queued, queuedBytes, sessions, counters } = await house.second();
  expect([queued, queuedBytes, sessions]).toEqual([0, 0, 0]);
  expect(counters).toMatchObject({ limit_queued_bytes_per_session_max: 1, sessions_dropped: 1 });
});

test("a payload that waits for many counts once in memory, and all sessions together keep to one bound", async () => {
  const house = await openHouseOf({ queuedBytesMax: 400_000 });
  for (let n = 0; n < 20; n += 1) await leave(house, await subscriber(house, `s-${n}`, "t", { clean: false }));
  const writer = await RawDevice.login(house.port, "writer");
  for (let n = 1; n <= 3; n += 1) writer.send(message("t", `${n}${"x".repeat(100_000)}`, { messageId: n }));
  await writer.wait("puback", 3);
  const before = await house.second();
  expect(before.queued).toBe(60);
  expect(before.queuedBytes).toBeGreaterThan(300_000);
  expect(before.queuedBytes).toBeLessThan(300_000 + 60 * 400);
  const first = await RawDevice.login(house.port, "s-0", { clean: false });
  await first.wait("publish", 3);
  first.send(...first.all("publish").map(({ messageId = 0 }): Packet => ({ cmd: "puback", messageId })));
  await settle(first);
  expect((await house.second()).queued).toBe(57);
  writer.send(message("t", `4${"x".repeat(100_000)}`, { messageId: 4 }));
  await writer.wait("puback", 4);
  const after = await house.second();
  expect(after.queuedBytes).toBeLessThanOrEqual(400_000);
  expect(after.counters["limit_queued_bytes_max"]).toBeGreaterThan(0);
  expect(after.counters["limit_queued_bytes_max"]).toBe(after.counters["sessions_dropped"]);
});

test("retained items are bounded in number and bytes: what is beyond goes out and is not kept, and what is replaced or withdrawn counts no more", async () => {
  const house = await openHouseOf({ retainedItemsMax: 10, retainedBytesMax: 2_000 });
  const writer = await subscriber(house, "writer", "#");
  const retain = async (topic: string, payload: string) => {
    const count = writer.all("publish").length + 1;
    writer.send(message(topic, payload, { retain: true, qos: 0 }));
    await writer.wait("publish", count);
  };
  for (let n = 0; n < 15; n += 1) await retain(`t/${n}`, "x");
  for (let n = 0; n < 15; n += 1) await retain("t/0", "y");
  expect(await house.second()).toMatchObject({ retainedItems: 10, counters: { limit_retained_items_max: 5 } });
  await retain("t/1", "");
  await retain("t/14", "z");
  expect((await house.second()).retainedItems).toBe(10);
  await retain("t/2", "x".repeat(2_500));
  await retain("t/3", "x".repeat(1_500));
  const { retainedItems, retainedBytes, counters } = await house.second();
  expect([retainedItems, counters["limit_retained_bytes_max"]]).toEqual([9, 1]);
  expect(retainedBytes).toBeLessThanOrEqual(2_000);
  const late = await subscriber(house, "late", "t/+");
  await late.wait("publish", 9);
  await settle(late);
  expect(late.all("publish").length).toBe(9);
});

test("content beyond what the gateway holds is refused whole: it neither goes out nor is kept", async () => {
  const house = await openTimedHouse({ limits: { retainedItemsMax: 2, retainedBytesMax: 400_000 } });
  const device = await subscriber(house, "device", `${recipes}/#`);
  const say = (version: number, name: string, payload: string) =>
    house.cloud.say({ kind: "feeds_changed", version, items: [{ topic: `${recipes}/${name}`, payload }] });
  say(2, "a", "1");
  say(3, "b", "x".repeat(200_000));
  say(4, "c", "1");
  say(5, "a", "x".repeat(250_000));
  say(6, "b", "");
  say(7, "a", "x".repeat(250_000));
  await device.wait("publish", 4);
  expect(device.all("publish").map(({ topic, payload }) => [topic.at(-1), payload.length])).toEqual([
    ["a", 1],
    ["b", 200_000],
    ["b", 0],
    ["a", 250_000],
  ]);
  const { retainedItems, counters } = await house.second();
  expect(retainedItems).toBe(1);
  expect(counters).toMatchObject({ feeds_refused: 2, limit_retained_items_max: 1, limit_retained_bytes_max: 1 });
});

test("desired is never queued by the broker either", async () => {
  const house = await openTimedHouse();
  const device = await subscriber(house, "oven-1", "hearth/v1/devices/oven-1/#", { clean: false });
  await leave(house, device);
  for (const channel of ["inbox", "desired"] as const) {
    house.cloud.say({ kind: "deliver", ref: channel, deviceId: "oven-1", channel, payload: "{}" });
  }
  await house.cloud.wait("not_written", 2);
  expect(await house.second()).toMatchObject({ queued: 0, sessions: 1 });
  const again = await RawDevice.login(house.port, "oven-1", { clean: false });
  await settle(again);
  expect(again.all("connack")[0]?.sessionPresent).toBe(true);
  expect(again.all("publish")).toEqual([]);
});

const presenceEnd = (house: TimedHouse): unknown =>
  house.cloud.records
    .filter(({ channel }) => channel === "presence")
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()))
    .find(({ state }) => state === "disconnected")?.reason;

test.each([
  [0, 90, 1],
  [60, 90, 0],
  [61, 90, 1],
  [65_535, 90, 1],
  [30, 45, 0],
])("keepalive %i ends a silent connection after %i s where 60 is the longest", async (keepalive, seconds, met) => {
  const house = await openTimedHouse({ limits: { keepaliveSecondsMax: 60 } });
  const device = await RawDevice.login(house.port, "oven-1", { keepalive });
  house.clock.advance(seconds * 1_000);
  await settle(device);
  house.clock.advance(seconds * 1_000);
  expect(device.closed).toBe(false);
  await house.second();
  await until(() => presenceEnd(house) === "keepalive", "its end");
  expect((await house.second()).counters["limit_keepalive_seconds_max"]).toBe(met);
});

test("whatever else is met is counted by its name", async () => {
  const house = await openTimedHouse({
    limits: {
      connectionsMax: 3,
      bytesPerPayload: 1_000,
      loginTimeoutMs: 1_000,
      partialPacketMsMax: 1_000,
      deliveriesPerConnectionMax: 1,
    },
  });
  const met = (name: string) => house.until(({ counters }) => counters[`limit_${name}`] === 1, name);
  const steady = await RawDevice.login(house.port, "steady", { keepalive: 3_600 });

  const silent = await RawDevice.open(house.port);
  await met("connect_timeout_ms");
  await silent.waitClosed();

  house.cloud.silent = true;
  const unanswered = await RawDevice.open(house.port);
  unanswered.connect("oven-9");
  await house.cloud.wait("who", 2);
  await met("login_timeout_ms");
  await unanswered.waitClosed();
  house.cloud.silent = false;
  // A sign of life: devices are let in again.
  house.cloud.say({ kind: "credit", reader: "effects", batches: 1 });

  const chatty = await RawDevice.open(house.port);
  chatty.bytes(0x10, 0xff, 0x1f);
  await chatty.waitClosed();
  await met("bytes_before_login");

  const device = await subscriber(house, "oven-1", "hearth/v1/devices/oven-1/inbox");
  for (const ref of ["d1", "d2"]) {
    house.cloud.say({ kind: "deliver", ref, deviceId: "oven-1", channel: "inbox", payload: "{}" });
  }
  await house.cloud.wait("not_written");
  await met("deliveries_per_connection_max");

  const last = await RawDevice.login(house.port, "oven-2");
  const tooMany = await RawDevice.login(house.port, "oven-3");
  expect(tooMany.all("connack")[0]?.returnCode).toBe(3);
  await met("connections_max");

  device.bytes(0x30, 100, 0);
  await settle(steady);
  await met("partial_packet_ms_max");
  await device.waitClosed();

  last.send(message("hearth/v1/devices/oven-2/events", "x".repeat(2_000)));
  await last.waitClosed();
  await met("bytes_per_payload");
  await settle(steady);
  expect(steady.closed).toBe(false);
});
