import { sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { RunningCounter } from "./core/release-rules.ts";

/** What appliances report of their firmware. Where they stand is nothing that firmware asks. */
export const appliancesFacts = deviceFacts(sql`(SELECT NULL::uuid AS id, NULL::text AS time_zone WHERE false)`);

/** The counters that appliances of a model report, by hardware. */
export async function runningCounters(db: Db, model: string): Promise<RunningCounter[]> {
  const { rows } = await sql<RunningCounter>`
    SELECT DISTINCT f.hardware, f.counter FROM ${appliancesFacts} f WHERE f.model = ${model} AND f.counter IS NOT NULL`.execute(
    db,
  );
  return rows;
}

/** How many appliances of each (model, version) report that they run it, for the pairs given. */
export async function countRunning(
  db: Db,
  pairs: readonly { model: string; version: string }[],
): Promise<{ model: string; version: string; devices: number }[]> {
  if (pairs.length === 0) return [];
  const { rows } = await sql<{ model: string; version: string; devices: number }>`
    SELECT f.model, f.version, count(*) AS devices FROM ${appliancesFacts} f
    JOIN (SELECT DISTINCT * FROM unnest(${pairs.map(({ model }) => model)}::text[], ${pairs.map(({ version }) => version)}::text[])
      AS w (model, version)) w ON w.model = f.model AND w.version = f.version
    GROUP BY f.model, f.version`.execute(db);
  return rows;
}
