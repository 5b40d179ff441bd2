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
