import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { maintenanceWindow, maintenanceWindowsMax } from "#protocol/maintenance-window.ts";
import { epochMs, metricName, safeText } from "#protocol/text.ts";
import { gateKinds } from "./core/gates.ts";
import { memberStates } from "./core/plan.ts";
import { rolloutStates } from "./core/rollout.ts";

const dayMs = 86_400_000;

/** Longest of what a plan may ask to wait for. */
const waitMsMax = 90 * dayMs;
const stagesMax = 20;
const targetLengthMax = 2_000;
const appliancesMax = 100_000_000;

/** Why a person did it. It is kept in the rollout's history. */
export const reason = safeText(500).trim().min(1);

const share = z.number().min(0).max(1);

const tag = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "must be 1-64 characters of a-z 0-9 _ -");

const stageSize = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("tag"), tag }),
  z.strictObject({ kind: z.literal("share"), share: share.describe("Of the whole target.") }),
  z.strictObject({ kind: z.literal("count"), count: z.int().min(0).max(appliancesMax) }),
  z.strictObject({ kind: z.literal("rest") }),
]);

const metricLine = z.strictObject({
  source: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("metric"), name: metricName }),
      z.strictObject({ kind: z.literal("event"), type: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/) }),
    ])
    .describe("The mean of a metric, or events of a type per appliance and day."),
  increaseMax: z
    .number()
    .min(0)
    .max(1e12)
    .describe("By how much those who have the release may lie above those who have not, in the metric's unit."),
  devicesMin: z.int().min(1).max(2_000).describe("On either side; fewer say nothing."),
});

const gate = z.strictObject({
  failureShareMax: share.nullable().default(null).describe("Of those that started."),
  failuresMax: z.int().min(0).max(appliancesMax).nullable().default(null),
  timeoutShareMax: share.nullable().default(null).describe("Of those that started."),
  sampleMin: z
    .int()
    .min(1)
    .max(appliancesMax)
    .describe("Outcomes to be known before a share counts, and before the stage may pass."),
  metric: metricLine.nullable().default(null),
});

const stage = z.strictObject({
  name: safeText(100).trim().min(1),
  size: stageSize,
  soakMs: z.int().min(0).max(waitMsMax),
  gate: gate.nullable().default(null),
  next: z.enum(["continue", "wait_for_approval"]).default("continue"),
});

const planFields = {
  name: safeText(100).trim().min(1),
  releaseId: z.uuid(),
  target: safeText(targetLengthMax).describe("A CEL predicate over an appliance's facts; `true` takes all that fit."),
  stages: z.array(stage).min(1).max(stagesMax),
  windows: z.array(maintenanceWindow).max(maintenanceWindowsMax),
  startsPerMinuteMax: z.int().min(1).max(1_000_000),
  startAtMs: epochMs.nullable(),
  approval: z.enum(["not_needed", "second_person"]),
  consent: z.enum(["automatic", "ask"]),
  postponeMsMax: z.int().min(0).max(waitMsMax),
  noticeMs: z
    .int()
    .min(0)
    .max(30 * dayMs),
  autoAssign: z.boolean(),
  freezeOverride: z.strictObject({ reason }).nullable(),
  attemptsMax: z.int().min(1).max(10),
};

/** A plan as a person writes it. What may be left out means the careful thing. */
export const planBody = z
  .strictObject({
    ...planFields,
    target: planFields.target.default("true"),
    windows: planFields.windows.default([]),
    startsPerMinuteMax: planFields.startsPerMinuteMax.default(1_000),
    startAtMs: planFields.startAtMs.default(null),
    approval: planFields.approval.default("not_needed"),
    consent: planFields.consent.default("automatic"),
    postponeMsMax: planFields.postponeMsMax.default(7 * dayMs),
    noticeMs: planFields.noticeMs.default(0),
    autoAssign: planFields.autoAssign.default(false),
    freezeOverride: planFields.freezeOverride.default(null),
    attemptsMax: planFields.attemptsMax.default(3),
  })
  .meta({ id: "RolloutPlan" });

/** What of a draft is changed. */
export const planPatch = z.strictObject(planFields).omit({ releaseId: true }).partial();

const planView = z.object(planFields).meta({ id: "RolloutPlanView" });
const atMs = z.number();
const count = z.number().int();

/** `kind` says which of the others are there. */
export const stateView = z.object({
  kind: z.enum(rolloutStates),
  startAtMs: atMs.nullable().optional().describe("scheduled; null: a person starts it."),
  submittedBy: z.string().optional(),
  approvedBy: z.string().nullable().optional(),
  startedAtMs: atMs.optional(),
  pausedAtMs: atMs.optional(),
  finishedAtMs: atMs.optional(),
  abortedAtMs: atMs.optional(),
  haltedAtMs: atMs.optional(),
  by: z.string().optional().describe("paused, aborted"),
  reason: z.string().optional().describe("paused, aborted"),
  progress: z
    .object({ kind: z.enum(["starting", "soaking", "waiting"]), stage: count, sinceMs: atMs })
    .optional()
    .describe("running, paused. `waiting`: for a second person's approval."),
  stage: count.optional().describe("halted: the stage whose gate tripped."),
});

export const tallyView = z.record(z.enum(memberStates), count);

export const gateView = z
  .object({
    gate: z.enum(gateKinds),
    value: z.number().nullable().describe("null: nothing to divide by, or nothing measured yet."),
    line: z.number().describe("Above it the rollout halts by itself."),
    sample: count.describe("Known outcomes behind the value; for a metric, appliances on the smaller side."),
    sampleMin: count.describe("From so many on the value counts."),
    verdict: z.enum(["too_early", "within", "tripped"]),
  })
  .meta({ id: "RolloutGate" });

const stageView = z
  .object({
    index: count,
    name: z.string(),
    size: stageSize,
    members: count,
    tally: tallyView,
    state: z.enum(["not_begun", "starting", "soaking", "waiting_for_approval", "passed", "halted", "stopped"]),
    soakMs: z.number(),
    soakUntilMs: atMs.nullable().describe("While it soaks."),
    sampleMissing: count.describe("Outcomes that the stage still waits for."),
    gates: z.array(gateView).describe("Empty: nothing stops this stage but a person."),
    next: z.enum(["continue", "wait_for_approval"]),
  })
  .meta({ id: "RolloutStage" });

const summaryFields = {
  id: z.uuid(),
  name: z.string(),
  model: z.string(),
  releaseId: z.uuid(),
  version: z.string(),
  releaseKind: z.enum(["security", "feature"]),
  state: stateView,
  noGate: z.boolean().describe("No stage has a gate: the rollout does not stop by itself."),
  stages: count,
  members: count,
  funnel: tallyView,
  createdAtMs: atMs,
  createdBy: z.string(),
  changedAtMs: atMs,
};

export const rolloutSummary = z.object(summaryFields).meta({ id: "RolloutSummary" });

export const historyEntry = z
  .object({
    id: count,
    atMs,
    by: z.string().describe("A principal; `system` for what the rollout did by itself."),
    what: z.string().describe("`created`, `submitted`, `approved`, `begun`, `stage_passed`, `paused`, `halted`, ..."),
    stage: count.nullable(),
    reason: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "RolloutHistoryEntry" });

/** Where starting is possible right now. */
const windowsView = z.object({
  openZones: z.array(z.string()),
  closedZones: z.array(z.string()),
  nextChangeAtMs: atMs.nullable().describe("When a window of one of these zones opens or closes next."),
  waitingOpen: count.describe("Appliances of the current stage that could start now."),
  waitingClosed: count.describe("... whose window is closed."),
  waitingFrozen: count.describe("... whose country is frozen."),
  frozen: z.union([z.literal("all"), z.array(z.string())]),
});

export const rolloutDetail = z
  .object({
    ...summaryFields,
    plan: planView,
    stages: z.array(stageView),
    windows: windowsView,
    expectedFinishAtMs: atMs.nullable().describe("null: it cannot be said."),
    expectedFinishWhy: z.string().describe("What the time rests on, or why there is none."),
    /** What an abort would do now. */
    abortEffect: z.object({
      done: count.describe("Have their outcome and stay as they are."),
      underWay: count.describe("Go on: they have begun."),
      calledBack: count.describe("Have been offered it and not begun."),
      notStarted: count.describe("Never get it."),
    }),
    retryable: count.describe("Failed for a reason after which another try may help."),
    haltedBy: gateView.nullable(),
    history: z.array(historyEntry).describe("The newest 20."),
  })
  .meta({ id: "RolloutDetail" });

export const memberView = z
  .object({
    deviceId,
    stage: count,
    state: z.enum(memberStates),
    reason: z.string().nullable().describe("Why it was skipped, failed or called back."),
    deliveryId: z.uuid().nullable(),
    offeredAtMs: atMs.nullable(),
    startedAtMs: atMs.nullable(),
    endedAtMs: atMs.nullable(),
    timeZone: z.string(),
    country: z.string().nullable(),
  })
  .meta({ id: "RolloutMember" });

export const failureView = z
  .object({
    state: z.enum(["failed", "timed_out"]),
    reason: z.string(),
    count,
    retryable: z.boolean(),
    examples: z.array(deviceId).describe("At most five."),
  })
  .meta({ id: "RolloutFailure" });

const clashView = z
  .object({
    rule: z.string(),
    sentence: z.string(),
    fromMs: atMs.nullable(),
    toMs: atMs.nullable(),
    rolloutIds: z.array(z.uuid()),
    freezeIds: z.array(z.uuid()),
  })
  .meta({ id: "ScheduleClash" });

/** A dry run: nothing is kept. */
export const previewView = z
  .object({
    eligible: count,
    excluded: z.array(
      z.object({
        reason: z.string().describe("`already_there`, `wrong_hardware`, `needs_release`, `predicate`, ..."),
        sentence: z.string(),
        count,
        examples: z.array(deviceId).describe("At most five."),
      }),
    ),
    stages: z.array(z.object({ name: z.string(), members: count, expectedAtMs: atMs.nullable() })),
    zones: z.array(z.object({ timeZone: z.string(), devices: count, open: z.boolean(), changesAtMs: atMs.nullable() })),
    expectedFinishAtMs: atMs.nullable(),
    expectedFinishWhy: z.string(),
    noGate: z.boolean(),
    warnings: z.array(z.string()),
    problems: z.array(z.object({ code: z.string(), title: z.string(), detail: z.string() })),
    clashes: z.array(clashView),
  })
  .meta({ id: "RolloutPreview" });

export const freezeBody = z
  .strictObject({
    countries: z
      .array(z.string().regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166-1)"))
      .max(250)
      .default([])
      .describe("None: everywhere."),
    models: z.array(modelKey).max(100).default([]).describe("None: all."),
    fromMs: epochMs,
    toMs: epochMs,
    reason,
  })
  .refine(({ fromMs, toMs }) => fromMs < toMs, { message: "must be after fromMs", path: ["toMs"] });

export const freezeView = z
  .object({
    id: z.uuid(),
    countries: z.array(z.string()),
    models: z.array(z.string()),
    fromMs: atMs,
    toMs: atMs,
    reason: z.string(),
    createdAtMs: atMs,
    createdBy: z.string(),
  })
  .meta({ id: "Freeze" });

export const scheduleView = z
  .object({
    fromMs: atMs,
    toMs: atMs,
    items: z.array(
      z.object({
        kind: z.enum(["rollout", "window", "freeze"]),
        fromMs: atMs,
        toMs: atMs.nullable().describe("null: nobody can say."),
        title: z.string(),
        rolloutId: z.uuid().nullable(),
        freezeId: z.uuid().nullable(),
        models: z.array(z.string()),
        countries: z.array(z.string()),
        timeZones: z.array(z.string()).describe("Of a window: the zones in which it is open then."),
      }),
    ),
    clashes: z.array(clashView),
    isCut: z.boolean().describe("There is more in this time than one answer holds."),
  })
  .meta({ id: "Schedule" });
