/** An erasure with a real gateway in whose spool pieces were found damaged: they name the appliance, or nobody can tell whom they name. */
import { join } from "node:path";
import { open } from "lmdb";
import mqtt from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerOvens } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const oven = "oven-damaged";
let service: RunningService;
let token: string;

beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  [token = ""] = await registerOvens(service, [oven]);
});
afterAll(async () => {
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

async function inDamaged<T>(
  work: (damaged: { put(key: number, value: Buffer): Promise<boolean>; words(): string[] }) => T,
) {
  const root = open<unknown, string>({ path: join(service.dataDir, "spool", "spool"), overlappingSync: false });
  try {
    const store = root.openDB<Buffer, number>({ name: "damaged", encoding: "binary" });
    return await work({
      put: (key, value) => store.put(key, value),
      words: () => [...store.getRange()].map(({ value }) => Buffer.from(value).toString("latin1")),
    });
  } finally {
    await root.close();
  }
}

const say = async (type: string) => {
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: oven,
    username: oven,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  const event = JSON.stringify({ id: `${type}-1`, atMs: Date.now(), type, data: {} });
  await device.publishAsync(`hearth/v1/devices/${oven}/events`, event, { qos: 1 });
  await device.endAsync(true);
};

test("an erasure deletes damaged pieces of the spool, also those whose name is what is damaged, says how many, and ends", async () => {
  const body = { name: "Huber", locale: "en", timeZone: "UTC" };
  const { id } = (await service.api("/api/v1/households", { method: "POST", body })).body;
  await service.api(`/api/v1/households/${id}/devices/${oven}`, { method: "PUT" });
  await say("program.finished");
  // As the gateway sets them aside, at a start.
  await stopServiceProcess(service);
  await inDamaged(async (damaged) => {
    await damaged.put(1, Buffer.from(`....${oven}{"m":{"cavity_c":111.25}}`));
    await damaged.put(7, Buffer.from(`....oven-d\u0001maged{"m":{"cavity_c":111.25}}`, "latin1"));
  });
  service = await startServiceProcess({ dataDir: service.dataDir, key: service.key });
  const answer = await service.api(`/api/v1/households/${id}/erase`, { method: "POST", body: { confirm: "Huber" } });
  expect(answer.status).toBe(200);
  const report = async () => (await service.api(`/api/v1/erasures/${answer.body.id}`)).body;
  await until("it is done", async () => (await report()).doneAtMs !== null, 120_000);
  const { stores, scan } = (await report()).report;
  const line = stores.find(({ store }: { store: string }) => store === "damaged pieces of the spool");
  expect(line).toMatchObject({ state: "removed", removed: 2, describes: expect.stringContaining("were deleted") });
  expect(scan).toMatchObject({ found: [], elsewhere: [{ place: "files of the spool", found: 0 }] });
  // The gateway goes on as before.
  await say("program.started");
  await until("it is stored", async () =>
    JSON.stringify((await service.api(`/api/v1/devices/${oven}/timeline`)).body).includes("program.started"),
  );
  await stopServiceProcess(service);
  expect(await inDamaged((damaged) => damaged.words())).toEqual([]);
});
