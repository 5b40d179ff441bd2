import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
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
async function dataDir(): Promise<string> {
  const dir = await newDataDir();
  dirs.push(dir);
  return dir;
}

/** The tests from the port in use on are one story of one data folder, in their order: each start of a service takes seconds. */
let home = "";
let first: RunningService;
let running: RunningService | null = null;
beforeAll(async () => {
  home = await dataDir();
});
afterAll(async () => {
  if (running !== null) await stopServiceProcess(running, "SIGKILL");
  await Promise.all(dirs.map(removeDataDir));
});

async function start(
  options: Omit<Parameters<typeof startServiceProcess>[0], "dataDir"> = {},
): Promise<RunningService> {
  running = await startServiceProcess({ dataDir: home, ...options });
  return running;
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

test("an argument that Hearth does not know is named", async () => {
  const { code, stderr } = await run({ HEARTH_DATA_DIR: await dataDir() }, ["--lam"]);
  expect(stderr).toMatch(oneSentence("'--lam'"));
  expect(code).toBe(1);
});

test("a port in use is told by its variable, nothing is left running, and the next start still shows the first key", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  for (const name of ["HEARTH_HTTP_PORT", "HEARTH_HTTPS_PORT", "HEARTH_MQTT_PORT", "HEARTH_MQTTS_PORT"]) {
    const { code, stderr } = await run({ HEARTH_DATA_DIR: home, [name]: String(port) });
    expect(stderr).toMatch(oneSentence(`${name} ${port}`));
    expect(code).toBe(1);
    expect(await processesIn(home)).toEqual([]);
  }
  server.close();
  first = await start();
  expect(first.key, "the key that nobody has seen yet").toMatch(/^hearth_/);
});

test("the first start prints every address, where the data is, how to stop, and a key", () => {
  for (const part of [first.http, first.https, "mqtt://127.0.0.1:", home, "Ctrl-C", first.key])
    expect(first.output()).toContain(part);
});

test("a second Hearth on the same data names the first one's pid, and the first goes on", async () => {
  const { code, stderr } = await run({ HEARTH_DATA_DIR: home });
  expect(stderr).toMatch(oneSentence(`pid ${first.child.pid}`));
  expect(code).toBe(1);
  expect((await first.api("/api/v1/health")).status).toBe(200);
});

test("what SIGKILL left behind is dealt with at the next start, which shows no key; SIGTERM ends it with nothing left running", async () => {
  const left = join(home, "postgres", "postmaster.pid");
  await stopServiceProcess(first, "SIGKILL");
  const orphan = (await readFile(left, "utf8")).split("\n")[0] ?? "";
  expect(await processesIn(home)).toContain(orphan);
  const second = await start({ key: first.key });
  expect(await processesIn(home)).not.toContain(orphan);
  expect((await second.api("/api/v1/me")).body).toMatchObject({ kind: "staff", role: "admin" });
  expect(second.output()).not.toContain(first.key);
  expect(second.output()).toContain("npm run key -- new");
  expect(await stopServiceProcess(second, "SIGTERM")).toBe(0);
  expect(await processesIn(home)).toEqual([]);
});

test("with --lan a start prints where the root lies that boards believe and whoever asks gets it; Ctrl-C ends it", async () => {
  // The network itself is none of a test's business: --lan listens where HEARTH_BIND says.
  const third = await start({ key: first.key, args: ["--lan"], env: { HEARTH_BIND: "127.0.0.1" } });
  const root = join(home, "pki", "root.pem");
  const { fingerprint256 } = new X509Certificate(await readFile(root));
  for (const part of [third.https, root, fingerprint256, `mqtts://127.0.0.1:${third.mqttsPort}`])
    expect(third.output(), "what a board needs").toContain(part);
  const open = await fetch(`${third.http}/api/v1/pki/root.pem`);
  expect(await open.text()).toBe(await readFile(root, "utf8"));
  expect(await stopServiceProcess(third, "SIGINT")).toBe(0);
  expect(await processesIn(home)).toEqual([]);
});
