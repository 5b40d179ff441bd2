import { afterEach, expect, test } from "vitest";
import { closeHouses, type House, openHouse, PlayedCloud } from "./testing/house.ts";
import { publish, RawDevice } from "./testing/raw-device.ts";

afterEach(closeHouses);

/** Makes each text a chunk of its own: the next is said when the one before is acknowledged. */
async function sayEach({ port }: House, texts: string[]): Promise<void> {
  const device = await RawDevice.login(port, "oven-1");
  for (const [at, text] of texts.entries()) {
    device.send(publish("hearth/v1/devices/oven-1/telemetry", at + 1, text));
    await device.wait("puback", at + 1);
  }
}

const texts = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** A house whose cloud reads twice. */
async function twice(points: PlayedCloud["points"]): Promise<House> {
  const cloud = new PlayedCloud();
  cloud.points = points;
  return openHouse({ cloud });
}

test("two readers are each offered everything, in order, and what both have committed is trimmed", async () => {
  const house = await twice("commits");
  const { cloud } = house;
  await sayEach(house, texts);
  await cloud.waitRecords(texts.length, "telemetry");
  await cloud.waitStatus(({ spoolRecords, connections }) => connections === 1 && spoolRecords === 0);
  expect(cloud.pointRecords.map(({ sequence }) => sequence)).toEqual(cloud.records.map(({ sequence }) => sequence));
  expect(cloud.of("gap")).toEqual([]);
});

test("a reader that stands still holds up the trimming and not the other reader", async () => {
  const house = await twice("stands");
  const { cloud } = house;
  await sayEach(house, texts);
  await cloud.waitRecords(texts.length, "telemetry");
  // The presence record came before them.
  const said = texts.length + 1;
  const status = await cloud.waitStatus(
    ({ behind }) => behind.effects.records === 0 && behind.points?.records === said,
  );
  expect(status.spoolRecords).toBe(said);
  expect(status.behind.effects.oldestMs).toBe(0);
  expect(status.behind.points?.oldestMs).toBeGreaterThan(0);
  // Not more than its credit is on the link, however much lies there.
  expect(cloud.of("batch").filter(({ reader }) => reader === "points").length).toBe(3);
  const offered = cloud.pointRecords.length;
  cloud.points = "commits";
  cloud.commitPoints(offered - 1, 3);
  await cloud.waitStatus(({ behind, spoolRecords }) => behind.points?.records === 0 && spoolRecords === 0);
  expect(cloud.pointRecords.map(({ sequence }) => sequence)).toEqual(cloud.records.map(({ sequence }) => sequence));
});

test("after a new link each reader goes on from its own watermark", async () => {
  const house = await twice("stands");
  const { cloud } = house;
  await sayEach(house, texts);
  await cloud.waitStatus(({ behind }) => behind.effects.records === 0);
  cloud.commitPoints(1, 0);
  await cloud.waitStatus(({ spoolRecords }) => spoolRecords === texts.length - 1);
  const effects = cloud.records.length;
  cloud.points = "commits";
  cloud.pointRecords.length = 0;
  house.relink();
  await cloud.wait("hello", 2);
  await cloud.waitNextStatus(({ spoolRecords }) => spoolRecords === 0);
  expect(cloud.records.length).toBe(effects);
  expect(cloud.pointRecords[0]?.sequence).toBe(2);
  expect(cloud.of("gap")).toEqual([]);
});

test("a cloud without the second reader lets go of what that one had not read", async () => {
  const house = await twice("stands");
  const { cloud } = house;
  await sayEach(house, texts);
  await cloud.waitStatus(({ behind, spoolRecords }) => behind.effects.records === 0 && spoolRecords > texts.length);
  cloud.points = "none";
  house.relink();
  const status = await cloud.waitNextStatus(({ spoolRecords }) => spoolRecords === 0);
  expect(status.behind.points).toBeNull();
});

test("a second reader that remembers more than the spool holds makes it begin an epoch, like the first", async () => {
  const first = await openHouse();
  first.cloud.commits = false;
  await sayEach(first, ["a", "b"]);
  const [hello] = first.cloud.of("hello");
  first.cloud.say({ kind: "welcome", watermark: -1, pointsWatermark: 1_000 });
  expect((await first.cloud.wait("hello", 2)).spoolEpoch).not.toBe(hello?.spoolEpoch);
  await first.cloud.waitRecords(2, "telemetry");
});

test("a drain waits for no reader of points", async () => {
  const house = await twice("stands");
  await sayEach(house, texts);
  house.cloud.say({ kind: "drain" });
  await house.cloud.wait("drained");
  expect(house.cloud.records.length).toBe(texts.length + 2);
});
