import { sql } from "kysely";
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
  | { kind: "ok"; deviceKeys: number[]; matching: number }
  | { kind: "refused"; rule: Exclude<ReturnType<typeof compileTarget>, { kind: "ok" }>["rule"]; detail: string };

/**
 * Of the appliances that a filter means as many as are wanted, the same ones each time and of no particular kind.
 *
 * @returns with them how many there are in all
 */
export async function fleetSample(db: Db, filter: FleetFilter, nowMs: number, limit: number): Promise<FleetSample> {
  const { models, deviceIds, target } = filter;
  const compiled = target === null ? null : compileTarget(target);
  if (compiled?.kind === "refused") return { kind: "refused", rule: compiled.rule, detail: compiled.detail };
  const holds = compiled === null ? sql`true` : compiled.predicate.where(factColumn(nowMs));
  const { rows } = await sql<{ key: number; matching: number }>`
    SELECT key, matching FROM (
      SELECT f.key, count(*) OVER () AS matching FROM ${fleet}
      WHERE (${models}::text[] IS NULL OR f.model = ANY(${models}::text[]))
        AND (${deviceIds}::text[] IS NULL OR f.id = ANY(${deviceIds}::text[])) AND ${holds}
    ) AS meant ORDER BY hashint4(key), key LIMIT ${limit}`.execute(db);
  return { kind: "ok", deviceKeys: rows.map(({ key }) => key), matching: rows[0]?.matching ?? 0 };
}
