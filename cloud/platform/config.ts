import { resolve } from "node:path";
import { z } from "zod";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { readLimits } from "./limit-variables.ts";

const port = z.coerce.number().int().min(0).max(65_535);
const optionalUrl = (protocols: RegExp) => z.url({ protocol: protocols }).optional();

const environment = z.object({
  HEARTH_DATA_DIR: z.string().min(1).default("./data"),
  HEARTH_BIND: z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1"),
  HEARTH_MQTT_PORT: port.default(1883),
  HEARTH_HTTP_PORT: port.default(8080),
  HEARTH_PUBLIC_URL: optionalUrl(/^https?$/),
  HEARTH_ENV: z.enum(["development", "production"]).default("development"),
  HEARTH_LOG: z.enum(["silent", "error", "warn", "info", "debug"]).default("warn"),
  HEARTH_SPOOL_BYTES: z.coerce.number().int().min(1_048_576).max(274_877_906_944).default(1_073_741_824),
  DATABASE_URL: optionalUrl(/^postgres(ql)?$/),
});

/** What each variable wants, in the words of the message that refuses it. */
const wants: Record<keyof z.infer<typeof environment>, string> = {
  HEARTH_DATA_DIR: "a folder that this user can write to",
  HEARTH_BIND: "an IP address of this machine, such as 127.0.0.1",
  HEARTH_MQTT_PORT: "a port from 0 to 65535 (0 takes any free one)",
  HEARTH_HTTP_PORT: "a port from 0 to 65535 (0 takes any free one)",
  HEARTH_PUBLIC_URL: "the address under which devices and people reach this service, such as https://hearth.example",
  HEARTH_ENV: "development or production",
  HEARTH_LOG: "silent, error, warn, info or debug",
  HEARTH_SPOOL_BYTES: "a number of bytes from 1048576 to 274877906944",
  DATABASE_URL: "a PostgreSQL address such as postgres://user:password@host:5432/hearth",
};

export interface Config {
  dataDir: string;
  bind: string;
  mqttPort: number;
  httpPort: number;
  /** Base of every link; without it, the address that HTTP listens on. */
  publicUrl: string | undefined;
  logLevel: string;
  spoolBytesMax: number;
  limits: GatewayLimits;
  /** A PostgreSQL of one's own; without it, the embedded one. */
  databaseUrl: string | undefined;
}

/** Something that the person who starts Hearth can put right. Printed as its one sentence, without a stack. */
export class StartError extends Error {
  override name = "StartError";
}

const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");

/**
 * Reads the settings.
 *
 * @throws StartError naming the variable, what it had and what it wants
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    const known = Object.entries(wants).find(([key]) => key === name);
    throw new StartError(`${name} is '${shown(name, env[name])}', but Hearth wants ${known?.[1] ?? "another value"}.`);
  }
  const limits = readLimits(given);
  if (limits.kind === "refused") throw new StartError(limits.sentence);
  const value = parsed.data;
  if (value.HEARTH_ENV === "production" || !isLoopback(value.HEARTH_BIND)) {
    const variable = value.HEARTH_ENV === "production" ? "HEARTH_ENV" : "HEARTH_BIND";
    throw new StartError(
      `${variable} asks for production, which wants TLS, and this version of Hearth has none yet: set HEARTH_BIND=127.0.0.1 and HEARTH_ENV=development.`,
    );
  }
  return {
    dataDir: resolve(value.HEARTH_DATA_DIR),
    bind: value.HEARTH_BIND,
    mqttPort: value.HEARTH_MQTT_PORT,
    httpPort: value.HEARTH_HTTP_PORT,
    publicUrl: value.HEARTH_PUBLIC_URL?.replace(/\/+$/, ""),
    logLevel: value.HEARTH_LOG,
    spoolBytesMax: value.HEARTH_SPOOL_BYTES,
    limits: limits.limits,
    databaseUrl: value.DATABASE_URL,
  };
}

/** A database address carries a password, which no message repeats. */
const shown = (name: string, value: string | undefined) => (name === "DATABASE_URL" ? "(hidden)" : (value ?? ""));
