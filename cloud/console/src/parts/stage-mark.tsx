import type { Stage } from "../api/lifecycle-shapes.ts";
import { stageName } from "../core/lifecycle.ts";
import classes from "./stage-mark.module.css";

/** A stage by its name, with the colour that it has in pictures. */
export const StageMark = ({ stage }: { stage: Stage }) => (
  <span className={classes["mark"]}>
    <span className={classes["swatch"]} data-stage={stage} aria-hidden="true" />
    {stageName(stage)}
  </span>
);

/** A change of stage; from nothing for who was not known. */
export const StageStep = ({ from, to }: { from: Stage | null; to: Stage }) => (
  <span className={classes["step"]}>
    {from === null ? "Not known yet" : <StageMark stage={from} />}
    <span aria-hidden="true">→</span>
    <span className="hidden">to</span>
    <StageMark stage={to} />
  </span>
);
