import { afterEach, expect, test } from "vitest";
import { closeHouses } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { type TimedHouse, openTimedHouse } from "./testing/timed-house.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const telemetry = "hearth/v1/devices/oven-1/telemetry";
/** So large that one read of a socket, 64 KiB, holds few of them. */
const payload = "x".repeat(4_000);
const perRead = 17;

const messages = (count: number, from = 1) =>
  Array.from({ length: count }, (_, at) => publish(telemetry, at + from, payload));

/** Another device comes and goes: whatever was ready to be read before has been. */
async function settle({ port }: TimedHouse): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    const device = await RawDevice.login(port, "neighbour");
    device.send(publish("hearth/v1/devices/neighbour/events", 1));
    await device.wait("puback");
    device.socket.destroy();
  }
}

/** What the cloud heard of how the device came, went and was held. */
const presenceOf = ({ cloud }: TimedHouse): unknown[] =>
  cloud.records
    .filter(({ channel, deviceId }) => channel === "presence" && deviceId === "oven-1")
    .map(({ payload: bytes }) => JSON.parse(Buffer.from(bytes).toString()))
    .map(({ state, reason, limit }) => ({ state, reason, limit }));

const held = { state: "held", reason: "messages_per_second_max", limit: 100 };
const released = { ...held, state: "released" };

test("a device that says more than its messages a second is read at that pace, and all of it is acknowledged", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 100, burstSecondsMax: 2 } });
  const device = await RawDevice.login(house.port, "oven-1", { keepalive: 1 });
  device.send(...messages(1_000));
  for (let second = 0; second <= 8; second += 1) {
    // Its CONNECT counted too.
    const allowed = 100 * (2 + second);
    await until(() => device.all("puback").length >= Math.min(allowed - 1, 1_000), `${allowed} in second ${second}`);
    await settle(house);
    expect(device.all("puback").length).toBeLessThanOrEqual(allowed + perRead);
    house.clock.advance(1_000);
  }
  await device.wait("puback", 1_000);
  expect(device.all("puback").map(({ messageId }) => messageId)).toEqual(messages(1_000).map((_, at) => at + 1));
});

test("a burst of what may come at once passes at full speed, and nobody hears of it", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 100, burstSecondsMax: 20 } });
  const device = await RawDevice.login(house.port, "oven-1");
  device.send(...messages(1_900));
  await device.wait("puback", 1_900);
  house.clock.advance(10_000);
  await settle(house);
  expect(presenceOf(house)).toEqual([{ state: "connected" }]);
});

test("that it is held back is told once it lasts, and that it is not once it keeps to its limit", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 100, burstSecondsMax: 1 } });
  const device = await RawDevice.login(house.port, "oven-1");
  device.send(...messages(700));
  await until(() => device.all("puback").length >= 99, "the burst");
  await settle(house);
  house.clock.advance(1_000);
  await settle(house);
  expect(presenceOf(house)).toEqual([{ state: "connected" }]);
  for (let second = 0; second < 12 && device.all("puback").length < 700; second += 1) {
    house.clock.advance(1_000);
    await settle(house);
  }
  await device.wait("puback", 700);
  expect(presenceOf(house)).toEqual([{ state: "connected" }, held]);
  const status = await house.cloud.waitStatus(({ heldBack }) => heldBack === 1);
  expect(status.counters).toMatchObject({ limit_messages_per_second_max: 1, limit_burst_seconds_max: 1 });
  house.clock.advance(10_000);
  await until(() => presenceOf(house).length === 3, "its release");
  expect(presenceOf(house)).toEqual([{ state: "connected" }, held, released]);
  expect(house.cloud.of("status").at(-1)?.status.heldBack).toBe(0);
  expect(device.closed).toBe(false);
});

test("while it is held its keepalive stands still, a PINGREQ behind what is held is answered in its turn, and others notice nothing", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 10, burstSecondsMax: 1 } });
  const other = await RawDevice.login(house.port, "oven-2");
  const device = await RawDevice.login(house.port, "oven-1", { keepalive: 1 });
  device.send(...messages(100), { cmd: "pingreq" });
  for (let second = 0; second < 12 && device.all("pingresp").length === 0; second += 1) {
    await settle(house);
    expect(device.closed).toBe(false);
    house.clock.advance(1_000);
    other.send(publish("hearth/v1/devices/oven-2/telemetry", second + 1));
    await other.wait("puback", second + 1);
  }
  await device.wait("pingresp");
  expect(device.all("puback").length).toBe(100);
});

test("bytes a second are held as messages are, and PINGREQs count among the messages", async () => {
  const house = await openTimedHouse({
    limits: { bytesPerSecondMax: 100_000, messagesPerSecondMax: 1_000, burstSecondsMax: 1 },
  });
  const device = await RawDevice.login(house.port, "oven-1");
  device.send(...messages(100));
  await until(() => device.all("puback").length >= 24, "the burst");
  await settle(house);
  expect(device.all("puback").length).toBeLessThanOrEqual(25 + perRead);
  house.clock.advance(1_000);
  const { counters } = await house.cloud.waitStatus(({ counters: told }) => told["limit_bytes_per_second_max"] === 1);
  expect(counters["limit_messages_per_second_max"]).toBe(0);

  const pinging = await RawDevice.login(house.port, "oven-2");
  pinging.bytes(...Array.from({ length: 3_000 }, () => [0xc0, 0]).flat());
  await pinging.wait("pingresp", 999);
  house.clock.advance(1_000);
  await house.cloud.waitStatus(({ counters: told }) => told["limit_messages_per_second_max"] === 1);
});

test("being held ends with the connection", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 100, burstSecondsMax: 1 } });
  const device = await RawDevice.login(house.port, "oven-1");
  device.send(...messages(700));
  await until(() => device.all("puback").length >= 99, "the burst");
  // Gone, but what it said is read to its end at the same pace.
  device.socket.end();
  for (let second = 0; second < 12 && presenceOf(house).length < 3; second += 1) {
    house.clock.advance(1_000);
    await settle(house);
  }
  expect(presenceOf(house)).toMatchObject([{ state: "connected" }, held, { state: "disconnected" }]);
  expect(house.cloud.records.filter(({ channel }) => channel === "telemetry").length).toBe(700);
  expect((await house.second()).heldBack).toBe(0);
});

test("coming back gives no new burst, also in the place of a connection that is still there", async () => {
  const house = await openTimedHouse({ limits: { messagesPerSecondMax: 100, burstSecondsMax: 2 } });
  const taken = () => house.cloud.records.filter(({ channel }) => channel === "telemetry").length;
  for (let round = 0; round < 5; round += 1) {
    const device = await RawDevice.login(house.port, "oven-1");
    device.send(...messages(400));
    // Taken over, lost, and taken over again.
    if (round % 2 === 0) await settle(house);
    else device.socket.destroy();
    await settle(house);
  }
  expect(taken()).toBeGreaterThanOrEqual(190);
  expect(taken()).toBeLessThanOrEqual(200 + 5 * perRead);
  const rested = await RawDevice.login(house.port, "oven-1");
  rested.send(...messages(150));
  await house.until(() => rested.all("puback").length === 150, "what it says at its pace");
});
