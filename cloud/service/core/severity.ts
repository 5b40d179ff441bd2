/** How much a case matters; `safety` before `service` before `info`. */
export const severities = ["info", "service", "safety"] as const;
export type Severity = (typeof severities)[number];

/** Whether the first of two is worse than the second. */
export const isGraver = (one: Severity, other: Severity): boolean =>
  severities.indexOf(one) > severities.indexOf(other);
