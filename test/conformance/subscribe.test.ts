import { afterEach, expect, test } from "vitest";
import { closeHouses } from "../../gateway/testing/house.ts";
import { client, message, send, settle, subscribe, subscriber, texts } from "./client.ts";
import { openBroker } from "./open-broker.ts";

afterEach(closeHouses);

test("MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-3.9.3-1 SUBACK has the id of its SUBSCRIBE and a code for each filter, in their order", async () => {
  const { port } = await openBroker();
  const device = await client(port, "a");
  subscribe(device, 513, { a: 2, b: 0, "test/nosubscribe": 1, c: 1 });
  const suback = await device.wait("suback");
  expect([suback.messageId, suback.granted]).toEqual([513, [2, 0, 0x80, 1]]);
});

test("MQTT-3.9.3-2 test/nosubscribe is refused with 0x80, and delivers nothing", async () => {
  const { port } = await openBroker();
  const device = await subscriber(port, "a", { "test/nosubscribe": 2 });
  expect(device.all("suback")[0]?.granted).toEqual([0x80]);
  await send(device, message("test/nosubscribe", "x", { qos: 1 }));
  await settle(device);
  expect(texts(device)).toEqual([]);
});

test("MQTT-3.8.4-3 a new subscription to a held filter replaces the old one, and retained messages come again", async () => {
  const { port } = await openBroker();
  const device = await client(port, "a");
  await send(device, message("t", "kept", { qos: 1, retain: true }));
  subscribe(device, 1, { t: 0 });
  await device.wait("publish");
  subscribe(device, 2, { t: 1 });
  await device.wait("publish", 2);
  await send(device, message("t", "live", { qos: 1, messageId: 3 }));
  await device.wait("publish", 3);
  await settle(device);
  expect(texts(device)).toEqual(["t kept 0", "t kept 1", "t live 1"]);
});

test.each([0, 1, 2] as const)(
  "MQTT-3.8.4-6 with granted QoS %i each message comes with the lower of its own and that",
  async (granted) => {
    const { port } = await openBroker();
    for (const filter of ["t", "+", "#"]) {
      const device = await subscriber(port, `reader ${filter}`, { [filter]: granted });
      for (const qos of [0, 1, 2] as const) {
        await send(device, message("t", "x", { qos }));
        const got = await device.wait("publish", qos + 1);
        expect(got.qos).toBe(Math.min(qos, granted));
      }
    }
  },
);

test("MQTT-3.3.5-1 overlapping filters bring one copy, with the highest QoS granted", async () => {
  const { port } = await openBroker();
  for (const clean of [true, false]) {
    const device = await subscriber(port, `reader ${clean}`, { "#": 0, "a/+": 2, "a/b": 1 }, { clean });
    await send(device, message("a/b", "x", { qos: 2 }));
    await device.wait("publish");
    await settle(device);
    expect(texts(device)).toEqual(["a/b x 2"]);
  }
});

test("MQTT-3.10.4-1 MQTT-3.10.4-2 MQTT-3.10.4-4 after UNSUBACK nothing more comes for that very filter", async () => {
  const { port } = await openBroker();
  const device = await subscriber(port, "a", { "t/+": 1, "t/a": 1 });
  device.send({ cmd: "unsubscribe", messageId: 77, unsubscriptions: ["t/+"] });
  expect((await device.wait("unsuback")).messageId).toBe(77);
  await send(device, message("t/a", "x", { qos: 1 }));
  await send(device, message("t/b", "x", { qos: 1 }));
  await settle(device);
  expect(texts(device)).toEqual(["t/a x 1"]);
});

test("MQTT-3.10.4-5 MQTT-3.10.4-6 UNSUBSCRIBE of what is not held, and of many, is answered once", async () => {
  const { port } = await openBroker();
  const device = await subscriber(port, "a", { x: 1, y: 1 });
  device.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["x", "never", "y"] });
  await device.wait("unsuback");
  await send(device, message("x", "x", { qos: 1 }));
  await send(device, message("y", "x", { qos: 1 }));
  await settle(device);
  expect([texts(device), device.all("unsuback").length]).toEqual([[], 1]);
});

test.each([
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking/a", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["#", "a/b", true],
  ["#", "$a/b", false],
  ["+/b", "$a/b", false],
  ["$a/#", "$a/b", true],
  ["$a/+", "$a/b", true],
  ["accounts", "ACCOUNTS", false],
  ["a//b", "a/b", false],
  ["a//b", "a//b", true],
  ["+//b", "a//b", true],
  ["/", "/", true],
  ["a b/ü", "a b/ü", true],
])(
  "MQTT-4.7.1 MQTT-4.7.2-1 MQTT-4.7.3-4 the filter %j for the topic %j, live and retained: %s",
  async (filter, topic, matches) => {
    const { port } = await openBroker();
    const writer = await client(port, "writer");
    const device = await subscriber(port, "live", { [filter]: 1 });
    await send(writer, message(topic, "x", { qos: 1, retain: true }));
    const late = await subscriber(port, "late", { [filter]: 1 });
    if (matches) {
      await device.wait("publish");
      await late.wait("publish");
    }
    await settle(device);
    await settle(late);
    const wanted = matches ? [`${topic} x 1`] : [];
    expect([texts(device), texts(late)]).toEqual([wanted, wanted]);
  },
);
