import type { DeviceRef, EventFact, PresenceFact, ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Facts } from "../platform/predicate/predicate.ts";
import { machineOf, type Machine, type Moved } from "./core/machine.ts";
import { markerOf, type Marker, type MarkRule, presenceEvent, type RuleEvent } from "./core/marks.ts";
import { causeIn, evaluateFault, faultState, neverFaulty } from "./core/operators/fault.ts";
import type { Effect } from "./core/operators/operator.ts";
import {
  findsSilence,
  missesMetric,
  presenceTypes,
  type RuleDefinition,
  type RuleOf,
  type ServiceRule,
  watchesModel,
} from "./core/rule.ts";
import type { CauseChange } from "./cases.ts";
import type { FiringBook } from "./firing-book.ts";
import { type CameBefore, type NewestBefore, ReadingWatch, type ReadingsBefore } from "./reading-watch.ts";
import { type RuleLateRow, RuleLateStore } from "./rule-late-store.ts";
import { movedBy, type Signal } from "./rule-signal.ts";
import { type RuleStateRow, RulesStore } from "./rules-store.ts";

/** What an appliance said, and its coming and going. */
export interface RuleFacts {
  readings: readonly ReadingFact[];
  /** Of the readings those that were stored before, by `readingKey`. */
  repeated?: ReadonlySet<string>;
  events: readonly EventFact[];
  presence: readonly PresenceFact[];
}

/** What conditions may ask of appliances, by key. */
export type AppliancesAsked = (tx: Db, keys: readonly number[]) => Promise<Map<number, Facts>>;

/** A rule over events, ready. */
export interface MarkWatch {
  rule: ServiceRule;
  definition: MarkRule;
  marker: Marker;
  machine: Machine;
}

interface Happened {
  device: DeviceRef;
  event: RuleEvent;
  receivedAtMs: number;
}

const noneRepeated: ReadonlySet<string> = new Set();

const evidenceCharsMax = 4_096;

/** Runs the rules over what devices report. */
export class RuleWatch {
  readonly #store = new RulesStore();
  readonly #rules = new Map<string, ServiceRule>();
  readonly #readings: ReadingWatch;
  readonly #firings: FiringBook;
  readonly #late = new RuleLateStore();
  readonly #appliances: AppliancesAsked;
  readonly #clock: Clock;
  /** Rules over events by the types that they look at, and those that a connection ends the silence for. */
  #byType = new Map<string, MarkWatch[]>();
  #marks = new Map<string, MarkWatch>();
  #silences: ServiceRule[] = [];
  /** Devices that a rule about silence holds its cause on, and perhaps a few more. */
  readonly #silent = new Set<string>();
  #faultRules: { rule: ServiceRule; definition: RuleOf<"fault"> }[] = [];

  constructor(deps: {
    firings: FiringBook;
    appliances: AppliancesAsked;
    clock: Clock;
    readingsBefore: ReadingsBefore;
    newestBefore: NewestBefore;
    cameBefore?: CameBefore | undefined;
  }) {
    this.#firings = deps.firings;
    this.#appliances = deps.appliances;
    this.#clock = deps.clock;
    this.#readings = new ReadingWatch({ ...deps, loadedAtMs: deps.clock.nowMs() });
  }

  /** Reads rules, and with which devices they are busy. */
  async load(db: Db): Promise<void> {
    for (const rule of await this.#store.list(db)) this.#rules.set(rule.id, rule);
    this.#renew();
    // When a stuck sensor last let go is where the search for the next time begins; when a value was last back, what is late for it.
    const idsWhere = (holds: (definition: RuleDefinition) => boolean) =>
      this.rules().flatMap(({ id, definition }) => (holds(definition) ? [id] : []));
    const idleToo = idsWhere(({ kind }) => kind === "frozen" || kind === "threshold");
    const silences = idsWhere(findsSilence);
    for (const row of await this.#store.live(db, idleToo, idsWhere(missesMetric), silences)) {
      this.#readings.remember(row);
      if (silences.includes(row.rule_id)) this.noteSilent(row.rule_id, row.device_key);
    }
  }

  rules(): ServiceRule[] {
    return [...this.#rules.values()];
  }

  rule(id: string): ServiceRule | undefined {
    return this.#rules.get(id);
  }

  /** The rules that find silence, as they are in force. */
  silences(): readonly ServiceRule[] {
    return this.#silences;
  }

  /** A rule over events, ready; undefined for others, and for those that are off. */
  markWatch(ruleId: string): MarkWatch | undefined {
    return this.#marks.get(ruleId);
  }

  noteSilent(ruleId: string, deviceKey: number): void {
    this.#silent.add(`${ruleId} ${deviceKey}`);
  }

  /** The clock found a cause: what is remembered of the device must not hide that it comes back. */
  raisedByClock(rule: ServiceRule, deviceKey: number): void {
    this.#readings.forgetNoted(rule.id, deviceKey);
  }

  /** Puts a rule's newest version in force. After its commit. `anew`: it begins to count, and knows nothing. */
  replace(rule: ServiceRule, anew = false): void {
    const known = this.#rules.get(rule.id);
    if (known !== undefined && known.version > rule.version) return;
    this.#rules.set(rule.id, rule);
    this.#renew(anew ? rule.id : undefined);
  }

  /**
   * Judges a batch, stores where the rules stand after it, and returns which causes came and went, in order. The function is to be
   * called after the commit.
   */
  async judge(tx: Db, facts: RuleFacts): Promise<{ changes: CauseChange[]; afterCommit: () => void }> {
    const ofReadings = await this.#readings.signals(facts.readings, facts.repeated ?? noneRepeated);
    const signals = [...ofReadings.signals, ...this.#ofFaults(facts.events), ...(await this.#ofEvents(tx, facts))];
    if (signals.length === 0) return { changes: [], afterCommit: ofReadings.afterCommit };
    // Late data may lie before what came with it: within a batch, the devices' own time decides.
    signals.sort((a, b) => a.atMs - b.atMs);
    const { changes, stateOf } = await this.settle(tx, signals);
    return {
      changes,
      afterCommit: () => {
        ofReadings.afterCommit();
        for (const signal of signals) this.#readings.settle(signal, stateOf(signal));
      },
    };
  }

  /** Judges signals in order, stores states and firings, and says which causes came and went. */
  async settle(
    tx: Db,
    signals: readonly Signal[],
  ): Promise<{ changes: CauseChange[]; stateOf: (signal: Signal) => RuleStateRow | undefined }> {
    const states = await this.#statesOf(tx, signals);
    const written = new Map<string, RuleStateRow>();
    const found: { signal: Signal; effect: Effect }[] = [];
    const late = new Map<string, RuleLateRow>();
    for (const signal of signals) {
      const key = keyText(signal);
      const moved = signal.judge(states.get(key)?.state);
      if (moved.tooLate > 0) addLate(late, signal, moved.tooLate, this.#clock.nowMs());
      if (!moved.changed) continue;
      const row = rowOf(signal, moved);
      states.set(key, row);
      written.set(key, row);
      for (const effect of moved.effects) found.push({ signal, effect });
    }
    const changes = await this.#firings.record(tx, found, (id) => this.#rules.get(id));
    await this.#store.writeStates(tx, [...written.values()]);
    await this.#late.note(tx, [...late.values()]);
    return { changes, stateOf: (signal) => states.get(keyText(signal)) };
  }

  #ofFaults(events: readonly EventFact[]): Signal[] {
    const signals: Signal[] = [];
    for (const { device, event, orderAtMs: atMs } of events) {
      if (event.type !== "fault.raised" && event.type !== "fault.cleared") continue;
      for (const { rule, definition } of this.#faultRules) {
        const cause = causeIn(definition, event);
        if (cause !== null && watchesModel(rule, device.model))
          signals.push(ofFault(rule, device, cause, { ...event, atMs }));
      }
    }
    return signals;
  }

  async #ofEvents(tx: Db, { events, presence }: RuleFacts): Promise<Signal[]> {
    if (this.#byType.size === 0 || (events.length === 0 && presence.length === 0)) return [];
    const happened: Happened[] = [];
    for (const { device, event, orderAtMs, receivedAtMs } of events) {
      const { id, type, data } = event;
      if (this.#byType.has(type)) happened.push({ device, receivedAtMs, event: { id, atMs: orderAtMs, type, data } });
    }
    for (const fact of presence) {
      const event = presenceEvent(fact.receivedAtMs, fact.presence);
      if (event !== null && this.#byType.has(event.type)) happened.push({ ...fact, event });
    }
    if (happened.length === 0) return [];
    const appliances = await this.#factsOf(tx, happened);
    const signals: Signal[] = [];
    for (const one of happened) {
      for (const watch of this.#byType.get(one.event.type) ?? []) {
        const signal = this.#ofEvent(watch, one, appliances.get(one.device.key) ?? { model: one.device.model });
        if (signal !== null) signals.push(signal);
      }
    }
    return signals;
  }

  #ofEvent({ rule, definition, marker, machine }: MarkWatch, happened: Happened, appliance: Facts): Signal | null {
    const { device, event, receivedAtMs } = happened;
    if (!watchesModel(rule, device.model)) return null;
    const isSilence = findsSilence(definition);
    if (isSilence && !this.#silent.has(`${rule.id} ${device.key}`)) return null;
    const mark = isSilence ? { ...event, roles: ["seen"], amount: 1 } : marker.markOf(event, appliance);
    if (mark === null) return null;
    const { id, atMs, type, roles, amount } = mark;
    const judge = (state: unknown) => machine.step(state, { id, atMs, type, roles, amount }, receivedAtMs);
    return { device, rule, cause: definition.cause, atMs, judge };
  }

  /** What conditions ask of the appliances of a batch, in one look-up, and only where one of them asks. */
  async #factsOf(tx: Db, happened: readonly Happened[]): Promise<Map<number, Facts>> {
    const asked = happened.filter(({ event }) =>
      this.#byType.get(event.type)?.some(({ marker }) => marker.needsAppliance),
    );
    if (asked.length === 0) return new Map();
    return this.#appliances(tx, [...new Set(asked.map(({ device }) => device.key))]);
  }

  async #statesOf(tx: Db, signals: readonly Signal[]): Promise<Map<string, RuleStateRow>> {
    const keys = new Map(
      signals.map((signal) => {
        const { rule, device, cause } = signal;
        return [keyText(signal), { ruleId: rule.id, deviceKey: device.key, cause }];
      }),
    );
    const rows = await this.#store.states(tx, [...keys.values()]);
    return new Map(rows.map((row) => [`${row.rule_id} ${row.device_key} ${row.cause}`, row]));
  }

  #renew(anew?: string): void {
    const inForce = this.rules().filter(({ definition }) => definition.mode !== "off");
    this.#readings.setRules(this.rules(), anew);
    this.#faultRules = inForce.flatMap((rule) =>
      rule.definition.kind === "fault" ? [{ rule, definition: rule.definition }] : [],
    );
    this.#silences = inForce.filter(({ definition }) => findsSilence(definition));
    this.#byType = new Map();
    this.#marks = new Map();
    for (const rule of inForce) {
      const { definition } = rule;
      if (definition.kind === "threshold" || definition.kind === "frozen" || definition.kind === "fault") continue;
      const isSilence = findsSilence(definition);
      const machine = isSilence ? withoutClock(machineOf(definition)) : machineOf(definition);
      const watch = { rule, definition, marker: markerOf(definition), machine };
      this.#marks.set(rule.id, watch);
      for (const type of isSilence ? [presenceTypes.opened] : watch.marker.types) {
        this.#byType.set(type, [...(this.#byType.get(type) ?? []), watch]);
      }
    }
  }
}

/**
 * Who is connected is not silent, so no time of its own makes a silence due: the registry says who is away, and says so in time. What an
 * appliance kept while it was away does not change that nobody could hear it.
 */
const withoutClock = (machine: Machine): Machine => ({
  ...machine,
  step: (state, mark, arrivedMs) => ({ ...machine.step(state, mark, arrivedMs), dueMs: null, tooLate: 0 }),
  elapse: (state, nowMs) => ({ ...machine.elapse(state, nowMs), dueMs: null }),
});

const keyText = ({ rule, device, cause }: Signal) => `${rule.id} ${device.key} ${cause}`;

/** Of a batch, a line for each rule and device. */
function addLate(
  late: Map<string, RuleLateRow>,
  { rule, device, atMs, lateToMs }: Signal,
  count: number,
  nowMs: number,
) {
  const key = `${rule.id} ${device.key}`;
  const known = late.get(key);
  late.set(key, {
    rule_id: rule.id,
    device_key: device.key,
    count: count + (known?.count ?? 0),
    from_ms: Math.min(atMs, known?.from_ms ?? Infinity),
    to_ms: Math.max(lateToMs ?? atMs, known?.to_ms ?? 0),
    noted_at_ms: nowMs,
  });
}

/** A state after a step, as its row. */
export const rowOf = (
  { rule, device, cause }: Pick<Signal, "rule" | "device" | "cause">,
  moved: Moved,
): RuleStateRow => ({
  rule_id: rule.id,
  device_key: device.key,
  cause,
  phase: moved.phase,
  due_ms: moved.dueMs,
  state: moved.state,
});

/** What the appliance said of its fault, unless it said too much to keep with every case. */
const bounded = (data: Readonly<Record<string, unknown>>) =>
  JSON.stringify(data).length <= evidenceCharsMax ? data : {};

function ofFault(rule: ServiceRule, device: DeviceRef, cause: string, event: RuleEvent): Signal {
  const { id, atMs, type, data } = event;
  const kind = type === "fault.raised" ? "raised" : "cleared";
  return {
    device,
    rule,
    cause,
    atMs,
    judge(raw) {
      const before = raw === undefined ? neverFaulty : faultState.parse(raw);
      const { effect, ...stepped } = evaluateFault(before, { kind, atMs });
      const trace = { readings: [], events: [{ id, atMs, type }] };
      return movedBy(before, { ...stepped, effects: effect === null ? [] : [{ kind: effect, atMs, trace }] });
    },
    evidence: () => ({ event: type, data: bounded(data) }),
  };
}
