import { approvedContent } from "../support/approved-content.ts";
import {
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "../support/service-process.ts";
import { type BenchDevice, type BenchItem, benchModel, type Peer, recipe } from "./peer.ts";

const model = {
  key: benchModel,
  version: 1,
  brand: "Bench",
  name: "Bench oven",
  kind: "oven",
  hardwareIds: ["b1"],
  locales: ["en"],
  metrics: [
    { name: "cavity_c", unit: "°C" },
    { name: "setpoint_c", unit: "°C" },
    { name: "power_w", unit: "W" },
    { name: "fan_rpm", unit: "rpm" },
    { name: "door_open", kind: "flag" },
  ],
  capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
};

export async function registerDevices(service: RunningService, prefix: string, count: number): Promise<BenchDevice[]> {
  await expectStatus(service.api(`/api/v1/models/${benchModel}`, { method: "PUT", body: model }), 200);
  const devices: BenchDevice[] = [];
  while (devices.length < count) {
    const batch = Array.from({ length: Math.min(1_000, count - devices.length) }, (_, at) => ({
      id: `${prefix}-${devices.length + at}`,
      model: benchModel,
    }));
    const asked = service.api("/api/v1/devices/batch", { method: "POST", body: { devices: batch } });
    devices.push(...(await expectStatus<{ items: BenchDevice[] }>(asked, 201)).items);
  }
  return devices;
}

export interface Hearth extends Peer {
  readonly service: RunningService;
}

/**
 * How fast devices may come in, and how many of them from one address, is limited for the sake of a fleet at large; here both are what
 * is measured, and there is one address.
 */
const liftedLimits = {
  HEARTH_LIMIT_CONNECTS_PER_SECOND_MAX: "100000",
  HEARTH_LIMIT_CONNECTIONS_PER_ADDRESS_MAX: "1000000",
};

/** `npm start`'s process as a child, with its default settings but for the limits above. */
export async function startHearth(deviceCount: number): Promise<Hearth> {
  const dataDir = await newDataDir();
  const preload = new URL("./collect-garbage.ts", import.meta.url).href;
  const service = await startServiceProcess({ dataDir, execArgv: ["--import", preload], env: liftedLimits });
  return {
    service,
    pid: service.child.pid ?? 0,
    port: service.mqttPort,
    tlsPort: service.mqttsPort,
    devices: await registerDevices(service, "bench", deviceCount),
    collectGarbage: () => void service.child.send({ collectGarbage: true }),
    newItem: () => newItem(service),
    async stop() {
      await stopServiceProcess(service);
      await removeDataDir(dataDir);
    },
  };
}

async function newItem(service: RunningService): Promise<BenchItem> {
  const body = { kind: "recipe", locales: { en: recipe } };
  const id = await approvedContent(service, body);
  return {
    topic: `hearth/v1/content/${benchModel}/en/recipes/${id}`,
    async publish() {
      const to = { models: [benchModel], feed: "recipes" };
      await expectStatus(service.api(`/api/v1/content/items/${id}/publish`, { method: "POST", body: to }), 200);
    },
  };
}

async function expectStatus<Body>(asked: Promise<{ status: number; body: Body }>, wanted: number): Promise<Body> {
  const { status, body } = await asked;
  if (status !== wanted) throw new Error(`Hearth answered ${status}: ${JSON.stringify(body)}`);
  return body;
}
