import type { PlannedMember } from "./fleet-plan.ts";
import { between, pick } from "./random.ts";

const dayMs = 86_400_000;
/** How long before its past begins an appliance was sold: it is delivered and built in within a week, and some are years old. */
const soldDaysBefore = { least: 7, most: 4 * 365 };
/** Two years as the law of many countries has it, or five for who bought more. */
const warrantyYears = [2, 5] as const;
const warrantyWeights = [4, 1];

/** When an appliance was sold, and until when its maker answers for it. */
export interface Sale {
  soldAtMs: number;
  warrantyUntilMs: number;
}

/** The sale of an appliance that was at work by `atWorkMs`: a function of its arguments. */
export function saleOf({ seed, timeZone }: Pick<PlannedMember, "seed" | "timeZone">, atWorkMs: number): Sale {
  const { least, most } = soldDaysBefore;
  const soldAtMs = Math.round(atWorkMs - between(least, most, seed, "sold") * dayMs);
  const sold = Temporal.Instant.fromEpochMilliseconds(soldAtMs).toZonedDateTimeISO(timeZone);
  const years = pick(warrantyYears, warrantyWeights, seed, "warranty");
  return { soldAtMs, warrantyUntilMs: sold.add({ years }).epochMilliseconds };
}
