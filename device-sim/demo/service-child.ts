import { type ChildProcess, fork } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { systemTimers } from "../platform/timers.ts";

/** By path and not by import: the demo knows the service as a process that speaks HTTP and MQTT. */
const serviceFile = new URL("../../cloud/main.ts", import.meta.url);
const usualPorts = {
  HEARTH_MQTT_PORT: 1_883,
  HEARTH_HTTP_PORT: 8_080,
  HEARTH_MQTTS_PORT: 8_883,
  HEARTH_HTTPS_PORT: 8_443,
} as const;
const saidMax = 8_000;
/** The service ends within 10 s by itself; whoever waits for the demo should not wait longer than that for both. */
const stopMsMax = 8_000;

const ready = z.object({ kind: z.literal("ready"), http: z.url(), mqtt: z.url(), firstKey: z.string() });

/** The service did not start, or ended by itself; the message is what it said of that. */
export class ServiceGone extends Error {}

export interface ServiceChild {
  http: string;
  mqtt: string;
  /** The admin key that the first start prints. */
  key: string;
  /** Resolves when the process has ended, whoever ended it. */
  ended: Promise<ServiceGone>;
  /** Ends the process, and removes its folder. */
  stop(): Promise<void>;
}

/** A port for the service: the one that the environment names, else the usual one where it is free, else any. */
async function portFor(name: keyof typeof usualPorts, env: NodeJS.ProcessEnv): Promise<string> {
  const named = env[name];
  if (named !== undefined && named !== "") return named;
  const usual = usualPorts[name];
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(usual, env["HEARTH_BIND"] ?? "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
  return free ? String(usual) : "0";
}

async function ports(env: NodeJS.ProcessEnv): Promise<Record<keyof typeof usualPorts, string>> {
  return {
    HEARTH_MQTT_PORT: await portFor("HEARTH_MQTT_PORT", env),
    HEARTH_HTTP_PORT: await portFor("HEARTH_HTTP_PORT", env),
    HEARTH_MQTTS_PORT: await portFor("HEARTH_MQTTS_PORT", env),
    HEARTH_HTTPS_PORT: await portFor("HEARTH_HTTPS_PORT", env),
  };
}

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "hearth-demo-"));
  // As root the service runs PostgreSQL as another user, who must be able to reach it.
  await chmod(dataDir, 0o755);
  return dataDir;
}

/**
 * Starts Hearth as a child on a new data folder, and waits until it takes devices.
 *
 * @param env with the settings that the service reads; its data folder and database are the demo's own
 * @throws ServiceGone with its own sentence, where it cannot start; nothing is left then
 */
export async function startService(env: NodeJS.ProcessEnv): Promise<ServiceChild> {
  const dataDir = await newDataDir();
  const child = fork(serviceFile, {
    // A group of its own: Ctrl-C is for the demo, which ends the fleet first.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...env,
      DATABASE_URL: "",
      // The shop of the story is a server of its own on this machine.
      HEARTH_WEBHOOK_REACH: "loopback",
      HEARTH_DATA_DIR: dataDir,
      ...(await ports(env)),
    },
  });
  const ended = endOf(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const giveUp = systemTimers.after(stopMsMax, () => child.kill("SIGKILL"));
      await ended;
      giveUp();
    }
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  const told = new Promise<unknown>((resolve) => child.once("message", resolve));
  const first = await Promise.race([told, ended]);
  if (first instanceof ServiceGone) {
    await stop();
    throw first;
  }
  const { http, mqtt, firstKey } = ready.parse(first);
  return { http, mqtt, key: firstKey, ended, stop };
}

function endOf(child: ChildProcess): Promise<ServiceGone> {
  let said = "";
  child.stderr?.on("data", (piece: Buffer) => {
    said = (said + piece.toString()).slice(-saidMax);
  });
  // Read, so that the pipe never fills.
  child.stdout?.resume();
  return new Promise((resolve) => {
    child.once("error", (cause) => {
      resolve(new ServiceGone(`The service cannot be started: ${cause.message}.`, { cause }));
    });
    child.once("close", (code, signal) => {
      resolve(new ServiceGone(sentenceOf(said) || `The service ended (${signal ?? code}).`));
    });
  });
}

/** What was said to people: the log beside it is one JSON object a line. */
const sentenceOf = (said: string): string =>
  said
    .split("\n")
    .filter((line) => !line.startsWith("{"))
    .join("\n")
    .trim();
