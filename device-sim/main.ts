import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type FactoryTrust, readFactoryTrust } from "./agent/factory-trust.ts";
import { ApiError } from "./api.ts";
import { byHand } from "./by-hand.ts";
import { UsageError } from "./command-line.ts";
import { planFleet, usualMix } from "./core/fleet-plan.ts";
import { readRecording, recordingReadings, RecordingError } from "./core/recorded-cook.ts";
import { Fleet, type FleetMember, type TokenMember } from "./fleet.ts";
import { loadModels } from "./models.ts";
import { credentials, readOptions, type SimOptions, usage } from "./options.ts";
import { AcceleratedClock, systemClock } from "./platform/clock.ts";
import { systemTimers } from "./platform/timers.ts";
import { register } from "./register.ts";
import { Replay } from "./replay.ts";

const hourMs = 3_600_000;
const statusMs = 5_000;
const drainMs = 5_000;
const recordingBytesMax = 64 * 1_024 * 1_024;
const replayModel = "probe-thermometer";

const models = loadModels();

function readText(option: string, path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length <= recordingBytesMax) return text;
  } catch (cause) {
    throw new UsageError(`--${option} ${path} cannot be read.`, { cause });
  }
  throw new UsageError(`--${option} ${path} is larger than ${recordingBytesMax} bytes.`);
}

function readFactory({ root, director }: { root: string; director: string }): FactoryTrust {
  try {
    return readFactoryTrust(readText("factory-root", root), readText("director", director));
  } catch (cause) {
    if (cause instanceof UsageError || !(cause instanceof Error)) throw cause;
    throw new UsageError(`--factory-root ${root}, --director ${director}: ${cause.message}.`, { cause });
  }
}

function readCredentials(path: string, count: number, seed: number): TokenMember[] {
  let json: unknown;
  try {
    json = JSON.parse(readText("devices", path));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`--devices ${path} is no JSON.`, { cause });
  }
  // What `npm run backfill` leaves holds more than the list.
  const listed = typeof json === "object" && json !== null && "devices" in json ? json.devices : json;
  const parsed = credentials.safeParse(listed);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`--devices ${path}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}.`);
  }
  const strange = parsed.data.find((one) => !models.has(one.model));
  if (strange !== undefined)
    throw new UsageError(
      `--devices ${path}: there is no model '${strange.model}', only ${[...models.keys()].join(", ")}.`,
    );
  const planned = planFleet({ count: parsed.data.length, seed, prefix: "sim" });
  return parsed.data.slice(0, count).map((one, at) => ({
    ...one,
    persona: planned[at]?.persona ?? "family",
    seed: planned[at]?.seed ?? seed,
  }));
}

/** The appliances to play: with a claim credential, or with tokens. */
async function members(options: SimOptions, count: number, mix: readonly string[]): Promise<FleetMember[]> {
  const { source, seed } = options;
  if (source.kind !== "claim") return registered(options, source, count, mix);
  const { batch, secret, serials } = source;
  const planned = planFleet({ count: serials.length, seed, prefix: "sim", mix });
  return planned.map((one, at) => ({ ...one, id: serials[at] ?? one.id, claim: { batch, secret } }));
}

/** With the tokens of a file, or registered now. */
async function registered(
  { seed }: SimOptions,
  source: Exclude<SimOptions["source"], { kind: "claim" }>,
  count: number,
  mix: readonly string[],
): Promise<TokenMember[]> {
  if (source.kind === "file") return readCredentials(source.path, count, seed);
  // A second run registers appliances of its own: a token is told only once.
  const prefix = `sim-${seed}-${systemClock.nowMs().toString(36)}`;
  return await register({ ...source, fetch }, planFleet({ count, seed, prefix, mix }), models);
}

const say = (line: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Resolves with a signal, or when the time is up. */
const untilEnd = (forMs: number | null): Promise<void> =>
  new Promise((resolve) => {
    process.once("SIGINT", () => {
      resolve();
    });
    process.once("SIGTERM", () => {
      resolve();
    });
    if (forMs !== null) systemTimers.after(forMs, resolve);
  });

/** Lets a person stand at the appliances. @returns how to end it */
function readByHand(fleet: Fleet): () => void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line.trim() !== "") say(byHand(fleet, line));
  });
  return () => {
    lines.close();
  };
}

async function runFleet(options: SimOptions): Promise<void> {
  const mix = options.models.length > 0 ? options.models : usualMix;
  if (mix.includes(replayModel))
    throw new UsageError(`--model ${replayModel} only plays recordings: give it with --replay.`);
  const appliances = await members(options, options.count, mix);
  const startMs = systemClock.nowMs() - options.startHoursAgo * hourMs;
  const clock = new AcceleratedClock({ real: systemClock, startMs, speed: options.speed });
  const { broker, factory, allowRemote, connectsPerSecond, dataDir, ca } = options;
  const fleet = new Fleet({
    appliances,
    broker,
    clock,
    factory: factory === null ? null : readFactory(factory),
    allowRemote,
    connectsPerSecond,
    ...(dataDir === null ? {} : { dataDir }),
    ...(ca === null ? {} : { ca: readText("ca", ca) }),
  });
  fleet.start();
  const status = (): void => {
    say({ at: new Date(clock.nowMs()).toISOString(), ...fleet.counters });
  };
  const endStatus = systemTimers.every(statusMs, status);
  const endByHand = options.byHand ? readByHand(fleet) : () => {};
  await untilEnd(options.forMs);
  endStatus();
  endByHand();
  await fleet.stop(drainMs);
  status();
}

async function runReplay(options: SimOptions, path: string): Promise<void> {
  const readings = readReplay(path);
  const { source } = options;
  if (source.kind === "claim") throw new UsageError("--replay takes its appliance from --devices or --api.");
  const [member] = await registered(options, source, 1, [replayModel]);
  const [first] = readings;
  if (member === undefined || first === undefined) throw new UsageError(`--replay ${path} holds nothing to play.`);
  const clock = new AcceleratedClock({ real: systemClock, startMs: first.atMs, speed: options.speed });
  const { broker, allowRemote, ca } = options;
  const trusted = ca === null ? {} : { ca: readText("ca", ca) };
  const replay = new Replay({ device: member, readings, broker, clock, allowRemote, ...trusted });
  replay.start();
  const status = (): void => {
    say({ device: member.id, at: new Date(clock.nowMs()).toISOString(), played: replay.played, of: readings.length });
  };
  const endStatus = systemTimers.every(statusMs, status);
  await Promise.race([replay.done, untilEnd(options.forMs)]);
  endStatus();
  await replay.stop();
  status();
}

function readReplay(path: string): ReturnType<typeof recordingReadings> {
  try {
    return recordingReadings(readRecording(readText("replay", path)), systemClock.nowMs());
  } catch (cause) {
    if (cause instanceof RecordingError) throw new UsageError(`--replay ${path}: ${cause.message}.`, { cause });
    throw cause;
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), [...models.keys()]);
  if (options === null) process.stdout.write(usage);
  else if (options.replay === null) await runFleet(options);
  else await runReplay(options, options.replay);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ApiError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
