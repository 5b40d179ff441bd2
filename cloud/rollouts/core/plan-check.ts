/** What is wrong with a plan in itself, whatever the fleet looks like. */
import { neverOpens } from "#protocol/maintenance-window.ts";
import type { Gate, Plan, Stage } from "./plan.ts";

export type PlanRefusal =
  | "stages_do_not_add_up"
  | "stage_repeated"
  | "gate_makes_no_sense"
  | "window_never_opens"
  | "freeze_override_not_allowed"
  | "start_is_past";

export interface RefusedPlan {
  rule: PlanRefusal;
  detail: string;
}

/** Shares are written as decimals, whose sum in binary is not exact. */
const shareSlack = 1e-9;

const percent = (share: number) => `${Number((share * 100).toFixed(4))} %`;

const doNotAddUp = (detail: string): RefusedPlan => ({ rule: "stages_do_not_add_up", detail });

function stagesRefused(stages: readonly Stage[]): RefusedPlan | null {
  const sum = stages.reduce((total, { size }) => total + (size.kind === "share" ? size.share : 0), 0);
  for (const [at, { name, size }] of stages.entries()) {
    if ((size.kind === "share" && size.share === 0) || (size.kind === "count" && size.count === 0))
      return doNotAddUp(`The stage ${name} takes nobody.`);
    if (size.kind === "rest" && at < stages.length - 1)
      return doNotAddUp(`The stage ${name} takes all the rest, and others come after it.`);
  }
  if (sum > 1 + shareSlack) return doNotAddUp(`The shares come to ${percent(sum)}.`);
  if (stages.at(-1)?.size.kind === "rest") {
    return sum > 1 - shareSlack ? doNotAddUp("The shares come to 100 %, and nothing is left for the rest.") : null;
  }
  if (sum >= 1 - shareSlack) return null;
  return doNotAddUp(
    sum === 0
      ? "No stage takes the rest, so that some appliances never get it."
      : `The shares come to ${percent(sum)}, and no stage takes the rest.`,
  );
}

function repeated(stages: readonly Stage[]): RefusedPlan | null {
  const names = stages.map(({ name }) => name);
  const name = names.find((one, at) => names.indexOf(one) !== at);
  if (name !== undefined) return { rule: "stage_repeated", detail: `Two stages are called ${name}.` };
  const tags = stages.flatMap(({ size }) => (size.kind === "tag" ? [size.tag] : []));
  const tag = tags.find((one, at) => tags.indexOf(one) !== at);
  return tag === undefined ? null : { rule: "stage_repeated", detail: `Two stages take the tag ${tag}.` };
}

function gateRefused({ name, size, gate }: Stage): RefusedPlan | null {
  if (gate === null) return null;
  const refuse = (detail: string): RefusedPlan => ({ rule: "gate_makes_no_sense", detail: `${name}: ${detail}` });
  const { failureShareMax, failuresMax, timeoutShareMax, metric }: Gate = gate;
  if (failureShareMax === null && failuresMax === null && timeoutShareMax === null && metric === null)
    return refuse("the gate draws no line. Leave it out where nothing is to stop the stage.");
  if (failureShareMax === 1 || timeoutShareMax === 1)
    return refuse("more than 100 % never fail, so that it never trips.");
  if (failuresMax !== null && size.kind === "count" && failuresMax >= size.count)
    return refuse(`the stage has ${size.count} appliances, so that more than ${failuresMax} never fail.`);
  return null;
}

/**
 * The first thing that is wrong with a plan, or null.
 *
 * @param release what the plan brings
 */
export function planRefused(plan: Plan, release: { kind: "security" | "feature" }, nowMs: number): RefusedPlan | null {
  const { stages, windows, freezeOverride, startAtMs } = plan;
  if (neverOpens(windows)) {
    return { rule: "window_never_opens", detail: "Each of its windows ends in the moment in which it begins." };
  }
  if (freezeOverride !== null && release.kind !== "security")
    return { rule: "freeze_override_not_allowed", detail: "The release is a feature." };
  if (startAtMs !== null && startAtMs < nowMs)
    return { rule: "start_is_past", detail: `It was to begin at ${new Date(startAtMs).toISOString()}.` };
  const wrong = stagesRefused(stages) ?? repeated(stages);
  if (wrong !== null) return wrong;
  for (const stage of stages) {
    const refused = gateRefused(stage);
    if (refused !== null) return refused;
  }
  return null;
}

/** Whether nothing stops the rollout but a person. */
export const hasNoGate = (stages: readonly Stage[]): boolean => stages.every(({ gate }) => gate === null);
