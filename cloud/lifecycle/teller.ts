/**
 * Tells lives on, or anew, in the transaction that made something happen:
 *
 *   signals -> hold the households -> keep what is new -> step, or tell anew where something is late -> write -> tell the world
 */
import { isDeepStrictEqual } from "node:util";
import type { Outbox } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import type { DefinitionVersion, Stage } from "./core/definition.ts";
import { definitionAt, follows, type Life, nextTurnMs, noLife, type StageChange, tell } from "./core/life.ts";
import { riskScore, risksOf, riskTurningPoints } from "./core/risk.ts";
import { inOrder, type Signal } from "./core/signal.ts";
import type { HeldLife, LifecycleStore, WrittenChange, WrittenLife } from "./lifecycle-store.ts";

/** A change that the world is told of. */
export interface ToldChange {
  householdId: string;
  atMs: number;
  from: Stage | null;
  to: Stage;
  causes: StageChange["causes"];
  days: number | null;
  daysMedian: number | null;
  life: Life;
  /** Whether the household is in that stage now. */
  isCurrent: boolean;
}

interface TellerDeps {
  store: LifecycleStore;
  outbox: Outbox;
  versions: () => readonly DefinitionVersion[];
  /** Days that others took for the same change; null where there are too few. */
  medianDays: (from: Stage, to: Stage) => number | null;
  onTold: (tx: Db, told: readonly ToldChange[]) => Promise<void>;
}

interface Told {
  held: HeldLife;
  life: Life;
  changes: WrittenChange[];
  /** Up to which place the lines stay that were written before; null: all of them. */
  keptPlace: number | null;
}

export class Teller {
  readonly #deps: TellerDeps;

  constructor(deps: TellerDeps) {
    this.#deps = deps;
  }

  /** What happened, in any order and any number of times. */
  async heed(tx: Db, signals: readonly Signal[], nowMs: number): Promise<void> {
    if (signals.length === 0) return;
    const { store } = this.#deps;
    const ids = [...new Set(signals.map(({ householdId }) => householdId))].toSorted();
    const all = await store.holdAndKeep(tx, ids, noLife, eachOnce(signals));
    const fresh = new Map(all.map((one) => [one.held.householdId, one.fresh]));
    await this.#tell(
      tx,
      all.flatMap((one) => (one.fresh.length > 0 ? [one.held] : [])),
      (householdId) => fresh.get(householdId)?.toSorted(inOrder) ?? [],
      nowMs,
    );
    await store.noteTooLate(
      tx,
      all.flatMap(({ held: { householdId }, tooLate }) => {
        const newestMs = Math.max(...tooLate.map(({ atMs }) => atMs));
        return tooLate.length === 0 ? [] : [{ householdId, count: tooLate.length, newestMs }];
      }),
    );
  }

  /** Lets time pass for households that are held. */
  async wait(tx: Db, held: readonly HeldLife[], nowMs: number): Promise<void> {
    await this.#tell(tx, held, () => [], nowMs);
  }

  /** Tells lives from their beginning, whatever was told before. */
  async anew(tx: Db, householdIds: readonly string[], nowMs: number): Promise<void> {
    const held = await this.#deps.store.hold(tx, householdIds.toSorted(), noLife);
    await this.#write(tx, await this.#again(tx, held, nowMs), nowMs);
  }

  /** Puts what happened until a time together, so that it needs not be kept one by one. Nothing of the lives changes. */
  async putTogether(tx: Db, held: readonly HeldLife[], untilMs: number): Promise<void> {
    if (held.length === 0) return;
    const { store, versions } = this.#deps;
    const signals = await store.signals(
      tx,
      held.map(({ householdId }) => householdId),
    );
    const bases = held.map(({ householdId, base }) => {
      const old = (signals.get(householdId) ?? []).filter(({ atMs }) => atMs <= untilMs).toSorted(inOrder);
      const isEmpty = old.length === 0 && base === null;
      return { householdId, base: isEmpty ? null : tell(base ?? noLife, old, versions(), untilMs).life };
    });
    await store.putTogether(tx, bases, untilMs);
  }

  async #tell(
    tx: Db,
    held: readonly HeldLife[],
    signalsOf: (householdId: string) => readonly Signal[],
    nowMs: number,
  ): Promise<void> {
    const versions = this.#deps.versions();
    const told: Told[] = [];
    const late: HeldLife[] = [];
    for (const one of held) {
      const signals = signalsOf(one.householdId);
      if (!isInOrder(one.life, signals, versions)) late.push(one);
      else {
        const { life, changes } = tell(one.life, signals, versions, nowMs);
        told.push({ held: one, life, changes: this.#measured(one.householdId, changes), keptPlace: null });
      }
    }
    if (late.length > 0) told.push(...(await this.#again(tx, late, nowMs)));
    await this.#write(tx, told, nowMs);
  }

  /** Tells lives anew, and compares with what was written. */
  async #again(tx: Db, held: readonly HeldLife[], nowMs: number): Promise<Told[]> {
    const ids = held.map(({ householdId }) => householdId);
    const signals = await this.#deps.store.signals(tx, ids);
    const written = await this.#deps.store.changes(tx, ids);
    return held.map((one): Told => {
      const own = (signals.get(one.householdId) ?? []).toSorted(inOrder);
      const start = one.base ?? noLife;
      const { life, changes } = tell(start, own, this.#deps.versions(), nowMs);
      const before = (written.get(one.householdId) ?? []).filter(({ place }) => place > start.changes);
      const same = changes.findIndex((change, index) => !isSame(change, before[index]));
      const kept = same === -1 ? changes.length : same;
      const fresh = this.#measured(one.householdId, changes.slice(kept));
      const keptPlace = kept < before.length ? start.changes + kept : null;
      return { held: one, life, changes: fresh, keptPlace };
    });
  }

  #measured(householdId: string, changes: readonly StageChange[]): WrittenChange[] {
    return changes.map((change) => {
      const daysMedian = change.from === null ? null : this.#deps.medianDays(change.from, change.to);
      return { ...change, householdId, daysMedian };
    });
  }

  async #write(tx: Db, told: readonly Told[], nowMs: number): Promise<void> {
    const { store, outbox, onTold } = this.#deps;
    const versions = this.#deps.versions();
    const rewritten = told.flatMap(({ held, keptPlace }): [string, number][] =>
      keptPlace === null ? [] : [[held.householdId, keptPlace]],
    );
    await store.write(
      tx,
      told.map(({ held, life }) => writtenLife(held, life, versions, nowMs)),
      told.flatMap(({ changes }) => changes),
      new Map(rewritten),
    );
    const news = told.flatMap(newsOf);
    await outbox.add(
      tx,
      news.map(({ householdId, atMs, from, to, causes, days, daysMedian }) => ({
        type: "hearth.lifecycle.changed",
        subject: `household:${householdId}`,
        atMs,
        data: { householdId, from, to, causes, velocityDays: days, medianDays: daysMedian },
      })),
    );
    await onTold(tx, news);
  }
}

/** Each once: of one that is told twice the earlier. */
function eachOnce(signals: readonly Signal[]): Signal[] {
  const once = new Map<string, Signal>();
  for (const signal of signals) {
    const key = `${signal.householdId} ${signal.source}`;
    const other = once.get(key);
    if (other === undefined || signal.atMs < other.atMs) once.set(key, signal);
  }
  return [...once.values()];
}

function isInOrder(life: Life, signals: readonly Signal[], versions: readonly DefinitionVersion[]): boolean {
  const [first] = signals;
  const isJudgedByOld = life.version < definitionAt(versions, life.judgedToMs).version;
  return !isJudgedByOld && (first === undefined || follows(life, first, versions));
}

const isSame = (change: StageChange, written: WrittenChange | undefined): boolean =>
  written !== undefined &&
  change.atMs === written.atMs &&
  change.from === written.from &&
  change.to === written.to &&
  isDeepStrictEqual(change.causes, written.causes);

/** What the world hears: each step where the story goes on, and one step to where it now is where it was told anew. */
function newsOf({ held, life, changes, keptPlace }: Told): ToldChange[] {
  const { householdId, told } = held;
  const last = changes.at(-1);
  if (keptPlace === null) {
    return changes.map((change) => ({ ...change, life, isCurrent: change === last }));
  }
  if (life.stage === null || life.stage === told) return [];
  const { atMs = life.sinceMs, causes = [], days = null, daysMedian = null } = last ?? {};
  return [{ householdId, atMs, from: told, to: life.stage, causes, days, daysMedian, life, isCurrent: true }];
}

function writtenLife(
  { householdId, dueAtMs: lookedAtMs }: HeldLife,
  life: Life,
  versions: readonly DefinitionVersion[],
  nowMs: number,
): WrittenLife {
  const { definition } = definitionAt(versions, life.judgedToMs);
  const stage = life.stage ?? "acquisition";
  const risks = risksOf(life.facts, stage, definition, nowMs);
  const turns = [
    nextTurnMs(life, definition) ?? Infinity,
    ...riskTurningPoints(life.facts, definition).filter((atMs) => atMs > life.judgedToMs),
  ];
  // Who is looked at sooner anyway keeps that time: it costs one look more now and then, and no index is touched at each use.
  const nextMs = Math.min(...turns);
  const dueAtMs = lookedAtMs !== null && lookedAtMs > nowMs && lookedAtMs <= nextMs ? lookedAtMs : nextMs;
  return {
    householdId,
    stage,
    sinceMs: life.sinceMs,
    life,
    // Of whom nothing is known, no definition says anything.
    version: life.stage === null ? (versions.at(-1)?.version ?? life.version) : life.version,
    dueAtMs: dueAtMs === Infinity ? null : dueAtMs,
    risks: risks.map(({ kind }) => kind),
    risk: riskScore(risks, stage),
  };
}
