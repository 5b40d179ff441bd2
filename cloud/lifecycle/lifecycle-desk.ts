import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type LifecycleDefinition, type Stage, stages } from "./core/definition.ts";
import { nextTurnMs } from "./core/life.ts";
import { type Risk, risksOf } from "./core/risk.ts";
import { gapMs, type HouseholdFacts, lastSignMs } from "./core/state.ts";
import type { Definitions } from "./definitions.ts";
import type { ShownChange } from "./change-row.ts";
import { type Flow, LifecycleViews, type Pace, type StageCounts } from "./lifecycle-views.ts";
import { type Preview, preview } from "./preview.ts";

export interface DeskDeps {
  db: Db;
  clock: Clock;
  definitions: Definitions;
  views: LifecycleViews;
  households: {
    timeZoneOf(ids: readonly string[]): Promise<Map<string, unknown>>;
    namesOf(db: Db, ids: readonly string[]): Promise<Map<string, string>>;
  };
}

export interface Period {
  fromMs: number;
  toMs: number;
}

export interface HouseholdLife {
  stage: Stage;
  sinceMs: number | null;
  facts: { programs: number; usualGapDays: number; lastUseMs: number | null; openCases: number } & Pick<
    HouseholdFacts,
    "pairedAtMs" | "feedback" | "knownSinceMs"
  >;
  risks: Risk[];
  /** When its stage may change although nothing happens. */
  nextTurnMs: number | null;
  /** What was told so late that it changed no stage any more: how often, and when the newest of it happened; null where nothing was. */
  tooLate: { count: number; newestMs: number } | null;
  changes: ShownChange[];
}

export interface AtRisk {
  householdId: string;
  name: string | null;
  stage: Stage;
  sinceMs: number;
  risk: number;
  risks: Risk[];
  /** When it counts as silent for good, where nothing happens. */
  lostAtMs: number | null;
}

const dayMs = 86_400_000;
const lostShown = 100;
export const periodDaysMax = 731;

/** Where people read how households come and go. */
export class LifecycleDesk {
  readonly #deps: DeskDeps;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  now(): Promise<StageCounts> {
    return this.#deps.views.counts(this.#deps.db);
  }

  /** The counts at `parts + 1` moments, the first at the period's beginning and the last at its end. */
  async counts({ fromMs, toMs }: Period, parts: number): Promise<{ atMs: number; counts: StageCounts }[]> {
    const { db, views } = this.#deps;
    const [counts, deltas] = [await views.counts(db), await views.deltas(db, { fromMs, toMs, parts })];
    const moments: { atMs: number; counts: StageCounts }[] = [];
    // Back from now: what changed after a moment is taken away from what is now.
    for (let part = parts; part >= 0; part -= 1) {
      for (const { stage, delta } of deltas.filter((one) => one.part === part)) counts[stage] -= delta;
      moments.unshift({ atMs: Math.round(fromMs + ((toMs - fromMs) * part) / parts), counts: { ...counts } });
    }
    return moments;
  }

  /** Between the two ends of a period: who moved, and who stayed. */
  async flows(period: Period): Promise<{ before: StageCounts; after: StageCounts; flows: Flow[]; changes: Pace[] }> {
    const { db, views } = this.#deps;
    const [moments, moved, changes] = [
      await this.counts(period, 1),
      await views.flows(db, period.fromMs, period.toMs),
      await views.paces(db, period.fromMs, period.toMs),
    ];
    const [first, last] = [moments[0], moments.at(-1)];
    if (first === undefined || last === undefined) throw new Error("a period has two ends");
    const flows = moved.filter(({ from, to }) => from !== to);
    const stayed = stages.flatMap((stage): Flow[] => {
      const came = flows.reduce((sum, { to, households }) => (to === stage ? sum + households : sum), 0);
      const households = last.counts[stage] - came;
      return households > 0 ? [{ from: stage, to: stage, households }] : [];
    });
    return { before: first.counts, after: last.counts, flows: [...flows, ...stayed], changes };
  }

  /** Null where there is no such household. */
  async household(householdId: string, beforePlace: number | null, limit: number): Promise<HouseholdLife | null> {
    const { db, clock, definitions, views, households } = this.#deps;
    if (!(await households.timeZoneOf([householdId])).has(householdId)) return null;
    const { definition } = definitions.inForce;
    const found = await views.now(db, householdId);
    if (found === null) {
      const facts = { programs: 0, usualGapDays: definition.gap.daysUsual, lastUseMs: null, openCases: 0 };
      const none = { pairedAtMs: null, feedback: null, knownSinceMs: null };
      return {
        stage: "acquisition",
        sinceMs: null,
        facts: { ...facts, ...none },
        risks: [],
        nextTurnMs: null,
        tooLate: null,
        changes: [],
      };
    }
    const { life, stage, sinceMs, tooLate } = found;
    const { programs, lastUseMs, openCases, pairedAtMs, feedback, knownSinceMs } = life.facts;
    return {
      stage,
      sinceMs,
      facts: {
        programs,
        usualGapDays: gapMs(life.facts, definition) / dayMs,
        lastUseMs,
        openCases: openCases.length,
        pairedAtMs,
        feedback,
        knownSinceMs,
      },
      risks: risksOf(life.facts, stage, definition, clock.nowMs()),
      nextTurnMs: nextTurnMs(life, definition),
      tooLate,
      changes: await views.history(db, householdId, beforePlace, limit),
    };
  }

  /** Who is endangered, the worst first, and who was lost within the last week. */
  async atRisk(after: { risk: number; householdId: string } | null, limit: number) {
    const { db, clock, definitions, views, households } = this.#deps;
    const nowMs = clock.nowMs();
    const { definition } = definitions.inForce;
    const [found, totals, lost] = [
      await views.atRisk(db, after, limit),
      await views.risks(db),
      after === null ? await views.lost(db, nowMs - 7 * dayMs, lostShown) : [],
    ];
    const names = await households.namesOf(
      db,
      [...found, ...lost].map(({ householdId }) => householdId),
    );
    const items = found.map(({ householdId, stage, sinceMs, life, risk }): AtRisk => {
      const risks = risksOf(life.facts, stage, definition, nowMs);
      const name = names.get(householdId) ?? null;
      return { householdId, name, stage, sinceMs, risk, risks, lostAtMs: lostAtMs(life.facts, definition, nowMs) };
    });
    return {
      ...totals,
      items,
      lost: lost.map((one) => ({ ...one, name: names.get(one.householdId) ?? null })),
    };
  }

  preview(definition: LifecycleDefinition): Promise<Preview> {
    const { db, clock, views } = this.#deps;
    return preview(db, views, definition, clock.nowMs());
  }
}

function lostAtMs(facts: HouseholdFacts, definition: LifecycleDefinition, nowMs: number): number | null {
  const atMs = Math.round(lastSignMs(facts) + definition.disengaged.gaps * gapMs(facts, definition));
  return facts.devices.length === 0 || atMs < nowMs ? null : atMs;
}
