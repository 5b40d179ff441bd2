import { fork } from "node:child_process";
import { mkdtemp, chmod, readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { approvedCampaign } from "../test/support/approved-campaign.ts";
import { ovenModel } from "../test/support/ovens.ts";
import {
  anyPorts,
  databaseOf,
  removeDataDir,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../test/support/service-process.ts";

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await removeDataDir(dir);
});

async function newDataDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "hearth-start-stop-"));
  // As root, PostgreSQL runs as a user that must be able to walk down to its cluster.
  await chmod(dir, 0o755);
  dirs.push(dir);
  return dir;
}

/** Processes that work under a folder, which PostgreSQL's do. */
async function processesUnder(dir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    pids.map(async (pid) => ({ pid: Number(pid), cwd: await readlink(`/proc/${pid}/cwd`).catch(() => "") })),
  );
  return places.filter(({ cwd }) => cwd.startsWith(dir)).map(({ pid }) => pid);
}

const linux = process.platform === "linux";

test.runIf(linux)(
  "a database that answers to nothing, in the middle of a campaign, shows in health, and keeps nobody from an end within 10 s with nothing left running",
  async () => {
    const service = await startServiceProcess({ dataDir: await newDataDir() });
    const { dataDir } = service;
    await service.api("/api/v1/models/oven", { method: "PUT", body: ovenModel });
    const campaign = await approvedCampaign(service, "Roast on Sunday");
    const client = await databaseOf(dataDir);
    // The campaigns' thread waits for this.
    await client.query("BEGIN; LOCK TABLE campaign_member IN SHARE MODE");
    expect((await service.api(`/api/v1/campaigns/${campaign}/start`, { method: "POST" })).status).toBe(200);
    await until("the campaign is under way", async () => {
      const { rows } = await client.query(
        "SELECT FROM pg_locks WHERE relation = 'campaign_member'::regclass AND NOT granted",
      );
      return rows.length > 0;
    });
    for (const pid of await processesUnder(dataDir)) process.kill(pid, "SIGSTOP");
    const health = await service.api("/api/v1/health");
    expect(health).toMatchObject({ status: 503, body: { database: { up: false } } });
    const asked = fetch(`${service.http}/api/v1/devices`, { headers: { authorization: `Bearer ${service.key}` } }).then(
      ({ status }) => status,
      () => "cut off",
    );
    expect(await stopServiceProcess(service)).toBe(0);
    expect(await processesUnder(dataDir)).toEqual([]);
    expect([503, "cut off"]).toContain(await asked);
    // What was committed is in its log.
    const again = await startServiceProcess({ dataDir, key: service.key });
    expect((await again.api("/api/v1/me")).status).toBe(200);
    expect(await stopServiceProcess(again)).toBe(0);
  },
);

test("a first start that is killed while the database is made is made good by the next", async () => {
  const dataDir = await newDataDir();
  const env = { ...process.env, HEARTH_DATA_DIR: dataDir, ...anyPorts };
  // A group of its own, so that one signal ends it with the tool that makes the cluster.
  const child = fork(join(import.meta.dirname, "main.ts"), { stdio: "ignore", detached: true, env });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const isHalfMade = async () => {
    for (const name of (await readdir(dataDir)).filter((found) => found.startsWith("postgres"))) {
      const version = await readFile(join(dataDir, name, "PG_VERSION"), "utf8").catch(() => "");
      if (version !== "") return true;
    }
    return false;
  };
  while (!(await isHalfMade()));
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
  const service = await startServiceProcess({ dataDir });
  await until("it is well", async () => (await service.api("/api/v1/health")).status === 200);
  expect(await stopServiceProcess(service)).toBe(0);
  expect((await readdir(dataDir)).filter((name) => name.includes(".new"))).toEqual([]);
});
