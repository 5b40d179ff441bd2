import { problem, type Problem } from "../platform/problem.ts";
import { firmwareProblems } from "./errors.ts";

/** What the slice can refuse, as a value. */
export interface Refused<Rule extends keyof typeof firmwareProblems = keyof typeof firmwareProblems> {
  kind: "refused";
  rule: Rule;
  detail?: string;
}

export const refused = <Rule extends keyof typeof firmwareProblems>(rule: Rule, detail?: string): Refused<Rule> => ({
  kind: "refused",
  rule,
  ...(detail === undefined ? {} : { detail }),
});

/** A refusal on its way to the caller. */
export const asProblem = ({ rule, detail }: Refused): Problem => problem(firmwareProblems, rule, detail);
