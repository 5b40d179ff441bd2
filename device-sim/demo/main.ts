/** The process that `npm run demo` runs: Hearth as a child, a fleet, a story, and a view of them. */
import { performance } from "node:perf_hooks";
import { type Api, ApiError } from "../api.ts";
import { Fleet } from "../fleet.ts";
import { loadModels } from "../models.ts";
import { UsageError } from "../command-line.ts";
import { AcceleratedClock, HeldClock, systemClock } from "../platform/clock.ts";
import { pause, systemTimers } from "../platform/timers.ts";
import { farewell } from "./core/farewell.ts";
import { lastLine } from "./core/json-lines.ts";
import { firmwareModels } from "./firmware-part.ts";
import { readBacklog } from "./hearth-api.ts";
import { givePast, speaking } from "./history-part.ts";
import { JsonView } from "./json-view.ts";
import { type DemoOptions, readDemoOptions, usage } from "./options.ts";
import { assembleTeam, type ReleaseTeam } from "./release-team.ts";
import { Screen } from "./screen.ts";
import { type ServiceChild, ServiceGone, startService } from "./service-child.ts";
import { registerFleet, type Setting, settleHomes } from "./setting.ts";
import { Stage } from "./stage.ts";
import { playStory } from "./story.ts";
import { Watch } from "./watch.ts";

const models = loadModels();
/** Real time in which the fleet catches up with the present. */
const catchUpMs = 24_000;
/** Where their past ends. Telling it takes a while, which the fleet then catches up with too. */
const startMsOf = (speed: number): number => systemClock.nowMs() - catchUpMs * (speed - 1);
const dayMs = 86_400_000;
/** At the end: for the PUBACKs of what the fleet has said, and for the service to commit them. */
const drainMs = 1_000;
const drainPollMs = 50;

/** Aborted when the demo should end: with a signal, when its time is up, or when nobody reads any more. */
function theEnd(forMs: number | null): AbortSignal {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  process.stdout.on("error", end);
  if (forMs !== null) systemTimers.after(Math.max(0, forMs - performance.now()), end);
  return controller.signal;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });

/** Plays until the end. @throws ServiceGone where the service ends first */
async function play(options: DemoOptions, service: ServiceChild, watch: Watch, end: AbortSignal): Promise<void> {
  const api: Api = { url: service.http, key: service.key, fetch };
  watch.begin(api, { console: `${service.http}/`, mqtt: service.mqtt, key: service.key });
  const { appliances, seed, speed, historyDays } = options;
  const atWorkMs = startMsOf(speed) - historyDays * dayMs;
  const setting = await registerFleet({ ...api, signal: end }, models, { appliances, seed, atWorkMs });
  const stopped = new AbortController();
  const hushed = { ...api, signal: AbortSignal.any([end, stopped.signal]) };
  const team = await assembleTeam(hushed, firmwareModels);
  try {
    await playWith(team, { options, service, watch, end, setting, stopped, api: hushed });
  } finally {
    await team.leave();
  }
  await settle(api);
  await watch.read(api);
}

interface Play {
  options: DemoOptions;
  service: ServiceChild;
  watch: Watch;
  end: AbortSignal;
  setting: Setting;
  /** Aborted when the story is over, whatever ended it. */
  stopped: AbortController;
  api: Api & { signal: AbortSignal };
}

async function playWith(team: ReleaseTeam, parts: Play): Promise<void> {
  const { options, service, watch, end, setting, stopped, api } = parts;
  const { speed, seed } = options;
  const { homes } = setting;
  const { tell } = watch;
  const startMs = startMsOf(speed);
  const device = new HeldClock(startMs);
  const clocks = { device, real: systemClock };
  let fleet: Fleet | null = null;
  const story = async (): Promise<void> => {
    const homeOf = await settleHomes(api, homes);
    const past = { api, broker: service.mqtt, models, days: options.historyDays, toMs: startMs, tell };
    const lived = await givePast(setting.members, { ...past, onProgress: ({ share }) => watch.past(share) });
    const members = speaking(lived);
    if (api.signal.aborted) return;
    fleet = new Fleet({ appliances: members, broker: service.mqtt, clock: device, factory: team.factory });
    fleet.start();
    watch.run(clocks);
    const zones = new Set(homes.map(({ timeZone }) => timeZone)).size;
    tell(
      `${members.length} appliances belong to ${homes.length} households in ${zones} time zones; their time begins.`,
    );
    // At normal speed what was held would never be made up for.
    device.begin(speed === 1 ? systemClock : new AcceleratedClock({ real: systemClock, startMs, speed }));
    const { signal } = api;
    const deps = { api, fleet, members, homeOf, clocks, signal, timers: systemTimers, tell, seed };
    await playStory(new Stage(deps), team);
  };
  try {
    const played = unlessEnded(story(), api.signal);
    const gone = await Promise.race([aborted(end), played, service.ended]);
    if (gone instanceof ServiceGone) throw gone;
    await played;
  } finally {
    stopped.abort();
    watch.end();
    await stopFleet(fleet);
  }
}

/** There is none where the demo ended before their time began. */
const stopFleet = (fleet: Fleet | null): Promise<void> => fleet?.stop(drainMs) ?? Promise.resolve();

/** What was under way when the demo was told to end may fail; nobody waits for it any more. */
async function unlessEnded(work: Promise<void>, end: AbortSignal): Promise<void> {
  await work.catch((error: unknown) => {
    if (!end.aborted) throw error;
  });
}

/** Waits a moment for the service to commit what it has acknowledged. */
async function settle(api: Api): Promise<void> {
  const limit = AbortSignal.timeout(drainMs);
  while (!limit.aborted && (await readBacklog(api).catch(() => 1)) > 0) await pause(systemTimers, drainPollMs, limit);
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const options = readDemoOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return;
  }
  const end = theEnd(options.forMs);
  const { appliances, speed } = options;
  const watch = new Watch({ appliances, speed, sinceStartMs: () => performance.now(), timers: systemTimers });
  const status = () => watch.status;
  const onScreen = process.stdout.isTTY && !options.json && process.env["TERM"] !== "dumb";
  const colour = (process.env["NO_COLOR"] ?? "") === "";
  const view = onScreen
    ? new Screen({ out: process.stdout, status, colour, timers: systemTimers })
    : new JsonView({ write, status, timers: systemTimers });
  // Whatever ends the process, the terminal is left as it was.
  process.on("exit", () => {
    view.stop();
  });
  view.start();
  watch.tell("The service starts: a database, a gateway, the API.");
  let service: ServiceChild | null = null;
  try {
    service = await startService(process.env);
    await unlessEnded(play(options, service, watch, end), end);
  } finally {
    watch.stop();
    await service?.stop();
    view.stop();
  }
  write(onScreen ? farewell(watch.status) : lastLine(watch.status));
}

try {
  await main();
  process.exit(0);
} catch (error) {
  // What a person can put right is one sentence; anything else is ours, and keeps its stack.
  const known = error instanceof UsageError || error instanceof ServiceGone || error instanceof ApiError;
  process.stderr.write(`${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
