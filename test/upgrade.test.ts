/** An installation of each earlier landing, brought up to date with everything that is in it. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import {
  databaseOf,
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "./support/service-process.ts";

const run = promisify(execFile);
const landings = fileURLToPath(new URL("./fixtures/landings/", import.meta.url));
const cli = (name: string) => fileURLToPath(new URL(`../cloud/cli/${name}.ts`, import.meta.url));

const dirs: string[] = [];
const services: RunningService[] = [];
afterAll(async () => {
  await Promise.all(services.map((service) => stopServiceProcess(service)));
  await Promise.all(dirs.map(removeDataDir));
});

const names = (await readdir(landings)).filter((name) => name.endsWith(".tar.zst"));

test("there is an installation of the landing before", () => {
  expect(names.length).toBeGreaterThan(0);
});

test.each(names)(
  "%s comes up with its appliances, rollouts, cases and points, and its audit log is whole",
  async (name) => {
    const dataDir = await newDataDir();
    dirs.push(dataDir);
    const env = { ...process.env, HEARTH_DATA_DIR: dataDir };
    await run(process.execPath, [cli("backup"), "restore", join(landings, name)], { env });
    const { stdout } = await run(process.execPath, [cli("key"), "new"], { env });
    const service = await startServiceProcess({ dataDir, key: stdout.trim() });
    services.push(service);
    const get = async (path: string) => {
      const { status, body } = await service.api(`/api/v1${path}`);
      expect(status, path).toBe(200);
      return body;
    };
    expect((await get("/health")).upRoad).toMatchObject({ waitingFor: null, quarantined: 0 });
    expect(await get("/audit/verify")).toMatchObject({ brokenAt: null });
    const devices = (await get("/devices?limit=100")).items;
    expect(devices.length).toBeGreaterThanOrEqual(12);
    const rollouts: { state: { kind: string } }[] = (await get("/rollouts")).items;
    expect(rollouts).toHaveLength(2);
    expect(rollouts.map(({ state }) => state.kind)).toContain("halted");
    expect((await get("/cases")).items.length).toBeGreaterThan(0);
    expect(await get("/loyalty/check")).toMatchObject({ ok: true, broken: [] });
    expect((await get("/overview")).points).toBeGreaterThan(0);
    for (const { id } of devices.slice(0, 3)) {
      expect((await get(`/devices/${id}/timeline`)).items.length).toBeGreaterThan(0);
    }
    const client = await databaseOf(dataDir);
    const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM reading");
    await client.end();
    expect(rows[0]?.n).toBeGreaterThan(1_000);
  },
);
