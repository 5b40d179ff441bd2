import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import { isClockSuspect, readingKey } from "../telemetry/telemetry.ts";
import { NewestTimes } from "./core/newest-times.ts";
import { absenceState } from "./core/operators/absence.ts";
import { machineOf } from "./core/machine.ts";
import {
  begunAnew,
  type Driven,
  frozenState,
  type FrozenState,
  isAtRest,
  missedDriven,
  neverDriven,
  standsAt,
  stepFrozen,
} from "./core/operators/frozen.ts";
import { isWithin } from "./core/operators/spans.ts";
import type { StoredValues } from "./core/operators/stored-values.ts";
import { isBeyond, neverSeen, thresholdState, timesOf } from "./core/operators/threshold.ts";
import { missesMetric, type ServiceRule, watchesModel } from "./core/rule.ts";
import {
  conditionOf,
  drivenOf,
  factsOf,
  type FrozenWatch,
  isToNote,
  type LateReadings,
  type MetricWatch,
  type Near,
  ofFrozen,
  ofLate,
  ofMetric,
  ofThreshold,
  type ThresholdWatch,
  timeOf,
  type TrendWatch,
} from "./reading-signals.ts";
import type { Signal } from "./rule-signal.ts";
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

/** The newest reading of devices by their keys; null while their store does not answer. */
export type NewestBefore = (devices: readonly DeviceRef[]) => Promise<ReadonlyMap<number, number> | null>;

/** A device of which a rule about stuck sensors looks at all readings of a batch. */
interface Drive {
  device: DeviceRef;
  readings: Driven[];
  /** What they make of its state; null: nothing else. */
  state: FrozenState | null;
}

/**
 * Of readings that seem too late those that came before, by `readingKey`; null while nobody knows, as their store does not answer or has
 * not got all of them yet. Not there where that is known of every reading.
 */
export type CameBefore = (facts: readonly ReadingFact[]) => Promise<ReadonlySet<string> | null>;

interface ModelWatches {
  thresholds: ThresholdWatch[];
  frozen: FrozenWatch[];
  metrics: MetricWatch[];
  trends: TrendWatch[];
  /** What comes no later than this after its own time is in time for all its trends. */
  trendLatenessMs: number;
}

const noWatches: ModelWatches = { thresholds: [], frozen: [], metrics: [], trends: [], trendLatenessMs: Infinity };

/** What of a batch changes memory, once it is committed. */
interface Staged {
  frozen: { watch: FrozenWatch; drives: ReadonlyMap<number, Drive>; known: number[] }[];
  noted: { watch: MetricWatch; atMs: Map<number, number> }[];
}

/** A batch, while it is gone through. */
interface Batch {
  readings: readonly ReadingFact[];
  repeated: Set<string>;
  signals: Signal[];
  staged: Staged;
  driven: Map<FrozenWatch, Map<number, Drive>>;
  /** What may have come too late: the rows say whether it did. */
  late: Map<MetricWatch | TrendWatch, Map<number, LateReadings>>;
  lateDriven: { watch: FrozenWatch; one: LateReadings }[];
  /** What may have come before, as far as nobody knows. */
  doubtful: ReadingFact[];
  /** Devices beyond a limit that have said nothing since the start, as of a time before it. */
  unheard: Map<number, DeviceRef>;
}

/** Readings of which it is asked with one batch whether they came before. */
const askedAtOnceMax = 4_000;

/** Devices whose newest reading is asked for with one batch after the start. */
const learnedAtOnceMax = 200;

/** What rules that look at every reading remember between batches. Memory only: rows are written when causes come and go. */
export class ReadingWatch {
  readonly #close = new Map<string, Map<number, Near>>();
  readonly #frozen = new Map<string, Pick<FrozenWatch, "states" | "known" | "letGo">>();
  readonly #metrics = new Map<string, Pick<MetricWatch, "noted" | "past">>();
  readonly #newest = new NewestTimes();
  readonly #models = new Map<string, ModelWatches>();
  readonly #loadedAtMs: number;
  readonly #readingsBefore: ReadingsBefore;
  readonly #newestBefore: NewestBefore;
  readonly #cameBefore: CameBefore | undefined;
  #rules: readonly ServiceRule[] = [];

  constructor(deps: {
    loadedAtMs: number;
    readingsBefore: ReadingsBefore;
    newestBefore: NewestBefore;
    cameBefore?: CameBefore | undefined;
  }) {
    this.#loadedAtMs = deps.loadedAtMs;
    this.#readingsBefore = deps.readingsBefore;
    this.#newestBefore = deps.newestBefore;
    this.#cameBefore = deps.cameBefore;
  }

  /** All rules: of those that are off, too, it is remembered where they stood. Where `anew` begins to count, nothing is remembered of it but what stood. */
  setRules(rules: readonly ServiceRule[], anew?: string): void {
    this.#rules = rules;
    this.#models.clear();
    if (anew === undefined) return;
    const known = this.#frozen.get(anew)?.states ?? new Map<number, FrozenState>();
    this.#frozen.delete(anew);
    this.#metrics.delete(anew);
    const { states } = this.#frozenOf(anew);
    for (const [key, state] of known) if (standsAt(state) !== null) states.set(key, begunAnew(state));
  }

  /** A state as the database has it at the start. */
  remember(row: RuleStateRow): void {
    const definition = this.#rules.find(({ id }) => id === row.rule_id)?.definition;
    const kind = definition?.kind;
    if (kind === "threshold") this.#lookAt(row.rule_id, row.device_key, row.state);
    if (definition !== undefined && missesMetric(definition)) this.#notePast(row.rule_id, row.device_key, row.state);
    if (kind !== "frozen") return;
    const { states, letGo } = this.#frozenOf(row.rule_id);
    const state = frozenState.parse(row.state);
    if (isAtRest(state)) letGo.set(row.device_key, state);
    else states.set(row.device_key, state);
  }

  /** A metric's absence was found: the next reading that has it must be looked at. */
  forgetNoted(ruleId: string, deviceKey: number): void {
    this.#metrics.get(ruleId)?.noted.delete(deviceKey);
  }

  /**
   * The hot path: a reading of a healthy device is a comparison per rule of its model, and leaves nothing behind.
   *
   * @returns what is to be looked at, and what to call after the commit
   */
  async signals(
    readings: readonly ReadingFact[],
    repeated: ReadonlySet<string>,
  ): Promise<{ signals: Signal[]; afterCommit: () => void }> {
    const batch: Batch = {
      readings,
      repeated: new Set(repeated),
      signals: [],
      staged: { frozen: [], noted: [] },
      driven: new Map(),
      late: new Map(),
      lateDriven: [],
      doubtful: [],
      unheard: new Map(),
    };
    let model: string | null = null;
    let watches = noWatches;
    for (const fact of readings) {
      if (fact.device.model !== model) {
        model = fact.device.model;
        watches = this.#watchesOf(model);
      }
      for (const watch of watches.thresholds) this.#threshold(watch, fact, batch);
      for (const watch of watches.frozen) gatherDriven(watch, fact, batch);
      for (const watch of watches.metrics) noteMetric(watch, fact, batch);
      if (fact.receivedAtMs - fact.atMs >= watches.trendLatenessMs) gatherLate(watches.trends, fact, batch);
    }
    if (batch.unheard.size > 0) await this.#learn([...batch.unheard.values()].slice(0, learnedAtOnceMax));
    for (const [watch, drives] of batch.driven) await this.#judgeFrozen(watch, drives, batch);
    if (batch.doubtful.length > 0 && this.#cameBefore !== undefined)
      await this.#askWhatCameBefore(batch, this.#cameBefore);
    const notAgain = (device: DeviceRef, times: readonly number[]): number[] =>
      times.filter((atMs) => !batch.repeated.has(readingKey({ device, atMs })));
    for (const { watch, one } of batch.lateDriven) {
      const times = notAgain(one.device, one.times);
      if (times.length === 0) continue;
      batch.signals.push(ofLate(watch.rule, watch.definition.cause, { ...one, times }, () => times.length));
    }
    for (const [{ rule, definition }, devices] of batch.late) {
      const machine = machineOf(definition);
      for (const { device, times: all } of devices.values()) {
        const times = notAgain(device, all);
        if (times.length === 0) continue;
        batch.signals.push(ofLate(rule, definition.cause, { device, times }, (raw) => machine.missed(raw, times)));
      }
    }
    return { signals: batch.signals, afterCommit: () => this.#commit(batch) };
  }

  /** After the commit: who is idle again need not be looked at closely. */
  settle({ rule, device }: Signal, row: RuleStateRow | undefined): void {
    if (rule.definition.kind === "threshold") this.#lookAt(rule.id, device.key, row?.state);
    if (missesMetric(rule.definition)) this.#notePast(rule.id, device.key, row?.state);
  }

  #threshold(watch: ThresholdWatch, fact: ReadingFact, batch: Batch): void {
    const { signals, unheard } = batch;
    const metric = fact.metrics[watch.definition.metric];
    if (metric === undefined) return;
    const { device } = fact;
    const value = Number(metric);
    const isOut = isBeyond(watch.definition, value);
    if (!isOut && (watch.close.size === 0 || !isNear(watch.close.get(device.key), fact.atMs))) return;
    if (watch.condition?.holds(fact.metrics, factsOf(device)) === false) return;
    if (isOut) {
      watch.close.set(device.key, "always");
      if (fact.atMs < this.#loadedAtMs && this.#newest.of(device.key) === 0) unheard.set(device.key, device);
    }
    const judgedUntilMs = () => this.#newest.of(device.key);
    if (fact.atMs < Math.max(judgedUntilMs(), this.#loadedAtMs)) batch.doubtful.push(fact);
    const isRepeated = () => isAmong(batch.repeated, fact);
    signals.push(ofThreshold(watch, fact, { value, isRepeated, judgedUntilMs }));
  }

  /** What was there before the start. A store that does not answer soon leaves it unknown, and nothing is late by it. */
  async #learn(devices: readonly DeviceRef[]): Promise<void> {
    const found = await this.#newestBefore(devices);
    for (const [key, atMs] of found ?? []) this.#newest.note(key, atMs);
  }

  /** What nobody can tell came before is not called late: who reads that count looks for an appliance that is. */
  async #askWhatCameBefore(batch: Batch, cameBefore: CameBefore): Promise<void> {
    const all = batch.doubtful.filter(({ atMs, receivedAtMs, device }) => !isClockSuspect(atMs, receivedAtMs, device));
    const found = await cameBefore(all.slice(0, askedAtOnceMax));
    for (const key of found ?? []) batch.repeated.add(key);
    for (const fact of found === null ? all : all.slice(askedAtOnceMax)) batch.repeated.add(readingKey(fact));
  }

  #lookAt(ruleId: string, deviceKey: number, raw: unknown): void {
    const close = this.#closeOf(ruleId);
    const state = raw === undefined ? neverSeen : thresholdState.parse(raw);
    const times = timesOf(state);
    if (state.phase !== "idle" || state.stood === true) close.set(deviceKey, "always");
    else if (times.length === 0) close.delete(deviceKey);
    else close.set(deviceKey, times);
  }

  #notePast(ruleId: string, deviceKey: number, raw: unknown): void {
    if (raw === undefined) return;
    const { firstMs, absent } = absenceState.parse(raw);
    this.#metricOf(ruleId).past.set(deviceKey, {
      ...(firstMs === undefined ? {} : { firstMs }),
      ...(absent === undefined ? {} : { absent }),
    });
  }

  async #judgeFrozen(
    watch: FrozenWatch,
    drives: ReadonlyMap<number, Drive>,
    { readings, repeated, staged, signals, lateDriven, doubtful }: Batch,
  ): Promise<void> {
    const { definition } = watch;
    const again = new Set<Driven>();
    for (const fact of readings) {
      const drive = drives.get(fact.device.key);
      if (drive === undefined) continue;
      const driven = drivenOf(watch, fact.device, timeOf(fact), fact.metrics);
      if (driven === null) continue;
      if (isAmong(repeated, fact)) again.add(driven);
      // Most have one: a list that was empty would make room for many.
      if (drive.readings.length === 0) drive.readings = [driven];
      else drive.readings.push(driven);
    }
    const before = await this.#drivenBefore(watch, drives);
    const late = new Map<number, ReadonlySet<number>>();
    for (const [key, drive] of drives) {
      const { device, readings: list } = drive;
      // Late data may lie before what came with it: within a batch, the devices' own time decides.
      if (list.length > 1) list.sort((a, b) => a.atMs - b.atMs);
      const start = watch.states.get(key) ?? watch.letGo.get(key) ?? neverDriven;
      let state = start;
      // What was judged before the restart is only gone through again; what it came to is in the row.
      for (const driven of before.get(key) ?? []) ({ state } = stepFrozen(definition, state, driven));
      const judgedUntilMs = this.#newest.of(key);
      const times: number[] = [];
      for (const driven of list) {
        if (!(again.size > 0 && again.has(driven)) && missedDriven(definition, state, driven, judgedUntilMs))
          times.push(driven.atMs);
        const stepped = stepFrozen(definition, state, driven);
        ({ state } = stepped);
        if (stepped.effects.length > 0) signals.push(ofFrozen(watch, device, driven.atMs, stepped));
      }
      if (state !== start) drive.state = state;
      if (times.length === 0) continue;
      lateDriven.push({ watch, one: { device, times } });
      late.set(key, new Set(times));
    }
    if (late.size > 0)
      for (const fact of readings) if (late.get(fact.device.key)?.has(fact.atMs) === true) doubtful.push(fact);
    staged.frozen.push({ watch, drives, known: [...before.keys()] });
  }

  /** What came before the batch, of devices whose hold may have begun before this process did. */
  async #drivenBefore(watch: FrozenWatch, drives: ReadonlyMap<number, Drive>): Promise<Map<number, Driven[]>> {
    const { metric, driver, holdMs } = watch.definition;
    const found = new Map<number, Driven[]>();
    const wanted = new Map<number, number>();
    for (const [key, { readings }] of drives) {
      if (readings.length === 0 || watch.known.has(key) || watch.states.has(key)) continue;
      const firstMs = readings.reduce((least, { atMs }) => Math.min(least, atMs), Infinity);
      if (Math.abs(firstMs - this.#loadedAtMs) <= holdMs) wanted.set(key, firstMs);
    }
    if (wanted.size === 0) return found;
    const refs = [...wanted.keys()].flatMap((key) => drives.get(key)?.device ?? []);
    const [least, most] = [Math.min(...wanted.values()), Math.max(...wanted.values())];
    const stored = await this.#readingsBefore(refs, [metric, driver.metric], least - 2 * holdMs, most);
    // The hold begins anew: late, and better than keeping everybody's effects waiting.
    if (stored === null) return found;
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
    const watches: ModelWatches = { ...noWatches, thresholds: [], frozen: [], metrics: [], trends: [] };
    for (const rule of this.#rules) {
      const { definition } = rule;
      if (definition.mode === "off" || !watchesModel(rule, model)) continue;
      if (definition.kind === "threshold") {
        const condition = conditionOf(definition);
        watches.thresholds.push({ rule, definition, condition, close: this.#closeOf(rule.id) });
      } else if (definition.kind === "frozen") {
        watches.frozen.push({ rule, definition, condition: conditionOf(definition), ...this.#frozenOf(rule.id) });
      } else if (definition.kind === "absence" && definition.of.kind === "metric") {
        const { metric } = definition.of;
        watches.metrics.push({ rule, definition, metric, ...this.#metricOf(rule.id) });
      } else if (definition.kind === "trend") {
        watches.trends.push({ rule, definition });
        watches.trendLatenessMs = Math.min(watches.trendLatenessMs, definition.latenessMs);
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

  #metricOf(ruleId: string): Pick<MetricWatch, "noted" | "past"> {
    return inMap(this.#metrics, ruleId, () => ({ noted: new Map(), past: new Map() }));
  }

  #commit({ readings, staged }: Batch): void {
    for (const { watch, drives, known } of staged.frozen) {
      for (const [key, { state }] of drives) {
        if (state === null) continue;
        if (isAtRest(state)) watch.states.delete(key);
        else watch.states.set(key, state);
        if (isAtRest(state) && state.stuck !== undefined) watch.letGo.set(key, state);
      }
      for (const key of known) watch.known.add(key);
    }
    for (const { watch, atMs } of staged.noted) for (const [key, ms] of atMs) watch.noted.set(key, ms);
    // A time that cannot be right would make all that follows late.
    for (const { device, atMs, receivedAtMs } of readings)
      if (!isClockSuspect(atMs, receivedAtMs, device)) this.#newest.note(device.key, atMs);
  }
}

function inMap<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

/** Hardly a batch has any: no key is made to find nothing. */
const isAmong = (repeated: ReadonlySet<string>, fact: ReadingFact): boolean =>
  repeated.size > 0 && repeated.has(readingKey(fact));

const isNear = (near: Near | undefined, atMs: number): boolean => near === "always" || isWithin(near, atMs);

/** Of a device whose metric is driven, or that is in the middle of a hold, all readings of the batch are looked at. */
function gatherDriven(watch: FrozenWatch, { device, atMs, metrics }: ReadingFact, { driven }: Batch): void {
  const driver = metrics[watch.definition.driver.metric];
  if (driver === undefined) return;
  const isDriven = Number(driver) > watch.definition.driver.above;
  const isHeld = watch.states.size > 0 && watch.states.has(device.key);
  const wasHeld = watch.letGo.size > 0 && isWithin(watch.letGo.get(device.key)?.stuck, atMs);
  if (!isDriven && !isHeld && !wasHeld) return;
  const drives = inMap(driven, watch, () => new Map<number, Drive>());
  if (!drives.has(device.key)) drives.set(device.key, { device, readings: [], state: null });
}

function noteMetric(watch: MetricWatch, fact: ReadingFact, batch: Batch): void {
  if (fact.metrics[watch.metric] === undefined) return;
  const { key } = fact.device;
  const atMs = timeOf(fact);
  const { noted } = batch.staged;
  let entry = noted.find((one) => one.watch === watch);
  const lastMs = entry?.atMs.get(key) ?? watch.noted.get(key);
  if (lastMs !== undefined && atMs < lastMs) {
    const { firstMs = 0, absent } = watch.past.get(key) ?? {};
    if (isWithin(absent, atMs) || atMs < firstMs - watch.definition.forMs) noteLate(watch, fact, batch);
    else if (atMs < firstMs) batch.signals.push(ofMetric(watch, fact));
    return;
  }
  if (!isToNote(watch, lastMs, atMs)) return;
  if (entry === undefined) noted.push((entry = { watch, atMs: new Map() }));
  entry.atMs.set(key, atMs);
  batch.signals.push(ofMetric(watch, fact));
}

/** Readings so long after their own time that their episodes may have been measured. */
function gatherLate(trends: readonly TrendWatch[], fact: ReadingFact, batch: Batch): void {
  if (isClockSuspect(fact.atMs, fact.receivedAtMs, fact.device)) return;
  for (const watch of trends) {
    const { feature, latenessMs } = watch.definition;
    const isMeasured = fact.metrics[feature.metric] !== undefined;
    if (isMeasured && fact.receivedAtMs - fact.atMs >= latenessMs) noteLate(watch, fact, batch);
  }
}

function noteLate(watch: MetricWatch | TrendWatch, fact: ReadingFact, { late, doubtful }: Batch): void {
  doubtful.push(fact);
  const { device, atMs } = fact;
  inMap(
    inMap(late, watch, () => new Map()),
    device.key,
    (): LateReadings => ({ device, times: [] }),
  ).times.push(atMs);
}
