import { randomUUID } from "node:crypto";
import type { IPublishPacket } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import type { RetainedItem } from "#protocol/link/messages.ts";
import { openAdmission } from "./open-admission.ts";
import { closeHouses } from "./testing/house.ts";
import { RawDevice } from "./testing/raw-device.ts";
import { type TimedHouse, openTimedHouse } from "./testing/timed-house.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const recipes = "hearth/v1/content/oven-x200/de/recipes";

/** Devices on one feed, the first of which reads nothing from now on. */
async function subscribers({ port }: TimedHouse, ids: string[], filter: string): Promise<RawDevice[]> {
  const devices: RawDevice[] = [];
  for (const id of ids) {
    const device = await RawDevice.login(port, id);
    device.subscribe(1, filter);
    await device.wait("suback");
    devices.push(device);
  }
  devices[0]?.socket.pause();
  return devices;
}

/** In changes of a hundred each: the gateway writes each change to its disk first. */
function say({ cloud }: TimedHouse, items: RetainedItem[]): void {
  for (let at = 0; at < items.length; at += 100) {
    cloud.say({ kind: "feeds_changed", version: at + 2, items: items.slice(at, at + 100) });
  }
}

const endOf = ({ cloud }: TimedHouse, id: string): unknown =>
  cloud.records
    .filter(({ deviceId, channel }) => deviceId === id && channel === "presence")
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()))
    .find(({ state }) => state === "disconnected")?.reason;

const texts = (device: RawDevice): string[] => device.all("publish").map(({ payload }) => payload.toString());

test("a frozen subscriber is cut within 15 s, and until then everybody else gets everything in order", async () => {
  const house = await openTimedHouse();
  const [frozen, ...readers] = await subscribers(house, ["frozen", "a", "b"], `${recipes}/#`);
  // Some are large, so that they fill whatever stands between us and the frozen one.
  const wanted = Array.from({ length: 3_000 }, (_, n) => (n % 100 === 0 ? `${n} ${"x".repeat(200_000)}` : String(n)));
  say(
    house,
    wanted.map((payload, n) => ({ topic: `${recipes}/item-${n % 500}`, payload })),
  );
  // No time passes here: nobody is cut, and nothing that waits for a time-out comes.
  for (const reader of readers) {
    await reader.wait("publish", wanted.length);
    expect(texts(reader)).toEqual(wanted);
  }
  expect(endOf(house, "frozen")).toBeUndefined();
  house.clock.advance(11_000);
  house.cloud.say({ kind: "feeds_changed", version: 9_999, items: [{ topic: recipes, payload: "still here" }] });
  await readers[0]?.wait("publish", wanted.length + 1);
  expect(endOf(house, "frozen")).toBeUndefined();
  const { counters } = await house.second();
  expect(counters["limit_drain_timeout_ms"]).toBe(0);
  house.clock.advance(3_000);
  await until(() => endOf(house, "frozen") === "stalled", "the frozen one to be cut");
  expect((await house.second()).counters["limit_drain_timeout_ms"]).toBe(1);
  frozen?.socket.destroy();
});

test.each([
  ["messages", { unreadPerConnectionMax: 20 }, "limit_unread_per_connection_max"],
  ["bytes", { unreadBytesPerConnectionMax: 300_000 }, "limit_unread_bytes_per_connection_max"],
])(
  "what waits for a frozen subscriber is bounded in %s: beyond that it is cut at once",
  async (_what, limits, name) => {
    const house = await openTimedHouse({ limits });
    const [frozen, reader] = await subscribers(house, ["frozen", "reader"], `${recipes}/#`);
    const payload = "x".repeat(50_000);
    // One after another, so that the reader is never behind; the system's own buffers take the first ones for both.
    for (let n = 0; n < 500 && endOf(house, "frozen") === undefined; n += 1) {
      house.cloud.say({ kind: "feeds_changed", version: n + 2, items: [{ topic: `${recipes}/item-${n}`, payload }] });
      await reader?.wait("publish", n + 1);
    }
    expect([endOf(house, "frozen"), reader?.closed]).toEqual(["stalled", false]);
    expect((await house.second()).counters[name]).toBe(1);
    frozen?.socket.destroy();
  },
);

test("nor is whoever publishes delayed by a subscriber that is frozen", async () => {
  const house = await openTimedHouse({ admission: openAdmission(randomUUID) });
  const [frozen, reader] = await subscribers(house, ["frozen", "reader"], "t/#");
  const publisher = await RawDevice.login(house.port, "publisher");
  const payload = "x".repeat(4_000);
  const count = 3_000;
  const packets = Array.from({ length: count }, (_, at): IPublishPacket => ({
    cmd: "publish",
    topic: "t/1",
    payload: `${at} ${payload}`,
    qos: 1,
    messageId: at + 1,
    dup: false,
    retain: false,
  }));
  publisher.send(...packets);
  await publisher.wait("puback", count);
  await reader?.wait("publish", count);
  expect(reader && texts(reader)).toEqual(packets.map((packet) => packet.payload));
  expect((await house.second()).connections).toBe(3);
  frozen?.socket.destroy();
});
