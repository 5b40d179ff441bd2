import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { open } from "lmdb";
import { afterEach, expect, test } from "vitest";
import { type House, PlayedCloud, closeHouses, openHouse, tempDir } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";

afterEach(closeHouses);

const telemetry = "hearth/v1/devices/oven-1/telemetry";

/** Makes each text a chunk of its own: the next is said when the one before is acknowledged. */
async function sayEach({ port }: House, texts: string[]): Promise<RawDevice> {
  const device = await RawDevice.login(port, "oven-1");
  for (const [at, text] of texts.entries()) {
    device.send(publish(telemetry, at + 1, text));
    await device.wait("puback", at + 1);
  }
  return device;
}

const textsOf = (cloud: PlayedCloud): string[] =>
  cloud.records.filter(({ channel }) => channel === "telemetry").map(({ payload }) => Buffer.from(payload).toString());

test("no batch is sent without credit", async () => {
  const house = await openHouse();
  const { cloud } = house;
  cloud.commits = false;
  const device = await RawDevice.login(house.port, "oven-1");
  let said = 0;
  const say = async () => {
    said += 1;
    device.send(publish(telemetry, said, `${said}`));
    await device.wait("puback", said);
  };
  // Three were granted at the welcome. How many records each of them takes is the gateway's choice.
  while (cloud.of("batch").length < 3) await say();
  await say();
  await cloud.wait("status", cloud.of("status").length + 2);
  const sent = cloud.of("batch");
  expect(sent.length).toBe(3);
  const offered = sent.reduce((sum, { records }) => sum + records, 0);
  cloud.say({ kind: "credit", reader: "effects", batches: 1 });
  await cloud.wait("batch", 4);
  await cloud.wait("status", cloud.of("status").length + 2);
  expect(cloud.of("batch").length).toBe(4);
  expect(cloud.of("batch")[3]?.firstSequence).toBe(offered);
  await cloud.waitRecords(said, "telemetry");
  expect(textsOf(cloud)).toEqual(Array.from({ length: said }, (_, at) => `${at + 1}`));
});

test("after a restart of the cloud the gateway goes on from its watermark, and every record comes in order", async () => {
  const house = await openHouse();
  const { cloud } = house;
  cloud.commits = false;
  const device = await sayEach(house, ["a", "b", "c"]);
  device.subscribe(9, "hearth/v1/devices/oven-1/inbox");
  await cloud.wait("ready");
  cloud.commits = true;
  house.relink();
  await cloud.wait("hello", 2);
  await cloud.waitStatus(({ spoolRecords }) => spoolRecords === 0);
  const again = cloud.records.slice(cloud.records.findLastIndex(({ sequence }) => sequence === 0));
  expect(again.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
  expect(cloud.of("gap")).toEqual([]);
  // What is open for a connected device can be sent again.
  expect(await cloud.wait("ready", 2)).toMatchObject({ deviceId: "oven-1", channels: ["inbox"] });
});

test("a cloud that is away stops nobody: what came meanwhile is drained when it is back", async () => {
  const house = await openHouse();
  const { cloud } = house;
  await RawDevice.login(house.port, "oven-1");
  cloud.close();
  await sayEach(house, ["a", "b", "c"]);
  house.relink();
  await cloud.waitRecords(3, "telemetry");
  expect(textsOf(cloud)).toEqual(["a", "b", "c"]);
});

test("a cloud that remembers more than the spool holds is greeted with a new epoch, and gets everything", async () => {
  const first = await openHouse();
  first.cloud.commits = false;
  await sayEach(first, ["a", "b"]);
  await first.stop();
  const [hello] = first.cloud.of("hello");
  const cloud = new PlayedCloud();
  cloud.watermarks.set(hello?.spoolEpoch ?? "", 1_000);
  await openHouse({ dir: first.dir, cloud, feeds: false });
  const second = await cloud.wait("hello", 2);
  expect(second.spoolEpoch).not.toBe(hello?.spoolEpoch);
  expect(second.firstSequence).toBe(0);
  await cloud.waitRecords(2, "telemetry");
  expect(textsOf(cloud)).toEqual(["a", "b"]);
  expect(cloud.records[0]?.sequence).toBe(0);
  expect(cloud.of("gap")).toEqual([]);
});

test("an older spool that has grown by the time the cloud answers is still seen to be older", async () => {
  const first = await openHouse();
  first.cloud.commits = false;
  await sayEach(first, ["a"]);
  await first.stop();
  const cloud = new PlayedCloud();
  cloud.silent = true;
  const second = await openHouse({ dir: first.dir, cloud, feeds: false, bounds: { askTimeoutMs: 20 } });
  const { spoolEpoch, headSequence } = await cloud.wait("hello");
  await sayEach(second, ["b", "c", "d"]);
  cloud.silent = false;
  // Of these numbers the cloud has other records than those that have just been given them.
  cloud.say({ kind: "welcome", watermark: headSequence + 2, pointsWatermark: null });
  expect((await cloud.wait("hello", 2)).spoolEpoch).not.toBe(spoolEpoch);
  await cloud.waitRecords(4, "telemetry");
  expect(textsOf(cloud)).toEqual(["a", "b", "c", "d"]);
});

test("a cloud that remembers less than was trimmed hears the gap", async () => {
  const first = await openHouse();
  await sayEach(first, ["a", "b", "c"]);
  await first.cloud.waitStatus(({ spoolRecords }) => spoolRecords === 0);
  await first.stop();
  const [hello] = first.cloud.of("hello");
  const cloud = new PlayedCloud();
  cloud.watermarks.set(hello?.spoolEpoch ?? "", 1);
  await openHouse({ dir: first.dir, cloud, feeds: false });
  const { headSequence } = await cloud.wait("hello");
  const gap = await cloud.wait("gap");
  // The disconnect at the stop was never offered: it is still there, and comes behind the gap.
  expect(gap).toMatchObject({ fromSequence: 2, reason: "missing" });
  expect(gap.toSequence).toBeLessThanOrEqual(headSequence);
});

test("a damaged chunk is told as a gap, and its neighbours arrive", async () => {
  const first = await openHouse();
  first.cloud.commits = false;
  await sayEach(first, ["a", "b", "c"]);
  await first.stop();
  const root = open({ path: path.join(first.dir, "spool"), overlappingSync: false });
  const chunks = root.openDB<Buffer, number>({ name: "chunks", encoding: "binary" });
  const value = Buffer.from(chunks.get(2) ?? []);
  value[20] = (value[20] ?? 0) ^ 1;
  await chunks.put(2, value);
  await root.close();
  const cloud = new PlayedCloud();
  await openHouse({ dir: first.dir, cloud, feeds: false });
  await cloud.waitRecords(2, "telemetry");
  expect(textsOf(cloud)).toEqual(["a", "c"]);
  expect(cloud.of("gap")).toEqual([
    { kind: "gap", reader: "effects", fromSequence: 2, toSequence: 2, reason: "damaged_chunk" },
  ]);
  await cloud.waitStatus(({ spoolRecords }) => spoolRecords === 0);
});

test("a deleted spool begins a new epoch at 0", async () => {
  const first = await openHouse();
  await sayEach(first, ["a"]);
  await first.stop();
  await rm(path.join(first.dir, "spool"), { recursive: true });
  await mkdir(path.join(first.dir, "spool"));
  const cloud = new PlayedCloud();
  await openHouse({ dir: first.dir, cloud, feeds: false });
  const hello = await cloud.wait("hello");
  expect(hello.spoolEpoch).not.toBe(first.cloud.of("hello")[0]?.spoolEpoch);
  expect(hello).toMatchObject({ firstSequence: 0, headSequence: -1 });
});

test("a drain ends every connection and offers everything before it is done", async () => {
  const house = await openHouse();
  const { cloud, gateway } = house;
  const device = await sayEach(house, ["a", "b"]);
  cloud.say({ kind: "drain" });
  await device.waitClosed();
  await cloud.wait("drained");
  await gateway.drained;
  expect(cloud.records.length).toBe(4);
  expect(JSON.parse(Buffer.from(cloud.records[3]?.payload ?? []).toString())).toMatchObject({ reason: "shutdown" });
  await expect(RawDevice.open(house.port)).rejects.toThrow("ECONNREFUSED");
});

test("a drain ends although the cloud takes nothing, and what it did not take is there at the next start", async () => {
  const house = await openHouse();
  house.cloud.commits = false;
  await sayEach(house, ["a", "b", "c", "d", "e", "f"]);
  house.cloud.say({ kind: "drain" });
  await house.cloud.wait("drained");
  await house.stop();
  const cloud = new PlayedCloud();
  await openHouse({ dir: house.dir, cloud, feeds: false });
  await cloud.waitRecords(6, "telemetry");
  expect(textsOf(cloud)).toEqual(["a", "b", "c", "d", "e", "f"]);
});

test("a port in use is an error with its code", async () => {
  const { port } = await openHouse();
  const dir = await tempDir();
  await expect(openHouse({ dir, port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
