import { generate } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { type HouseOptions, closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { Sluice } from "./testing/sluice.ts";
import { until } from "./testing/until.ts";

const sluices: Sluice[] = [];

afterEach(async () => {
  for (const sluice of sluices.splice(0)) sluice.open();
  await closeHouses();
});

/** A house whose disk a test can stop. */
async function openSlowHouse(options: HouseOptions = {}) {
  const house = await openHouse({
    ...options,
    wrapSpoolStore: (store) => {
      const sluice = new Sluice(store);
      sluices.push(sluice);
      return sluice;
    },
  });
  const [sluice] = sluices.slice(-1);
  if (sluice === undefined) throw new Error("no store");
  return { ...house, sluice };
}

const telemetry = "hearth/v1/devices/oven-1/telemetry";

async function loginHeld(house: Awaited<ReturnType<typeof openSlowHouse>>, keepalive = 60): Promise<RawDevice> {
  const device = await RawDevice.login(house.port, "oven-1", { keepalive });
  await house.cloud.waitRecords(1, "presence");
  house.sluice.holds = true;
  return device;
}

test("no PUBACK before the commit, then all of them in order", async () => {
  const house = await openSlowHouse();
  const device = await loginHeld(house);
  device.send(publish(telemetry, 1));
  await until(() => house.sluice.waiting.length === 1, "a commit under way");
  device.send(...Array.from({ length: 200 }, (_, at) => publish(telemetry, at + 2)));
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp");
  expect(device.all("puback")).toEqual([]);
  house.sluice.open();
  await device.wait("puback", 201);
  expect(device.all("puback").map(({ messageId }) => messageId)).toEqual(
    Array.from({ length: 201 }, (_, at) => at + 1),
  );
});

test("a burst in one segment is held, its PINGREQ answered, and the keepalive does not run", async () => {
  // A short time to connect in has the gateway look often at who is late.
  const limits = { heldPerConnectionMax: 20, holdMsMax: 10_000, connectTimeoutMs: 400 };
  const house = await openSlowHouse({ limits, bounds: { statusMs: 900 } });
  const device = await loginHeld(house, 1);
  device.send(...Array.from({ length: 100 }, (_, at) => publish(telemetry, at + 1)), { cmd: "pingreq" });
  await device.wait("pingresp");
  // Longer than its keepalive allows (1.5 s), and the socket is not read meanwhile.
  const { status } = await house.cloud.wait("status", house.cloud.of("status").length + 3);
  expect([status.held, device.closed]).toEqual([100, false]);
  house.sluice.open();
  await device.wait("puback", 100);
});

test("a drip in separate segments is read no further than the bound, and goes on when the disk does", async () => {
  const house = await openSlowHouse({ limits: { heldPerConnectionMax: 50 } });
  const device = await loginHeld(house);
  const payload = "x".repeat(4_000);
  const sent = 5_000;
  for (let messageId = 1; messageId <= sent; messageId += 1) device.send(publish(telemetry, messageId, payload));
  await house.cloud.waitStatus(({ held }) => held >= 50);
  const { status } = await house.cloud.wait("status", house.cloud.of("status").length + 3);
  // The bound, and what one read of the socket may hold beyond it.
  expect(status.held).toBeLessThan(50 + 2 * Math.ceil(65_536 / 4_000));
  house.sluice.open();
  await device.wait("puback", sent);
  const records = await house.cloud.waitRecords(sent, "telemetry");
  expect(records.length).toBe(sent);
});

test("what is held over a WebSocket is bounded the same: its client's bytes stay at the client", async () => {
  const house = await openSlowHouse({ limits: { heldPerConnectionMax: 50 } });
  const device = await RawDevice.openWebSocket(`ws://127.0.0.1:${house.port}/mqtt`);
  device.connect("oven-1");
  await device.wait("connack");
  await house.cloud.waitRecords(1, "presence");
  house.sluice.holds = true;
  const payload = "x".repeat(4_000);
  const sent = 5_000;
  for (let messageId = 1; messageId <= sent; messageId += 1) {
    device.webSocket.send(generate(publish(telemetry, messageId, payload)));
  }
  const { status } = await house.cloud.wait("status", house.cloud.of("status").length + 2);
  expect(status.held).toBeGreaterThanOrEqual(50);
  expect(status.held).toBeLessThan(50 + Math.ceil(65_536 / 4_000));
  // Of 20 MB, what the two kernels and the gateway's buffers hold is gone.
  expect(device.webSocket.bufferedAmount).toBeGreaterThan(8_000_000);
  house.sluice.open();
  await device.wait("puback", sent);
  expect((await house.cloud.waitRecords(sent, "telemetry")).length).toBe(sent);
});

/** Ten devices that say 400 kB each at once, while nothing gets to the disk. */
async function rush(heldBytesMax: number) {
  const house = await openSlowHouse({ limits: { heldBytesMax } });
  const devices = await Promise.all(Array.from({ length: 10 }, (_, at) => RawDevice.login(house.port, `hob-${at}`)));
  await house.cloud.waitRecords(10, "presence");
  house.sluice.holds = true;
  for (const [at, device] of devices.entries()) {
    const packets = Array.from({ length: 200 }, (_, id) =>
      publish(`hearth/v1/devices/hob-${at}/events`, id + 1, "x".repeat(2_000)),
    );
    device.send(...packets);
  }
  await house.cloud.waitStatus(({ held }) => held > 0);
  const { status } = await house.cloud.wait("status", house.cloud.of("status").length + 3);
  return { ...house, devices, status };
}

test("all connections together hold no more than the bound in bytes, and one read of a socket", async () => {
  const house = await rush(200_000);
  const { devices, status } = house;
  expect(status.held * 2_000).toBeLessThan(200_000 + 2 * 65_536);
  expect(status.counters["limit_held_bytes_max"]).toBe(1);
  house.sluice.open();
  for (const device of devices) await device.wait("puback", 200);
});

test("what is held too long is never acknowledged: the connection ends", async () => {
  const house = await openSlowHouse({ limits: { holdMsMax: 200 } });
  const device = await loginHeld(house);
  device.send(publish(telemetry, 1));
  await device.waitClosed();
  expect(device.all("puback")).toEqual([]);
  house.sluice.open();
  const records = await house.cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(records[1]?.payload ?? []).toString())).toMatchObject({ reason: "held_too_long" });
});

test("a disk that fails acknowledges nothing and ends the connection; once it works again devices are let in", async () => {
  const house = await openSlowHouse();
  const device = await RawDevice.login(house.port, "oven-1");
  await house.cloud.waitRecords(1, "presence");
  house.sluice.fails = true;
  device.send(publish(telemetry, 1));
  await device.waitClosed();
  expect(device.all("puback")).toEqual([]);
  const refused = await RawDevice.login(house.port, "oven-1");
  expect(refused.all("connack")[0]?.returnCode).toBe(3);
  house.sluice.fails = false;
  const presence = await house.cloud.waitRecords(2, "presence");
  expect(JSON.parse(Buffer.from(presence[1]?.payload ?? []).toString())).toMatchObject({ reason: "spool_failed" });
  const again = await RawDevice.login(house.port, "oven-1");
  again.send(publish(telemetry, 1));
  await again.wait("puback");
});

test("a full spool holds QoS 1, drops and counts QoS 0, refuses CONNECT with code 3, and opens again when the cloud commits", async () => {
  const house = await openHouse({ spoolBytesMax: 60_000 });
  const { cloud, port } = house;
  cloud.commits = false;
  const device = await RawDevice.login(port, "oven-1");
  device.send(...Array.from({ length: 40 }, (_, at) => publish(telemetry, at + 1, "x".repeat(2_000))));
  await cloud.waitStatus((status) => status.spoolFull);
  const acked = device.all("puback").length;
  device.send(publish(telemetry, 0), publish(telemetry, 100), { cmd: "pingreq" });
  await device.wait("pingresp");
  const refused = await RawDevice.login(port, "oven-2");
  expect(refused.all("connack")[0]?.returnCode).toBe(3);
  expect(device.all("puback").length).toBe(acked);
  const full = await cloud.waitStatus(({ counters }) => counters["refused_spool_full"] === 1);
  expect(full).toMatchObject({ held: expect.any(Number), counters: { dropped_qos0: 1 } });
  expect(full.held).toBeGreaterThan(0);
  cloud.commits = true;
  const { firstSequence, records } = cloud.of("batch").at(-1) ?? { firstSequence: 0, records: 0 };
  cloud.commit(firstSequence + records - 1, 3);
  await device.wait("puback", 41);
  const welcome = await RawDevice.login(port, "oven-2");
  expect(welcome.all("connack")[0]?.returnCode).toBe(0);
});

test("a full spool lets who holds nothing go on pinging, and holds no more than twice the bound: who says more is cut off", async () => {
  const { cloud, port } = await openHouse({ spoolBytesMax: 60_000, limits: { heldBytesMax: 10_000 } });
  cloud.commits = false;
  const [filler, idle] = [await RawDevice.login(port, "oven-1"), await RawDevice.login(port, "idle")];
  const talkers = await Promise.all(Array.from({ length: 8 }, (_, at) => RawDevice.login(port, `hob-${at}`)));
  filler.send(...Array.from({ length: 60 }, (_, at) => publish(telemetry, at + 1, "x".repeat(2_000))));
  await cloud.waitStatus((status) => status.spoolFull);
  for (const [at, device] of talkers.entries()) {
    device.send(
      ...Array.from({ length: 4 }, (_, id) => publish(`hearth/v1/devices/hob-${at}/events`, id + 1, "x".repeat(2_000))),
    );
  }
  const cut = await until(() => talkers.find(({ closed }) => closed), "one to be cut off");
  expect(cut.all("puback")).toEqual([]);
  idle.send({ cmd: "pingreq" });
  await idle.wait("pingresp");
  const { counters } = await cloud.waitStatus((status) => (status.counters["closed_over_limit"] ?? 0) > 0);
  expect(counters["limit_spool_bytes"]).toBe(1);
});
