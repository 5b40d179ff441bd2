import { afterEach, expect, test } from "vitest";
import { closeHouses } from "../../gateway/testing/house.ts";
import { RawDevice } from "../../gateway/testing/raw-device.ts";
import { until } from "../../gateway/testing/until.ts";
import { client, message, send, settle, subscribe, subscriber, texts } from "./client.ts";
import { openBroker } from "./open-broker.ts";

afterEach(closeHouses);

const field = (text: string): number[] => [0, text.length, ...Buffer.from(text)];
const connect = (name: string, level: number, flags: number, id: string): number[] => {
  const body = [...field(name), level, flags, 0, 60, ...field(id)];
  return [0x10, body.length, ...body];
};

test("MQTT-3.1.0-1 a first packet other than CONNECT closes the connection", async () => {
  const { port } = await openBroker();
  const device = await RawDevice.open(port);
  device.send({ cmd: "pingreq" });
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test("MQTT-3.1.0-2 a second CONNECT closes the connection", async () => {
  const { port } = await openBroker();
  const device = await client(port, "a");
  device.connect("a");
  await device.waitClosed();
  expect(device.all("connack").length).toBe(1);
});

test.each([
  ["MQTT-3.1.2-1 another protocol name", connect("MQTTT", 4, 2, "a")],
  ["MQTT-3.1.2-3 the reserved flag", connect("MQTT", 4, 3, "a")],
  ["MQTT-3.1.2-13 a QoS of a will without a will", connect("MQTT", 4, 0x0a, "a")],
  ["MQTT-3.1.2-15 a retained will without a will", connect("MQTT", 4, 0x22, "a")],
  ["MQTT-3.1.2-22 a password without a user name", connect("MQTT", 4, 0x42, "a")],
  ["MQTT-1.5.3-2 NUL in a client id", connect("MQTT", 4, 2, "a\0")],
])("%s closes the connection", async (_what, bytes) => {
  const { port } = await openBroker();
  const device = await RawDevice.open(port);
  device.bytes(...bytes);
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test.each([3, 5, 6])("MQTT-3.1.2-2 protocol level %i is answered with code 1 in the form of 3.1.1", async (level) => {
  const { port } = await openBroker();
  const device = await RawDevice.open(port);
  const answer: number[] = [];
  device.socket.on("data", (chunk: Buffer) => answer.push(...chunk));
  device.bytes(...connect("MQTT", level, 2, "a"));
  await device.waitClosed();
  expect(answer).toEqual([0x20, 2, 0, 1]);
});

test("MQTT-3.1.2-4 MQTT-3.2.2-2 a session that is kept comes back with its subscriptions, and CONNACK says so", async () => {
  const { port } = await openBroker();
  const first = await subscriber(port, "a", { t: 1 }, { clean: false });
  expect(first.all("connack")[0]?.sessionPresent).toBe(false);
  first.send({ cmd: "disconnect" });
  await first.waitClosed();
  const again = await client(port, "a", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(true);
  await send(again, message("t", "x", { qos: 1 }));
  await again.wait("publish");
  expect(texts(again)).toEqual(["t x 1"]);
});

test("MQTT-3.2.2-2 a session without subscriptions is a session", async () => {
  const { port } = await openBroker();
  const first = await client(port, "a", { clean: false });
  first.send({ cmd: "disconnect" });
  await first.waitClosed();
  const again = await client(port, "a", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(true);
});

test("MQTT-3.1.2-6 MQTT-3.2.2-1 clean=true ends the session before it and keeps none", async () => {
  const { port } = await openBroker();
  const first = await subscriber(port, "a", { t: 1 }, { clean: false });
  first.send({ cmd: "disconnect" });
  await first.waitClosed();
  const clean = await client(port, "a", { clean: true });
  expect(clean.all("connack")[0]?.sessionPresent).toBe(false);
  await send(clean, message("t", "x", { qos: 1 }));
  await settle(clean);
  expect(texts(clean)).toEqual([]);
  clean.send({ cmd: "disconnect" });
  await clean.waitClosed();
  const again = await client(port, "a", { clean: false });
  expect(again.all("connack")[0]?.sessionPresent).toBe(false);
});

test.each([0, 1, 2] as const)(
  "MQTT-3.1.2-8 MQTT-3.1.2-14 a will of QoS %i is published when the connection is lost",
  async (qos) => {
    const { port } = await openBroker();
    const heir = await subscriber(port, "heir", { will: 2 });
    const device = await client(port, "a", { will: { topic: "will", payload: "gone", qos } });
    device.socket.destroy();
    await heir.wait("publish");
    expect(texts(heir)).toEqual([`will gone ${qos}`]);
  },
);

test("MQTT-3.1.2-10 MQTT-3.14.4-3 DISCONNECT ends the will", async () => {
  const { port } = await openBroker();
  const heir = await subscriber(port, "heir", { will: 2 });
  const device = await client(port, "a", { will: { topic: "will", payload: "gone" } });
  device.send({ cmd: "disconnect" });
  await device.waitClosed();
  await settle(heir);
  expect(texts(heir)).toEqual([]);
});

test.each([
  ["MQTT-3.1.2-16 a will that is not retained is not kept", false, []],
  ["MQTT-3.1.2-17 a retained will is kept", true, ["will gone 0"]],
])("%s", async (_what, retain, kept) => {
  const { port } = await openBroker();
  const heir = await subscriber(port, "heir", { will: 0 });
  const device = await client(port, "a", { will: { topic: "will", payload: "gone", retain } });
  device.socket.destroy();
  await heir.wait("publish");
  const late = await subscriber(port, "late", { will: 0 });
  await settle(late);
  expect(texts(late)).toEqual(kept);
});

test("MQTT-3.1.2-24 a client silent for one and a half times its keepalive is cut off, and its will speaks", async () => {
  const { port } = await openBroker();
  const heir = await subscriber(port, "heir", { will: 0 });
  const device = await client(port, "a", { keepalive: 1, will: { topic: "will", payload: "gone" } });
  await device.waitClosed();
  await heir.wait("publish");
  expect(texts(heir)).toEqual(["will gone 0"]);
});

test("MQTT-3.1.3-5 MQTT-3.1.3-6 client ids of 1 to 23 letters and digits are taken, and longer ones", async () => {
  const { port } = await openBroker();
  for (const id of ["a", "0123456789abcdefghijklmnopqrstuvw", "Z".repeat(300), "grün/+#"]) {
    const device = await client(port, id);
    expect(device.all("connack")[0]?.returnCode).toBe(0);
  }
});

test("MQTT-3.1.3-6 MQTT-3.1.3-7 clients without an id get one each where they keep no session", async () => {
  const { port } = await openBroker();
  const first = await subscriber(port, "", { t: 0 });
  const second = await subscriber(port, "", { t: 0 });
  await send(first, message("t", "x"));
  await first.wait("publish");
  await second.wait("publish");
  expect([first.closed, second.closed]).toEqual([false, false]);
});

test("MQTT-3.1.3-8 MQTT-3.1.3-9 a client without an id that wants a session is refused with code 2", async () => {
  const { port } = await openBroker();
  const device = await RawDevice.open(port);
  device.bytes(...connect("MQTT", 4, 0, ""));
  expect((await device.wait("connack")).returnCode).toBe(2);
  await device.waitClosed();
});

test("MQTT-3.1.4-2 a second connection of a client ends the first, and takes its session over", async () => {
  const { port } = await openBroker();
  const first = await subscriber(port, "a", { t: 1 }, { clean: false });
  const second = await client(port, "a", { clean: false });
  await first.waitClosed();
  expect(second.all("connack")[0]?.sessionPresent).toBe(true);
  await send(second, message("t", "x", { qos: 1 }));
  await second.wait("publish");
});

test("MQTT-3.1.4-5 what is sent behind CONNECT without waiting is handled, after CONNACK", async () => {
  const { port } = await openBroker();
  const device = await RawDevice.open(port);
  device.connect("a");
  subscribe(device, 1, { t: 1 });
  device.send(message("t", "x", { qos: 1, messageId: 2 }));
  await device.wait("publish");
  expect(device.received[0]?.cmd).toBe("connack");
});

test("MQTT-3.12.4-1 PINGREQ is answered with PINGRESP", async () => {
  const { port } = await openBroker();
  const device = await client(port, "a");
  await settle(device);
  expect(device.received.map(({ cmd }) => cmd)).toEqual(["connack", "pingresp"]);
});

test("MQTT-3.14.4-2 what was published right before DISCONNECT arrives", async () => {
  const { port } = await openBroker();
  const reader = await subscriber(port, "reader", { t: 2 });
  const device = await client(port, "a");
  device.send(message("t", "0"), message("t", "1", { qos: 1, messageId: 5 }), { cmd: "disconnect" });
  await device.waitClosed();
  await reader.wait("publish", 2);
  expect(texts(reader).toSorted()).toEqual(["t 0 0", "t 1 1"]);
});

test.each([
  ["MQTT-2.2.2-2 wrong flags in PINGREQ", [0xc1, 0]],
  ["MQTT-3.14.1-1 wrong flags in DISCONNECT", [0xe1, 0]],
  ["MQTT-3.6.1-1 wrong flags in PUBREL", [0x60, 2, 0, 1]],
  ["MQTT-3.8.1-1 wrong flags in SUBSCRIBE", [0x80, 6, 0, 1, ...field("t"), 0]],
  ["MQTT-3.10.1-1 wrong flags in UNSUBSCRIBE", [0xa0, 5, 0, 1, ...field("t")]],
  ["MQTT-2.3.1-1 packet id 0 in SUBSCRIBE", [0x82, 6, 0, 0, ...field("t"), 0]],
  ["MQTT-2.3.1-1 packet id 0 in PUBLISH", [0x32, 5, ...field("t"), 0, 0]],
  ["MQTT-3.3.1-2 DUP with QoS 0", [0x38, 3, ...field("t")]],
  ["MQTT-3.3.1-4 QoS 3", [0x36, 5, ...field("t"), 0, 1]],
  ["MQTT-3.3.2-2 a wildcard in a topic", [0x30, 3, ...field("#")]],
  ["MQTT-4.7.3-1 an empty topic", [0x30, 2, 0, 0]],
  ["MQTT-4.7.3-2 NUL in a topic", [0x30, 4, ...field("t\0")]],
  ["MQTT-1.5.3-1 a surrogate in a topic", [0x30, 5, 0, 3, 0xed, 0xa0, 0x80]],
  ["MQTT-3.8.3-3 SUBSCRIBE without a filter", [0x82, 2, 0, 1]],
  ["MQTT-3.8.3-4 SUBSCRIBE with QoS 3", [0x82, 6, 0, 1, ...field("t"), 3]],
  ["MQTT-3.10.3-2 UNSUBSCRIBE without a filter", [0xa2, 2, 0, 1]],
  ["MQTT-4.7.1-2 # before the end of a filter", [0x82, 8, 0, 1, ...field("#/t"), 0]],
  ["MQTT-4.7.1-3 + beside other characters", [0x82, 7, 0, 1, ...field("t+"), 0]],
])("MQTT-4.8.0-1 %s closes the connection, and its will speaks", async (_what, bytes) => {
  const { port } = await openBroker();
  const heir = await subscriber(port, "heir", { will: 0 });
  const device = await client(port, "a", { will: { topic: "will", payload: "gone" } });
  device.bytes(...bytes);
  await device.waitClosed();
  await until(() => texts(heir).length === 1, "the will");
  expect(device.received.map(({ cmd }) => cmd)).toEqual(["connack"]);
});
