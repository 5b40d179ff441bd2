import type { DeviceRef, EventFact, ReadingFact } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { isClockSuspect } from "../telemetry/telemetry.ts";
import { evaluateFault, faultCause, type FaultState, neverFaulty } from "./core/fault.ts";
import type { ServiceRule, ThresholdRule } from "./core/rule.ts";
import { evaluate, isBeyond, neverSeen, type ThresholdState } from "./core/threshold.ts";
import type { CauseChange } from "./cases.ts";
import { type RuleStateKey, type RuleStateRow, RulesStore } from "./rules-store.ts";

/** A threshold rule, ready for the hot path. */
interface Watch {
  rule: ServiceRule;
  threshold: ThresholdRule;
  /**
   * Devices to look at closely: all with which the rule is not idle, and perhaps a few more. A device too many costs a look at its
   * row; a device too few would cost a case. So a batch adds at once, and takes away only after its commit.
   */
  close: Set<number>;
}

interface Signal {
  device: DeviceRef;
  rule: ServiceRule;
  cause: string;
  atMs: number;
  judge: (state: RuleStateRow | undefined) => Judgement;
}

/** What a signal made of a state; `changed` is null where it made nothing of it. */
interface Judgement {
  changed: Pick<RuleStateRow, "phase" | "since_ms" | "last_at_ms" | "evidence"> | null;
  change: Pick<CauseChange, "kind" | "evidence"> | null;
}

const evidenceCharsMax = 4_096;

const nothing: Judgement = { changed: null, change: null };

/** Runs the rules over what devices report. */
export class RuleWatch {
  readonly #store = new RulesStore();
  readonly #rules = new Map<string, ServiceRule>();
  readonly #close = new Map<string, Set<number>>();
  /** The threshold rules of each model seen; made again when a rule changes. */
  readonly #watches = new Map<string, Watch[]>();
  #faultRules: ServiceRule[] = [];

  /** Reads rules, and with which devices they are busy. */
  async load(db: Db): Promise<void> {
    for (const rule of await this.#store.list(db)) this.replace(rule);
    for (const row of await this.#store.live(db)) this.#closeOf(row.rule_id).add(row.device_key);
  }

  rules(): ServiceRule[] {
    return [...this.#rules.values()];
  }

  /** Puts a rule's newest version in force. After its commit. */
  replace(rule: ServiceRule): void {
    const known = this.#rules.get(rule.id);
    if (known !== undefined && known.version > rule.version) return;
    this.#rules.set(rule.id, rule);
    this.#watches.clear();
    this.#faultRules = this.rules().filter(({ definition }) => definition.kind === "fault" && definition.enabled);
  }

  /**
   * Judges a batch, stores where the rules stand after it, and returns which causes came and went, in order. The function is to be
   * called after the commit.
   */
  async judge(
    tx: Db,
    facts: { readings: readonly ReadingFact[]; events: readonly EventFact[] },
  ): Promise<{ changes: CauseChange[]; afterCommit: () => void } | null> {
    const signals = [...this.#ofReadings(facts.readings), ...this.#ofEvents(facts.events)];
    if (signals.length === 0) return null;
    // Late data may lie before what came with it: within a batch, the devices' own time decides.
    signals.sort((a, b) => a.atMs - b.atMs);
    const states = await this.#statesOf(tx, signals);
    const written = new Map<string, RuleStateRow>();
    const changes: CauseChange[] = [];
    for (const { device, rule, cause, atMs, judge } of signals) {
      const key = keyText(rule.id, device.key, cause);
      const { changed, change } = judge(states.get(key));
      if (changed === null) continue;
      const row: RuleStateRow = { rule_id: rule.id, device_key: device.key, cause, ...changed };
      states.set(key, row);
      written.set(key, row);
      if (change !== null) changes.push({ ...change, device, rule, cause, atMs });
    }
    const decided = changes.length === 0 ? changes : await this.#decide(tx, changes);
    await this.#store.writeStates(tx, [...written.values()]);
    return { changes: decided, afterCommit: () => this.#settle(signals, states) };
  }

  /** The hot path: a reading of a healthy device is a comparison per rule of its model, and leaves nothing behind. */
  #ofReadings(readings: readonly ReadingFact[]): Signal[] {
    const signals: Signal[] = [];
    let model: string | null = null;
    let watches: readonly Watch[] = [];
    for (const fact of readings) {
      if (fact.device.model !== model) {
        model = fact.device.model;
        watches = this.#watchesOf(model);
      }
      for (const watch of watches) {
        const metric = fact.metrics[watch.threshold.metric];
        if (metric === undefined) continue;
        const value = Number(metric);
        if (isBeyond(watch.threshold, value)) watch.close.add(fact.device.key);
        else if (watch.close.size === 0 || !watch.close.has(fact.device.key)) continue;
        signals.push(ofReading(watch, fact, value));
      }
    }
    return signals;
  }

  #ofEvents(events: readonly EventFact[]): Signal[] {
    const signals: Signal[] = [];
    for (const { device, event, orderAtMs: atMs } of events) {
      if (event.type !== "fault.raised" && event.type !== "fault.cleared") continue;
      const kind = event.type === "fault.raised" ? "raised" : "cleared";
      for (const rule of this.#faultRules) {
        if (!watchesModel(rule, device.model)) continue;
        const judge = (row: RuleStateRow | undefined) => judgeFault(row, kind, atMs, event.data);
        signals.push({ device, rule, cause: faultCause(event.data), atMs, judge });
      }
    }
    return signals;
  }

  async #statesOf(tx: Db, signals: readonly Signal[]): Promise<Map<string, RuleStateRow>> {
    const keys = new Map<string, RuleStateKey>();
    for (const { rule, device, cause } of signals) {
      keys.set(keyText(rule.id, device.key, cause), { ruleId: rule.id, deviceKey: device.key, cause });
    }
    const rows = await this.#store.states(tx, [...keys.values()]);
    return new Map(rows.map((row) => [keyText(row.rule_id, row.device_key, row.cause), row]));
  }

  /** Several rules may find the same cause: it has cleared when the last of them lets it go. */
  async #decide(tx: Db, changes: readonly CauseChange[]): Promise<CauseChange[]> {
    const keys = changes.map(({ rule, device, cause }) => ({ ruleId: rule.id, deviceKey: device.key, cause }));
    const holders = new Map<string, Set<string>>();
    const holdersOf = (deviceKey: number, cause: string) => {
      const key = `${deviceKey} ${cause}`;
      const set = holders.get(key) ?? new Set<string>();
      holders.set(key, set);
      return set;
    };
    for (const row of await this.#store.holders(tx, keys)) {
      // A rule that was switched off while it held a cause will never let it go, so it does not count.
      if (this.#rules.get(row.rule_id)?.definition.enabled === true)
        holdersOf(row.device_key, row.cause).add(row.rule_id);
    }
    return changes.filter(({ kind, device, cause, rule }) => {
      const held = holdersOf(device.key, cause);
      if (kind === "raise") {
        held.add(rule.id);
        return true;
      }
      held.delete(rule.id);
      return held.size === 0;
    });
  }

  #settle(signals: readonly Signal[], states: ReadonlyMap<string, RuleStateRow>): void {
    for (const { rule, device, cause } of signals) {
      const phase = states.get(keyText(rule.id, device.key, cause))?.phase ?? "idle";
      if (rule.definition.kind === "threshold" && phase === "idle") this.#closeOf(rule.id).delete(device.key);
    }
  }

  #closeOf(ruleId: string): Set<number> {
    const known = this.#close.get(ruleId);
    if (known !== undefined) return known;
    const fresh = new Set<number>();
    this.#close.set(ruleId, fresh);
    return fresh;
  }

  #watchesOf(model: string): readonly Watch[] {
    const known = this.#watches.get(model);
    if (known !== undefined) return known;
    const watches: Watch[] = [];
    for (const rule of this.#rules.values()) {
      const { definition } = rule;
      if (definition.kind !== "threshold" || !definition.enabled || !watchesModel(rule, model)) continue;
      watches.push({ rule, threshold: definition, close: this.#closeOf(rule.id) });
    }
    this.#watches.set(model, watches);
    return watches;
  }
}

const keyText = (ruleId: string, deviceKey: number, cause: string) => `${ruleId} ${deviceKey} ${cause}`;

const watchesModel = ({ definition }: ServiceRule, model: string) => definition.models?.includes(model) ?? true;

function ofReading({ rule, threshold }: Watch, fact: ReadingFact, value: number): Signal {
  // A clock that runs ahead would make the rule deaf until then.
  const atMs = isClockSuspect(fact.atMs, fact.receivedAtMs) ? fact.receivedAtMs : fact.atMs;
  const judge = (row: RuleStateRow | undefined) => judgeReading(threshold, row, { atMs, value });
  return { device: fact.device, rule, cause: threshold.cause, atMs, judge };
}

function thresholdState(row: RuleStateRow | undefined): ThresholdState {
  if (row === undefined) return neverSeen;
  const { phase, last_at_ms: lastAtMs } = row;
  switch (phase) {
    case "idle":
      return { phase, lastAtMs };
    case "pending":
      return { phase, lastAtMs, sinceMs: row.since_ms ?? lastAtMs, evidence: row.evidence ?? [] };
    case "holding":
      return { phase, lastAtMs, raisedAtMs: row.since_ms ?? lastAtMs };
  }
}

function judgeReading(
  rule: ThresholdRule,
  row: RuleStateRow | undefined,
  reading: { atMs: number; value: number },
): Judgement {
  const before = thresholdState(row);
  const { state, effect } = evaluate(rule, before, reading);
  if (state === before) return nothing;
  const changed: Judgement["changed"] = {
    phase: state.phase,
    since_ms: state.phase === "pending" ? state.sinceMs : state.phase === "holding" ? state.raisedAtMs : null,
    last_at_ms: state.lastAtMs,
    evidence: state.phase === "pending" ? [...state.evidence] : null,
  };
  const evidence = effect === null ? null : { metric: rule.metric, limit: rule.limit, readings: effect.evidence };
  return { changed, change: effect === null || evidence === null ? null : { kind: effect.kind, evidence } };
}

/** What the appliance said of its fault, unless it said too much to keep with every case. */
const bounded = (data: Record<string, unknown>) => (JSON.stringify(data).length <= evidenceCharsMax ? data : {});

function judgeFault(
  row: RuleStateRow | undefined,
  kind: "raised" | "cleared",
  atMs: number,
  data: Record<string, unknown>,
): Judgement {
  const before: FaultState =
    row === undefined ? neverFaulty : { phase: row.phase === "holding" ? "holding" : "idle", lastAtMs: row.last_at_ms };
  const { state, effect } = evaluateFault(before, { kind, atMs });
  if (state === before) return nothing;
  const changed: Judgement["changed"] = {
    phase: state.phase,
    since_ms: state.phase === "holding" ? (row?.phase === "holding" ? row.since_ms : atMs) : null,
    last_at_ms: state.lastAtMs,
    evidence: null,
  };
  return {
    changed,
    change: effect === null ? null : { kind: effect, evidence: { event: `fault.${kind}`, data: bounded(data) } },
  };
}
