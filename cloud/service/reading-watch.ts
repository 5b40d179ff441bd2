import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import type { Facts } from "../platform/predicate/predicate.ts";
import { isClockSuspect } from "../telemetry/telemetry.ts";
import { compileCondition, type Condition } from "./core/condition.ts";
import { machineOf, touchMs } from "./core/machine.ts";
import {
  frozenState,
  type FrozenState,
  missedDriven,
  neverDriven,
  stepFrozen,
  type Driven,
} from "./core/operators/frozen.ts";
import type { StoredValues } from "./core/operators/stored-values.ts";
import { evaluate, isBeyond, missed, neverSeen, thresholdState } from "./core/operators/threshold.ts";
import { type RuleDefinition, type RuleOf, type ServiceRule, watchesModel } from "./core/rule.ts";
import { movedBy, type Signal } from "./rule-signal.ts";
import type { RuleStateRow } from "./rules-store.ts";

/**
 * Committed readings of some devices by their keys, each in the order of time; all metrics where `metrics` is null. `toMs` is exclusive.
 * Null while their store does not answer.
 */
export type ReadingsBefore = (
  devices: readonly DeviceRef[],
  metrics: readonly string[] | null,
  fromMs: number,
  toMs: number,
) => Promise<Map<number, StoredValues[]> | null>;

interface ThresholdWatch {
  rule: ServiceRule;
  definition: RuleOf<"threshold">;
  condition: Condition | null;
  /**
   * Devices to look at closely, and the time of readings for which: all with which the rule is not idle, and perhaps a few more. A device
   * too many costs a look at its row; a device too few would cost a case. So a batch adds at once, and takes away only after its commit.
   * Of a device that was beyond the limit once, what comes later about that time is looked at, too: it is too late, and counted.
   */
  close: Map<number, Near>;
}

/** The time of readings that are looked at; `untilMs` is exclusive. */
interface Near {
  fromMs: number;
  untilMs: number;
}
const always: Near = { fromMs: -Infinity, untilMs: Infinity };

interface FrozenWatch {
  rule: ServiceRule;
  definition: RuleOf<"frozen">;
  condition: Condition | null;
  /** Devices that are not idle. Of `holding` there is a row as well. */
  states: Map<number, FrozenState>;
  /** Devices whose stored readings were looked at since the start. */
  known: Set<number>;
  /** Where devices stood at the start whose sensor had let go. */
  letGo: Map<number, FrozenState>;
}

type FrozenReading = Driven & { isRepeated: boolean };

interface MetricWatch {
  rule: ServiceRule;
  definition: RuleOf<"absence">;
  metric: string;
  /** When the metric of each device was last noted. */
  noted: Map<number, number>;
}

interface ModelWatches {
  thresholds: ThresholdWatch[];
  frozen: FrozenWatch[];
  metrics: MetricWatch[];
}

/** What of a batch changes memory, once it is committed. */
interface Staged {
  frozen: { watch: FrozenWatch; states: Map<number, FrozenState>; known: number[] }[];
  noted: { watch: MetricWatch; atMs: Map<number, number> }[];
}

/** What rules that look at every reading remember between batches. Memory only: rows are written when causes come and go. */
export class ReadingWatch {
  readonly #close = new Map<string, Map<number, Near>>();
  readonly #frozen = new Map<string, Pick<FrozenWatch, "states" | "known" | "letGo">>();
  readonly #noted = new Map<string, Map<number, number>>();
  readonly #models = new Map<string, ModelWatches>();
  readonly #loadedAtMs: number;
  readonly #readingsBefore: ReadingsBefore;
  /** False once the store did not answer. */
  #asksStore = true;
  #rules: readonly ServiceRule[] = [];

  constructor(deps: { loadedAtMs: number; readingsBefore: ReadingsBefore }) {
    this.#loadedAtMs = deps.loadedAtMs;
    this.#readingsBefore = deps.readingsBefore;
  }

  /** The rules in force. Where `anew` begins to count, what was remembered of it is forgotten. */
  setRules(rules: readonly ServiceRule[], anew?: string): void {
    this.#rules = rules.filter(({ definition }) => definition.mode !== "off");
    this.#models.clear();
    if (anew === undefined) return;
    this.#frozen.delete(anew);
    this.#noted.delete(anew);
  }

  /** A state as the database has it at the start. */
  remember(row: RuleStateRow): void {
    const kind = this.#rules.find(({ id }) => id === row.rule_id)?.definition.kind;
    if (kind === "threshold") this.#lookAt(row.rule_id, row.device_key, row.state);
    if (kind !== "frozen") return;
    const { states, letGo } = this.#frozenOf(row.rule_id);
    const state = frozenState.parse(row.state);
    if (state.phase === "idle") letGo.set(row.device_key, state);
    else states.set(row.device_key, state);
  }

  /** A metric's absence was found: the next reading that has it must be looked at. */
  forgetNoted(ruleId: string, deviceKey: number): void {
    this.#noted.get(ruleId)?.delete(deviceKey);
  }

  /**
   * The hot path: a reading of a healthy device is a comparison per rule of its model, and leaves nothing behind.
   *
   * @returns what is to be looked at, and what to call after the commit
   */
  async signals(
    readings: readonly ReadingFact[],
    repeated: ReadonlySet<string>,
  ): Promise<{ signals: Signal[]; afterCommit: (() => void) | null }> {
    const signals: Signal[] = [];
    const staged: Staged = { frozen: [], noted: [] };
    const gathered = new Map<FrozenWatch, Map<number, DeviceRef>>();
    let model: string | null = null;
    let watches: ModelWatches = { thresholds: [], frozen: [], metrics: [] };
    for (const fact of readings) {
      if (fact.device.model !== model) {
        model = fact.device.model;
        watches = this.#watchesOf(model);
      }
      for (const watch of watches.thresholds) {
        const metric = fact.metrics[watch.definition.metric];
        if (metric === undefined) continue;
        const value = Number(metric);
        const isOut = isBeyond(watch.definition, value);
        if (!isOut && (watch.close.size === 0 || !isNear(watch.close.get(fact.device.key), fact.atMs))) continue;
        if (watch.condition?.holds(fact.metrics, factsOf(fact.device)) === false) continue;
        if (isOut) watch.close.set(fact.device.key, always);
        signals.push(ofThreshold(watch, fact, value, repeated.has(readingKey(fact))));
      }
      for (const watch of watches.frozen) {
        const driver = fact.metrics[watch.definition.driver.metric];
        if (driver === undefined) continue;
        const isDriven = Number(driver) > watch.definition.driver.above;
        if (!isDriven && (watch.states.size === 0 || !watch.states.has(fact.device.key))) continue;
        const devices = gathered.get(watch);
        if (devices === undefined) gathered.set(watch, new Map([[fact.device.key, fact.device]]));
        else devices.set(fact.device.key, fact.device);
      }
      for (const watch of watches.metrics) noteMetric(watch, fact, staged, signals);
    }
    for (const [watch, devices] of gathered)
      await this.#judgeFrozen(watch, devices, { readings, repeated }, staged, signals);
    const isStill = staged.frozen.length === 0 && staged.noted.length === 0;
    return { signals, afterCommit: isStill ? null : () => commit(staged) };
  }

  /** After the commit: who is idle again need not be looked at closely. */
  settle({ rule, device }: Signal, row: RuleStateRow | undefined): void {
    if (rule.definition.kind === "threshold") this.#lookAt(rule.id, device.key, row?.state);
  }

  #lookAt(ruleId: string, deviceKey: number, raw: unknown): void {
    const close = this.#closeOf(ruleId);
    const state = raw === undefined ? neverSeen : thresholdState.parse(raw);
    if (state.phase !== "idle") close.set(deviceKey, always);
    else if (state.sinceMs === undefined) close.delete(deviceKey);
    else close.set(deviceKey, { fromMs: state.sinceMs, untilMs: state.lastAtMs });
  }

  async #judgeFrozen(
    watch: FrozenWatch,
    devices: ReadonlyMap<number, DeviceRef>,
    { readings, repeated }: { readings: readonly ReadingFact[]; repeated: ReadonlySet<string> },
    staged: Staged,
    signals: Signal[],
  ): Promise<void> {
    const { definition } = watch;
    const drives = new Map<number, FrozenReading[]>();
    for (const fact of readings) {
      if (!devices.has(fact.device.key)) continue;
      const driven = drivenOf(watch, fact.device, timeOf(fact), fact.metrics);
      if (driven === null) continue;
      const known = drives.get(fact.device.key);
      const one = { ...driven, isRepeated: repeated.has(readingKey(fact)) };
      if (known === undefined) drives.set(fact.device.key, [one]);
      else known.push(one);
    }
    const before = await this.#drivenBefore(watch, devices, drives);
    const states = new Map<number, FrozenState>();
    for (const [key, list] of drives) {
      const device = devices.get(key);
      if (device === undefined) continue;
      // Late data may lie before what came with it: within a batch, the devices' own time decides.
      if (list.some(({ atMs }, at) => at > 0 && atMs < (list[at - 1]?.atMs ?? 0))) list.sort((a, b) => a.atMs - b.atMs);
      const start = watch.states.get(key) ?? (watch.known.has(key) ? undefined : watch.letGo.get(key)) ?? neverDriven;
      let state = start;
      // What was judged before the restart is only gone through again; what it came to is in the row.
      for (const driven of before.get(key) ?? []) ({ state } = stepFrozen(definition, state, driven));
      let tooLate = 0;
      for (const driven of list) {
        if (!driven.isRepeated && missedDriven(definition, state, driven)) tooLate += 1;
        const stepped = stepFrozen(definition, state, driven);
        ({ state } = stepped);
        if (stepped.effects.length > 0) signals.push(ofFrozen(watch, device, driven.atMs, stepped));
      }
      if (state !== start) states.set(key, state);
      if (tooLate > 0) signals.push(ofLate(watch, device, list[0]?.atMs ?? 0, tooLate));
    }
    staged.frozen.push({ watch, states, known: [...before.keys()] });
  }

  /** What came before the batch, of devices whose hold may have begun before this process did. */
  async #drivenBefore(
    watch: FrozenWatch,
    devices: ReadonlyMap<number, DeviceRef>,
    drives: ReadonlyMap<number, readonly Driven[]>,
  ): Promise<Map<number, Driven[]>> {
    const { metric, driver, holdMs } = watch.definition;
    const found = new Map<number, Driven[]>();
    const wanted = new Map<number, number>();
    for (const [key, list] of drives) {
      const firstMs = list.reduce((least, { atMs }) => Math.min(least, atMs), Infinity);
      const isNear = Math.abs(firstMs - this.#loadedAtMs) <= holdMs;
      if (isNear && !watch.known.has(key) && !watch.states.has(key)) wanted.set(key, firstMs);
    }
    if (wanted.size === 0 || !this.#asksStore) return found;
    const refs = [...wanted.keys()].flatMap((key) => devices.get(key) ?? []);
    const [least, most] = [Math.min(...wanted.values()), Math.max(...wanted.values())];
    const stored = await this.#readingsBefore(refs, [metric, driver.metric], least - 2 * holdMs, most);
    if (stored === null) {
      // The hold begins anew: late, and better than keeping everybody's effects waiting, for this batch or for one that follows.
      this.#asksStore = false;
      return found;
    }
    for (const ref of refs) {
      const untilMs = wanted.get(ref.key) ?? 0;
      const driven = (stored.get(ref.key) ?? [])
        .filter(({ atMs }) => atMs < untilMs)
        .flatMap((reading) => drivenOf(watch, ref, reading.atMs, reading.metrics) ?? []);
      found.set(ref.key, driven);
    }
    return found;
  }

  #watchesOf(model: string): ModelWatches {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const watches: ModelWatches = { thresholds: [], frozen: [], metrics: [] };
    for (const rule of this.#rules) {
      const { definition } = rule;
      if (!watchesModel(rule, model)) continue;
      if (definition.kind === "threshold") {
        const condition = conditionOf(definition);
        watches.thresholds.push({ rule, definition, condition, close: this.#closeOf(rule.id) });
      } else if (definition.kind === "frozen") {
        watches.frozen.push({ rule, definition, condition: conditionOf(definition), ...this.#frozenOf(rule.id) });
      } else if (definition.kind === "absence" && definition.of.kind === "metric") {
        const { metric } = definition.of;
        watches.metrics.push({ rule, definition, metric, noted: inMap(this.#noted, rule.id, () => new Map()) });
      }
    }
    this.#models.set(model, watches);
    return watches;
  }

  #closeOf(ruleId: string): Map<number, Near> {
    return inMap(this.#close, ruleId, () => new Map());
  }

  #frozenOf(ruleId: string): Pick<FrozenWatch, "states" | "known" | "letGo"> {
    return inMap(this.#frozen, ruleId, () => ({ states: new Map(), known: new Set(), letGo: new Map() }));
  }
}

function inMap<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

/** Which reading it is, for whoever asks whether it was stored before. */
export const readingKey = ({ device, atMs }: Pick<ReadingFact, "device" | "atMs">): string => `${device.key} ${atMs}`;

const isNear = (near: Near | undefined, atMs: number): boolean =>
  near !== undefined && atMs >= near.fromMs && atMs < near.untilMs;

/** What a condition over readings may ask of the appliance: only what every batch knows. */
const factsOf = ({ model }: DeviceRef): Facts => ({ model });

const conditionOf = (definition: Extract<RuleDefinition, { kind: "threshold" | "frozen" }>): Condition | null =>
  definition.where === undefined ? null : compileCondition(definition.where, "reading", definition.fields);

/** A clock that runs ahead would make the rule deaf until then. */
const timeOf = (fact: ReadingFact): number =>
  isClockSuspect(fact.atMs, fact.receivedAtMs, fact.device) ? fact.receivedAtMs : fact.atMs;

function ofThreshold(
  { rule, definition }: ThresholdWatch,
  fact: ReadingFact,
  value: number,
  isRepeated: boolean,
): Signal {
  const atMs = timeOf(fact);
  return {
    device: fact.device,
    rule,
    cause: definition.cause,
    atMs,
    judge(raw) {
      const before = raw === undefined ? neverSeen : thresholdState.parse(raw);
      const isLate = !isRepeated && missed(definition, before, { atMs, value });
      return movedBy(before, evaluate(definition, before, { atMs, value }), isLate ? 1 : 0);
    },
    evidence: ({ trace }) => ({ metric: definition.metric, limit: definition.limit, readings: trace.readings }),
  };
}

function drivenOf(
  { definition, condition }: FrozenWatch,
  device: DeviceRef,
  atMs: number,
  metrics: Readonly<Record<string, number | boolean>>,
): Driven | null {
  const [value, driver] = [metrics[definition.metric], metrics[definition.driver.metric]];
  if (value === undefined || driver === undefined || condition?.holds(metrics, factsOf(device)) === false) return null;
  return { atMs, value: Number(value), driver: Number(driver) };
}

/** Readings that came too late for memory to make anything of them: that alone is written. */
const ofLate = ({ rule, definition }: FrozenWatch, device: DeviceRef, atMs: number, tooLate: number): Signal => ({
  device,
  rule,
  cause: definition.cause,
  atMs,
  judge(raw) {
    const before = raw === undefined ? neverDriven : frozenState.parse(raw);
    return movedBy(before, { state: before, effects: [] }, tooLate);
  },
});

/** A cause that memory found coming or going. The row decides: of what is sent again after it went, nothing comes back. */
function ofFrozen(
  { rule, definition }: FrozenWatch,
  device: DeviceRef,
  atMs: number,
  stepped: ReturnType<typeof stepFrozen>,
): Signal {
  return {
    device,
    rule,
    cause: definition.cause,
    atMs,
    judge(raw) {
      const before = raw === undefined ? neverDriven : frozenState.parse(raw);
      const raises = stepped.state.phase === "holding";
      const isNews = raises === (before.phase !== "holding") && atMs > before.lastAtMs;
      return movedBy(before, isNews ? stepped : { state: before, effects: [] });
    },
  };
}

/** Its appearance is noted now and then, so that the clock knows from when on to miss it. */
function noteMetric(watch: MetricWatch, fact: ReadingFact, staged: Staged, signals: Signal[]): void {
  if (fact.metrics[watch.metric] === undefined) return;
  const { rule, definition, noted } = watch;
  const { key } = fact.device;
  const atMs = timeOf(fact);
  let entry = staged.noted.find((one) => one.watch === watch);
  const lastMs = entry?.atMs.get(key) ?? noted.get(key);
  if (lastMs !== undefined && atMs - lastMs < touchMs(definition.forMs)) return;
  if (entry === undefined) staged.noted.push((entry = { watch, atMs: new Map() }));
  entry.atMs.set(key, atMs);
  const mark = { id: "", atMs, type: watch.metric, roles: ["seen"], amount: 1 };
  const judge = (state: unknown) => machineOf(definition).step(state, mark, fact.receivedAtMs);
  signals.push({ device: fact.device, rule, cause: definition.cause, atMs, judge });
}

function commit(staged: Staged): void {
  for (const { watch, states, known } of staged.frozen) {
    for (const [key, state] of states) {
      if (state.phase === "idle") watch.states.delete(key);
      else watch.states.set(key, state);
    }
    for (const key of known) watch.known.add(key);
  }
  for (const { watch, atMs } of staged.noted) for (const [key, ms] of atMs) watch.noted.set(key, ms);
}
