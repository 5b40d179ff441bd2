/**
 * Who gets what, when, and why. Pure, and asked when something is to be sent, never when it is planned.
 *
 *   1 consent    promotions want `market`; everything else belongs to the contract
 *   2 class      safety > security, recall > service > requested > loyalty status > promotional; only the last two go through 3 to 6
 *   3 hold-out   a share of households, by their hash, drawn by quarter; where a campaign took a household in, its draw holds to the end
 *   4 moment     quiet hours, the schedule, the household's best hour
 *   5 cap        the maker's caps and the household's own, in the household's calendar days
 *   6 priority   room on the display, and nothing more important on its way
 *   7 expiry     also of what would be waiting past it; what had to reach them and did not is a person's from then on
 *   8 channel    in the household's order, without the ways that failed; for what is not promotional a human is always there
 *
 * The first test that suppresses ends it. One that holds is remembered, and the later ones are asked too: what may never go need not wait.
 */
import { Calendar } from "./calendar.ts";
import type { Candidate, Circumstances, HouseholdState } from "./candidate.ts";
import { strictest } from "./caps.ts";
import { type Channels, channelsFor, fittingDevices, isOwedAPerson } from "./channels.ts";
import { holdoutDraw } from "./holdout.ts";
import { type Cap, isCapped, type ItemClass, rankOf } from "./policy.ts";
import { scoreOf, type Term } from "./score.ts";

export const testNames = ["consent", "class", "holdout", "moment", "cap", "priority", "expiry", "channel"] as const;
export type TestName = (typeof testNames)[number];

export const suppressReasons = [
  "no_consent",
  "disengaged",
  "held_out",
  "quiet_hours",
  "capped",
  "wants_none",
  "another_suits_better",
  "expired",
  "expires_while_waiting",
  "does_not_fit",
  "no_channel",
] as const;
export type SuppressReason = (typeof suppressReasons)[number];

export const holdReasons = ["not_yet", "best_hour", "quiet_hours", "capped", "no_room", "more_important"] as const;
export type HoldReason = (typeof holdReasons)[number];

export type Answer =
  | { kind: "send"; channels: Channels["channels"]; deviceIds: string[] }
  | { kind: "hold"; reason: HoldReason; untilMs: number }
  | { kind: "suppress"; reason: SuppressReason }
  /** Nothing but a person reaches them. */
  | { kind: "human" };

/** One test, as it went. */
export interface TraceLine {
  test: TestName;
  outcome: "passes" | "holds" | "suppresses" | "not_asked";
  /** Why, in a word that is stable. */
  says: string;
  with?: Record<string, string | number | readonly string[]>;
}

export interface Decision {
  source: string;
  itemId: string;
  version: number;
  class: ItemClass;
  answer: Answer;
  score: number;
  terms: Term[];
  trace: TraceLine[];
}

/** How the test of expiry says that it is too late for every message, and not for a person. */
const onlyAPerson = "only_a_person";
/** Looked at again after this long where only others are in the way. */
const retryMs = 3_600_000;

/** What the earlier decisions of the same call mean for the later ones. */
interface SoFar {
  sent: { atMs: number; class: ItemClass }[];
  waiting: { class: ItemClass; priority: number }[];
  open: number;
  /** Choices that are made. */
  chosen: Map<string, string>;
}

/** Decides about everything that a household might get now, the most important first. */
export function decide(
  candidates: readonly Candidate[],
  household: HouseholdState,
  nowMs: number,
  circumstances: Circumstances,
  calendar: Calendar = new Calendar(nowMs),
): Decision[] {
  const scored = candidates.map((candidate) => ({
    candidate,
    ...scoreOf(candidate, household, circumstances, calendar),
  }));
  scored.sort(
    (a, b) =>
      rankOf(a.candidate.class) - rankOf(b.candidate.class) ||
      b.candidate.priority - a.candidate.priority ||
      b.score - a.score ||
      compareText(a.candidate.source, b.candidate.source) ||
      compareText(a.candidate.itemId, b.candidate.itemId),
  );
  const soFar: SoFar = { sent: [], waiting: [], open: 0, chosen: new Map() };
  return scored.map(({ candidate, score, terms }) => {
    const { answer, trace } = ask({ candidate, household, circumstances, calendar, soFar });
    remember(soFar, candidate, answer, nowMs);
    const { source, itemId, version } = candidate;
    return { source, itemId, version, class: candidate.class, answer, score, terms, trace };
  });
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function remember(soFar: SoFar, candidate: Candidate, answer: Answer, nowMs: number): void {
  if (answer.kind === "suppress") return;
  if (candidate.choice !== null) soFar.chosen.set(candidate.choice, candidate.title);
  if (answer.kind === "hold") soFar.waiting.push({ class: candidate.class, priority: candidate.priority });
  if (answer.kind !== "send" || !isCapped(candidate.class)) return;
  soFar.sent.push({ atMs: nowMs, class: candidate.class });
  if (answer.channels.includes("display")) soFar.open += 1;
}

interface Asked {
  candidate: Candidate;
  household: HouseholdState;
  circumstances: Circumstances;
  calendar: Calendar;
  soFar: SoFar;
}

type Word = Pick<TraceLine, "says" | "with">;
type Verdict =
  | ({ kind: "passes" } & Word)
  | ({ kind: "holds"; reason: HoldReason; untilMs: number } & Word)
  | ({ kind: "suppresses"; reason: SuppressReason } & Word);

const passes = (says: string, values?: Word["with"]): Verdict => ({
  kind: "passes",
  says,
  ...(values === undefined ? {} : { with: values }),
});
const holds = (reason: HoldReason, untilMs: number, values: Word["with"] = {}): Verdict => ({
  kind: "holds",
  reason,
  untilMs,
  says: reason,
  with: { untilMs, ...values },
});
const suppresses = (reason: SuppressReason, values?: Word["with"]): Verdict => ({
  kind: "suppresses",
  reason,
  says: reason,
  ...(values === undefined ? {} : { with: values }),
});

type Held = { reason: HoldReason; untilMs: number };

function ask(asked: Asked): { answer: Answer; trace: TraceLine[] } {
  const trace: TraceLine[] = [];
  let held: Held | null = null;
  const end = (answer: Answer) => {
    for (const test of testNames.slice(trace.length))
      trace.push({ test, outcome: "not_asked", says: "decided_before" });
    return { answer, trace };
  };
  for (const test of testNames) {
    if (test === "channel") break;
    const verdict: Verdict = test === "expiry" ? expiry(asked, held) : tests[test](asked);
    const { kind, says } = verdict;
    trace.push({ test, outcome: kind, says, ...(verdict.with === undefined ? {} : { with: verdict.with }) });
    if (kind === "suppresses") return end({ kind: "suppress", reason: verdict.reason });
    if (kind === "holds" && (held === null || verdict.untilMs > held.untilMs)) held = verdict;
  }
  const { candidate, household, circumstances } = asked;
  const fitting = fittingDevices(candidate, household, circumstances.models);
  const isLate = trace.some(({ test, says }) => test === "expiry" && says === onlyAPerson);
  const found = channelsFor(candidate, household, circumstances, fitting, isLate);
  if (found.kind === "none") {
    trace.push({ test: "channel", outcome: "suppresses", says: found.reason, with: { tried: found.tried } });
    return { answer: { kind: "suppress", reason: found.reason }, trace };
  }
  const says = found.kind === "human" ? "human" : found.channels[0];
  const passed: TraceLine = { test: "channel", outcome: "passes", says, with: { tried: found.tried } };
  trace.push(passed);
  if (held !== null) return { answer: { kind: "hold", reason: held.reason, untilMs: held.untilMs }, trace };
  if (found.kind === "human") return { answer: { kind: "human" }, trace };
  return { answer: { kind: "send", channels: found.channels, deviceIds: found.deviceIds }, trace };
}

const tests: Record<Exclude<TestName, "expiry" | "channel">, (asked: Asked) => Verdict> = {
  consent({ candidate, household }) {
    if (candidate.class !== "promotional") return passes("part_of_the_contract");
    return household.consents.includes("market")
      ? passes("agreed", { purpose: "market" })
      : suppresses("no_consent", { purpose: "market" });
  },

  class({ candidate, household }) {
    if (candidate.class === "promotional" && household.stage === "disengaged") return suppresses("disengaged");
    return passes(candidate.class);
  },

  holdout({ candidate, household, circumstances: { quarter, policy } }) {
    if (!isCapped(candidate.class)) return passes("not_for_this_class");
    if (!candidate.measured) return passes("not_measured");
    const drawn = household.arms?.[candidate.source];
    if (drawn !== undefined) {
      const known = { quarter: drawn.quarter };
      return drawn.arm === "held_out" ? suppresses("held_out", known) : passes("gets_it", known);
    }
    const draw = holdoutDraw(quarter, household.id);
    const values = { quarter, draw: Math.round(draw * 10_000) / 10_000, share: policy.holdoutShare };
    return draw < policy.holdoutShare ? suppresses("held_out", values) : passes("gets_it", values);
  },

  moment,

  cap({ candidate, household, circumstances: { policy }, calendar, soFar }) {
    if (!isCapped(candidate.class)) return passes("not_for_this_class");
    const own: Cap[] =
      household.perWeekMax === null
        ? []
        : [{ days: 7, max: household.perWeekMax, classes: ["loyalty_status", "promotional"] }];
    if (household.perWeekMax === 0) return suppresses("wants_none");
    const sent = [...household.sent, ...soFar.sent];
    const found = strictest([...policy.caps, ...own], candidate.class, sent, household.timeZone, calendar);
    if (found === null) return passes("below_every_cap", { sent: sent.length });
    const values = { max: found.cap.max, days: found.cap.days };
    return found.atMs === "never" ? suppresses("capped", values) : holds("capped", found.atMs, values);
  },

  priority({ candidate, household, circumstances: { policy }, calendar, soFar }) {
    const chosen = candidate.choice === null ? undefined : soFar.chosen.get(candidate.choice);
    if (chosen !== undefined) return suppresses("another_suits_better", { instead: chosen });
    if (!isCapped(candidate.class)) return passes("goes_beside_the_rest");
    const mine = { rank: rankOf(candidate.class), priority: candidate.priority };
    const others = household.waiting.filter(
      ({ source, itemId }) => source !== candidate.source || itemId !== candidate.itemId,
    );
    const first = [...others, ...soFar.waiting].find(
      (other) =>
        rankOf(other.class) < mine.rank || (rankOf(other.class) === mine.rank && other.priority > mine.priority),
    );
    const againMs = calendar.nowMs + retryMs;
    if (first !== undefined) return holds("more_important", againMs, { class: first.class, priority: first.priority });
    const open = household.open + soFar.open;
    if (open >= policy.roomMax) return holds("no_room", againMs, { open, roomMax: policy.roomMax });
    return passes("room", { open });
  },
};

function moment({ candidate, household, calendar }: Asked): Verdict {
  const { timeZone, quiet } = household;
  const { localFrom, fromMs } = candidate;
  const scheduledMs = localFrom === null ? 0 : calendar.momentMs(timeZone, localFrom);
  const earliestMs = Math.max(fromMs, scheduledMs);
  if (earliestMs > calendar.nowMs) return holds("not_yet", earliestMs);
  if (!isCapped(candidate.class)) return passes("never_quiet");
  const quietUntilMs = quiet === null ? null : calendar.quietUntilMs(timeZone, quiet);
  if (quiet !== null && quietUntilMs !== null)
    return quiet.meanwhile === "hold" ? holds("quiet_hours", quietUntilMs) : suppresses("quiet_hours");
  if (!candidate.bestHour) return passes("now");
  if (!household.consents.includes("personalise") || household.bestHours.length === 0) return passes("no_habit_known");
  const bestMs = calendar.bestMomentMs(timeZone, household.bestHours);
  if (bestMs <= calendar.nowMs) return passes("best_hour");
  // Better at another hour than not at all.
  const untilMs = endOf(candidate, timeZone, calendar);
  if (untilMs !== null && bestMs >= untilMs) return passes("no_better_hour_left");
  return holds("best_hour", bestMs);
}

/** When it expires for this household: its own end, or that by the clock on its wall. */
function endOf({ untilMs, localUntil }: Candidate, timeZone: string, calendar: Calendar): number | null {
  const ends = [untilMs, localUntil === null ? null : calendar.momentMs(timeZone, localUntil)];
  const known = ends.filter((end) => end !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function expiry({ candidate, household, calendar }: Asked, held: Held | null): Verdict {
  const untilMs = endOf(candidate, household.timeZone, calendar);
  if (untilMs === null) return passes("does_not_expire");
  if (calendar.nowMs >= untilMs)
    return isOwedAPerson(candidate, household) ? passes(onlyAPerson, { untilMs }) : suppresses("expired", { untilMs });
  if (held !== null && held.untilMs >= untilMs)
    return suppresses("expires_while_waiting", { untilMs, waitsFor: held.reason });
  return passes("in_time", { untilMs });
}
