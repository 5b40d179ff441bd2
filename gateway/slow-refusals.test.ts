import { afterEach, expect, test } from "vitest";
import type { SecurityReport } from "#protocol/link/messages.ts";
import { connack } from "#protocol/errors.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";
import type { Clock } from "./platform/clock.ts";
import { SlowRefusals } from "./slow-refusals.ts";
import { type House, type PlayedCloud, closeHouses, openHouse } from "./testing/house.ts";
import { type ConnectOptions, RawDevice } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

async function codeOf(port: number, deviceId: string, options: ConnectOptions = {}): Promise<number | undefined> {
  const device = await RawDevice.login(port, deviceId, options);
  return device.all("connack")[0]?.returnCode;
}

/** Time that stands still, and what waits for it. */
class HeldClock implements Clock {
  readonly delays: number[] = [];
  nowMs = () => 1_000;
  after(delayMs: number, _run: () => void): () => void {
    this.delays.push(delayMs);
    return () => {};
  }
  every(): () => void {
    return () => {};
  }
}

function slowRefusals(bounds: Partial<Bounds> = {}) {
  const clock = new HeldClock();
  const told: string[] = [];
  const refusals = new SlowRefusals({
    bounds: { ...defaultBounds, ...bounds },
    refusalDelayMsMax: 3_000,
    clock,
    bruteForce: (reason, address, name) => told.push(`${reason} ${address}${name}`),
  });
  return { refusals, clock, told };
}

test("refusals to one address wait longer each time, and those of others do not", async () => {
  const { refusals, clock, told } = slowRefusals();
  for (let n = 0; n < 20; n += 1) await refusals.failed("192.0.2.1", `name ${n}`);
  expect([clock.delays, told]).toEqual([[], []]);
  for (let n = 0; n < 7; n += 1) void refusals.failed("192.0.2.1", `other ${n}`);
  expect(clock.delays).toEqual([100, 200, 400, 800, 1_600, 3_000, 3_000]);
  await refusals.failed("192.0.2.2", "name 1");
  expect(told).toEqual(Array.from({ length: 7 }, () => "by_address 192.0.2.1"));
});

test("refusals under one name wait longer each time, from however many addresses they come", async () => {
  const { refusals, clock, told } = slowRefusals();
  for (let n = 0; n < 5; n += 1) await refusals.failed(`192.0.2.${n}`, "oven-1");
  for (let n = 5; n < 9; n += 1) void refusals.failed(`192.0.2.${n}`, "oven-1");
  expect(clock.delays).toEqual([100, 200, 400, 800]);
  expect(told).toEqual(Array.from({ length: 4 }, () => "by_name oven-1"));
});

test("who may choose an address within an IPv6 network is one", async () => {
  const { refusals, clock } = slowRefusals();
  for (let n = 0; n < 21; n += 1) void refusals.failed(`2001:db8:1:2::${n}`, `name ${n}`);
  expect(clock.delays).toEqual([100]);
});

test("no more refusals wait than may: the one that has waited longest is answered early", async () => {
  const { refusals } = slowRefusals({ refusalsWaitingMax: 3, loginFailuresFreeByName: 0 });
  const answered: number[] = [];
  for (let n = 0; n < 5; n += 1) void refusals.failed("192.0.2.1", "oven-1").then(() => answered.push(n));
  await until(() => answered.length === 2, "two of them");
  expect(answered).toEqual([0, 1]);
  refusals.release();
  await until(() => answered.length === 5, "all of them");
});

const limits = { refusalDelayMsMax: 20 };
const soon = { securityWindowMs: 30 };

test("an unknown id and a wrong token cannot be told apart, however often they are tried", async () => {
  const tries = 30;
  const seen: unknown[] = [];
  for (const isKnown of [true, false]) {
    const { cloud, port, stop } = await openHouse({
      limits,
      bounds: { ...soon, loginFailuresPerMinuteMax: 25, sharedAnswerMs: 0 },
    });
    if (isKnown) await RawDevice.login(port, "oven-1");
    else cloud.devices.set("oven-1", null);
    const before = cloud.of("who").length;
    const codes: (number | undefined)[] = [];
    for (let n = 0; n < tries; n += 1) codes.push(await codeOf(port, "oven-1", { password: `guess ${n}` }));
    seen.push([codes, cloud.of("who").length - before]);
    await stop();
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toEqual([
    [...Array<number>(25).fill(connack.notAuthorized), ...Array<number>(5).fill(connack.serverUnavailable)],
    25,
  ]);
});

const reportsOf = (cloud: PlayedCloud): SecurityReport[] =>
  cloud.records
    .filter(({ channel }) => channel === "security")
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));

test("guessing raises one event for the name and one for the address, with how many guesses there were", async () => {
  const { cloud, port } = await openHouse({
    limits,
    bounds: { ...soon, securityWindowMs: 60_000, loginFailuresFreeByAddress: 8, loginFailuresFreeByName: 5 },
  });
  for (let n = 0; n < 12; n += 1) await codeOf(port, "oven-1", { password: `guess ${n}` });
  cloud.say({ kind: "drain" });
  await cloud.waitDrained();
  const raised = reportsOf(cloud).filter(({ kind }) => kind === "brute_force");
  expect(raised.map(({ reason, name, address, count }) => `${reason} ${name}${address} ${count}`).toSorted()).toEqual([
    "by_address 127.0.0.1 4",
    "by_name oven-1 7",
  ]);
});

/** Guesses at an id over many connections until it is called off. */
function attack({ port }: House, id: string): { tried: () => number; stop: () => Promise<void> } {
  const calledOff = new AbortController();
  let tried = 0;
  const attackers = Array.from({ length: 4 }, async () => {
    while (!calledOff.signal.aborted) {
      await codeOf(port, id, { password: `guess ${tried}` });
      tried += 1;
    }
  });
  return {
    tried: () => tried,
    async stop() {
      calledOff.abort();
      await Promise.all(attackers);
    },
  };
}

test("who knows an id cannot keep its device out: neither one that is known here nor one that never was", async () => {
  const house = await openHouse({ limits, bounds: { ...soon, loginFailuresPerMinuteMax: 10 } });
  await RawDevice.login(house.port, "known");
  for (const id of ["known", "never-seen"]) {
    const guessing = attack(house, id);
    // Far beyond what the address, which is the device's too, may still make the gateway ask.
    await until(() => guessing.tried() > 30, "many guesses");
    // The one that never was seen may have to come again, as it is told.
    const codes: (number | undefined)[] = [];
    while (codes.at(-1) !== connack.accepted && codes.length < 200) codes.push(await codeOf(house.port, id));
    expect(codes.at(-1)).toBe(connack.accepted);
    if (id === "known") expect(codes).toEqual([connack.accepted]);
    await guessing.stop();
  }
});

test("a device whose token was changed while its id is under attack comes in with the new one", async () => {
  const house = await openHouse({ limits, bounds: { ...soon, loginFailuresPerMinuteMax: 10 } });
  const guessing = attack(house, "oven-1");
  await until(() => guessing.tried() > 30, "many guesses");
  house.cloud.devices.set("oven-1", { model: "oven-x200", token: "new" });
  const asked = house.cloud.of("who").length;
  house.cloud.say({ kind: "forget", name: "oven-1", disconnect: true });
  await house.cloud.wait("who", asked + 1);
  expect(await codeOf(house.port, "oven-1", { password: "new" })).toBe(0);
  await guessing.stop();
});

test("an attack on one id from everywhere asks the cloud about once a second, and not once for each guess", async () => {
  const house = await openHouse({ limits, bounds: { ...soon, sharedAnswerMs: 60_000 } });
  for (const id of ["oven-1", "ghost"]) {
    if (id === "ghost") house.cloud.devices.set(id, null);
    const before = house.cloud.of("who").length;
    for (let n = 0; n < 20; n += 1) expect(await codeOf(house.port, id, { password: `guess ${n}` })).toBe(5);
    expect(house.cloud.of("who").length - before).toBe(7);
  }
});

test("while the cloud is away nobody is counted as an attacker for coming", async () => {
  const { cloud, port } = await openHouse({
    limits,
    bounds: { ...soon, askTimeoutMs: 20, loginFailuresFreeByName: 0 },
  });
  cloud.silent = true;
  for (let n = 0; n < 5; n += 1) expect(await codeOf(port, "oven-1")).toBe(3);
  cloud.silent = false;
  cloud.say({ kind: "welcome", watermark: -1, pointsWatermark: null });
  cloud.say({ kind: "credit", reader: "effects", batches: 3 });
  await until(() => reportsOf(cloud).length > 0, "the reports");
  expect(new Set(reportsOf(cloud).map(({ kind, reason }) => `${kind} ${reason}`))).toEqual(
    new Set(["login_refused cloud_silent"]),
  );
});
