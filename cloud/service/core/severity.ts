/** How much a case matters; `safety` before `service` before `info`. */
export const severities = ["info", "service", "safety"] as const;
export type Severity = (typeof severities)[number];
