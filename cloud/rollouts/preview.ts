import type { z } from "zod";
import type { Db } from "../platform/database.ts";
import { calendar, calendarLimits } from "./core/calendar.ts";
import type { ScheduledRollout } from "./core/openings.ts";
import { expectedFinish, finishWhy } from "./core/finish-estimate.ts";
import type { Freeze } from "./core/freeze.ts";
import { openZones } from "./core/open-zones.ts";
import { emptyTally, type Plan, type Stage } from "./core/plan.ts";
import { hasNoGate } from "./core/plan-check.ts";
import type { StageFleet, WaitingGroup } from "./core/planner.ts";
import { divide } from "./core/stage-sizes.ts";
import { exclusionSentence } from "./eligibility.ts";
import { rolloutProblems } from "./errors.ts";
import * as members from "./members-store.ts";
import { predicateProblems } from "../platform/predicate/predicate.ts";
import type { Refused } from "./ports.ts";
import { updateMsGuessed } from "./rollout-views.ts";
import type { previewView } from "./rollout-shapes.ts";
import type { Resolved, Targets } from "./targets.ts";

export type Preview = z.infer<typeof previewView>;

const zonesMax = 100;
const scheduleDaysMax = 60;
const dayMs = 86_400_000;

const nobodyKnows = "Nobody can say while something is wrong with the plan.";

const toProblem = ({ rule, detail }: Refused): Preview["problems"][number] => {
  const catalogue: Readonly<Record<string, { title: string }>> = { ...predicateProblems, ...rolloutProblems };
  const title = catalogue[rule]?.title ?? rule;
  return { code: rule, title, detail: detail ?? title };
};

const nothing = (problem: Refused, plan: Plan): Preview => ({
  eligible: 0,
  excluded: [],
  stages: plan.stages.map(({ name }) => ({ name, members: 0, expectedAtMs: null })),
  zones: [],
  expectedFinishAtMs: null,
  expectedFinishWhy: nobodyKnows,
  noGate: hasNoGate(plan.stages),
  warnings: [],
  problems: [toProblem(problem)],
  clashes: [],
});

const toWaiting = ({ time_zone, country, n }: members.TargetGroup): WaitingGroup => ({
  timeZone: time_zone,
  country,
  count: n,
});

const countOf = (groups: readonly members.TargetGroup[]): number => groups.reduce((sum, { n }) => sum + n, 0);

/** Stages as they would stand once members were assigned: sizes as they will be, places as they are in the whole target. */
function stagesBefore(stages: readonly Stage[], groups: readonly members.TargetGroup[]): StageFleet[] {
  const eligible = groups.filter(({ reason }) => reason === null);
  const rest = eligible.filter(({ tag_stage }) => tag_stage === null);
  const sizes = divide(stages, { total: countOf(eligible), untagged: countOf(rest) });
  return stages.map(({ size }, stage): StageFleet => {
    const waiting =
      size.kind === "tag"
        ? eligible.filter(({ tag_stage }) => tag_stage === stage).map(toWaiting)
        : proportion(rest.map(toWaiting), sizes[stage] ?? 0);
    const count = waiting.reduce((sum, group) => sum + group.count, 0);
    return { tally: { ...emptyTally(), waiting: count }, waiting, measured: null };
  });
}

/** So many of some groups, from each its share. Membership is by chance, so that this is what to expect. */
function proportion(groups: readonly WaitingGroup[], wanted: number): WaitingGroup[] {
  const whole = groups.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  let given = 0;
  return groups.map((group) => {
    seen += group.count;
    const upTo = whole === 0 ? 0 : Math.round((wanted * seen) / whole);
    const count = upTo - given;
    given = upTo;
    return { ...group, count };
  });
}

const warningsOf = (plan: Plan, stages: readonly StageFleet[]): string[] => [
  ...(hasNoGate(plan.stages) ? ["No stage has a gate: nothing stops this rollout but a person."] : []),
  ...plan.stages.flatMap(({ name, gate }, at) => {
    const size = stages[at]?.tally.waiting ?? 0;
    if (size === 0) return [`The stage ${name} has nobody in it, and passes at once.`];
    return gate !== null && gate.sampleMin > size
      ? [
          `The stage ${name} has ${size} appliances, fewer than its minimum sample of ${gate.sampleMin}: it waits for all of them.`,
        ]
      : [];
  }),
];

function zonesOf(plan: Plan, stages: readonly StageFleet[], nowMs: number): Preview["zones"] {
  const counts = new Map<string, number>();
  for (const { timeZone, count } of stages.flatMap(({ waiting }) => waiting))
    counts.set(timeZone, (counts.get(timeZone) ?? 0) + count);
  const largest = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, zonesMax);
  return largest.map(([timeZone, devices]) => {
    const { open, nextChangeMs } = openZones(plan.windows, [timeZone], nowMs);
    return { timeZone, devices, open: open.length > 0, changesAtMs: nextChangeMs };
  });
}

/** What a plan would do, without doing any of it. */
export async function previewPlan(
  db: Db,
  targets: Targets,
  plan: Plan,
  context: { freezes: readonly Freeze[]; others: readonly ScheduledRollout[]; exceptId: string | null },
  nowMs: number,
): Promise<Preview> {
  const resolved = await targets.resolve(plan);
  if (resolved.kind === "refused") return nothing(resolved, plan);
  const { target, release } = resolved;
  const wrong = await targets.wrong(plan, release, nowMs);
  const groups = await members.targetGroups(db, plan.stages, target, nowMs);
  const stages = stagesBefore(plan.stages, groups);
  const eligible = stages.reduce((sum, { tally }) => sum + tally.waiting, 0);
  const overlaps = await targets.overlaps(db, target, context.exceptId, nowMs);
  const problems = [
    ...(wrong === null ? [] : [toProblem(wrong)]),
    ...(eligible === 0 ? [toProblem({ kind: "refused", rule: "rollout_target_empty" })] : []),
    ...overlaps.map(({ rollout, devices }) =>
      toProblem({
        kind: "refused",
        rule: "rollout_target_overlaps",
        detail: `${rollout.name} (${rollout.id}) lays claim to ${devices} of these appliances.`,
      }),
    ),
  ];
  const startAtMs = Math.max(nowMs, plan.startAtMs ?? nowMs);
  const finish = expectedFinish(
    { plan, state: { kind: "scheduled", startAtMs, approvedBy: null } },
    stages,
    {
      model: release.model,
      freezes: plan.freezeOverride === null ? context.freezes : [],
      outcomeMs: updateMsGuessed,
    },
    nowMs,
  );
  const finishAtMs = finish.kind === "at" ? finish.finishAtMs : null;
  return {
    eligible,
    excluded: await excludedOf(db, resolved, groups, nowMs),
    stages: plan.stages.map(({ name }, at) => ({
      name,
      members: stages[at]?.tally.waiting ?? 0,
      expectedAtMs: finish.stageEndsAtMs[at] ?? null,
    })),
    zones: zonesOf(plan, stages, nowMs),
    expectedFinishAtMs: finishAtMs,
    expectedFinishWhy: finishWhy(finish, plan.stages),
    noGate: hasNoGate(plan.stages),
    warnings: warningsOf(plan, stages),
    problems,
    clashes: clashesWith(plan, release.model, stages, { ...context, startAtMs, finishAtMs }),
  };
}

async function excludedOf(
  db: Db,
  { target }: Resolved,
  groups: readonly members.TargetGroup[],
  nowMs: number,
): Promise<Preview["excluded"]> {
  const counts = new Map<string, number>();
  for (const { reason, n } of groups) if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + n);
  const examples = await members.exclusionExamples(db, target, [...counts.keys()], nowMs);
  return [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .map(([reason, count]) => ({
      reason,
      sentence: exclusionSentence(reason),
      count,
      examples: examples.get(reason) ?? [],
    }));
}

/** A plan has no id yet; in the calendar it needs one. */
const draftId = "00000000-0000-7000-8000-000000000000";

function clashesWith(
  plan: Plan,
  model: string,
  stages: readonly StageFleet[],
  context: {
    freezes: readonly Freeze[];
    others: readonly ScheduledRollout[];
    startAtMs: number;
    finishAtMs: number | null;
  },
): Preview["clashes"] {
  const waiting = stages.flatMap((stage) => stage.waiting);
  const known = waiting.flatMap(({ country }) => (country === null ? [] : [country]));
  const own: ScheduledRollout = {
    id: draftId,
    name: plan.name,
    model,
    windows: plan.windows,
    timeZones: [...new Set(waiting.map(({ timeZone }) => timeZone))],
    countries: known.length < waiting.length ? null : [...new Set(known)],
    fromMs: context.startAtMs,
    toMs: context.finishAtMs,
    overridesFreezes: plan.freezeOverride !== null,
  };
  const days = Math.min(scheduleDaysMax, calendarLimits.daysMax);
  const toMs = Math.min(context.finishAtMs ?? Infinity, context.startAtMs + days * dayMs);
  const range = { fromMs: context.startAtMs, toMs: Math.max(toMs, context.startAtMs + 1) };
  return calendar([own, ...context.others], context.freezes, range)
    .clashes.filter(({ rolloutIds }) => rolloutIds.includes(draftId))
    .map((clash) => ({ ...clash, rolloutIds: clash.rolloutIds.filter((id) => id !== draftId) }));
}
