import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  anyPorts,
  newDataDir,
  processesIn,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "./support/service-process.ts";

const dirs: string[] = [];
const services: RunningService[] = [];
afterAll(async () => {
  await Promise.all(services.map((service) => stopServiceProcess(service, "SIGKILL")));
  await Promise.all(dirs.map(removeDataDir));
});

async function dataDir(): Promise<string> {
  const dir = await newDataDir();
  dirs.push(dir);
  return dir;
}

async function start(options: Parameters<typeof startServiceProcess>[0]): Promise<RunningService> {
  const service = await startServiceProcess(options);
  services.push(service);
  return service;
}

/** Runs `npm start`'s command until it ends by itself. */
async function run(env: Record<string, string>, args: string[] = []): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ["cloud/main.ts", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...anyPorts, ...env },
  });
  let stderr = "";
  child.stderr.on("data", (piece: Buffer) => {
    stderr += piece.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}

const oneSentence = (variable: string) => new RegExp(`^Hearth cannot start: [^\\n]*${variable}[^\\n]*\\.\\n$`);

test.each([
  ["HEARTH_MQTT_PORT", "abc"],
  ["HEARTH_BIND", "0.0.0.0"],
])("a wrong %s ends with one sentence that names it, and code 1", async (name, value) => {
  const { code, stderr } = await run({ HEARTH_DATA_DIR: await dataDir(), [name]: value });
  expect(stderr).toMatch(oneSentence(name));
  expect(code).toBe(1);
});

test("a folder that cannot be made is named", async () => {
  const file = join(await dataDir(), "file");
  await writeFile(file, "");
  const { code, stderr } = await run({ HEARTH_DATA_DIR: join(file, "data") });
  expect(stderr).toMatch(oneSentence("HEARTH_DATA_DIR"));
  expect(code).toBe(1);
});

test("a port in use is told by its variable, nothing is left running, and the next start still shows the first key", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dir = await dataDir();
  for (const name of ["HEARTH_HTTP_PORT", "HEARTH_HTTPS_PORT", "HEARTH_MQTT_PORT", "HEARTH_MQTTS_PORT"]) {
    const { code, stderr } = await run({ HEARTH_DATA_DIR: dir, [name]: String(port) });
    expect(stderr).toMatch(oneSentence(`${name} ${port}`));
    expect(code).toBe(1);
    expect(await processesIn(dir)).toEqual([]);
  }
  server.close();
  expect((await start({ dataDir: dir })).key, "the key that nobody has seen yet").toMatch(/^hearth_/);
});

test("a second Hearth on the same data names the first one's pid, and the first goes on", async () => {
  const service = await start({ dataDir: await dataDir() });
  const { code, stderr } = await run({ HEARTH_DATA_DIR: service.dataDir });
  expect(stderr).toMatch(oneSentence(`pid ${service.child.pid}`));
  expect(code).toBe(1);
  expect((await service.api("/api/v1/health")).status).toBe(200);
});

test("SIGTERM ends it with nothing left running; what SIGKILL left behind is dealt with at the next start", async () => {
  const dir = await dataDir();
  const first = await start({ dataDir: dir });
  const left = join(dir, "postgres", "postmaster.pid");
  await stopServiceProcess(first, "SIGKILL");
  const orphan = (await readFile(left, "utf8")).split("\n")[0] ?? "";
  expect(await processesIn(dir)).toContain(orphan);
  const second = await start({ dataDir: dir, key: first.key });
  expect(await processesIn(dir)).not.toContain(orphan);
  expect((await second.api("/api/v1/me")).body).toMatchObject({ kind: "staff", role: "admin" });
  expect(await stopServiceProcess(second, "SIGTERM")).toBe(0);
  expect(await processesIn(dir)).toEqual([]);
});

test("a start prints every address, where the root lies that boards believe, where the data is, how to stop, and the first one a key", async () => {
  const dir = await dataDir();
  const first = await start({ dataDir: dir });
  for (const part of [first.http, first.https, "mqtt://127.0.0.1:", dir, "Ctrl-C", first.key])
    expect(first.output()).toContain(part);
  await stopServiceProcess(first, "SIGINT");
  // The network itself is none of a test's business: --lan listens where HEARTH_BIND says.
  const second = await start({ dataDir: dir, key: first.key, args: ["--lan"], env: { HEARTH_BIND: "127.0.0.1" } });
  expect(second.output()).not.toContain(first.key);
  expect(second.output()).toContain("npm run key -- new");
  const root = join(dir, "pki", "root.pem");
  const { fingerprint256 } = new X509Certificate(await readFile(root));
  for (const part of [second.https, root, fingerprint256])
    expect(second.output(), "what a board needs").toContain(part);
  expect(second.output()).toContain(`mqtts://127.0.0.1:${second.mqttsPort}`);
  const open = await fetch(`${second.http}/api/v1/pki/root.pem`);
  expect(await open.text()).toBe(await readFile(root, "utf8"));
});

test("an argument that Hearth does not know is named", async () => {
  const { code, stderr } = await run({ HEARTH_DATA_DIR: await dataDir() }, ["--lam"]);
  expect(stderr).toMatch(oneSentence("'--lam'"));
  expect(code).toBe(1);
});
