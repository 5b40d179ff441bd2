import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { metricName, safeText } from "#protocol/text.ts";
import { severities } from "./severity.ts";

export { severities };

const common = {
  title: safeText(200).trim().min(1),
  severity: z.enum(severities),
  /** The models it watches; all of them where it is left out. */
  models: z.array(modelKey).min(1).max(200).optional(),
  enabled: z.boolean().default(true),
};

/**
 * A metric beyond a limit for some time. The cause stands until the metric is back at `clearAt`, so that a value that trembles at the
 * limit does not open case after case.
 */
const thresholdRule = z.strictObject({
  kind: z.literal("threshold"),
  ...common,
  metric: metricName,
  direction: z.enum(["above", "below"]),
  limit: z.number(),
  clearAt: z.number(),
  /** How long the metric must be beyond the limit, in the device's own time. */
  holdMs: z.int().min(0).max(86_400_000),
  cause: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters"),
});

/** A fault that the appliance itself raises and clears. The cause is `fault:` and its code. */
const faultRule = z.strictObject({ kind: z.literal("fault"), ...common });

export const ruleDefinition = z
  .discriminatedUnion("kind", [thresholdRule, faultRule])
  .superRefine((rule, issues) => {
    if (rule.kind !== "threshold") return;
    const wrong = rule.direction === "above" ? rule.clearAt > rule.limit : rule.clearAt < rule.limit;
    if (wrong) issues.addIssue({ code: "custom", path: ["clearAt"], message: "must not lie beyond the limit" });
  })
  .meta({ id: "ServiceRuleDefinition" });
export type RuleDefinition = z.infer<typeof ruleDefinition>;
export type ThresholdRule = z.infer<typeof thresholdRule>;

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

/** Whether a change keeps what the rule's state is about. What it watches and what it finds are fixed for its life. */
export function keepsIdentity(before: RuleDefinition, after: RuleDefinition): boolean {
  if (before.kind === "fault" || after.kind === "fault") return before.kind === after.kind;
  return before.metric === after.metric && before.direction === after.direction && before.cause === after.cause;
}
