import { afterEach, expect, test } from "vitest";
import { closeHouses } from "../../gateway/testing/house.ts";
import { client, message, send, settle, subscriber, texts } from "./client.ts";
import { openBroker } from "./open-broker.ts";

afterEach(closeHouses);

test("MQTT-3.3.1-5 MQTT-3.3.1-8 MQTT-3.3.1-9 a retained message comes to new subscriptions marked, to held ones not", async () => {
  const { port } = await openBroker();
  const writer = await subscriber(port, "writer", { t: 1 });
  await send(writer, message("t", "old", { qos: 1, retain: true }));
  await send(writer, message("t", "new", { qos: 1, retain: true }));
  await writer.wait("publish", 2);
  expect(writer.all("publish").map(({ retain }) => retain)).toEqual([false, false]);
  const late = await subscriber(port, "late", { "+": 1 });
  const kept = await late.wait("publish");
  await settle(late);
  expect([texts(late), kept.retain]).toEqual([["t new 1"], true]);
});

test("MQTT-3.3.1-10 MQTT-3.3.1-11 an empty retained message goes to subscribers, ends what was retained and is not kept", async () => {
  const { port } = await openBroker();
  const writer = await subscriber(port, "writer", { t: 0 });
  await send(writer, message("t", "x", { retain: true }));
  await send(writer, message("t", "", { retain: true }));
  await writer.wait("publish", 2);
  expect(texts(writer)).toEqual(["t x 0", "t  0"]);
  const late = await subscriber(port, "late", { t: 0 });
  await settle(late);
  expect(texts(late)).toEqual([]);
});

test("MQTT-3.3.1-12 a message that is not retained leaves the retained one as it is", async () => {
  const { port } = await openBroker();
  const writer = await client(port, "writer");
  await send(writer, message("t", "kept", { qos: 1, retain: true }));
  await send(writer, message("t", "live", { qos: 1 }));
  const late = await subscriber(port, "late", { t: 2 });
  await late.wait("publish");
  await settle(late);
  expect(texts(late)).toEqual(["t kept 1"]);
});

test.each([0, 1, 2] as const)(
  "MQTT-4.3 a message of QoS %i goes all the way, with its own id on each side",
  async (qos) => {
    const { port } = await openBroker();
    const reader = await subscriber(port, "reader", { t: 2 });
    const writer = await client(port, "writer");
    await send(writer, message("t", "x", { qos, messageId: 4_711 }));
    const got = await reader.wait("publish");
    expect([texts(reader), got.dup, got.retain]).toEqual([[`t x ${qos}`], false, false]);
    if (qos === 1) reader.send({ cmd: "puback", messageId: got.messageId ?? 0 });
    if (qos === 2) {
      reader.send({ cmd: "pubrec", messageId: got.messageId ?? 0 });
      expect((await reader.wait("pubrel")).messageId).toBe(got.messageId);
      reader.send({ cmd: "pubcomp", messageId: got.messageId ?? 0 });
    }
    await settle(reader);
    expect(texts(reader).length).toBe(1);
  },
);

test("MQTT-4.3.3 a QoS 2 message that comes twice before its PUBREL is published once, also in one segment", async () => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 1 });
  const writer = await client(port, "writer");
  const packet = message("t", "x", { qos: 2, messageId: 7 });
  writer.send(packet, { ...packet, dup: true });
  await writer.wait("pubrec", 2);
  writer.send({ ...packet, dup: true });
  await writer.wait("pubrec", 3);
  writer.send({ cmd: "pubrel", messageId: 7 });
  await writer.wait("pubcomp");
  await send(writer, { ...packet, payload: "another under the same id" });
  await reader.wait("publish", 2);
  await settle(reader);
  expect(texts(reader)).toEqual(["t x 1", "t another under the same id 1"]);
});

test("MQTT-4.3.3 a QoS 2 message whose PUBREC was lost with the connection is published once", async () => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 1 });
  const writer = await client(port, "writer", { clean: false });
  const packet = message("t", "x", { qos: 2, messageId: 7 });
  writer.send(packet);
  await writer.wait("pubrec");
  writer.socket.destroy();
  const again = await client(port, "writer", { clean: false });
  await send(again, { ...packet, dup: true });
  await settle(reader);
  expect(texts(reader)).toEqual(["t x 1"]);
});

test("MQTT-3.6.4 PUBREL for an unknown id is answered with PUBCOMP, and PUBREC for one with PUBREL", async () => {
  const { port } = await openBroker();
  for (const clean of [true, false]) {
    const device = await client(port, `a ${clean}`, { clean });
    device.send({ cmd: "pubrel", messageId: 99 }, { cmd: "pubrec", messageId: 98 });
    expect((await device.wait("pubcomp")).messageId).toBe(99);
    expect((await device.wait("pubrel")).messageId).toBe(98);
  }
});

test.each([1, 2] as const)("MQTT-3.1.2-5 QoS %i messages wait for a session whose client is away", async (qos) => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: qos }, { clean: false });
  reader.send({ cmd: "disconnect" });
  await reader.waitClosed();
  const writer = await client(port, "writer");
  for (let n = 1; n <= 5; n += 1) await send(writer, message("t", `${n}`, { qos: 2, messageId: n }));
  const again = await client(port, "reader", { clean: false });
  await again.wait("publish", 5);
  expect(texts(again)).toEqual([1, 2, 3, 4, 5].map((n) => `t ${n} ${qos}`));
  expect(again.all("publish").map(({ dup }) => dup)).toEqual([false, false, false, false, false]);
});

test.each([
  [1, false],
  [2, false],
  [1, true],
  [2, true],
] as const)(
  "MQTT-4.4.0-1 MQTT-3.3.1-1 an unacknowledged message of QoS %i, retained %s, comes again with DUP and its id",
  async (qos, retain) => {
    const { port } = await openBroker();
    const writer = await client(port, "writer");
    if (retain) await send(writer, message("t", "x", { qos, retain }));
    const reader = await subscriber(port, "reader", { t: 2 }, { clean: false });
    if (!retain) await send(writer, message("t", "x", { qos }));
    const first = await reader.wait("publish");
    expect(first.dup).toBe(false);
    reader.socket.destroy();
    const again = await client(port, "reader", { clean: false });
    const second = await again.wait("publish");
    expect([second.dup, second.messageId, texts(again)]).toEqual([true, first.messageId, [`t x ${qos}`]]);
    const messageId = second.messageId ?? 0;
    again.send(qos === 1 ? { cmd: "puback", messageId } : { cmd: "pubrec", messageId });
    if (qos === 2) {
      await again.wait("pubrel");
      again.send({ cmd: "pubcomp", messageId });
    }
    await settle(again);
    again.send({ cmd: "disconnect" });
    await again.waitClosed();
    const last = await client(port, "reader", { clean: false });
    await settle(last);
    expect(texts(last)).toEqual([]);
  },
);

test("MQTT-4.4.0-1 a PUBREL that was not answered comes again, and its message does not", async () => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 2 }, { clean: false });
  await send(await client(port, "writer"), message("t", "x", { qos: 2 }));
  const { messageId = 0 } = await reader.wait("publish");
  reader.send({ cmd: "pubrec", messageId });
  await reader.wait("pubrel");
  reader.socket.destroy();
  const again = await client(port, "reader", { clean: false });
  expect((await again.wait("pubrel")).messageId).toBe(messageId);
  again.send({ cmd: "pubcomp", messageId });
  await settle(again);
  expect(texts(again)).toEqual([]);
});

test("MQTT-4.6.0-2 MQTT-4.6.0-3 acknowledgements come in the order of their messages", async () => {
  const { port } = await openBroker();
  const writer = await client(port, "writer");
  const ids = Array.from({ length: 50 }, (_, at) => at + 1);
  writer.send(...ids.map((messageId) => message("t", "x", { qos: 1, messageId })));
  writer.send(...ids.map((messageId) => message("t", "x", { qos: 2, messageId: messageId + 100 })));
  await writer.wait("puback", 50);
  await writer.wait("pubrec", 50);
  expect(writer.all("puback").map(({ messageId }) => messageId)).toEqual(ids);
  expect(writer.all("pubrec").map(({ messageId }) => messageId)).toEqual(ids.map((id) => id + 100));
});

test.each([0, 1, 2] as const)("MQTT-4.6.0-6 messages of QoS %i arrive in their order, retained or not", async (qos) => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 2, "+": 0 });
  const writer = await client(port, "writer");
  const numbers = Array.from({ length: 60 }, (_, at) => at + 1);
  writer.send(...numbers.map((n) => message("t", `${n}`, { qos, messageId: n, retain: n % 3 === 0 })));
  await reader.wait("publish", 60);
  expect(texts(reader)).toEqual(numbers.map((n) => `t ${n} ${qos}`));
});

test("MQTT-4.3.2-1 messages of every QoS in one segment all arrive: a faster one does not drive out a slower one", async () => {
  const { port } = await openBroker();
  for (const clean of [true, false]) {
    const reader = await subscriber(port, `reader ${clean}`, { "#": 2 }, { clean });
    const writer = await client(port, "writer");
    const numbers = Array.from({ length: 60 }, (_, at) => at + 1);
    writer.send(...numbers.map((n) => message("t", `${n}`, { qos: [2, 1, 0][n % 3] as 0 | 1 | 2, messageId: n })));
    await reader.wait("publish", 60);
    await settle(reader);
    expect(texts(reader).length).toBe(60);
  }
});

test("MQTT-2.3.1-4 a message id in use is given to no other message", async () => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 1 }, { clean: false });
  const writer = await client(port, "writer");
  for (let n = 1; n <= 20; n += 1) await send(writer, message("t", `${n}`, { qos: 1 }));
  await reader.wait("publish", 20);
  reader.socket.destroy();
  const again = await client(port, "reader", { clean: false });
  await again.wait("publish", 20);
  for (let n = 21; n <= 40; n += 1) await send(writer, message("t", `${n}`, { qos: 1 }));
  await again.wait("publish", 40);
  expect(new Set(again.all("publish").map(({ messageId }) => messageId)).size).toBe(40);
});
