import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { type Packet, generate } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { SharedReadSocket, readShared } from "./platform/shared-reads.ts";
import { closeHouses, openHouse } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

const deviceCount = 12;
const messageCount = 15;

/** All that a device says, its CONNECT first and a SUBSCRIBE in the middle, so that what comes behind them has to wait. */
const speechOf = (deviceId: string): Buffer => {
  const messages = Array.from({ length: messageCount }, (_, at) =>
    publish(`hearth/v1/devices/${deviceId}/telemetry`, at + 1, `${deviceId} ${at} ${"x".repeat(at * 40)}`),
  );
  const login: Packet = {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: deviceId,
    clean: true,
    keepalive: 60,
    username: deviceId,
    password: Buffer.from(`token of ${deviceId}`),
  };
  const inbox = { topic: `hearth/v1/devices/${deviceId}/inbox`, qos: 1 } as const;
  messages.splice(messageCount / 2, 0, { cmd: "subscribe", messageId: 99, subscriptions: [inbox] });
  return Buffer.concat([login, ...messages].map((packet) => generate(packet)));
};

test("what devices say at the same time never mixes, however the network cuts it", async () => {
  // Much of it comes before the login is decided.
  const { cloud, port } = await openHouse({ limits: { bytesBeforeLogin: 65_536 } });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 40, maxLength: 80 }), async (cuts) => {
      round += 1;
      const speeches = await Promise.all(
        Array.from({ length: deviceCount }, async (_, at) => {
          const deviceId = `oven-${round}-${at}`;
          return { deviceId, device: await RawDevice.open(port), speech: speechOf(deviceId), said: 0 };
        }),
      );
      for (let cut = 0; speeches.some(({ said, speech }) => said < speech.length); cut += 1) {
        for (const [at, one] of speeches.entries()) {
          const end = one.said + (cuts[(cut + at) % cuts.length] ?? 1);
          if (one.said < one.speech.length) one.device.socket.write(one.speech.subarray(one.said, end));
          one.said = end;
        }
        await turn();
      }
      for (const { deviceId, device } of speeches) {
        await device.wait("puback", messageCount);
        const found = () => cloud.records.filter((one) => one.deviceId === deviceId && one.channel === "telemetry");
        await until(() => found().length >= messageCount, `all records of ${deviceId}`);
        expect(found().map(({ payload }) => Buffer.from(payload).toString())).toEqual(
          Array.from({ length: messageCount }, (_, at) => `${deviceId} ${at} ${"x".repeat(at * 40)}`),
        );
        device.socket.destroy();
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

/** A socket that was accepted, and the one at its other end. */
async function pair(): Promise<{ accepted: Socket; other: Socket; close: () => void }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const other = connect({ port, host: "127.0.0.1", noDelay: true });
  const [socket]: Socket[] = await once(server, "connection");
  if (socket === undefined) throw new Error("nobody came");
  const accepted = readShared(socket);
  const close = () => {
    accepted.destroy();
    other.destroy();
    server.close();
  };
  return { accepted, other, close };
}

test("this Node hands over the handle, what is buffered is a copy, and what is taken comes at once", async () => {
  const { accepted, other, close } = await pair();
  expect(accepted).toBeInstanceOf(SharedReadSocket);
  const said: Buffer[] = [];
  accepted.on("data", (chunk: Buffer) => said.push(chunk));
  other.write("first");
  await until(() => said.length === 1, "the first");
  other.write("later");
  await until(() => said.length === 2, "the second");
  expect(Buffer.concat(said).toString()).toBe("firstlater");
  const taken: string[] = [];
  if (accepted instanceof SharedReadSocket) accepted.takeBytes((bytes) => taken.push(bytes.toString()));
  other.write("taken");
  await until(() => taken.length === 1, "what is taken");
  expect(taken).toEqual(["taken"]);
  expect(said.length).toBe(2);
  close();
});

test("a socket that stands still is not read, goes on where it stood, and hears the end", async () => {
  const { accepted, other, close } = await pair();
  let bytes = 0;
  let hasEnded = false;
  accepted.on("end", () => {
    hasEnded = true;
  });
  accepted.on("data", () => {});
  if (accepted instanceof SharedReadSocket) accepted.takeBytes((piece) => (bytes += piece.length));
  other.write("a");
  await until(() => bytes === 1, "the first byte");
  accepted.pause();
  // More than the kernel takes for a connection that is not read.
  const much = Buffer.alloc(32 * 1_024 * 1_024);
  other.write(much);
  for (let at = 0; at < 200; at += 1) await turn();
  expect(bytes).toBe(1);
  expect(other.writableLength).toBeGreaterThan(0);
  accepted.resume();
  await until(() => bytes === much.length + 1, "all the rest");
  other.end();
  await until(() => hasEnded, "the end");
  close();
});
