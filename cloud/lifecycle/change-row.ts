import { sql } from "kysely";
import type { Stage } from "./core/definition.ts";
import type { StageChange } from "./core/life.ts";
import type { Cause } from "./core/stage.ts";

/** A change of stage as its table holds it. */
export interface ChangeRow {
  place: number;
  at_ms: number;
  from_stage: Stage | null;
  to_stage: Stage;
  causes: Cause[];
  days: number | null;
  days_median: number | null;
}

/** A change with what it usually takes, measured when it came. */
export interface ShownChange extends StageChange {
  daysMedian: number | null;
}

export const changeColumns = sql`place, at_ms, from_stage, to_stage, causes, days, days_median`;

export const toChange = (row: ChangeRow): ShownChange => ({
  place: row.place,
  atMs: row.at_ms,
  from: row.from_stage,
  to: row.to_stage,
  causes: row.causes,
  days: row.days,
  daysMedian: row.days_median,
});
