import { randomUUID } from "node:crypto";
import { MessageChannel } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayMessage, GatewayStatus } from "#protocol/link/messages.ts";
import { Kitchen, quietGateway } from "../test/support/kitchen.ts";
import { until } from "../test/support/service-process.ts";
import { GatewayHub } from "./gateway-hub.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const status: GatewayStatus = {
  ...quietGateway,
  spoolBytesMax: 1,
  spoolOldestMs: 900,
  behind: { effects: { records: 1, oldestMs: 70 }, points: { records: 1, oldestMs: 900 } },
};

test("a gateway listens from its first report after the welcome on, while it has room, until it drains, and only what rules see counts", async () => {
  const hub = new GatewayHub();
  const { port1, port2 } = new MessageChannel();
  const welcomed = new Promise<void>((resolve) => {
    port2.on("message", ({ kind }: { kind: string }) => {
      if (kind === "welcome") resolve();
      if (kind === "drain") say({ kind: "drained" });
    });
  });
  const say = (message: GatewayMessage) => port2.postMessage(message);
  hub.attach(port1, kitchen.slices.linkDeps);
  say({ kind: "status", status });
  const bootId = randomUUID();
  const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  say({ kind: "hello", bootId, ...source, firstSequence: 0, headSequence: -1 });
  expect(hub.listening).toBeNull();
  await welcomed;
  expect(hub.listening).toEqual({ bootId, reports: 1, oldestWaitingMs: 70 });
  say({ kind: "status", status: { ...status, spoolFull: true } });
  await until("a full gateway", () => hub.listening === null);
  say({ kind: "status", status });
  await until("room again", () => hub.listening?.reports === 3);
  await hub.drain(1_000);
  expect(hub.listening).toBeNull();
  port1.close();
});
