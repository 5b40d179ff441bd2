/** Two people who change one thing at once: the later says which version it changed, and is refused where that is no longer the newest. */
import { z } from "zod";
import { type Newest, Problem, type ProblemCatalogue } from "./problem.ts";

export const basedOnProblems = {
  changed_meanwhile: {
    status: 409,
    title: "Somebody else changed it meanwhile",
    help: "Read what it is now, make your change to that, and send its version as `basedOn`.",
  },
} as const satisfies ProblemCatalogue;

/** In the query of what puts a next version in force. */
export const basedOnQuery = z.object({
  basedOn: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      "The version that was changed, 0 where there was none. Refused where there is another; left out, whatever there is is replaced.",
    ),
});

export interface Overtaken {
  kind: "overtaken";
  /** Null where there is none any more. */
  newest: Newest | null;
}

/** Whether somebody else put another version there than the one that was changed. */
export function changedMeanwhile(basedOn: number | null | undefined, newest: Newest | null): Overtaken | null {
  if (basedOn === null || basedOn === undefined || basedOn === (newest?.version ?? 0)) return null;
  return { kind: "overtaken", newest };
}

/** What is in force, as a refusal names it. */
export const newestOf = ({ version, createdAtMs, createdBy }: MadeVersion): Newest => ({
  version,
  atMs: createdAtMs,
  by: createdBy,
});

interface MadeVersion {
  version: number;
  createdAtMs: number;
  createdBy: string;
}

export const newestWords = ({ version, atMs, by }: Newest): string =>
  `Version ${version} was saved by ${by} at ${new Date(atMs).toISOString()}.`;

export function overtakenProblem({ newest }: Overtaken): Problem {
  const detail = newest === null ? "There is no version of it any more." : newestWords(newest);
  return new Problem("changed_meanwhile", basedOnProblems.changed_meanwhile, detail, [], newest);
}
