import type { AwayCursor, AwayPage, DeviceRef, WatchedDevices } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { compileCondition } from "./core/condition.ts";
import type { Moved } from "./core/machine.ts";
import { absenceState } from "./core/operators/absence.ts";
import { featureOf } from "./core/operators/episode.ts";
import type { StoredValues } from "./core/operators/stored-values.ts";
import { findsSilence, presenceTypes, type ServiceRule, watchesModel } from "./core/rule.ts";
import type { CauseChange } from "./cases.ts";
import type { ReadingsBefore } from "./reading-watch.ts";
import type { Signal } from "./rule-signal.ts";
import { type MarkWatch, rowOf, type RuleWatch } from "./rule-watch.ts";
import { type RuleStateRow, RulesStore } from "./rules-store.ts";

/** What the clock looks at in one transaction. */
const dueMax = 500;
const awayMax = 500;
/** Episodes measured in one transaction: each is read from the store. */
const measuredMax = 20;
/** What is due and cannot be decided yet is looked at again after so long. */
const lookAgainMs = 30_000;
/** Those who are away are gone through from the beginning so often: a late word may have moved one of them. */
const walkAgainMs = 6 * 3_600_000;

export interface RuleClockDeps {
  db: Db;
  clock: Clock;
  watch: RuleWatch;
  refsByKey: (keys: readonly number[]) => Promise<Map<number, DeviceRef>>;
  watched: Pick<WatchedDevices, "away" | "here">;
  readingsBefore: ReadingsBefore;
  /** Who was last heard of at `t` is silent for `forMs` where `t + forMs` is at or before it. */
  silenceUntilMs: (forMs: number) => number;
  /** What causes that came and went mean, in the same transaction. */
  apply: (tx: Db, changes: readonly CauseChange[]) => Promise<void>;
}

/** A silence that stood when its rule began anew. */
type Stood = Pick<MarkWatch, "rule" | "machine"> & Pick<Signal, "device" | "cause">;

/** What rules find because time passes: absences, quiet, and episodes whose readings should all be there. */
export class RuleClock {
  readonly #deps: RuleClockDeps;
  readonly #store = new RulesStore();
  /** Why a row could not be looked at, until the end of the tick. */
  #failure: unknown;
  readonly #walks = new Map<string, { after: AwayCursor; beganAtMs: number; version: number }>();

  constructor(deps: RuleClockDeps) {
    this.#deps = deps;
  }

  /** @throws where something could not be looked at, after everything else was */
  async tick(): Promise<void> {
    this.#failure = undefined;
    while ((await transaction(this.#deps.db, (tx) => this.#due(tx))) === dueMax);
    for (const rule of this.#deps.watch.silences()) while (await this.#walk(rule));
    if (this.#failure !== undefined) throw new Error("a rule's state cannot be looked at", { cause: this.#failure });
  }

  /** @returns how many were due */
  async #due(tx: Db): Promise<number> {
    const { clock, watch, refsByKey, apply } = this.#deps;
    const nowMs = clock.nowMs();
    const rows = await this.#store.lockDue(tx, nowMs, dueMax);
    if (rows.length === 0) return 0;
    const devices = await refsByKey([...new Set(rows.map((row) => row.device_key))]);
    const signals: Signal[] = [];
    const idle: RuleStateRow[] = [];
    const stood: Stood[] = [];
    const measuring = { left: measuredMax, storeAnswers: true };
    for (const row of rows) {
      const mark = watch.markWatch(row.rule_id);
      const device = devices.get(row.device_key);
      if (mark === undefined || device === undefined) {
        // A rule that is off, or about what the clock has no part in.
        idle.push({ ...row, due_ms: null });
        continue;
      }
      try {
        // Who is silent is found among those who are away.
        if (findsSilence(mark.definition)) {
          if (absenceState.parse(row.state).stood === true) stood.push({ ...mark, device, cause: row.cause });
          idle.push({ ...row, due_ms: null });
          continue;
        }
        const after = await this.#look(row, mark, device, nowMs, measuring);
        const [first] = after.effects;
        if (first === undefined) idle.push(rowOf({ ...mark, device, cause: row.cause }, after));
        else signals.push({ ...mark, device, cause: row.cause, atMs: first.atMs, judge: () => after });
      } catch (error) {
        // One that cannot be looked at keeps none of the others.
        this.#failure ??= error;
        idle.push({ ...row, due_ms: nowMs + lookAgainMs });
      }
    }
    await this.#store.writeStates(tx, idle);
    signals.push(...(await this.#returned(tx, stood)));
    const { changes } = await watch.settle(tx, signals);
    for (const { rule, device } of signals) watch.raisedByClock(rule, device.key);
    await apply(tx, changes);
    return measuring.left === 0 ? dueMax : rows.length;
  }

  /** Whoever came back while nobody looked is silent no longer: no connection tells of it any more. */
  async #returned(tx: Db, stood: readonly Stood[]): Promise<Signal[]> {
    const keys = stood.map(({ device }) => device.key);
    const here = await this.#deps.watched.here(tx, keys);
    return stood.flatMap(({ machine, ...one }): Signal[] => {
      const atMs = here.get(one.device.key);
      if (atMs === undefined) return [];
      const came = { id: "", atMs, type: presenceTypes.opened, roles: ["seen"], amount: 1 };
      return [{ ...one, atMs, judge: (state) => machine.step(state, came, atMs) }];
    });
  }

  /** What the time that has passed makes of one row, its episodes measured as far as that can be done at once. */
  async #look(
    row: RuleStateRow,
    mark: MarkWatch,
    device: DeviceRef,
    nowMs: number,
    measuring: { left: number; storeAnswers: boolean },
  ): Promise<Moved> {
    let moved = mark.machine.elapse(row.state, this.#nowFor(mark, nowMs));
    const effects = [...moved.effects];
    let { changed } = moved;
    for (
      let [window] = mark.machine.toMeasure(moved.state, nowMs);
      window !== undefined && measuring.left > 0 && measuring.storeAnswers;
      measuring.left -= 1
    ) {
      const value = await this.#measure(mark, device, window.fromMs, window.toMs);
      // The episode waits for its readings, and so do the others: what is held here keeps the up road waiting.
      if (value === "later") {
        measuring.storeAnswers = false;
        break;
      }
      moved = mark.machine.measured(moved.state, value);
      changed = true;
      effects.push(...moved.effects);
      [window] = mark.machine.toMeasure(moved.state, nowMs);
    }
    // Where only the turn was too short for it, it is the next one's: a fleet that tells its past has thousands of episodes.
    const isNext = changed || (measuring.left === 0 && measuring.storeAnswers);
    return { ...moved, changed, effects, dueMs: notBefore(moved.dueMs, isNext ? nowMs : nowMs + lookAgainMs) };
  }

  /** Silence counts only while somebody listened. */
  #nowFor({ definition }: MarkWatch, nowMs: number): number {
    return definition.kind === "absence" ? this.#deps.silenceUntilMs(definition.forMs) : nowMs;
  }

  async #measure(
    { definition }: MarkWatch,
    device: DeviceRef,
    fromMs: number,
    toMs: number,
  ): Promise<number | null | "later"> {
    if (definition.kind !== "trend") return null;
    const condition = compileCondition(definition.where, "reading", definition.fields);
    const stored = await this.#deps.readingsBefore([device], null, fromMs, toMs + 1);
    if (stored === null) return "later";
    const counts = ({ metrics }: StoredValues) => condition.holds(metrics, { model: device.model });
    return featureOf({ ...definition, counts }, fromMs, stored.get(device.key) ?? []);
  }

  /** One page of those who are away. @returns whether there are more */
  async #walk(rule: ServiceRule): Promise<boolean> {
    const { db, clock, silenceUntilMs, watch } = this.#deps;
    const definition = watch.markWatch(rule.id)?.definition;
    if (definition?.kind !== "absence") return false;
    const nowMs = clock.nowMs();
    const untilMs = silenceUntilMs(definition.forMs) - definition.forMs;
    if (!(untilMs > 0)) return false;
    const known = this.#walks.get(rule.id);
    // A rule that was changed may find anew whom it passed by.
    const isOver = known?.version !== rule.version || nowMs - known.beganAtMs > walkAgainMs;
    const walk = isOver ? { after: { sinceMs: 0, key: 0 }, beganAtMs: nowMs, version: rule.version } : known;
    const { next, isWhole } = await transaction(db, (tx) => this.#judgeAway(tx, rule, walk.after, untilMs));
    this.#walks.set(rule.id, { ...walk, after: next ?? walk.after });
    return !isWhole;
  }

  async #judgeAway(tx: Db, rule: ServiceRule, after: AwayCursor, untilMs: number): Promise<AwayPage> {
    const { watch, watched, apply } = this.#deps;
    const mark = watch.markWatch(rule.id);
    if (mark?.definition.kind !== "absence") return { away: [], next: null, isWhole: true };
    const { definition, machine } = mark;
    const found = await watched.away(tx, after, untilMs, awayMax);
    const silent = found.away.filter(({ device }) => watchesModel(rule, device.model));
    // Before the commit: whoever comes back at this moment waits for it, and must be looked at.
    for (const { device } of silent) watch.noteSilent(rule.id, device.key);
    const signals = silent.map(({ device, sinceMs }): Signal => {
      const gone = { id: "", atMs: sinceMs, type: presenceTypes.closed, roles: ["seen"], amount: 1 };
      const judge = (state: unknown): Moved => {
        // Of what it holds already nothing changes. Where it came back and went again unheard, its cause goes and comes.
        const seen = machine.step(state, gone, sinceMs);
        const elapsed = machine.elapse(seen.state, untilMs + definition.forMs);
        const effects = [...seen.effects, ...elapsed.effects];
        return { ...elapsed, changed: seen.changed || elapsed.changed, effects };
      };
      return { device, rule, cause: definition.cause, atMs: sinceMs + definition.forMs, judge };
    });
    const { changes } = await watch.settle(tx, signals);
    await apply(tx, changes);
    return found;
  }
}

const notBefore = (dueMs: number | null, leastMs: number): number | null =>
  dueMs === null ? null : Math.max(dueMs, leastMs);
