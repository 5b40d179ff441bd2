import { type RawBuilder, sql } from "kysely";
import type { FactColumn } from "../platform/predicate/predicate.ts";
import { type FactSource, householdFact } from "./core/facts.ts";

const column = (name: string): RawBuilder<unknown> => sql.ref(`p.${name}`);

/** The same as `valueOf` in memory says; `today` is `z.today`, the day of the household's calendar. */
function valueOf(from: FactSource): RawBuilder<unknown> {
  switch (from.kind) {
    case "stored":
      return column(from.column);
    case "days_since":
      // Not by greatest(), which takes a day that is not known for none at all.
      return sql`CASE WHEN ${column(from.column)} > z.today THEN 0 ELSE z.today - ${column(from.column)} END`;
    case "times_in_days":
      // Of a sorted list this is a binary search, and so it costs the same however often the household cooks.
      return sql`(cardinality(${column(from.column)}) - width_bucket(z.today - ${from.days}::int, ${column(from.column)}))`;
    case "types_in_days":
      return sql`ARRAY(SELECT t.type FROM unnest(p.outside_types, p.outside_type_days) AS t(type, day)
        WHERE t.day > z.today - ${from.days}::int)`;
    case "language":
      return sql`split_part(p.locale, '-', 1)`;
    case "in_cart":
      return sql`(p.last_cart_at_ms IS NOT NULL AND (p.last_order_at_ms IS NULL OR p.last_cart_at_ms > p.last_order_at_ms))`;
  }
}

/** Where a fact lies, over a profile `p` and the days `z`; null, and so unknown, where the household's consents do not cover it. */
export function factColumn(name: string): FactColumn | null {
  const fact = householdFact(name);
  if (fact === undefined) return null;
  const { type, purpose, from } = fact;
  const covered = (value: RawBuilder<unknown>): RawBuilder<unknown> =>
    purpose === "run" ? value : sql`CASE WHEN ${purpose}::text = ANY(p.consents) THEN ${value} END`;
  const value = type === "number" ? sql`(${valueOf(from)})::float8` : valueOf(from);
  return {
    value: covered(value),
    ...(from.kind === "stored" && from.parts !== undefined ? { parts: covered(column(from.parts)) } : {}),
  };
}
