import { z } from "zod";
import { commandNames } from "#protocol/command.ts";
import { modelKey } from "#protocol/ids.ts";
import { metricName, safeText } from "#protocol/text.ts";
import { conditionFields, conditionText, wrongCondition } from "./condition.ts";
import { faultCodePattern } from "./operators/fault.ts";
import { severities } from "./severity.ts";

export { severities };
export const ruleModes = ["live", "shadow", "off"] as const;
export type RuleMode = (typeof ruleModes)[number];

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

/** Bounds of what a rule may ask for: each keeps its state small, or its work. */
export const ruleLimits = {
  windowMsMax: 90 * dayMs,
  absenceMsMin: 10 * minuteMs,
  absenceMsMax: 365 * dayMs,
  latenessMsMax: dayMs,
  countMax: 50,
  placesMax: 4,
  episodesMax: 20,
  baselineEpisodesMax: 50,
  /** An episode's readings are read at once. */
  episodeMsMax: 12 * hourMs,
  actionsMax: 5,
  pointsMax: 10_000,
} as const;

/** What a rule may order: nothing that prepares a program, and nothing on the list heats. */
export const ruleCommands = commandNames.filter((name) => name !== "load_program");

const tag = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be letters, digits, _ . -, at most 64");

/**
 * What follows when the cause comes. When it goes the case resolves, the tag is taken off, and the event says so. Points that were earned
 * stay earned, and what was sent stays sent.
 */
const action = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("case") }),
  z.strictObject({ kind: z.literal("event") }),
  z.strictObject({ kind: z.literal("tag"), tag }),
  z.strictObject({ kind: z.literal("command"), name: z.enum(ruleCommands) }),
  /** To the household that had the appliance then, once for each coming. */
  z.strictObject({
    kind: z.literal("award_points"),
    points: z.int().min(1).max(ruleLimits.pointsMax),
    /** What the household reads that it is for. */
    title: safeText(100).trim().min(1),
  }),
  /** To the appliance, in its household's language: an item about safety, security, a recall or service. */
  z.strictObject({ kind: z.literal("send_content"), itemId: z.uuid() }),
]);
export const actionKinds = ["case", "event", "tag", "command", "award_points", "send_content"] as const;

const common = {
  title: safeText(200).trim().min(1),
  severity: z.enum(severities),
  /** The models it watches; all of them where it is left out. */
  models: z.array(modelKey).min(1).max(200).optional(),
  /** `shadow`: what it finds is noted and nothing follows. */
  mode: z.enum(ruleModes).default("live"),
  actions: z
    .array(action)
    .max(ruleLimits.actionsMax)
    .default([{ kind: "case" }]),
  /** The kinds of fields that its conditions read, beyond the well-known ones. */
  fields: conditionFields.optional(),
};

const causeName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters");
const withCause = { ...common, cause: causeName };

/** How far behind the newest of a device an event may lie and still be put in order. */
const latenessMs = z.int().min(0).max(ruleLimits.latenessMsMax).default(minuteMs);
const windowMs = z.int().min(1_000).max(ruleLimits.windowMsMax);

/** Coming and going are events of a rule, too. No appliance can say these names itself. */
export const presenceTypes = { opened: "connection:opened", closed: "connection:closed" } as const;

/** Events of a type for which a condition over their data and the appliance holds. */
const selector = z.strictObject({
  type: z.union([z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/), z.enum(presenceTypes)]),
  where: conditionText.optional(),
});
export type Selector = z.infer<typeof selector>;

/**
 * A metric beyond a limit for some time. The cause stands until the metric is back at `clearAt`, so that a value that trembles at the
 * limit does not open case after case.
 */
const thresholdRule = z.strictObject({
  kind: z.literal("threshold"),
  ...withCause,
  metric: metricName,
  direction: z.enum(["above", "below"]),
  limit: z.number(),
  clearAt: z.number(),
  /** How long the metric must be beyond the limit, in the device's own time. */
  holdMs: z.int().min(0).max(dayMs),
  /** Readings for which it does not hold are passed over. */
  where: conditionText.optional(),
});

const faultCodes = z.array(z.string().regex(faultCodePattern, "must be a fault's code")).min(1).max(100);

/**
 * A fault that the appliance itself raises and clears. The cause is `fault:` and its code. Salt that runs out and a thermal cut-out that
 * opened are not equally urgent: each rule may be about some codes alone, or about all but some.
 *
 * What readings show as well is one matter, and one case: a rule about one code may give it the cause that another rule finds.
 */
const faultRule = z.strictObject({
  kind: z.literal("fault"),
  ...common,
  codes: faultCodes.optional(),
  notCodes: faultCodes.optional(),
  cause: causeName.optional(),
});

/** A metric that stands still while another says that it should move. */
const frozenRule = z.strictObject({
  kind: z.literal("frozen"),
  ...withCause,
  metric: metricName,
  withinDelta: z.number().min(0),
  holdMs: z
    .int()
    .min(10_000)
    .max(6 * hourMs),
  driver: z.strictObject({ metric: metricName, above: z.number() }),
  readingsMin: z.int().min(2).max(1_000).default(5),
  where: conditionText.optional(),
});

const fieldName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/);

/** Other events that tell of the same: each happening counts once, whoever tells of it, and how often. */
const alsoToldBy = z.strictObject({
  events: z
    .array(
      selector.extend({
        /** A field of the event's data with the time of what it tells of, in epoch milliseconds: where it comes later than that. */
        atField: fieldName.optional(),
      }),
    )
    .min(1)
    .max(ruleLimits.placesMax),
  /** How far apart the times of two may lie that tell of one happening. */
  withinMs: z.int().min(0).max(hourMs),
});

/** So many events within a window. */
const countRule = z.strictObject({
  kind: z.literal("count"),
  ...withCause,
  event: selector,
  alsoToldBy: alsoToldBy.optional(),
  count: z.int().min(2).max(ruleLimits.countMax),
  windowMs,
  quietMs: windowMs,
  latenessMs,
});

/** Events one after the other within a time, and none of another kind between them. */
const sequenceRule = z.strictObject({
  kind: z.literal("sequence"),
  ...withCause,
  events: z.array(selector).min(2).max(ruleLimits.placesMax),
  without: selector.optional(),
  withinMs: windowMs,
  clearAfterMs: windowMs,
  latenessMs,
});

/**
 * Nothing for a time: neither a connection nor a word, no event of a kind, or no reading with a metric. It begins with the first
 * appearance. `anything` is silence: an appliance that is connected is not silent.
 */
const absenceRule = z.strictObject({
  kind: z.literal("absence"),
  ...withCause,
  of: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("anything") }),
    z.strictObject({ kind: z.literal("event"), event: selector }),
    z.strictObject({ kind: z.literal("metric"), metric: metricName }),
  ]),
  forMs: z.int().min(ruleLimits.absenceMsMin).max(ruleLimits.absenceMsMax),
});

/** A sum since the last reset: of events, or of a number that they carry, such as the time that a program ran. */
const accumulateRule = z.strictObject({
  kind: z.literal("accumulate"),
  ...withCause,
  add: selector,
  /** A number in the event's data; 1 each where it is left out. */
  field: fieldName.optional(),
  limit: z.number().positive().max(Number.MAX_SAFE_INTEGER),
  reset: selector,
  latenessMs,
});

const levels = z
  .strictObject({ kind: z.literal("rise"), metric: metricName, from: z.number(), to: z.number() })
  .refine(({ from, to }) => from < to, { path: ["to"], message: "must lie above `from`" });

/** A number for each episode, against the device's own first ones. */
const trendRule = z.strictObject({
  kind: z.literal("trend"),
  ...withCause,
  from: selector,
  to: selector,
  feature: z.discriminatedUnion("kind", [
    levels,
    z.strictObject({ kind: z.literal("mean"), metric: metricName }),
    z.strictObject({
      kind: z.literal("rate"),
      metric: metricName,
      per: z.strictObject({ metric: metricName, above: z.number() }),
    }),
  ]),
  /** Readings that speak. */
  where: conditionText.optional(),
  skipMs: z.int().min(0).max(ruleLimits.episodeMsMax).default(0),
  minMs: z.int().min(0).max(ruleLimits.episodeMsMax).default(0),
  episodeMsMax: z
    .int()
    .min(minuteMs)
    .max(ruleLimits.episodeMsMax)
    .default(6 * hourMs),
  baselineEpisodes: z.int().min(3).max(ruleLimits.baselineEpisodesMax),
  episodes: z.int().min(1).max(ruleLimits.episodesMax),
  share: z.number().min(0.01).max(10),
  direction: z.enum(["above", "below"]),
  latenessMs,
});

export const ruleDefinition = z
  .discriminatedUnion("kind", [
    thresholdRule,
    faultRule,
    frozenRule,
    countRule,
    sequenceRule,
    absenceRule,
    accumulateRule,
    trendRule,
  ])
  .superRefine((rule, issues) => {
    if (rule.kind === "threshold") {
      const wrong = rule.direction === "above" ? rule.clearAt > rule.limit : rule.clearAt < rule.limit;
      if (wrong) issues.addIssue({ code: "custom", path: ["clearAt"], message: "must not lie beyond the limit" });
    }
    // Two faults under one cause: the one that goes would end what the other still says.
    if (rule.kind === "fault" && rule.cause !== undefined && rule.codes?.length !== 1) {
      issues.addIssue({ code: "custom", path: ["cause"], message: "goes with exactly one code in `codes`" });
    }
    for (const [at, { kind }] of rule.actions.entries()) {
      // Of one happening points are earned once, so that there is nothing for a second lot to be known by.
      const isAgain = kind === "award_points" && rule.actions.findIndex((one) => one.kind === kind) < at;
      if (isAgain) issues.addIssue({ code: "custom", path: ["actions", at], message: "points are awarded once" });
    }
    for (const { path, text, over } of conditionsOf(rule)) {
      const message = wrongCondition(text, over, rule.fields ?? {});
      if (message !== null) issues.addIssue({ code: "custom", path, message });
    }
  })
  .meta({ id: "ServiceRuleDefinition" });
export type RuleDefinition = z.infer<typeof ruleDefinition>;
export type RuleOf<K extends RuleDefinition["kind"]> = Extract<RuleDefinition, { kind: K }>;

/** A rule as it stands: its newest version. */
export const serviceRule = z
  .object({
    id: z.uuid(),
    version: z.number(),
    definition: ruleDefinition,
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "ServiceRule" });
export type ServiceRule = z.infer<typeof serviceRule>;

interface ConditionAt {
  path: (string | number)[];
  text: string;
  over: "event" | "reading";
}

/** Every condition of a rule, and where in it. */
function conditionsOf(rule: RuleDefinition): ConditionAt[] {
  const found: ConditionAt[] = [];
  const of = (over: ConditionAt["over"], text: string | undefined, ...path: (string | number)[]): void => {
    if (text !== undefined) found.push({ path: [...path, "where"], text, over });
  };
  switch (rule.kind) {
    case "fault":
      break;
    case "threshold":
    case "frozen":
      of("reading", rule.where);
      break;
    case "count":
      of("event", rule.event.where, "event");
      for (const [at, event] of (rule.alsoToldBy?.events ?? []).entries())
        of("event", event.where, "alsoToldBy", "events", at);
      break;
    case "sequence":
      for (const [at, event] of rule.events.entries()) of("event", event.where, "events", at);
      of("event", rule.without?.where, "without");
      break;
    case "absence":
      if (rule.of.kind === "event") of("event", rule.of.event.where, "of", "event");
      break;
    case "accumulate":
      of("event", rule.add.where, "add");
      of("event", rule.reset.where, "reset");
      break;
    case "trend":
      of("event", rule.from.where, "from");
      of("event", rule.to.where, "to");
      of("reading", rule.where);
  }
  return found;
}

/** The metrics that a rule looks at by their name, and where in it. */
export function metricsNamed(rule: RuleDefinition): { place: string; metric: string }[] {
  switch (rule.kind) {
    case "threshold":
      return [{ place: "metric", metric: rule.metric }];
    case "frozen":
      return [
        { place: "metric", metric: rule.metric },
        { place: "driver.metric", metric: rule.driver.metric },
      ];
    case "absence":
      return rule.of.kind === "metric" ? [{ place: "of.metric", metric: rule.of.metric }] : [];
    case "trend": {
      const { feature } = rule;
      const per = feature.kind === "rate" ? [{ place: "feature.per.metric", metric: feature.per.metric }] : [];
      return [{ place: "feature.metric", metric: feature.metric }, ...per];
    }
    case "fault":
    case "count":
    case "sequence":
    case "accumulate":
      return [];
  }
}

/** What a rule's state is about. It is fixed for the rule's life. */
function identityOf(rule: RuleDefinition): unknown {
  switch (rule.kind) {
    case "fault":
      // Under a cause of its own nothing else than its code may be told to go.
      return rule.cause === undefined ? [] : [rule.cause, rule.codes];
    case "threshold":
      return [rule.cause, rule.metric, rule.direction];
    case "frozen":
      return [rule.cause, rule.metric, rule.driver.metric];
    case "count":
      return [rule.cause, rule.event.type];
    case "sequence":
      return [rule.cause, rule.events.map(({ type }) => type)];
    case "absence":
      return [rule.cause, rule.of];
    case "accumulate":
      return [rule.cause, rule.add.type, rule.field ?? null];
    case "trend":
      // A baseline of another feature would be compared with what it does not measure.
      return [rule.cause, rule.from.type, rule.to.type, rule.feature, rule.where ?? null, rule.skipMs];
  }
}

/** Whether a change keeps what the rule's state is about. What it watches and what it finds are fixed for its life. */
export const keepsIdentity = (before: RuleDefinition, after: RuleDefinition): boolean =>
  before.kind === after.kind && JSON.stringify(identityOf(before)) === JSON.stringify(identityOf(after));

/** Whether a rule finds appliances that are away: by the registry's word, and not by what they say. */
export const findsSilence = (rule: RuleDefinition): boolean => rule.kind === "absence" && rule.of.kind === "anything";

/** Whether a rule finds appliances that no longer measure something. */
export const missesMetric = (rule: RuleDefinition): boolean => rule.kind === "absence" && rule.of.kind === "metric";

/** How what a rule finds is called. A fault's says which fault: the code is what a technician looks for. */
export const titleOfCause = (rule: RuleDefinition, cause: string): string =>
  rule.kind === "fault" && rule.cause === undefined ? `${rule.title} (${cause.slice("fault:".length)})` : rule.title;

export const watchesModel = ({ definition }: ServiceRule, model: string): boolean =>
  definition.models?.includes(model) ?? true;
