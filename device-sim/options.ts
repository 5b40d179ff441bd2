import { z } from "zod";
import { deviceId, locale } from "#protocol/ids.ts";
import { batchKey, serialNumber } from "#protocol/provisioning.ts";
import { byHandUsage } from "./by-hand.ts";
import { checkAddress, number, optionsIn, UsageError, whole } from "./command-line.ts";

export const usage = `Simulated appliances that speak Hearth's contract.

  npm run sim -- --api http://127.0.0.1:8080 --key KEY [--count 50]
  npm run sim -- --devices FILE
  npm run sim -- --provision BATCH:SECRET --serial SN --data-dir FOLDER --broker mqtts://127.0.0.1:8883 --ca root.pem
  npm run sim -- --replay FILE.csv --api http://127.0.0.1:8080 --key KEY

  --broker URL             mqtt://127.0.0.1:1883
  --ca FILE                PEM of the root that the broker's certificate leads to
  --devices FILE           JSON: [{ "id", "token", "model", "locale", "timeZone" }]
  --api URL --key KEY      register new appliances through this API instead
  --provision BATCH:SECRET appliances that make their own key and get a certificate with this claim credential
  --serial SN              one of them, by its manufactured serial number; may be given more than once
  --count N                how many to register, or at most how many of the file (10)
  --model KEY              only this model, may be given more than once
  --seed N                 what the appliances and their households do (1)
  --speed N                how much faster than real time until the present is reached (1)
  --start-hours-ago H      where their time begins (0; a replay begins with its recording)
  --factory-root FILE      root.json of the signed firmware repository, as the appliances were made with it
  --director FILE          JWKS with the director's public keys; without the two they take no update
  --data-dir FOLDER        where the appliances keep their memory and keys; without it, in the process
  --connects-per-second N  how fast they connect (200)
  --for SECONDS            end after so long
  --by-hand                do what standard input says, a line each: ${byHandUsage}
  --replay FILE            play a recorded cook (columns at_ms,probe,temperature_c) as one appliance
  --allow-remote           brokers and APIs that are not on this machine
`;

const optionTypes = {
  broker: { type: "string" },
  devices: { type: "string" },
  api: { type: "string" },
  key: { type: "string" },
  ca: { type: "string" },
  provision: { type: "string" },
  serial: { type: "string", multiple: true },
  count: { type: "string" },
  model: { type: "string", multiple: true },
  seed: { type: "string" },
  speed: { type: "string" },
  "start-hours-ago": { type: "string" },
  "factory-root": { type: "string" },
  director: { type: "string" },
  "data-dir": { type: "string" },
  "connects-per-second": { type: "string" },
  for: { type: "string" },
  replay: { type: "string" },
  "by-hand": { type: "boolean" },
  "allow-remote": { type: "boolean" },
  help: { type: "boolean" },
} as const;

export interface SimOptions {
  broker: string;
  source:
    | { kind: "file"; path: string }
    | { kind: "api"; url: string; key: string }
    | { kind: "claim"; batch: string; secret: string; serials: string[] };
  ca: string | null;
  count: number;
  models: string[];
  seed: number;
  speed: number;
  startHoursAgo: number;
  /** Files of what the appliances believe without asking. */
  factory: { root: string; director: string } | null;
  dataDir: string | null;
  connectsPerSecond: number;
  forMs: number | null;
  replay: string | null;
  byHand: boolean;
  allowRemote: boolean;
}

/** @returns null where only help was asked for. @throws UsageError */
export function readOptions(args: readonly string[], modelKeys: readonly string[]): SimOptions | null {
  const values = optionsIn(args, optionTypes);
  if (values.help === true) return null;
  const allowRemote = values["allow-remote"] === true;
  const broker = values.broker ?? "mqtt://127.0.0.1:1883";
  checkAddress("broker", broker, ["mqtt:", "mqtts:", "ws:", "wss:"], allowRemote);
  for (const key of values.model ?? [])
    if (!modelKeys.includes(key)) throw new UsageError(`--model must be one of ${modelKeys.join(", ")}, not '${key}'.`);
  return {
    broker,
    source: readSource(values, allowRemote),
    ca: values.ca ?? null,
    count: whole("count", values.count, 10, [1, 20_000]),
    models: values.model ?? [],
    seed: whole("seed", values.seed, 1, [0, 1_000_000]),
    speed: number("speed", values.speed, 1, [1, 100_000]),
    startHoursAgo: number("start-hours-ago", values["start-hours-ago"], 0, [0, 24 * 366]),
    factory: readFactory(values["factory-root"], values.director),
    dataDir: values["data-dir"] ?? null,
    connectsPerSecond: number("connects-per-second", values["connects-per-second"], 200, [1, 10_000]),
    forMs: values.for === undefined ? null : 1_000 * number("for", values.for, 0, [0.1, 86_400 * 30]),
    replay: values.replay ?? null,
    byHand: values["by-hand"] === true,
    allowRemote,
  };
}

interface SourceValues {
  devices?: string;
  api?: string;
  key?: string;
  provision?: string;
  serial?: string[];
  "data-dir"?: string;
}

function readSource(values: SourceValues, allowRemote: boolean): SimOptions["source"] {
  const { devices, api, key, provision } = values;
  if ([devices, api, provision].filter((one) => one !== undefined).length > 1)
    throw new UsageError("--devices, --api and --provision exclude one another.");
  if (provision !== undefined) return readClaim(provision, values);
  if (devices !== undefined) return { kind: "file", path: devices };
  if (api === undefined)
    throw new UsageError(
      "--devices FILE, --api URL or --provision BATCH:SECRET must say what the appliances log in with.",
    );
  if (key === undefined) throw new UsageError("--key must be given with --api: it registers the appliances.");
  checkAddress("api", api, ["http:", "https:"], allowRemote);
  return { kind: "api", url: api, key };
}

function readClaim(
  provision: string,
  { serial: serials = [], "data-dir": dataDir }: SourceValues,
): SimOptions["source"] {
  const [batch = "", secret = ""] = provision.split(/:(.*)/s);
  if (!batchKey.safeParse(batch).success || secret === "")
    throw new UsageError("--provision must be a batch's key and its claim secret with a colon between.");
  if (serials.length === 0) throw new UsageError("--serial must name a manufactured serial number with --provision.");
  const strange = serials.find((serial) => !serialNumber.safeParse(serial).success);
  if (strange !== undefined) throw new UsageError(`--serial '${strange}' is no serial number.`);
  // A serial number is enrolled once: without its key an appliance would stay outside for ever.
  if (dataDir === undefined)
    throw new UsageError("--data-dir must be given with --provision: the keys are kept there.");
  return { kind: "claim", batch, secret, serials: [...new Set(serials)] };
}

function readFactory(root: string | undefined, director: string | undefined): SimOptions["factory"] {
  if (root === undefined && director === undefined) return null;
  if (root === undefined || director === undefined)
    throw new UsageError("--factory-root and --director go together: an appliance believes an update when both do.");
  return { root, director };
}

const timeZone = z
  .string()
  .max(64)
  .refine((name) => {
    try {
      return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).epochMilliseconds === 0;
    } catch {
      return false;
    }
  }, "must be an IANA time zone");

/** The file that `--devices` names. */
export const credentials = z
  .array(z.object({ id: deviceId, token: z.string().min(1).max(200), model: z.string(), locale, timeZone }))
  .min(1)
  .max(20_000);
