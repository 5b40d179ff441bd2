import { afterEach, expect, test } from "vitest";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { GatewayStatus } from "#protocol/link/messages.ts";
import { systemClock } from "./platform/clock.ts";
import {
  type House,
  type HouseOptions,
  closeHouses,
  deviceIdentity,
  openHouse as openAnyHouse,
} from "./testing/house.ts";
import { RawDevice } from "./testing/raw-device.ts";
import { TestCa } from "./testing/test-ca.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

/** One that tells often how it is. */
const openHouse = (options: HouseOptions = {}): Promise<House> =>
  openAnyHouse({ ...options, bounds: { statusMs: 50, ...options.bounds } });

/** Only Linux has the whole of 127.0.0.0/8 on its loopback. */
const isLinux = process.platform === "linux";

const from = (house: House, localAddress: string): Promise<RawDevice> => RawDevice.open(house.port, { localAddress });

async function loginFrom(house: House, localAddress: string, deviceId: string): Promise<RawDevice> {
  const device = await from(house, localAddress);
  device.connect(deviceId);
  return device;
}

const isIn = (device: RawDevice): boolean => device.all("connack")[0]?.returnCode === 0;
const counted = (house: House, name: string, count: number) =>
  house.cloud.waitStatus(({ counters }) => counters[name] === count);

const waiting = (house: House, count: number): Promise<GatewayStatus> =>
  house.cloud.waitNextStatus(({ connectsWaiting }) => connectsWaiting === count);

/** A cloud that answers so many questions in a second, the oldest first. */
async function openSlowHouse(limits: Partial<GatewayLimits>, answersPerSecond: number) {
  const house = await openHouse({ limits });
  const { cloud } = house;
  await cloud.wait("hello");
  cloud.silent = true;
  let answered = 0;
  const answering = setInterval(() => {
    const next = cloud.of("who")[answered];
    if (next === undefined) return;
    answered += 1;
    const { askId, name } = next;
    cloud.say({ kind: "identity", askId, identity: deviceIdentity(name, "oven-x200", `token of ${name}`) });
  }, 1_000 / answersPerSecond);
  return { house, stop: () => clearInterval(answering) };
}

/** All devices at once. @returns how many of them came in */
async function storm(house: House, count: number): Promise<number> {
  const devices = await Promise.all(
    Array.from({ length: count }, (_, at) => loginFrom(house, "127.0.0.1", `oven-${at}`)),
  );
  await until(() => devices.every((one) => one.closed || one.all("connack").length > 0), "an answer for everybody");
  return devices.filter(isIn).length;
}

test("when all devices come back at once to a slow cloud, every one of them comes in", async () => {
  const limits = { loginTimeoutMs: 2_000, connectsInProgressMax: 20, connectWaitMsMax: 60_000 };
  const { house, stop } = await openSlowHouse(limits, 100);
  expect(await storm(house, 300)).toBe(300);
  stop();
  const { counters } = await waiting(house, 0);
  expect(counters["closed_login_timeout"]).toBe(0);
  expect(counters["limit_connects_in_progress_max"]).toBeGreaterThan(200);
});

test("the same storm without a queue is what it is there for: many logins take too long", async () => {
  const limits = { loginTimeoutMs: 2_000, connectsInProgressMax: 10_000 };
  const { house, stop } = await openSlowHouse(limits, 100);
  expect(await storm(house, 300)).toBeLessThan(250);
  stop();
});

test.runIf(isLinux)("500 silent sockets of one address keep no device of another out", async () => {
  const house = await openHouse({ limits: { connectsInProgressMax: 50, connectsQueuedMax: 100 } });
  const attackers = await Promise.all(Array.from({ length: 500 }, () => from(house, "127.0.0.2")));
  // A quarter of the places is free yet, and would be with a second attacker.
  const device = await loginFrom(house, "127.0.0.3", "oven-1");
  await until(() => isIn(device), "the device to come in");
  const { connectsWaiting } = await counted(house, "limit_connects_queued_max", 375);
  expect([connectsWaiting, attackers.filter(({ closed }) => !closed).length]).toEqual([100, 125]);
  for (const { socket } of attackers) socket.destroy();
});

test.runIf(isLinux)(
  "where all places are taken, addresses are served by turns, and the one with most waiting is cut",
  async () => {
    const house = await openHouse({ limits: { connectsInProgressMax: 2, connectsQueuedMax: 5 } });
    const attackers = [await from(house, "127.0.0.2")];
    const other = await from(house, "127.0.0.3");
    for (let n = 0; n < 5; n += 1) attackers.push(await from(house, "127.0.0.2"));
    await waiting(house, 5);
    const device = await loginFrom(house, "127.0.0.4", "oven-1");
    for (let n = 0; n < 5; n += 1) attackers.push(await from(house, "127.0.0.2"));
    await counted(house, "limit_connects_queued_max", 6);
    expect([device.closed, attackers.filter(({ closed }) => closed).length]).toEqual([false, 6]);
    // The attacker holds one place; of the other, its five more get one turn at most before the device's.
    other.socket.destroy();
    attackers[0]?.socket.destroy();
    await until(() => isIn(device), "the device to come in");
  },
);

test("whoever gives up leaves the queue, also after saying something", async () => {
  const house = await openHouse({ limits: { connectsInProgressMax: 1 } });
  const holder = await RawDevice.open(house.port);
  const [silent, said, much] = [
    await RawDevice.open(house.port),
    await loginFrom(house, "127.0.0.1", "oven-1"),
    await RawDevice.open(house.port),
  ];
  await waiting(house, 3);
  silent.socket.destroy();
  said.socket.destroy();
  much.bytes(...Array.from({ length: 20_000 }, () => 0x10));
  await much.waitClosed();
  await waiting(house, 0);
  const last = await loginFrom(house, "127.0.0.1", "oven-2");
  holder.socket.destroy();
  await until(() => isIn(last), "the last to come in");
  expect(house.cloud.of("who").map(({ name }) => name)).toEqual(["oven-2"]);
});

test("whoever waits too long is dropped", async () => {
  const house = await openHouse({ limits: { connectsInProgressMax: 1, connectWaitMsMax: 100, loginTimeoutMs: 400 } });
  house.cloud.silent = true;
  const holder = await loginFrom(house, "127.0.0.1", "oven-1");
  const late = await loginFrom(house, "127.0.0.1", "oven-2");
  await late.waitClosed();
  expect(late.received).toEqual([]);
  await holder.waitClosed();
  await counted(house, "limit_connect_wait_ms_max", 1);
});

test("the clock of a CONNECT begins with its turn", async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  const limits = { connectsInProgressMax: 1, connectTimeoutMs: 30_000, connectWaitMsMax: 60_000 };
  const house = await openHouse({ clock, limits });
  const holder = await RawDevice.open(house.port);
  const device = await RawDevice.open(house.port);
  await waiting(house, 1);
  aheadMs = 29_000;
  holder.socket.destroy();
  await waiting(house, 0);
  aheadMs = 45_000;
  await house.cloud.wait("status", house.cloud.of("status").length + 1);
  device.connect("oven-1");
  await until(() => isIn(device), "the device to come in");
  expect((await waiting(house, 0)).counters["limit_connect_timeout_ms"]).toBe(0);
});

test("more connects than a second may have come in a little later, over TLS as well, with what they have said by then", async () => {
  const ca = await TestCa.make();
  const house = await openHouse({ ca, limits: { connectsPerSecondMax: 20 } });
  const devices = await Promise.all([
    ...Array.from({ length: 10 }, (_, at) => loginFrom(house, "127.0.0.1", `oven-${at}`)),
    ...Array.from({ length: 5 }, async (_, at) => {
      const device = await RawDevice.openTls(house.tlsPort, { ca: ca.serverCa });
      device.connect(`hob-${at}`);
      return device;
    }),
  ]);
  await until(() => devices.every(isIn), "everybody to come in");
  const { counters } = await waiting(house, 0);
  expect(counters["limit_connects_per_second_max"]).toBeGreaterThan(0);
});

test.runIf(isLinux)(
  "connections of one address are bounded, whatever becomes of them, and there is room again when one ends",
  async () => {
    const house = await openHouse({ limits: { connectionsPerAddressMax: 2 } });
    const first = await loginFrom(house, "127.0.0.2", "oven-1");
    await from(house, "127.0.0.2");
    const third = await from(house, "127.0.0.2");
    await third.waitClosed();
    const elsewhere = await loginFrom(house, "127.0.0.3", "oven-2");
    await until(() => isIn(elsewhere), "a device of another address");
    await until(() => isIn(first), "the first device");
    first.socket.destroy();
    await house.cloud.waitRecords(3, "presence");
    const fourth = await loginFrom(house, "127.0.0.2", "oven-3");
    await until(() => isIn(fourth), "a device in the place that is free again");
    expect((await waiting(house, 0)).counters["limit_connections_per_address_max"]).toBe(1);
  },
);

test("a drain drops those who wait and those who are on their way", async () => {
  const house = await openHouse({ limits: { connectsInProgressMax: 1 } });
  const [arriving, late] = [await RawDevice.open(house.port), await RawDevice.open(house.port)];
  await waiting(house, 1);
  house.cloud.say({ kind: "drain" });
  await Promise.all([arriving.waitClosed(), late.waitClosed()]);
  expect(house.cloud.of("who")).toEqual([]);
});
