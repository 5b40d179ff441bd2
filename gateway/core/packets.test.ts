import fc from "fast-check";
import { type IConnectPacket, type Packet, generate, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { encodeConnect, encodePublish, readConnect, readSubscribe, readUnsubscribe } from "./packets.ts";

function parsed(bytes: Buffer): Packet | undefined {
  let found: Packet | undefined;
  const reader = parser();
  reader.on("packet", (packet: Packet) => {
    found = packet;
  });
  reader.parse(bytes);
  return found;
}

/** The bytes behind the fixed header of a short packet. */
const body = (packet: Packet): Buffer => generate(packet).subarray(2);
const connect = (more: Partial<IConnectPacket> = {}): Buffer =>
  body({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "oven-1",
    clean: true,
    keepalive: 30,
    ...more,
  });

test("CONNECT is read field by field", () => {
  const bytes = connect({
    username: "oven-1",
    password: Buffer.from("secret"),
    will: { topic: "a/b", payload: Buffer.from("gone"), qos: 1, retain: true },
  });
  expect(readConnect(bytes, 0, bytes.length)).toEqual({
    size: bytes.length,
    protocolLevel: 4,
    clean: true,
    keepaliveMs: 30_000,
    clientId: "oven-1",
    username: "oven-1",
    password: Buffer.from("secret"),
    will: { topic: "a/b", payload: Buffer.from("gone"), qos: 1, retain: true },
  });
});

const text = (bytes: number[]): number[] => [0, bytes.length, ...bytes];
const head = (flags: number): number[] => [0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, 0, 60];

test.each([
  ["a reserved flag", [...head(0x03), ...text([0x61])]],
  ["a will of QoS 3", [...head(0x1e), ...text([0x61]), ...text([0x62]), ...text([])]],
  ["a will's QoS without a will", [...head(0x0a), ...text([0x61])]],
  ["a password without a user name", [...head(0x42), ...text([0x61]), ...text([0x62])]],
  ["NUL in a client id", [...head(0x02), ...text([0x61, 0])]],
  ["bad UTF-8 in a client id", [...head(0x02), ...text([0xc3, 0x28])]],
  ["a surrogate in a client id", [...head(0x02), ...text([0xed, 0xa0, 0x80])]],
  ["bytes behind its end", [...head(0x02), ...text([0x61]), 0]],
  ["a field cut short", [...head(0x02), 0, 5, 0x61]],
  ["another protocol", [0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 60, ...text([0x61])]],
])("CONNECT with %s is malformed", (_what, bytes) => {
  expect(readConnect(Buffer.from(bytes), 0, bytes.length)).toBeNull();
});

test("arbitrary bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      for (const read of [readConnect, readSubscribe, readUnsubscribe]) {
        expect(() => read(buffer, 0, buffer.length)).not.toThrow();
      }
    }),
  );
});

test.each([
  ["no filter", [0, 1]],
  ["packet id 0", [0, 0, ...text([0x61]), 0]],
  ["QoS 3", [0, 1, ...text([0x61]), 3]],
  ["an empty filter", [0, 1, ...text([]), 0]],
  ["NUL in a filter", [0, 1, ...text([0x61, 0]), 0]],
  ["bad UTF-8 in a filter", [0, 1, ...text([0xff]), 0]],
  ["a wildcard beside other characters", [0, 1, ...text([0x61, 0x23]), 0]],
  ["# before the end", [0, 1, ...text([0x23, 0x2f, 0x61]), 0]],
])("SUBSCRIBE with %s is malformed", (_what, bytes) => {
  expect(readSubscribe(Buffer.from(bytes), 0, bytes.length)).toBeNull();
});

test("UNSUBSCRIBE without a filter is malformed", () => {
  expect(readUnsubscribe(Buffer.from([0, 1]), 0, 2)).toBeNull();
});

test("what is encoded is what another implementation reads", () => {
  expect(parsed(encodeConnect("oven-1", false))).toMatchObject({
    cmd: "connect",
    clientId: "oven-1",
    clean: false,
    keepalive: 0,
  });
  fc.assert(
    fc.property(fc.string({ maxLength: 20_000 }), fc.integer({ min: 1, max: 65_535 }), (payload, messageId) => {
      const packet = parsed(encodePublish("hearth/v1/devices/a/inbox", payload, 1, messageId));
      expect(packet).toMatchObject({ cmd: "publish", qos: 1, messageId, topic: "hearth/v1/devices/a/inbox" });
      expect(packet?.cmd === "publish" && packet.payload.toString()).toBe(Buffer.from(payload).toString());
    }),
  );
});
