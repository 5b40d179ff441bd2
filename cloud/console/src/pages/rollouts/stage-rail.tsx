import type { RolloutStage } from "../../api/rollout-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { shareText, sizeText, stageShare, stageStateWords } from "../../core/rollouts.ts";
import { durationText } from "../../core/time.ts";
import { useNow } from "../../parts/now.ts";
import { StateMark } from "../../parts/state-mark.tsx";
import { FunnelBar } from "./funnel.tsx";
import classes from "./rollouts.module.css";

/** The stages from left to right, or from top to bottom where there is no room: which have passed, which one it is at. */
export function StageRail({ stages }: { stages: readonly RolloutStage[] }) {
  return (
    <ol className={classes["rail"]} aria-label="Stages">
      {stages.map((stage) => (
        <Stage key={stage.index} stage={stage} />
      ))}
    </ol>
  );
}

function Stage({ stage }: { stage: RolloutStage }) {
  const { name, size, members, tally, state } = stage;
  const { words, tone } = stageStateWords[state];
  return (
    <li className={classes["stage"]} data-state={state} aria-current={state === "starting" ? "step" : undefined}>
      <h2>{name}</h2>
      <StateMark tone={tone}>{words}</StateMark>
      <span className={classes["soft"]}>
        {sizeText(size)}
        {members > 0 && `: ${plural(members, "appliance")}`}
      </span>
      {members > 0 && (
        <>
          <FunnelBar tally={tally} />
          <span className={`${classes["soft"]} numbers`}>{shareText(stageShare(stage))} have an outcome</span>
        </>
      )}
      <Waits stage={stage} />
    </li>
  );
}

/** What the stage waits for before the next one begins. */
function Waits({ stage: { state, sampleMissing, soakUntilMs, soakMs, next } }: { stage: RolloutStage }) {
  const nowMs = useNow();
  const parts: string[] = [];
  if (state === "starting" && sampleMissing > 0) parts.push(`${plural(sampleMissing, "outcome")} to its sample`);
  if (state === "soaking" && soakUntilMs !== null) {
    parts.push(soakUntilMs > nowMs ? `watched for another ${durationText(soakUntilMs - nowMs)}` : "about to go on");
  }
  if (state === "not_begun" && soakMs > 0) parts.push(`watched for ${durationText(soakMs)}`);
  if (next === "wait_for_approval" && state !== "passed") parts.push("then a second person says whether it goes on");
  return parts.length === 0 ? null : <span className={classes["soft"]}>{parts.join("; ")}</span>;
}
