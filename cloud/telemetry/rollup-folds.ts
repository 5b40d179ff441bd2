/** SQL of folds: what a metric did in a length of time, as its least and greatest value, its sum and its count. */
import { type RawBuilder, sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";

type Value = RawBuilder<unknown>;
export interface FoldColumns {
  min: Value;
  max: Value;
  sum: Value;
  count: Value;
}

/** Sums of what no appliance measures would overflow, and PostgreSQL refuses the whole statement then: they are cut off there. */
const [termMin, termMax] = [sql.lit(-1e150), sql.lit(1e150)];

/** The value of one reading as a fold. */
export const foldOfValue = (value: Value): FoldColumns => ({
  min: value,
  max: value,
  // LEAST and GREATEST pass over what is missing, and would make a number of it.
  sum: sql`CASE WHEN ${value} IS NOT NULL THEN least(greatest(${value}, ${termMin}), ${termMax}) END`,
  count: sql`CASE WHEN ${value} IS NOT NULL THEN 1::float8 END`,
});

/** A metric in a row of a rollup: by position, and by name where it was not declared when that was made. Both may be there. */
export function foldOfRollup(metric: string, layout: MetricLayout): FoldColumns {
  const named = (at: number) => sql`(undeclared -> ${metric} ->> ${sql.lit(at)})::float8`;
  const position = layout.positions.get(metric);
  // SQL counts from 1.
  const placed = (at: number) => (position === undefined ? sql`NULL` : sql`folds[${sql.lit(position * 4 + at + 1)}]`);
  const added = (at: number) => sql`CASE WHEN undeclared IS NULL THEN ${placed(at)}
    ELSE coalesce(${placed(at)} + ${named(at)}, ${placed(at)}, ${named(at)}) END`;
  return {
    min: sql`least(${placed(0)}, ${named(0)})`,
    max: sql`greatest(${placed(1)}, ${named(1)})`,
    sum: added(2),
    count: added(3),
  };
}

/** The vector of folds that a rollup's row is made of, over rows that have each metric's fold as `min0, max0, sum0, count0, min1, ...`. */
export const foldVector = (size: number): Value =>
  size === 0
    ? sql`'{}'::float8[]`
    : sql`ARRAY[${sql.join(
        Array.from(
          { length: size },
          (_, at) =>
            sql`min(${sql.ref(`min${at}`)}), max(${sql.ref(`max${at}`)}), sum(${sql.ref(`sum${at}`)}), sum(${sql.ref(`count${at}`)})`,
        ),
      )}]::float8[]`;

/** The folds of these metrics as columns of those names; without metrics, a column that nobody asks for. */
export const foldColumns = (folds: readonly FoldColumns[]): Value =>
  folds.length === 0
    ? sql`NULL AS none`
    : sql.join(
        folds.map(
          ({ min, max, sum, count }, at) =>
            sql`${min} AS ${sql.ref(`min${at}`)}, ${max} AS ${sql.ref(`max${at}`)}, ${sum} AS ${sql.ref(`sum${at}`)}, ${count} AS ${sql.ref(`count${at}`)}`,
        ),
      );

/** What is in `extras`, an array of the `undeclared` of readings, as {name: [min, max, sum, count]}; names that have a position left out. */
export const undeclaredOfReadings = (names: readonly string[]): Value => sql`
  CASE WHEN extras IS NOT NULL THEN (
    SELECT jsonb_object_agg(name, fold) FROM (
      SELECT name, jsonb_build_array(min(value), max(value), sum(least(greatest(value, ${termMin}), ${termMax})), count(value)) AS fold
      FROM jsonb_array_elements(extras) AS extra(object), jsonb_each_text(object) AS each(name, text),
        LATERAL (SELECT CASE text WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE text::float8 END AS value) AS number
      WHERE name <> ALL(${names}::text[]) GROUP BY name
    ) AS folded) END`;

/** The same for `extras` that are the `undeclared` of rollups. */
export const undeclaredOfRollups = (names: readonly string[]): Value => sql`
  CASE WHEN extras IS NOT NULL THEN (
    SELECT jsonb_object_agg(name, fold) FROM (
      SELECT name, jsonb_build_array(min((one ->> 0)::float8), max((one ->> 1)::float8), sum((one ->> 2)::float8), sum((one ->> 3)::float8)) AS fold
      FROM jsonb_array_elements(extras) AS extra(object), jsonb_each(object) AS each(name, one)
      WHERE name <> ALL(${names}::text[]) GROUP BY name
    ) AS folded) END`;
