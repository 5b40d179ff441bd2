import { type RawBuilder, sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";

/** A metric's value in a row of `reading`: by position where the model declares it, by name where a row is older than the declaration. */
export function valueIn(metric: string, layout: MetricLayout): RawBuilder<number | null> {
  const undeclared = sql<number | null>`CASE undeclared ->> ${metric} WHEN 'true' THEN 1 WHEN 'false' THEN 0
    ELSE (undeclared ->> ${metric})::float8 END`;
  const position = layout.positions.get(metric);
  // SQL counts from 1.
  return position === undefined
    ? undeclared
    : sql<number | null>`coalesce(metric_values[${sql.lit(position + 1)}], ${undeclared})`;
}
