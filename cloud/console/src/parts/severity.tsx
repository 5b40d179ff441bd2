import type { Severity } from "../api/case-shapes.ts";
import { severityWords } from "../core/case-words.ts";
import { AlertIcon } from "./icons.tsx";
import classes from "./severity.module.css";

/** How much it matters, by a word and a drawing, so that nobody has to tell two colours apart. */
export const SeverityMark = ({ severity }: { severity: Severity }) => (
  <span className={classes["severity"]} data-severity={severity}>
    {severity === "safety" && <AlertIcon />}
    {severityWords[severity].words}
  </span>
);
