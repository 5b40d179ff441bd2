import type { TimelineKind } from "../../core/timeline.ts";

/** The colour of a kind, on the chart and in the list: a CSS variable. Beside it there is always an icon or a word. */
export const kindColours: Record<TimelineKind, string> = {
  reading: "--line-ember",
  event: "--line-blue",
  delivery: "--line-petrol",
  case: "--mind",
  firing: "--line-ochre",
  points: "--line-violet",
  presence: "--line-plain",
  quarantine: "--wrong",
  security: "--mind",
  rollout: "--line-petrol",
};
