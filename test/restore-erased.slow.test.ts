/** A backup brings back who was erased since it was made: they are erased again before anybody sees them. */
import { randomUUID } from "node:crypto";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runBackupCommand } from "./support/backup-command.ts";
import { readingsOf, registerOvens } from "./support/ovens.ts";
import {
  freePort,
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";
import { finish, StubbornDevice } from "./support/stubborn-device.ts";

const dirs: string[] = [];
const services: RunningService[] = [];
const startMs = Date.now() - 3_600_000;

let source: RunningService;
let file: string;
let gone: { id: string; link: string };
let part: string;
let stays: string;

const folder = async (): Promise<string> => {
  const dir = await newDataDir();
  dirs.push(dir);
  return dir;
};

async function start(dataDir: string, key?: string): Promise<RunningService> {
  const service = await startServiceProcess({
    dataDir,
    env: { HEARTH_MQTT_PORT: String(await freePort()) },
    ...(key === undefined ? {} : { key }),
  });
  services.push(service);
  return service;
}

async function newHousehold(name: string, deviceId?: string): Promise<string> {
  const { body } = await source.api("/api/v1/households", {
    method: "POST",
    body: { name, locale: "en", timeZone: "UTC" },
  });
  if (deviceId !== undefined)
    await source.api(`/api/v1/households/${body.id}/devices/${deviceId}`, { method: "PUT", body: {} });
  return body.id;
}

/** What must have worked for the tests to say anything. */
function worked(what: string, did: boolean): void {
  if (!did) throw new Error(`${what} did not work`);
}

const readings = (service: RunningService, id: string) => readingsOf(service, id, startMs, startMs + 100);
const households = async (service: RunningService): Promise<string[]> =>
  (await service.api("/api/v1/households?limit=100")).body.items.map(({ id }: { id: string }) => id);

beforeAll(async () => {
  source = await start(await folder());
  const ids = ["oven-gone", "oven-stays"];
  const tokens = await registerOvens(source, ids);
  const devices = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => source.mqttPort));
  const runs = devices.map((device) => device.run());
  const goneId = await newHousehold("Gone", "oven-gone");
  stays = await newHousehold("Stays", "oven-stays");
  part = await newHousehold("Was a prospect");
  for (let at = 0; at < 100; at += 1)
    for (const device of devices) device.send("telemetry", { atMs: startMs + at, m: { cavity_c: 180 } });
  await finish(devices, runs);
  await until("it is stored", async () => (await readings(source, "oven-gone")) === 100);
  file = join(await folder(), "hearth.tar.zst");
  worked("backup", (await runBackupCommand("backup", file, source.dataDir)).code === 0);

  // After the backup: what was a prospect in it is a part of the household now, and goes with it.
  const merge = { from: part, reason: "They called" };
  worked(
    "merge",
    (await source.api(`/api/v1/households/${goneId}/merges`, { method: "POST", body: merge })).status === 201,
  );
  const erased = await source.api(`/api/v1/households/${goneId}/erase`, { method: "POST", body: { confirm: "Gone" } });
  worked("erase", erased.status === 200);
  gone = { id: goneId, link: new URL(erased.body.reportUrl).pathname };
  await stopServiceProcess(source);
});
afterAll(async () => {
  await Promise.all(services.map((service) => stopServiceProcess(service, "SIGKILL")));
  await Promise.all(dirs.map(removeDataDir));
});

test("without the list of erasures the command says that they are back, and what to do", async () => {
  const dataDir = await folder();
  const { code, said } = await runBackupCommand("restore", file, dataDir);
  expect(code).toBe(0);
  expect(said).toMatch(/Whoever was erased after \S+Z is in it again/);
  expect(said).toContain(join(dataDir, "erased.jsonl"));
  const copy = await start(dataDir, source.key);
  expect(await households(copy)).toEqual(expect.arrayContaining([gone.id, part, stays]));
  await stopServiceProcess(copy);

  // What it says helps: with the file in its place the next start erases them.
  await copyFile(join(source.dataDir, "erased.jsonl"), join(dataDir, "erased.jsonl"));
  const again = await start(dataDir, source.key);
  expect(await households(again)).toEqual([stays]);
  await stopServiceProcess(again);
});

test("with the list a household that a backup brings back is gone before anybody asks, in every store, and its own proof says so", async () => {
  const dataDir = await folder();
  const list = join(source.dataDir, "erased.jsonl");
  const listed = await readFile(list, "utf8");
  // It names nobody.
  for (const id of [gone.id, part]) expect(listed).not.toContain(id);
  const ran = await runBackupCommand("restore", file, dataDir, ["--erased", list]);
  expect(ran, ran.said).toMatchObject({ code: 0, report: { erasedListed: 1 } });
  const copy = await start(dataDir, source.key);
  expect(await households(copy)).toEqual([stays]);
  for (const id of [gone.id, part]) expect((await copy.api(`/api/v1/households/${id}`)).status).toBe(404);

  // The link that the person was given before reads how they were erased again.
  const proof = async () => (await copy.api(gone.link)).body;
  await until("it is done", async () => typeof (await proof()).doneAtMs === "number");
  expect(await proof()).toMatchObject({
    askedBy: "system",
    report: {
      again: { firstAtMs: expect.any(Number) },
      scan: { found: [], elsewhere: [{ place: "files of the spool", found: 0 }] },
    },
  });
  expect(await readings(copy, "oven-gone")).toBe(0);
  expect(await readings(copy, "oven-stays")).toBe(100);
  await stopServiceProcess(copy);

  // Once is enough.
  const next = await start(dataDir, source.key);
  expect(next.output()).not.toContain("rights.erased_again");
  expect(await households(next)).toEqual([stays]);
  await stopServiceProcess(next);
});

test("a list that is none is refused before anything is restored", async () => {
  const dataDir = await folder();
  const wrong = join(dataDir, `${randomUUID()}.txt`);
  await writeFile(wrong, "hello\n");
  const into = join(await folder(), "data");
  for (const [path, why] of [
    [wrong, "is no list of erasures"],
    [`${wrong}.not`, "is not there"],
  ] as const) {
    const { code, said } = await runBackupCommand("restore", file, into, ["--erased", path]);
    expect([code, said]).toEqual([1, expect.stringContaining(why)]);
  }
  expect(await runBackupCommand("restore", file, into)).toMatchObject({ code: 0 });
});
