import { sql } from "kysely";
import { consentFacts } from "../consent/consent.ts";
import type { Db } from "../platform/database.ts";
import { factColumn, fleet, compileTarget } from "./eligibility.ts";

/** Appliances of models, by their ids, by a condition over their facts: all that is given must hold. */
export interface FleetFilter {
  models: readonly string[] | null;
  deviceIds: readonly string[] | null;
  /** In CEL, as targets are. */
  target: string | null;
}

export type FleetSample =
  | { kind: "ok"; deviceKeys: number[]; matching: number; leftOut: number }
  | { kind: "refused"; rule: Exclude<ReturnType<typeof compileTarget>, { kind: "ok" }>["rule"]; detail: string };

/** Nobody has it, or they agreed that what it says improves the product. */
const mayImprove = sql`(f.household_id IS NULL OR EXISTS (
  SELECT FROM ${consentFacts} AS c WHERE c.household_id = f.household_id AND c.purpose = 'improve'))`;

/**
 * Of the appliances that a filter means as many as are wanted, the same ones each time and of no particular kind. Those whose household did
 * not agree to `improve` are left out.
 *
 * @returns with them how many there are in all, and how many of these are left out
 */
export async function fleetSample(db: Db, filter: FleetFilter, nowMs: number, limit: number): Promise<FleetSample> {
  const { models, deviceIds, target } = filter;
  const compiled = target === null ? null : compileTarget(target);
  if (compiled?.kind === "refused") return { kind: "refused", rule: compiled.rule, detail: compiled.detail };
  const holds = compiled === null ? sql`true` : compiled.predicate.where(factColumn(nowMs));
  const { rows } = await sql<{ deviceKeys: number[]; matching: number; leftOut: number }>`
    WITH meant AS (
      SELECT f.key, ${mayImprove} AS used FROM ${fleet}
      WHERE (${models}::text[] IS NULL OR f.model = ANY(${models}::text[]))
        AND (${deviceIds}::text[] IS NULL OR f.id = ANY(${deviceIds}::text[])) AND ${holds}
    ), picked AS (SELECT key FROM meant WHERE used ORDER BY hashint4(key), key LIMIT ${limit})
    SELECT count(*) AS matching, count(*) FILTER (WHERE NOT used) AS "leftOut",
      ARRAY(SELECT key FROM picked ORDER BY hashint4(key), key) AS "deviceKeys"
    FROM meant`.execute(db);
  const [found = { deviceKeys: [], matching: 0, leftOut: 0 }] = rows;
  return { kind: "ok", ...found };
}
