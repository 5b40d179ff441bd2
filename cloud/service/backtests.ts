/**
 * Back-tests: a rule over what appliances said in the past, by the same operators that watch the stream.
 *
 *   filter --> a sample of appliances --> some at a time: events, comings and goings, readings page by page --> replay --> verdicts
 *
 * They share the process with the up road, so they take turns: after each page everything else goes first, and each has bounds in
 * appliances, days, readings and time. What was found until a bound stands, and says so.
 */
import type { DeviceRef, WatchedDevices } from "../devices/devices.ts";
import { type Clock, yieldToEvents } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import {
  firesWidelyShare,
  firingSha256,
  firingShare,
  readsOf,
  type Reads,
  type Verdict,
  verdictOf,
} from "./core/backtest.ts";
import { presenceEvent, type RuleEvent } from "./core/marks.ts";
import { type Replayed, Replay } from "./core/replay.ts";
import type { RuleDefinition, ServiceRule } from "./core/rule.ts";
import { type Backtest, type BacktestDevice, type BacktestFilter, BacktestStore } from "./backtest-store.ts";

const dayMs = 86_400_000;
export const backtestLimits = {
  devicesMax: 1_000,
  rangeMsMax: 92 * dayMs,
  /** Readings and events that one may look at. */
  lookedAtMax: 50_000_000,
  timeMsMax: 600_000,
  runningMax: 2,
  /** Comings and goings that are listed of one appliance. */
  firingsMax: 20,
} as const;
const devicesAtOnce = 20;
const eventsAtOnceMaxDefault = 200_000;
const keptMax = 200;
const shownMax = 100;

export interface BacktestAsked {
  /** A rule that is stored, or a definition that need not be. */
  rule: { id: string } | { definition: RuleDefinition };
  fromMs: number;
  toMs: number;
  filter: BacktestFilter;
  devicesMax: number;
}

export type SampleAppliances = (
  filter: { models: readonly string[] | null; deviceIds: readonly string[] | null; target: string | null },
  limit: number,
) => Promise<{ kind: "ok"; deviceKeys: number[]; matching: number; leftOut: number } | Refused<PredicateRule>>;
type PredicateRule = "predicate_not_valid" | "predicate_too_large" | "predicate_not_supported";

export interface BacktestsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  logger: Logger;
  appliances: { refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>> };
  watched: Pick<WatchedDevices, "factsOf" | "presenceBetween">;
  telemetry: Pick<Telemetry, "eventsOf" | "store">;
  sample: SampleAppliances;
  ruleOf: (id: string) => ServiceRule | undefined;
  /** Who was last heard of at `t` is silent for `forMs` where `t + forMs` is at or before it. */
  silenceUntilMs: (forMs: number) => number;
  /** The same as it was at a time in the past. */
  silenceUntilAt: (forMs: number, atMs: number) => number;
  /** Events, and comings and goings, that are read of some appliances at once. */
  eventsAtOnceMax?: number;
}

type Refusal =
  | "service_rule_not_found"
  | "backtest_range_too_wide"
  | "backtest_running"
  | "too_many_backtests"
  | "backtest_no_appliances"
  | "backtest_no_consent"
  | PredicateRule;

export type BacktestDeviceWithId = BacktestDevice & { deviceId: string };

/** A bound was met, or somebody called it off. */
class Ended extends Error {
  override name = "Ended";
  readonly status: "done" | "cancelled";
  constructor(status: "done" | "cancelled", reason: string) {
    super(reason);
    this.status = status;
  }
}

interface Running {
  cancelled: boolean;
  readonly endsAtMs: number;
  lookedAt: number;
  /** Appliances of which not everything was looked at. */
  cutShort: number;
  finished: Promise<void>;
}

/** What happened to some appliances. */
interface Happened {
  byDevice: Map<number, RuleEvent[]>;
  /** There was more; what is missing is the end of the last one that is here, and those behind it. */
  isCut: boolean;
}

export class Backtests {
  readonly #deps: BacktestsDeps;
  readonly #store = new BacktestStore();
  readonly #running = new Map<string, Running>();

  constructor(deps: BacktestsDeps) {
    this.#deps = deps;
  }

  /** What ran when the service ended last is over. Before the first request. */
  async load(): Promise<void> {
    await this.#store.endAll(this.#deps.db, "The service was stopped.", this.#deps.clock.nowMs());
  }

  async stop(): Promise<void> {
    const running = [...this.#running.values()];
    for (const run of running) run.cancelled = true;
    await Promise.all(running.map(({ finished }) => finished));
  }

  list(): Promise<Backtest[]> {
    return this.#store.list(this.#deps.db, shownMax);
  }

  get(id: string): Promise<Backtest | null> {
    return this.#store.get(this.#deps.db, id);
  }

  /** In the order of the devices' keys; null where there is no such back-test. */
  async devices(
    id: string,
    page: { verdict: Verdict | null; afterKey: number; limit: number },
  ): Promise<BacktestDeviceWithId[] | null> {
    if ((await this.get(id)) === null) return null;
    const found = await this.#store.devices(this.#deps.db, id, page);
    const refs = await this.#deps.appliances.refsByKey(found.map(({ deviceKey }) => deviceKey));
    return found.map((device) => ({ ...device, deviceId: refs.get(device.deviceKey)?.id ?? "" }));
  }

  /** On how large a share of the appliances that it looked at a rule fired in its last back-test; null where there is none to go by. */
  async widely(definition: RuleDefinition): Promise<number | null> {
    const last = await this.#store.lastDone(this.#deps.db, firingSha256(definition));
    const share = last === null ? null : firingShare(last);
    return share !== null && share > firesWidelyShare ? share : null;
  }

  /** Starts one, which goes on by itself. */
  async start(
    by: Principal,
    asked: BacktestAsked,
  ): Promise<{ kind: "started"; backtest: Backtest } | Refused<Refusal>> {
    const { db, clock, ids, audit, ruleOf, sample } = this.#deps;
    const stored = "id" in asked.rule ? ruleOf(asked.rule.id) : null;
    if (stored === undefined) return refused("service_rule_not_found");
    const definition = "definition" in asked.rule ? asked.rule.definition : stored?.definition;
    if (definition === undefined) return refused("service_rule_not_found");
    const { fromMs, toMs, filter } = asked;
    if (toMs <= fromMs || toMs - fromMs > backtestLimits.rangeMsMax) return refused("backtest_range_too_wide");
    if (this.#running.size >= backtestLimits.runningMax) return refused("too_many_backtests");
    const picked = await sample(
      {
        models: modelsOf(definition, filter.model),
        deviceIds: filter.deviceIds ?? null,
        target: filter.target ?? null,
      },
      Math.min(asked.devicesMax, backtestLimits.devicesMax),
    );
    if (picked.kind === "refused") return picked;
    if (picked.deviceKeys.length === 0)
      return refused(picked.leftOut === 0 ? "backtest_no_appliances" : "backtest_no_consent");
    const backtest: Backtest = {
      id: ids.next(),
      by: principalText(by),
      definition,
      sha256: firingSha256(definition),
      ruleId: stored?.id ?? null,
      fromMs,
      toMs,
      filter,
      status: "running",
      reason: null,
      matching: picked.matching,
      leftOut: picked.leftOut,
      devices: picked.deviceKeys.length,
      done: 0,
      fired: 0,
      neverFired: 0,
      noData: 0,
      raises: 0,
      lookedAt: 0,
      startedAtMs: clock.nowMs(),
      endedAtMs: null,
    };
    const mayRun = await db.transaction().execute(async (tx) => {
      if (!(await this.#store.begin(tx, backtest))) return false;
      const subject = `backtest:${backtest.id}`;
      await audit.record(tx, {
        principal: by,
        action: "backtest.started",
        subject,
        after: { ruleId: backtest.ruleId },
      });
      return true;
    });
    if (!mayRun) return refused("backtest_running");
    const endsAtMs = clock.nowMs() + backtestLimits.timeMsMax;
    const run: Running = { cancelled: false, endsAtMs, lookedAt: 0, cutShort: 0, finished: Promise.resolve() };
    this.#running.set(backtest.id, run);
    run.finished = this.#goThrough(backtest, picked.deviceKeys, run);
    return { kind: "started", backtest };
  }

  /** Calls one off. What it found until then stands. */
  async cancel(by: Principal, id: string): Promise<{ kind: "done" } | Refused<"backtest_not_found" | "backtest_over">> {
    const { db, audit } = this.#deps;
    if ((await this.get(id)) === null) return refused("backtest_not_found");
    const run = this.#running.get(id);
    if (run === undefined) return refused("backtest_over");
    await db
      .transaction()
      .execute((tx) => audit.record(tx, { principal: by, action: "backtest.cancelled", subject: `backtest:${id}` }));
    run.cancelled = true;
    await run.finished;
    return { kind: "done" };
  }

  async #goThrough(backtest: Backtest, deviceKeys: readonly number[], run: Running): Promise<void> {
    const { db, clock, logger } = this.#deps;
    const end = (status: Backtest["status"], reason: string | null) =>
      this.#store.end(db, backtest.id, status, reason, clock.nowMs());
    try {
      for (let from = 0; from < deviceKeys.length; from += devicesAtOnce)
        await this.#some(backtest, deviceKeys.slice(from, from + devicesAtOnce), run);
      const { cutShort } = run;
      const most = this.#eventsAtOnceMax;
      await end("done", cutShort === 0 ? null : `Of ${cutShort} of them only the first ${most} events were looked at.`);
    } catch (error) {
      if (!(error instanceof Ended)) logger.warn({ event: "backtest.failed", backtestId: backtest.id, err: error });
      const [status, reason] =
        error instanceof Ended
          ? [error.status, error.message]
          : (["failed", "It could not read what was stored."] as const);
      // Where the database is away it stays as it is until the next start, which ends it.
      await end(status, reason).catch(() => {});
    } finally {
      this.#running.delete(backtest.id);
      await this.#store.trim(db, keptMax).catch(() => {});
    }
  }

  get #eventsAtOnceMax(): number {
    return this.#deps.eventsAtOnceMax ?? eventsAtOnceMaxDefault;
  }

  /** Some appliances at once: fewer where too much happened to them, and of one alone as much as is read at once. */
  async #some(backtest: Backtest, deviceKeys: readonly number[], run: Running): Promise<void> {
    const { fromMs, toMs, definition } = backtest;
    const happened = await this.#happened(readsOf(definition), deviceKeys, fromMs, toMs);
    if (!happened.isCut) return this.#replay(backtest, deviceKeys, happened.byDevice, run);
    const middle = deviceKeys.length >> 1;
    if (middle > 0) {
      await this.#some(backtest, deviceKeys.slice(0, middle), run);
      return this.#some(backtest, deviceKeys.slice(middle), run);
    }
    run.cutShort += 1;
    const lastMs = [...happened.byDevice.values()].at(0)?.at(-1)?.atMs ?? fromMs;
    return this.#replay({ ...backtest, toMs: lastMs }, deviceKeys, happened.byDevice, run);
  }

  async #replay(
    backtest: Backtest,
    deviceKeys: readonly number[],
    happened: ReadonlyMap<number, RuleEvent[]>,
    run: Running,
  ): Promise<void> {
    const { db, clock, appliances, watched, silenceUntilMs, silenceUntilAt } = this.#deps;
    const { definition, toMs } = backtest;
    const lookedAtBefore = run.lookedAt;
    const reads = readsOf(definition);
    const refs = await appliances.refsByKey(deviceKeys);
    const facts = await watched.factsOf(db, deviceKeys);
    // Nobody can say yet what is due after this.
    const untilMs = definition.kind === "absence" ? silenceUntilMs(definition.forMs) : clock.nowMs();
    const runs = new Map(
      [...refs.values()].map((device) => {
        const appliance = facts.get(device.key) ?? { model: device.model };
        const options = { appliance, untilMs: Math.min(toMs, untilMs), silenceUntilAt };
        const theirs = (happened.get(device.key) ?? []).filter(({ atMs }) => atMs >= sinceMsOf(device));
        return [device.key, new DeviceRun(new Replay(definition, options), theirs)];
      }),
    );
    for (const { length } of happened.values()) this.#look(run, length);
    if (reads.readings) await this.#readings(backtest, reads, [...refs.values()], runs, run);
    const found = [...runs].map(([deviceKey, one]) => toFound(deviceKey, one.end()));
    await this.#store.add(db, backtest.id, found, run.lookedAt - lookedAtBefore);
    this.#look(run, 0);
  }

  async #readings(
    { fromMs, toMs }: Backtest,
    { metrics }: Reads,
    devices: readonly DeviceRef[],
    runs: ReadonlyMap<number, DeviceRun>,
    run: Running,
  ): Promise<void> {
    const spans = devices.map((device) => ({ device, sinceMs: Math.max(fromMs, sinceMsOf(device)) }));
    for await (const page of this.#deps.telemetry.store.readings({ devices: spans, metrics, fromMs, toMs })) {
      for (const reading of page) {
        // A time that cannot be right says nothing about what came before what.
        if (!reading.clockSuspect) runs.get(reading.deviceKey)?.read(reading);
      }
      this.#look(run, page.length);
      await yieldToEvents();
    }
  }

  /** Events, comings and goings by device, in the order of time. */
  async #happened(
    { events, types, presence }: Reads,
    deviceKeys: readonly number[],
    fromMs: number,
    toMs: number,
  ): Promise<Happened> {
    const { db, telemetry, watched } = this.#deps;
    const limit = this.#eventsAtOnceMax + 1;
    const said = events ? await telemetry.eventsOf({ deviceKeys, types, fromMs, toMs }, limit) : [];
    const seen = presence ? await watched.presenceBetween(db, deviceKeys, fromMs, toMs, limit) : [];
    const isCut = said.length === limit || seen.length === limit;
    // Until where both are whole.
    const endMs = Math.min(endOf(said, limit), endOf(seen, limit));
    const found: (RuleEvent & { deviceKey: number })[] = said.filter(({ atMs }) => !isCut || atMs < endMs);
    for (const { deviceKey, atMs, reason, ...connection } of seen) {
      const event = presenceEvent(atMs, { ...connection, ...(reason === null ? {} : { reason }) });
      if (event !== null && (!isCut || atMs < endMs)) found.push({ ...event, deviceKey });
    }
    const byDevice = Map.groupBy(
      found.toSorted((a, b) => a.atMs - b.atMs),
      ({ deviceKey }) => deviceKey,
    );
    return { byDevice, isCut };
  }

  #look(run: Running, count: number): void {
    run.lookedAt += count;
    if (run.cancelled) throw new Ended("cancelled", "It was called off.");
    if (run.lookedAt > backtestLimits.lookedAtMax) throw new Ended("done", "It had looked at as much as one may.");
    if (this.#deps.clock.nowMs() > run.endsAtMs) throw new Ended("done", "It had taken as long as one may.");
  }
}

/** What an appliance said before is of somebody whom nobody asks any more. */
const sinceMsOf = ({ householdSinceMs }: DeviceRef): number => householdSinceMs ?? 0;

/** Until when what was read of one appliance is whole. */
const endOf = (found: readonly { atMs: number }[], limit: number): number =>
  found.length < limit ? Infinity : (found.at(-1)?.atMs ?? Infinity);

/** One appliance: what happened to it, between its readings. */
class DeviceRun {
  readonly #replay: Replay;
  readonly #events: readonly RuleEvent[];
  #at = 0;

  constructor(replay: Replay, events: readonly RuleEvent[]) {
    this.#replay = replay;
    this.#events = events;
  }

  read(reading: { atMs: number; metrics: Readonly<Record<string, number | boolean>> }): void {
    this.#eventsUntil(reading.atMs);
    this.#replay.take({ kind: "reading", reading });
  }

  end(): Replayed {
    this.#eventsUntil(Infinity);
    return this.#replay.end();
  }

  #eventsUntil(atMs: number): void {
    for (;;) {
      const event = this.#events[this.#at];
      if (event === undefined || event.atMs > atMs) return;
      this.#replay.take({ kind: "event", event });
      this.#at += 1;
    }
  }
}

function toFound(deviceKey: number, { firings, evaluated }: Replayed): BacktestDevice {
  const raises = firings.filter(({ kind }) => kind === "raise").length;
  const verdict = verdictOf({ evaluated, raises });
  return { deviceKey, verdict, evaluated, raises, firings: firings.slice(0, backtestLimits.firingsMax) };
}

/** The models that both the rule and the filter mean; null: all. */
function modelsOf({ models }: RuleDefinition, model: string | undefined): readonly string[] | null {
  if (model === undefined) return models ?? null;
  return models === undefined || models.includes(model) ? [model] : [];
}
