/**
 * A household's life, told from its signals in the order of their time. The same signals tell the same life, whatever came first: what is
 * newer than all that was told is added at the end, and anything else has the whole of it told again.
 */
import type { DefinitionVersion, LifecycleDefinition, Stage } from "./definition.ts";
import { inOrder, type Signal } from "./signal.ts";
import { type Cause, isEngaged, judge, turningPoints } from "./stage.ts";
import { type HouseholdFacts, learn, noFacts } from "./state.ts";

/** A change of stage; `from` null for the first. */
export interface StageChange {
  place: number;
  atMs: number;
  from: Stage | null;
  to: Stage;
  causes: Cause[];
  /** Since the change before. */
  days: number | null;
}

export interface Life {
  facts: HouseholdFacts;
  /** Null before anything is known. */
  stage: Stage | null;
  sinceMs: number;
  /** Since when it has been engaged or more without a break. */
  engagedSinceMs: number | null;
  /** How many changes there were. */
  changes: number;
  /** The newest signal. */
  last: { atMs: number; source: string } | null;
  /** Until when it was judged, and by which definition. */
  judgedToMs: number;
  version: number;
}

export const noLife: Life = {
  facts: noFacts,
  stage: null,
  sinceMs: 0,
  engagedSinceMs: null,
  changes: 0,
  last: null,
  judgedToMs: 0,
  version: 1,
};

const dayMs = 86_400_000;

/** The definition in force at a time. The oldest one counts for all that was before it. */
export function definitionAt(versions: readonly DefinitionVersion[], atMs: number): DefinitionVersion {
  const found = versions.findLast(({ inForceFromMs }) => inForceFromMs <= atMs) ?? versions[0];
  if (found === undefined) throw new Error("there is no definition of the stages");
  return found;
}

/** Whether a signal comes after all that was told, so that nothing has to be told again. */
export function follows(life: Life, signal: Signal, versions: readonly DefinitionVersion[]): boolean {
  const isNewest = life.last === null || inOrder(life.last, signal) < 0;
  return isNewest && signal.atMs >= life.sinceMs && definitionAt(versions, signal.atMs).version >= life.version;
}

/**
 * Tells on.
 *
 * @param signals in their order, each of which follows
 * @param untilMs how far time has come
 */
export function tell(
  before: Life,
  signals: readonly Signal[],
  versions: readonly DefinitionVersion[],
  untilMs: number,
): { life: Life; changes: StageChange[] } {
  const teller = new Teller(before, versions);
  for (const signal of signals) teller.hear(signal);
  teller.wait(untilMs);
  return { life: teller.life, changes: teller.changes };
}

/** When a life may change by itself; null: never. */
export function nextTurnMs(
  { facts, engagedSinceMs, judgedToMs }: Life,
  definition: LifecycleDefinition,
): number | null {
  const coming = turningPoints(facts, engagedSinceMs, definition).filter((atMs) => atMs > judgedToMs);
  return coming.length === 0 ? null : Math.min(...coming);
}

class Teller {
  life: Life;
  readonly changes: StageChange[] = [];
  readonly #versions: readonly DefinitionVersion[];

  constructor(life: Life, versions: readonly DefinitionVersion[]) {
    this.life = life;
    this.#versions = versions;
  }

  hear(signal: Signal): void {
    const { atMs, source } = signal;
    this.wait(atMs);
    const { definition } = definitionAt(this.#versions, atMs);
    const facts = learn(this.life.facts, signal, definition);
    // Time may have been waited for beyond this already, with nothing coming of it: what comes of it now has to be seen.
    this.life = { ...this.life, facts, last: { atMs, source } };
    this.#judgeAt(atMs, [causeOf(signal)]);
  }

  /** Lets time pass, from one moment at which something may change to the next. */
  wait(untilMs: number): void {
    if (this.life.stage === null) return;
    for (;;) {
      const { judgedToMs, facts } = this.life;
      const { definition } = definitionAt(this.#versions, judgedToMs);
      const turnMs = nextTurnMs(this.life, definition) ?? Infinity;
      const next = this.#versions.find(({ inForceFromMs }) => inForceFromMs > judgedToMs);
      const atMs = Math.min(turnMs, next?.inForceFromMs ?? Infinity);
      if (atMs > untilMs) break;
      const isNewDefinition = next?.inForceFromMs === atMs;
      this.#judgeAt(
        atMs,
        isNewDefinition ? [{ kind: "definition", atMs, version: next.version }] : lapsed(this.life, facts),
      );
    }
    if (untilMs > this.life.judgedToMs) this.life = { ...this.life, judgedToMs: untilMs };
  }

  #judgeAt(atMs: number, triggers: readonly Cause[]): void {
    const { version, definition } = definitionAt(this.#versions, atMs);
    const { life } = this;
    this.life = { ...life, judgedToMs: atMs, version };
    const judged = judge(life.facts, life.engagedSinceMs, definition, atMs);
    if (judged === null || judged.stage === life.stage) return;
    const { stage: to, reasons } = judged;
    this.changes.push({
      place: life.changes + 1,
      atMs,
      from: life.stage,
      to,
      causes: distinct([...triggers, ...reasons]),
      days: life.stage === null ? null : (atMs - life.sinceMs) / dayMs,
    });
    const engagedSinceMs = isEngaged(to) ? (life.engagedSinceMs ?? atMs) : null;
    this.life = { ...this.life, stage: to, sinceMs: atMs, engagedSinceMs, changes: life.changes + 1 };
  }
}

function distinct(causes: readonly Cause[]): Cause[] {
  return [...new Map(causes.map((cause) => [`${cause.kind} ${cause.atMs}`, cause])).values()];
}

/** What has become too old to count, where a stage ends by time alone. */
function lapsed({ stage }: Life, facts: HouseholdFacts): Cause[] {
  if (stage === "advocacy") {
    const atMs = Math.max(facts.shareCookedMs ?? 0, facts.referralMs ?? 0);
    return [{ kind: "too_long_ago", atMs }];
  }
  return [];
}

/** What a signal says, as the cause of what follows from it. */
function causeOf({ atMs, body }: Signal): Cause {
  switch (body.kind) {
    case "known":
    case "paired":
    case "left":
    case "complaint":
    case "share_cooked":
    case "referral_paired":
      return { kind: body.kind, atMs };
    case "used":
      return { kind: "used", atMs };
    case "fault":
      return { kind: "fault", atMs, code: body.code };
    case "feedback":
      return { kind: "feedback", atMs, rating: body.rating };
    case "case_opened":
      return { kind: "case_open", atMs, title: body.title };
    case "case_resolved":
      return { kind: "case_resolved", atMs, title: body.title, atFirstAnswer: body.atFirstAnswer };
    case "case_merged":
      return { kind: "case_merged", atMs, title: body.title };
    case "tier":
      return { kind: "tier", atMs, tier: body.isAboveFirst ? body.tier : null };
    case "marketing":
      return { kind: body.isAgreed ? "marketing_agreed" : "marketing_withdrawn", atMs };
  }
}
