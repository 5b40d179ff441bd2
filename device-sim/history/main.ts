/** The process that `npm run backfill` runs. */
import { readFileSync } from "node:fs";
import { ApiError } from "../api.ts";
import { planFleet } from "../core/fleet-plan.ts";
import { planHomes } from "../demo/core/homes.ts";
import { settleHomes } from "../demo/setting.ts";
import { loadModels } from "../models.ts";
import { UsageError } from "../command-line.ts";
import { systemClock } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { systemTimers } from "../platform/timers.ts";
import { register } from "../register.ts";
import { planAilments } from "./ailing-plan.ts";
import { backfill, BackfillFailed, type BackfillMember, type BackfillProgress } from "./backfill.ts";
import { type BackfillRecord, otherBackfill, readBackfillFile, writeBackfillFile } from "./backfill-file.ts";
import { type BackfillCliOptions, readBackfillOptions, usage } from "./options.ts";
import { progressJson, progressLine } from "./progress-view.ts";

const dayMs = 86_400_000;
const tellMs = 1_000;
const drawMs = 100;
const models = loadModels();
const startedMs = systemClock.nowMs();
const tookMs = (): number => systemClock.nowMs() - startedMs;

/** Registers the fleet, or reads what an earlier run registered. */
async function begin(options: BackfillCliOptions, signal: AbortSignal): Promise<BackfillRecord> {
  const { url, key, seed, days, count, ailing, file } = options;
  const known = readBackfillFile(file);
  if (known !== null) {
    const other = otherBackfill(file, known, { url, seed, days, count, ailing });
    if (other !== null) throw new UsageError(other);
    return known;
  }
  const toMs = systemClock.nowMs();
  const prefix = `past-${seed}-${toMs.toString(36)}`;
  const members = await register({ url, key, fetch, signal }, planFleet({ count, seed, prefix }), models);
  const devices = members.map((member) => ({ ...member, done: false }));
  const record: BackfillRecord = {
    url,
    seed,
    days,
    ailing,
    fromMs: toMs - days * dayMs,
    toMs,
    settled: false,
    devices,
  };
  writeBackfillFile(file, record);
  return record;
}

async function settle({ url, key, file }: BackfillCliOptions, record: BackfillRecord): Promise<void> {
  if (record.settled) return;
  await settleHomes(
    { url, key, fetch },
    planHomes(record.devices, (model) => models.get(model)?.kind === "oven"),
  );
  record.settled = true;
  writeBackfillFile(file, record);
}

function waiting({ devices, ailing, fromMs, toMs }: BackfillRecord): BackfillMember[] {
  const fleet = devices.flatMap((member) => {
    const model = models.get(member.model);
    return model === undefined ? [] : [{ ...member, member, model }];
  });
  const ailments = planAilments(fleet, ailing, { fromMs, toMs });
  return fleet.flatMap(({ member, model }) =>
    member.done ? [] : [{ member, model, ailment: ailments.get(member.id) ?? null, fromMs }],
  );
}

/** Shows how far it is: a bar in a terminal, else a JSON line a second. @returns how to end it */
function show(options: BackfillCliOptions, progress: () => BackfillProgress): () => void {
  const onTerminal = process.stdout.isTTY && !options.json && process.env["TERM"] !== "dumb";
  const colour = (process.env["NO_COLOR"] ?? "") === "";
  const draw = (): void => {
    const now = progress();
    const columns = process.stdout.columns || 80;
    if (onTerminal) process.stdout.write(`\r${progressLine(now, tookMs(), columns, colour)}\u001B[K`);
    else process.stdout.write(`${progressJson("running", now, tookMs())}\n`);
  };
  const end = systemTimers.every(onTerminal ? drawMs : tellMs, draw);
  return () => {
    end();
    if (!onTerminal) return;
    draw();
    process.stdout.write("\n");
  };
}

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readBackfillOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const { broker, ca, allowRemote, file, patienceMs } = options;
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      end.abort();
    });
  const record = await begin(options, end.signal);
  if (options.households) await settle(options, record);
  const members = waiting(record);
  // Where nothing is left to do, all of it is done.
  const share = members.length === 0 ? 1 : 0;
  let progress: BackfillProgress = { devicesDone: 0, devices: members.length, share, readings: 0, events: 0 };
  const endShow = show(options, () => progress);
  try {
    const whole = await backfill({
      members,
      toMs: record.toMs,
      broker,
      ...(ca === null ? {} : { ca: readCa(ca) }),
      allowRemote,
      patienceMs,
      timers: systemTimers,
      random: systemRandom,
      signal: end.signal,
      onProgress: (now) => {
        progress = now;
      },
      onDone: (id) => {
        for (const device of record.devices) if (device.id === id) device.done = true;
        writeBackfillFile(file, record);
      },
    });
    if (!whole) return 130;
  } finally {
    endShow();
  }
  process.stdout.write(`${progressJson("done", progress, tookMs())}\n`);
  return 0;
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(`--ca ${path} cannot be read.`, { cause });
  }
}

try {
  process.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ApiError || error instanceof BackfillFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error instanceof BackfillFailed ? 2 : 1);
}
