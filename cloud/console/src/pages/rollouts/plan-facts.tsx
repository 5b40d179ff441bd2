import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import type { RolloutPlan } from "../../api/rollout-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { absoluteText, durationText } from "../../core/time.ts";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./rollouts.module.css";

const dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** `Mon to Fri, 01:00 to 05:00` */
export function windowText({ weekdays, from, to }: MaintenanceWindow): string {
  const days = weekdays.toSorted((a, b) => a - b);
  const [first, last] = [days[0] ?? 1, days.at(-1) ?? 7];
  const isRun = days.length > 2 && last - first === days.length - 1;
  const words =
    days.length === 7
      ? "Every day"
      : isRun
        ? `${dayNames[first - 1]} to ${dayNames[last - 1]}`
        : days.map((day) => dayNames[day - 1]).join(", ");
  return `${words}, ${from} to ${to}`;
}

/** A plan as it was written, in words. */
export function PlanFacts({ plan }: { plan: RolloutPlan }) {
  return (
    <dl className={classes["facts"]}>
      <dt>Target</dt>
      <dd>
        <code className={page["quoted"]}>{plan.target}</code>
      </dd>
      <dt>Windows</dt>
      <dd>
        {plan.windows.length === 0
          ? "At any time, once the appliance is cold and at rest"
          : `${plan.windows.map(windowText).join("; ")}, by the clock where the appliance stands`}
      </dd>
      <dt>Start rate</dt>
      <dd>at most {plural(plan.startsPerMinuteMax, "appliance")} a minute</dd>
      {plan.startAtMs !== null && (
        <>
          <dt>Begins</dt>
          <dd>{absoluteText(plan.startAtMs, localZone)}</dd>
        </>
      )}
      <dt>Household</dt>
      <dd>
        {plan.consent === "ask" ? "Is asked first" : "Is not asked"}
        {plan.noticeMs > 0 && `, is told ${durationText(plan.noticeMs)} before`}
        {plan.postponeMsMax > 0 && `, may put it off for up to ${durationText(plan.postponeMsMax)}`}
      </dd>
      <dt>Tries</dt>
      <dd>{plural(plan.attemptsMax, "attempt")} for each appliance</dd>
      <dt>Approval</dt>
      <dd>{plan.approval === "second_person" ? "A second person approves it" : "Not asked for"}</dd>
      {plan.autoAssign && (
        <>
          <dt>New appliances</dt>
          <dd>Get it too, also after the rollout has finished</dd>
        </>
      )}
      {plan.freezeOverride !== null && (
        <>
          <dt>Freezes</dt>
          <dd>Overridden: “{plan.freezeOverride.reason}”</dd>
        </>
      )}
    </dl>
  );
}
