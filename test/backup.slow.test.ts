/** A backup made while devices speak, and what comes back of it. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runBackupCommand as run } from "./support/backup-command.ts";
import {
  databaseOf,
  freePort,
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";
import { ackedBy, finish, speakInRounds, StubbornDevice } from "./support/stubborn-device.ts";

const devicesCount = 20;
const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;

const model = {
  key: "oven",
  version: 1,
  brand: "B",
  name: "Oven",
  kind: "oven",
  hardwareIds: ["h"],
  locales: ["en"],
  metrics: [{ name: "cavity_c", unit: "°C" }],
  capabilities: {},
};

const dirs: string[] = [];
const services: RunningService[] = [];
let source: RunningService;
let devices: StubbornDevice[];
let runs: Promise<void>[];
let file: string;

const folder = async (): Promise<string> => {
  const dir = await newDataDir();
  dirs.push(dir);
  return dir;
};

async function start(dataDir: string, more: { key?: string; env?: Record<string, string> } = {}) {
  const service = await startServiceProcess({ dataDir, ...more });
  services.push(service);
  return service;
}

/** What people would miss if it were not the same. */
async function totals(service: RunningService) {
  const client = await databaseOf(service.dataDir);
  const count = async (table: string) =>
    Number((await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n);
  const counted = {
    readings: await count("reading"),
    events: await count("device_event"),
    outbox: await count("outbox"),
  };
  await client.end();
  const overview = (await service.api("/api/v1/overview")).body;
  const ledger = (await service.api("/api/v1/loyalty/check")).body;
  const { points, devices: { total } = { total: 0 } } = overview;
  return { ...counted, points, total, ledger };
}

beforeAll(async () => {
  const env = { HEARTH_MQTT_PORT: String(await freePort()) };
  source = await start(await folder(), { env });
  await source.api("/api/v1/models/oven", { method: "PUT", body: model });
  devices = [];
  for (let n = 0; n < devicesCount; n += 1) {
    const household = { name: `Household ${n}`, locale: "en", timeZone: "Europe/Berlin" };
    const { body } = await source.api("/api/v1/households", { method: "POST", body: household });
    const made = await source.api("/api/v1/devices", {
      method: "POST",
      body: { id: `oven-${n}`, model: "oven", householdId: body.id },
    });
    devices.push(new StubbornDevice(`oven-${n}`, made.body.token, () => Number(env.HEARTH_MQTT_PORT)));
  }
  runs = devices.map((device) => device.run());
  file = join(await folder(), "hearth.tar.zst");
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await Promise.all(services.map((service) => stopServiceProcess(service, "SIGKILL")));
  await Promise.all(dirs.map(removeDataDir));
});

function damagedInTheMiddle(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 64; at += 1) damaged[at] = 0x55;
  return damaged;
}

const say = (device: StubbornDevice, round: number): void => {
  const atMs = noonMs + round;
  device.send("telemetry", { atMs, m: { cavity_c: round % 250 } });
  if (round % 5 === 0)
    device.send("events", { id: `e${round}`, atMs, type: "program.finished", data: { program: "HotAir" } });
};

test("a backup made in the middle of everything holds whatever had its PUBACK, in its rows or in its spool, once", async () => {
  const speaking = speakInRounds(devices, 50, say);
  await until("devices speak", () => devices.every(({ acked }) => acked > 20));
  // While somebody holds the watermark nothing is committed, and what devices say stays in the spool.
  const client = await databaseOf(source.dataDir);
  await client.query("BEGIN; SELECT * FROM watermark FOR UPDATE");
  const held = ackedBy(devices);
  await until("more is acknowledged", () => ackedBy(devices) > held + devicesCount * 5);
  const before = ackedBy(devices);
  const made = await run("backup", file, source.dataDir);
  expect(made, made.said).toMatchObject({ code: 0 });
  expect((await readFile(file)).length).toBeGreaterThan(1_000);
  await client.query("ROLLBACK");
  await client.end();
  await speaking.stop();
  await finish(devices, runs);

  const restored = await run("restore", file, await folder());
  expect(restored, restored.said).toMatchObject({ code: 0, report: made.report });
  const copy = await start(dirs.at(-1) ?? "", { key: source.key });
  const arrived = async () => {
    const { readings, events } = await totals(copy);
    return readings + events >= before;
  };
  await until("the spool's records are in the database", arrived);
  expect((await totals(copy)).ledger).toMatchObject({ ok: true, broken: [] });
  await stopServiceProcess(copy);
});

test("a backup of a service that stands still comes back with the same totals, and its cursors go on", async () => {
  const quiet = `${file}.quiet`;
  let last = await totals(source);
  await until("everything is committed", async () => {
    const [was, is] = [last, await totals(source)];
    last = is;
    return was.readings === is.readings && was.outbox === is.outbox;
  });
  const { body: page } = await source.api("/api/v1/events?limit=1");
  expect(page.nextCursor).toBeTruthy();
  const made = await run("backup", quiet, source.dataDir);
  expect(made, made.said).toMatchObject({ code: 0 });
  const again = await run("backup", quiet, source.dataDir);
  expect(again).toMatchObject({ code: 1 });
  expect(again.said).toContain("is there already");

  const dataDir = await folder();
  expect(await run("restore", quiet, dataDir)).toMatchObject({ code: 0, report: made.report });
  expect((await run("restore", quiet, dataDir)).said).toContain("is not empty");
  const copy = await start(dataDir, { key: source.key });
  expect(await totals(copy)).toEqual(last);

  // Read everything, then let something happen: it comes after what was read, though this cluster counts its transactions anew.
  let cursor: string = page.nextCursor;
  for (;;) {
    const { body } = await copy.api(`/api/v1/events?limit=500&after=${cursor}`);
    cursor = body.nextCursor;
    if (body.items.length < 500) break;
  }
  const { body } = await copy.api("/api/v1/devices", { method: "POST", body: { id: "later", model: "oven" } });
  const later = new StubbornDevice("later", body.token, () => copy.mqttPort);
  const running = later.run();
  later.send("events", { id: "f1", atMs: Date.now(), type: "fault.raised", data: { code: "E1" } });
  await finish([later], [running]);
  await until("the case of its fault follows the old cursor", async () => {
    const { body: next } = await copy.api(`/api/v1/events?limit=500&after=${cursor}`);
    return JSON.stringify(next.items).includes('"deviceId":"later"');
  });
  await stopServiceProcess(copy);
});

test.each([
  ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 2_000)],
  ["damaged in the middle", damagedInTheMiddle],
  ["no backup", () => Buffer.from("hello")],
] as const)("a backup that is %s is refused in a sentence, and leaves nothing behind", async (_what, harm) => {
  const harmed = `${file}.harmed`;
  await writeFile(harmed, harm(await readFile(file)));
  const dataDir = await folder();
  const { code, said } = await run("restore", harmed, dataDir);
  expect(code).toBe(1);
  expect(said).toMatch(/cut short|damaged|cannot be read as a backup/);
  expect(said).not.toContain("    at ");
  await rm(harmed);
  expect(await readdir(dataDir)).toEqual([]);
});
