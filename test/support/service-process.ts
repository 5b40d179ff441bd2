/** `npm start`'s process as a child: what tests and benches kill, block and measure. */
import { type ChildProcess, fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmod, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import packageOfHearth from "../../package.json" with { type: "json" };
import { runningConnection } from "../../cloud/platform/postgres-server.ts";
import { ask } from "./ask.ts";

/** Of every kind, so that services of several tests run beside each other. */
export const anyPorts = {
  HEARTH_MQTT_PORT: "0",
  HEARTH_HTTP_PORT: "0",
  HEARTH_MQTTS_PORT: "0",
  HEARTH_HTTPS_PORT: "0",
} as const;

const mainFile = new URL("../../cloud/main.ts", import.meta.url);
/** As `npm start` has them. */
const startFlags = packageOfHearth.scripts.start.split(" ").filter((word) => word.startsWith("--"));

export interface RunningService {
  child: ChildProcess;
  http: string;
  https: string;
  /** NaN where there is no plain MQTT. */
  mqttPort: number;
  /** NaN where there is no MQTT over TLS. */
  mqttsPort: number;
  /** The admin key: printed by the first start on a data folder, handed on by later ones. */
  key: string;
  dataDir: string;
  /** What it printed so far. */
  output(): string;
  api(path: string, init?: { method?: string; body?: unknown }): Promise<{ status: number; body: any }>; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
}

interface Ready {
  http: string;
  https: string;
  mqtt: string | null;
  mqtts: string | null;
  firstKey: string | null;
}

const portOf = (address: string | null) => (address === null ? Number.NaN : Number(new URL(address).port));

export async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "hearth-service-"));
  await chmod(dataDir, 0o755);
  return dataDir;
}

/** Starts the service and waits until it says that it is ready. */
export async function startServiceProcess(options: {
  dataDir: string;
  key?: string;
  env?: Record<string, string>;
  execArgv?: string[];
  args?: string[];
}): Promise<RunningService> {
  const { dataDir, key, env = {}, execArgv = [], args = [] } = options;
  const child = fork(mainFile, args, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: [...startFlags, ...execArgv],
    env: { ...process.env, HEARTH_DATA_DIR: dataDir, ...anyPorts, ...env },
  });
  let said = "";
  const listen = (piece: Buffer) => {
    said = (said + piece.toString()).slice(-20_000);
  };
  child.stdout?.on("data", listen);
  child.stderr?.on("data", listen);
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.once("message", (message: Ready) => resolve(message));
    child.once("exit", (code, signal) =>
      reject(new Error(`the service ended (${code ?? signal}) before it was ready: ${said}`)),
    );
  });
  // What it prints comes another way than its word that it is ready.
  await until("it says how to stop it", () => said.includes("Ctrl-C stops it."));
  const secret = ready.firstKey ?? key ?? "";
  return {
    child,
    http: ready.http,
    https: ready.https,
    mqttPort: portOf(ready.mqtt),
    mqttsPort: portOf(ready.mqtts),
    key: secret,
    dataDir,
    output: () => said,
    api: (path, { method = "GET", body } = {}) => ask(ready.http, secret, method, path, body),
  };
}

/** Ends a service and waits for its end. */
export async function stopServiceProcess(
  service: RunningService,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<number | null> {
  const { child } = service;
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill(signal);
  return ended;
}

export const removeDataDir = (dataDir: string): Promise<void> => rm(dataDir, { recursive: true, force: true });

/** A connection to the database that a service runs on this data folder. The caller ends it. */
export async function databaseOf(dataDir: string): Promise<pg.Client> {
  const connection = await runningConnection(dataDir);
  if (connection === null) throw new Error("no database runs there");
  const client = new pg.Client(connection);
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Processes that work in a folder: PostgreSQL's, since nobody else does. */
export async function processesIn(dir: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    pids.map(async (pid) => [pid, await readlink(`/proc/${pid}/cwd`).catch(() => "")] as const),
  );
  return places.filter(([, place]) => place.startsWith(dir)).map(([pid]) => pid);
}

const pollMsMax = 50;

/** Asks until the answer is yes: soon again at first, then less often. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let pollMs = 3; ; pollMs = Math.min(pollMs * 2, pollMsMax)) {
    if (await holds()) return;
    if (Date.now() > deadline) throw new Error(`did not come to pass in ${timeoutMs} ms: ${what}`);
    await sleep(pollMs);
  }
}

/**
 * A port of the loopback that nobody listens on at the moment, and that no system gives to whoever wants any: a service that is
 * killed and started again finds it free, however many connections others open in between.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
