import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { z } from "zod";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { readLimits } from "./limit-variables.ts";
import type { Listen } from "#protocol/link/messages.ts";
import { defaultPasswordIn } from "./default-passwords.ts";
import { readSigningKey } from "./signing-key.ts";

const port = z.coerce.number().int().min(0).max(65_535);
const optionalUrl = (protocols: RegExp) => z.url({ protocol: protocols }).optional();
const optionalFile = z.string().min(1).optional();
const dnsName = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i);

const keptDays = z.coerce.number().min(2).max(36_500);

const signingKey = z
  .string()
  .transform((text, context): KeyObject => {
    const key = readSigningKey(text);
    if (key !== null) return key;
    context.addIssue({ code: "custom", message: "no key" });
    return z.NEVER;
  })
  .optional();

const environment = z.object({
  HEARTH_DATA_DIR: z.string().min(1).default("./data"),
  HEARTH_BIND: z.union([z.ipv4(), z.ipv6()]).optional(),
  HEARTH_MQTT_PORT: port.optional(),
  HEARTH_HTTP_PORT: port.default(8080),
  HEARTH_MQTTS_PORT: port.default(8883),
  HEARTH_HTTPS_PORT: port.default(8443),
  HEARTH_PUBLIC_URL: optionalUrl(/^https?$/),
  HEARTH_ENV: z.enum(["development", "production"]).default("development"),
  HEARTH_TLS_CERT: optionalFile,
  HEARTH_TLS_KEY: optionalFile,
  HEARTH_FLEET_CA_CERT: optionalFile,
  HEARTH_FLEET_CA_KEY: optionalFile,
  HEARTH_DEVICE_CERTIFICATE_DAYS: z.coerce.number().min(0.01).max(3_650).default(365),
  HEARTH_RETENTION_READINGS_DAYS: keptDays.default(90),
  HEARTH_RETENTION_MINUTES_DAYS: keptDays.default(365),
  HEARTH_RETENTION_HOURS_DAYS: keptDays.default(1_825),
  HEARTH_RETENTION_DAYS_DAYS: keptDays.default(3_650),
  HEARTH_RETENTION_EVENTS_DAYS: keptDays.default(1_095),
  HEARTH_LOG: z.enum(["silent", "error", "warn", "info", "debug"]).default("warn"),
  HEARTH_SPOOL_BYTES: z.coerce.number().int().min(1_048_576).max(274_877_906_944).default(1_073_741_824),
  HEARTH_TIMESTAMP_KEY: signingKey,
  HEARTH_DIRECTOR_KEY: signingKey,
  HEARTH_SMTP_URL: optionalUrl(/^smtps?$/),
  HEARTH_SMTP_FROM: z.email().optional(),
  HEARTH_DKIM_DOMAIN: dnsName.optional(),
  HEARTH_DKIM_SELECTOR: dnsName.optional(),
  HEARTH_DKIM_KEY: optionalFile,
  HEARTH_WEBHOOK_REACH: z.enum(["public", "loopback"]).default("public"),
  DATABASE_URL: optionalUrl(/^postgres(ql)?$/),
  INFLUX_URL: optionalUrl(/^https?$/),
  INFLUX_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
  INFLUX_ORG: z.string().min(1).optional(),
  INFLUX_BUCKET: z.string().min(1).default("hearth"),
  INFLUX_WRITE_PATH: z.string().startsWith("/").default("/api/v2/write"),
});
type Environment = z.infer<typeof environment>;

const wantsSigningKey = "an Ed25519 private key as PKCS#8, in PEM or its DER in base64";
const wantsKeptDays = "a number of days from 2 to 36500";
const wantsPort = "a port from 0 to 65535 (0 takes any free one)";

/** What each variable wants, in the words of the message that refuses it. */
export const wants: Record<keyof Environment, string> = {
  HEARTH_DATA_DIR: "a folder that this user can write to",
  HEARTH_BIND: "an IP address of this machine, such as 127.0.0.1",
  HEARTH_MQTT_PORT: wantsPort,
  HEARTH_HTTP_PORT: wantsPort,
  HEARTH_MQTTS_PORT: wantsPort,
  HEARTH_HTTPS_PORT: wantsPort,
  HEARTH_PUBLIC_URL: "the address under which devices and people reach this service, such as https://hearth.example",
  HEARTH_ENV: "development or production",
  HEARTH_TLS_CERT: "a file with the server's certificate and after it what leads to its root, in PEM",
  HEARTH_TLS_KEY: "a file with the private key of HEARTH_TLS_CERT, in PEM and without a passphrase",
  HEARTH_FLEET_CA_CERT:
    "a file with the intermediate that signs the devices' certificates and after it its root, in PEM",
  HEARTH_FLEET_CA_KEY:
    "a file with the private key of HEARTH_FLEET_CA_CERT's intermediate, in PEM and without a passphrase",
  HEARTH_DEVICE_CERTIFICATE_DAYS: "a number of days from 0.01 to 3650",
  HEARTH_RETENTION_READINGS_DAYS: wantsKeptDays,
  HEARTH_RETENTION_MINUTES_DAYS: wantsKeptDays,
  HEARTH_RETENTION_HOURS_DAYS: wantsKeptDays,
  HEARTH_RETENTION_DAYS_DAYS: wantsKeptDays,
  HEARTH_RETENTION_EVENTS_DAYS: wantsKeptDays,
  HEARTH_LOG: "silent, error, warn, info or debug",
  HEARTH_SPOOL_BYTES: "a number of bytes from 1048576 to 274877906944",
  HEARTH_TIMESTAMP_KEY: wantsSigningKey,
  HEARTH_DIRECTOR_KEY: wantsSigningKey,
  HEARTH_SMTP_URL: "a mail server's address such as smtps://user:password@mail.example:465",
  HEARTH_SMTP_FROM: "the e-mail address that notices to staff come from, such as hearth@maker.example",
  HEARTH_DKIM_DOMAIN: "the domain that letters are signed for, such as maker.example",
  HEARTH_DKIM_SELECTOR: "the name under which that domain's DNS has the public key, such as hearth",
  HEARTH_DKIM_KEY: "a file with an RSA private key in PEM, of 1024 bits or more and without a passphrase",
  HEARTH_WEBHOOK_REACH: "public, or loopback to let webhooks of notices reach this machine too",
  DATABASE_URL: "a PostgreSQL address such as postgres://user:password@host:5432/hearth",
  INFLUX_URL: "the address of an InfluxDB such as http://127.0.0.1:8086",
  INFLUX_TOKEN: "a token that may read and write the bucket",
  INFLUX_ORG: "the name of the organisation that the bucket is in",
  INFLUX_BUCKET: "the name of a bucket; before version 2, of a database",
  INFLUX_WRITE_PATH: "the path that takes line protocol: /api/v2/write, or /write before version 1.8",
};

/** Where the certificates of an installation lie that has its own; paths. */
export interface CertificateFiles {
  serverCert: string;
  serverKey: string;
  fleetCert: string;
  fleetKey: string;
}

const fileVariables = ["HEARTH_TLS_CERT", "HEARTH_TLS_KEY", "HEARTH_FLEET_CA_CERT", "HEARTH_FLEET_CA_KEY"] as const;

/** What letters are signed with (RFC 6376): the key is in a file. */
interface DkimFile {
  domain: string;
  selector: string;
  keyFile: string;
}

export interface Config {
  dataDir: string;
  /** `lan` is development that the local network may reach, over TLS alone. */
  mode: "development" | "lan" | "production";
  /** Plain MQTT, on loopback; null in production. */
  mqtt: Listen | null;
  /** Plain HTTP, always on loopback. */
  http: Listen;
  mqtts: Listen;
  https: Listen;
  /** Without them, certificates of a development CA that Hearth makes. */
  certificates: CertificateFiles | null;
  /** Base of every link; without it, an address that Hearth listens on. Always given in production. */
  publicUrl: string | undefined;
  /** How long the certificate of a device counts. */
  deviceCertificateMs: number;
  /** Sign the firmware repository's timestamps, and the director's statements. Without them, keys that Hearth makes in its data folder. */
  timestampKey: KeyObject | undefined;
  directorKey: KeyObject | undefined;
  /** How long readings, what is made of them by the minute, hour and day, and device events are kept. */
  retention: { readingsMs: number; minutesMs: number; hoursMs: number; daysMs: number; eventsMs: number };
  logLevel: string;
  spoolBytesMax: number;
  limits: GatewayLimits;
  /** How staff are told. Without a mail server, by webhook alone. */
  notices: { mail: { url: string; from: string; dkim: DkimFile | null } | null; reach: "public" | "loopback" };
  /** A PostgreSQL of one's own; without it, the embedded one. */
  databaseUrl: string | undefined;
  /** An InfluxDB that keeps the readings in place of PostgreSQL. */
  influx: InfluxSettings | undefined;
}

export interface InfluxSettings {
  url: string;
  token: string | undefined;
  /** Empty before version 2, which has none. */
  org: string;
  bucket: string;
  writePath: string;
}

/** Something that the person who starts Hearth can put right. Printed as it is, without a stack. */
export class StartError extends Error {
  override name = "StartError";
}

const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");
const loopback = "127.0.0.1";
const usualMqttPort = 1883;
const dayMs = 86_400_000;

/**
 * Reads the settings.
 *
 * @param args what stands after `npm start --`
 * @throws StartError naming the variable, what it had and what it wants
 */
export function readConfig(env: Record<string, string | undefined>, args: readonly string[] = []): Config {
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
  const mode = modeOf(value, args);
  const bind = value.HEARTH_BIND ?? (mode === "lan" ? "0.0.0.0" : loopback);
  const plainHost = isLoopback(bind) ? bind : loopback;
  if (mode === "production") checkProduction(value, given["PGPASSWORD"]);
  return {
    dataDir: resolve(value.HEARTH_DATA_DIR),
    mode,
    mqtt: mode === "production" ? null : { host: plainHost, port: value.HEARTH_MQTT_PORT ?? usualMqttPort },
    http: { host: plainHost, port: value.HEARTH_HTTP_PORT },
    mqtts: { host: bind, port: value.HEARTH_MQTTS_PORT },
    https: { host: bind, port: value.HEARTH_HTTPS_PORT },
    certificates: certificateFiles(value, mode),
    publicUrl: value.HEARTH_PUBLIC_URL?.replace(/\/+$/, ""),
    deviceCertificateMs: Math.round(value.HEARTH_DEVICE_CERTIFICATE_DAYS * dayMs),
    timestampKey: value.HEARTH_TIMESTAMP_KEY,
    directorKey: value.HEARTH_DIRECTOR_KEY,
    retention: readRetention(value),
    logLevel: value.HEARTH_LOG,
    spoolBytesMax: value.HEARTH_SPOOL_BYTES,
    limits: limits.limits,
    notices: { mail: mailSettings(value), reach: value.HEARTH_WEBHOOK_REACH },
    databaseUrl: value.DATABASE_URL,
    influx: influxSettings(value, given),
  };
}

/** Each rollup is kept at least as long as what it is made of: there would be times otherwise of which only the detail is left. */
function readRetention(value: Environment): Config["retention"] {
  const chain = [
    "HEARTH_RETENTION_READINGS_DAYS",
    "HEARTH_RETENTION_MINUTES_DAYS",
    "HEARTH_RETENTION_HOURS_DAYS",
    "HEARTH_RETENTION_DAYS_DAYS",
  ] as const;
  for (const [at, name] of chain.entries()) {
    const finer = chain[at - 1];
    if (finer !== undefined && value[name] < value[finer]) {
      throw new StartError(
        `${name} is '${value[name]}', but Hearth wants no less than the ${value[finer]} of ${finer}: what is made of them is kept at least as long.`,
      );
    }
  }
  return {
    readingsMs: value.HEARTH_RETENTION_READINGS_DAYS * dayMs,
    minutesMs: value.HEARTH_RETENTION_MINUTES_DAYS * dayMs,
    hoursMs: value.HEARTH_RETENTION_HOURS_DAYS * dayMs,
    daysMs: value.HEARTH_RETENTION_DAYS_DAYS * dayMs,
    eventsMs: value.HEARTH_RETENTION_EVENTS_DAYS * dayMs,
  };
}

/** Without an address they mean nothing, and whoever set one believes that readings go to InfluxDB. */
const influxCompanions = ["INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET", "INFLUX_WRITE_PATH"] as const;

function influxSettings(value: Environment, given: Readonly<Record<string, string>>): InfluxSettings | undefined {
  const { INFLUX_URL, INFLUX_TOKEN, INFLUX_ORG = "", INFLUX_BUCKET, INFLUX_WRITE_PATH } = value;
  if (INFLUX_URL !== undefined) {
    const url = INFLUX_URL.replace(/\/+$/, "");
    return { url, token: INFLUX_TOKEN, org: INFLUX_ORG, bucket: INFLUX_BUCKET, writePath: INFLUX_WRITE_PATH };
  }
  const alone = influxCompanions.find((name) => given[name] !== undefined);
  if (alone === undefined) return undefined;
  throw new StartError(
    `${alone} is set and INFLUX_URL is not: set INFLUX_URL to ${wants.INFLUX_URL}, or leave out ${alone} to keep readings in PostgreSQL.`,
  );
}

function modeOf(value: Environment, args: readonly string[]): Config["mode"] {
  const unknown = args.find((arg) => arg !== "--lan");
  if (unknown !== undefined) {
    throw new StartError(
      `'${unknown}' is nothing that Hearth can be started with: it takes --lan (TLS for the local network, to try a board) and reads everything else from variables such as HEARTH_DATA_DIR.`,
    );
  }
  if (args.length > 0) {
    if (value.HEARTH_ENV !== "production") return "lan";
    throw new StartError(
      "HEARTH_ENV is 'production', but --lan is for development: leave out --lan and set HEARTH_BIND, or leave out HEARTH_ENV.",
    );
  }
  return value.HEARTH_ENV === "production" || !isLoopback(value.HEARTH_BIND ?? loopback) ? "production" : "development";
}

/** Everything that development may do and production may not. */
function checkProduction(value: Environment, pgPassword: string | undefined): void {
  const { HEARTH_MQTT_PORT, HEARTH_PUBLIC_URL, DATABASE_URL } = value;
  if (HEARTH_MQTT_PORT !== undefined) {
    throw new StartError(
      `HEARTH_MQTT_PORT is '${HEARTH_MQTT_PORT}', but ${inProduction(value)} there is no plain MQTT: leave it out, and devices connect with TLS to HEARTH_MQTTS_PORT.`,
    );
  }
  if (HEARTH_PUBLIC_URL?.startsWith("https:") !== true) {
    throw new StartError(
      `HEARTH_PUBLIC_URL is ${HEARTH_PUBLIC_URL === undefined ? "not set" : `'${HEARTH_PUBLIC_URL}'`}, but ${inProduction(value)} Hearth wants the https address under which devices and people reach it, such as https://hearth.example.`,
    );
  }
  const open = DATABASE_URL === undefined ? null : defaultPasswordIn(DATABASE_URL, pgPassword);
  if (open !== null) {
    throw new StartError(
      `${open} has a password that anybody would try first, but ${inProduction(value)} Hearth wants one that nobody can guess, such as \`openssl rand -hex 16\` makes.`,
    );
  }
}

/** Says why this is production, since a person may have asked for it without knowing. */
const inProduction = ({ HEARTH_ENV, HEARTH_BIND }: Environment) =>
  HEARTH_ENV === "production"
    ? "in production"
    : `in production, which HEARTH_BIND=${HEARTH_BIND} means (and \`npm start -- --lan\` does not),`;

const dkimVariables = ["HEARTH_DKIM_DOMAIN", "HEARTH_DKIM_SELECTOR", "HEARTH_DKIM_KEY"] as const;

/** All of it or nothing. */
function dkimFile(value: Environment): DkimFile | null {
  const { HEARTH_DKIM_DOMAIN: domain, HEARTH_DKIM_SELECTOR: selector, HEARTH_DKIM_KEY: file } = value;
  if (domain !== undefined && selector !== undefined && file !== undefined)
    return { domain, selector, keyFile: resolve(file) };
  const missing = dkimVariables.find((name) => value[name] === undefined);
  if (missing === undefined || dkimVariables.every((name) => value[name] === undefined)) return null;
  throw new StartError(`${missing} is not set, but to sign mail Hearth wants ${wants[missing]}.`);
}

function mailSettings(value: Environment): Config["notices"]["mail"] {
  const { HEARTH_SMTP_URL: url, HEARTH_SMTP_FROM: from } = value;
  const dkim = dkimFile(value);
  if (url !== undefined && from !== undefined) return { url, from, dkim };
  if (url === undefined && from === undefined && dkim === null) return null;
  const name = url === undefined ? "HEARTH_SMTP_URL" : "HEARTH_SMTP_FROM";
  throw new StartError(`${name} is not set, but to send mail Hearth wants ${wants[name]}.`);
}

function certificateFiles(value: Environment, mode: Config["mode"]): CertificateFiles | null {
  const { HEARTH_TLS_CERT, HEARTH_TLS_KEY, HEARTH_FLEET_CA_CERT, HEARTH_FLEET_CA_KEY } = value;
  if (HEARTH_TLS_CERT && HEARTH_TLS_KEY && HEARTH_FLEET_CA_CERT && HEARTH_FLEET_CA_KEY) {
    return {
      serverCert: resolve(HEARTH_TLS_CERT),
      serverKey: resolve(HEARTH_TLS_KEY),
      fleetCert: resolve(HEARTH_FLEET_CA_CERT),
      fleetKey: resolve(HEARTH_FLEET_CA_KEY),
    };
  }
  const missing = fileVariables.filter((name) => value[name] === undefined);
  const [first, ...others] = missing;
  if (first === undefined || (mode !== "production" && missing.length === fileVariables.length)) return null;
  const where = mode === "production" ? inProduction(value) : "beside the other certificates";
  const also = others.length === 0 ? "" : ` (nor ${others.length === 1 ? "is" : "are"} ${others.join(", ")})`;
  throw new StartError(
    `${first} is not set${also}, but ${where} Hearth wants ${wants[first]}; \`npm run ca\` can make all of them.`,
  );
}

/** What no message repeats: the address of a database may carry a password, a token or a key is one. */
const hidden = new Set([
  "DATABASE_URL",
  "HEARTH_SMTP_URL",
  "HEARTH_TIMESTAMP_KEY",
  "HEARTH_DIRECTOR_KEY",
  "INFLUX_TOKEN",
  "INFLUX_URL",
]);
const shown = (name: string, value: string | undefined) => (hidden.has(name) ? "(hidden)" : (value ?? ""));
