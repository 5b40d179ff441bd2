import { MessageChannel } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CloudMessage } from "#protocol/link/messages.ts";
import { newFirmwareKeys } from "../test/support/release-kit.ts";
import { createTestDatabase, type TestDatabase } from "../test/support/postgres.ts";
import { until } from "../test/support/service-process.ts";
import { GatewayHub } from "./gateway-hub.ts";
import { systemClock } from "./platform/clock.ts";
import { randomIds } from "./platform/ids.ts";
import { createLogger } from "./platform/logger.ts";
import { createSlices, type Slices } from "./slices.ts";

const system = { kind: "system" } as const;
const link = new MessageChannel();
const sent: Extract<CloudMessage, { kind: "deliver" }>[] = [];
let base: TestDatabase;
let slices: Slices;

beforeAll(async () => {
  base = await createTestDatabase();
  const hub = new GatewayHub();
  slices = createSlices({
    database: base.database,
    clock: systemClock,
    ids: randomIds,
    logger: createLogger("silent"),
    hub,
    artifactsDir: "/nowhere",
    secret: Buffer.alloc(32),
    publicUrl: () => "http://hearth.test",
    firmwareKeys: newFirmwareKeys(),
    fleetCa() {
      throw new Error("nobody is enrolled here");
    },
    deviceCertificateMs: 0,
  });
  await slices.load();
  hub.attach(link.port1, slices.linkDeps);
  link.port2.on("message", (message: CloudMessage) => {
    if (message.kind === "deliver") sent.push(message);
  });
  await slices.devices.putModel(system, {
    key: "oven",
    version: 1,
    brand: "B",
    name: "Oven",
    kind: "oven",
    hardwareIds: ["h1"],
    locales: ["en"],
    metrics: [],
    capabilities: { programs: [], steam: false, probe: false },
  });
  await slices.devices.register(system, [{ id: "oven-1", model: "oven" }]);
});
afterAll(async () => {
  link.port1.close();
  await slices.dispatcher.stop();
  await slices.ingest.stop();
  await base.drop();
});

test("a desired state that was written to its device leaves the inbox of every device as it was", async () => {
  await slices.devices.setDesired(system, "oven-1", { light: true });
  await until("the desired state is sent", () => sent.length === 1);
  link.port2.postMessage({ kind: "written", ref: sent[0]?.ref, deviceId: "oven-1", atMs: Date.now() });
  const outcome = await slices.deliveries.commands.send(system, "oven-1", { name: "identify", args: {} });
  const id = outcome.kind === "accepted" ? outcome.id : "";
  await until("the command is sent", () => sent.length === 2);
  link.port2.postMessage({ kind: "written", ref: sent[1]?.ref, deviceId: "oven-1", atMs: Date.now() });
  const phase = async () => (await slices.deliveries.get(id))?.delivery.phase;
  await until("it is noted as sent", async () => (await phase()) === "sent");
  expect(sent[1]).toMatchObject({ deviceId: "oven-1", channel: "inbox" });
});

test("a desired state that a busy socket did not take is sent again", async () => {
  const before = sent.length;
  await slices.devices.setDesired(system, "oven-1", { light: false });
  await until("the desired state is sent", () => sent.length === before + 1);
  const first = sent[before];
  link.port2.postMessage({ kind: "not_written", ref: first?.ref, deviceId: "oven-1", reason: "busy" });
  await until("it is sent again", () => {
    slices.desired.tick();
    return sent.length === before + 2;
  });
  expect(sent[before + 1]).toEqual(first);
});
