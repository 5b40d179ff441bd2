import type { DeviceRef, WatchedDevices, ReadingFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import { type Clock, inTime } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { Problem } from "../platform/problem.ts";
import type { Audit } from "../staff/staff.ts";
import type { TelemetryStore } from "../telemetry/telemetry.ts";
import type { CauseChange } from "./cases.ts";
import type { StoredValues } from "./core/operators/stored-values.ts";
import type { RuleDefinition } from "./core/rule.ts";
import { FiringBook } from "./firing-book.ts";
import type { ReadingsBefore } from "./reading-watch.ts";
import { RuleActions, type RuleTools } from "./rule-actions.ts";
import { RuleClock } from "./rule-clock.ts";
import { type RuleFacts, RuleWatch } from "./rule-watch.ts";
import { type Measured, Rules } from "./rules.ts";
import { answerMsMax, StoreQuestions } from "./store-questions.ts";

/** What rules need of the rest of the service. */
export interface RuleSurroundings {
  watched: Pick<WatchedDevices, "factsOf" | "away" | "here">;
  readings: Pick<TelemetryStore, "readings" | "latest">;
  /** The same, and none rather than some of them. */
  completeReadings: Pick<TelemetryStore, "readings">;
  /** Of readings that seem too late those that came before, null while nobody knows; not there where that is known of every reading. */
  cameBefore?: ((facts: readonly ReadingFact[]) => Promise<ReadonlySet<string> | null>) | undefined;
  tools: RuleTools;
  /** Who was last heard of at `t` is silent for `forMs` where `t + forMs` is at or before it. */
  silenceUntilMs: (forMs: number) => number;
  /** The share of appliances that a rule fired on in its last back-test, where that is many. */
  widely?: (definition: RuleDefinition) => Promise<number | null>;
  measured?: Measured;
}

export interface RuleEngineDeps extends RuleSurroundings {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  find: (ids: readonly string[]) => Promise<Map<string, DeviceRef>>;
  refsByKey: (keys: readonly number[]) => Promise<Map<number, DeviceRef>>;
  /** What causes that came and went mean, in the same transaction. */
  apply: (tx: Db, changes: readonly CauseChange[]) => Promise<void>;
}

/** The rules: what people say of them, what they find in what appliances report, and what they find because time passes. */
export class RuleEngine {
  readonly rules: Rules;
  readonly #deps: RuleEngineDeps;
  readonly #watch: RuleWatch;
  readonly #clock: RuleClock;
  readonly #actions: RuleActions;

  constructor(deps: RuleEngineDeps) {
    this.#deps = deps;
    const store = new StoreQuestions(deps.clock);
    const readingsBefore: ReadingsBefore = (devices, metrics, fromMs, toMs) =>
      store.ask(() => readAll(deps.readings, devices, metrics, fromMs, toMs));
    const completeReadings: ReadingsBefore = async (devices, metrics, fromMs, toMs) => {
      let failure: unknown;
      const reading = readAll(deps.completeReadings, devices, metrics, fromMs, toMs).catch((error: unknown) => {
        if (!(error instanceof Problem && error.code === "telemetry_store_away")) failure = error;
        return null;
      });
      const found = await inTime(reading, answerMsMax);
      if (failure !== undefined) throw failure;
      return found;
    };
    const { cameBefore } = deps;
    this.#watch = new RuleWatch({
      firings: new FiringBook(deps),
      appliances: (tx, keys) => deps.watched.factsOf(tx, keys),
      clock: deps.clock,
      readingsBefore,
      cameBefore: cameBefore && ((facts) => store.ask(() => cameBefore(facts))),
      newestBefore: (devices) => store.ask(() => newestOf(deps.readings, devices)),
    });
    this.rules = new Rules({ ...deps, watch: this.#watch });
    this.#clock = new RuleClock({
      ...deps,
      watch: this.#watch,
      watched: deps.watched,
      readingsBefore: completeReadings,
    });
    this.#actions = new RuleActions(deps);
  }

  /** Puts the rules that ship with Hearth there, and reads all rules and what they are busy with. Before the first batch. */
  async load(): Promise<void> {
    await this.rules.addDefaults();
    await this.#watch.load(this.#deps.db);
  }

  /** Runs the rules over a batch, in its transaction. What it returns runs after the commit. */
  async ingest(tx: Db, facts: RuleFacts): Promise<() => void> {
    const judged = await this.#watch.judge(tx, facts);
    await this.#deps.apply(tx, judged.changes);
    return judged.afterCommit;
  }

  /** What the clock brings, and what firings left to be done. About every second. */
  async tick(): Promise<void> {
    await this.#clock.tick();
    await this.#actions.tick();
  }
}

async function readAll(
  store: Pick<TelemetryStore, "readings">,
  devices: readonly DeviceRef[],
  metrics: readonly string[] | null,
  fromMs: number,
  toMs: number,
): Promise<Map<number, StoredValues[]>> {
  const found = new Map<number, StoredValues[]>();
  const spans = devices.map((device) => ({ device, sinceMs: fromMs }));
  for await (const page of store.readings({ devices: spans, metrics, fromMs, toMs })) {
    for (const { deviceKey, atMs, metrics: values, clockSuspect } of page) {
      if (clockSuspect) continue;
      const known = found.get(deviceKey);
      if (known === undefined) found.set(deviceKey, [{ atMs, metrics: values }]);
      else known.push({ atMs, metrics: values });
    }
  }
  return found;
}

/** The newest reading of each device by a clock that can be right. */
async function newestOf(
  store: Pick<TelemetryStore, "latest">,
  devices: readonly DeviceRef[],
): Promise<Map<number, number>> {
  const latest = await store.latest(devices.map((device) => ({ device, sinceMs: 0 })));
  const newest = new Map<number, number>();
  for (const [key, values] of latest)
    newest.set(key, Math.max(0, ...values.flatMap(({ atMs, clockSuspect }) => (clockSuspect ? [] : [atMs]))));
  return newest;
}
