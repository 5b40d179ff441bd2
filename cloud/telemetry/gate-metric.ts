/** How a metric, or the frequency of an event, differs between two sets of appliances: what a rollout's gate asks. */
import { type RawBuilder, sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { valueIn } from "./reading-values.ts";

/** An appliance from a time on. */
export interface GateSide {
  deviceKey: number;
  sinceMs: number;
}

/** The mean of a metric, or events of a type per appliance and day. */
export type GateSource = { kind: "metric"; name: string } | { kind: "event"; type: string };

export interface GateMeasure {
  treated: number;
  untreated: number;
  /** Appliances that had something to say. */
  treatedDevices: number;
  untreatedDevices: number;
}

/** The newest readings of an appliance that go into its mean: a day of one in ten seconds would be read for nothing. */
const readingsMax = 200;
/** An appliance that was watched for less than this says nothing about a frequency. */
const watchedMsMin = 3_600_000;
const dayMs = 86_400_000;

const sideRows = (side: readonly GateSide[]): RawBuilder<unknown> => sql`
  unnest(${side.map(({ deviceKey }) => deviceKey)}::int[], ${side.map(({ sinceMs }) => sinceMs)}::bigint[]) AS s(key, since_ms)`;

interface Side {
  value: number | null;
  devices: number;
}

/** The mean of the appliances' own means: one that reports often weighs no more than another. */
async function meanOf(db: Db, value: RawBuilder<unknown>, side: readonly GateSide[], toMs: number): Promise<Side> {
  const { rows } = await sql<Side>`
    SELECT avg(mean) AS value, count(mean) AS devices FROM ${sideRows(side)}
    CROSS JOIN LATERAL (
      SELECT avg(value) AS mean FROM (
        SELECT ${value} AS value FROM reading
        WHERE device_key = s.key AND at_ms >= s.since_ms AND at_ms < ${toMs} ORDER BY at_ms DESC LIMIT ${readingsMax}
      ) AS newest
    ) AS own`.execute(db);
  return rows[0] ?? { value: null, devices: 0 };
}

async function perDayOf(db: Db, type: string, side: readonly GateSide[], toMs: number): Promise<Side> {
  const { rows } = await sql<Side>`
    SELECT sum(n) / (sum(${toMs} - since_ms) / ${dayMs}::float8) AS value, count(*) AS devices FROM (
      SELECT s.since_ms, (
        SELECT count(*) FROM device_event e
        WHERE e.device_key = s.key AND e.order_at_ms >= s.since_ms AND e.order_at_ms < ${toMs} AND e.type = ${type}) AS n
      FROM ${sideRows(side)} WHERE s.since_ms <= ${toMs - watchedMsMin}
    ) AS watched`.execute(db);
  return rows[0] ?? { value: null, devices: 0 };
}

/**
 * Compares two sets of appliances up to `toMs`. A side that has nothing to say has 0 appliances.
 *
 * @param what `layout` is that of the appliances' model
 */
export async function gateMetric(
  db: Db,
  what: { layout: MetricLayout; source: GateSource },
  sides: { treated: readonly GateSide[]; untreated: readonly GateSide[] },
  toMs: number,
): Promise<GateMeasure> {
  const { source, layout } = what;
  const measure = (side: readonly GateSide[]): Promise<Side> =>
    source.kind === "metric"
      ? meanOf(db, valueIn(source.name, layout), side, toMs)
      : perDayOf(db, source.type, side, toMs);
  const [treated, untreated] = [await measure(sides.treated), await measure(sides.untreated)];
  return {
    treated: treated.value ?? 0,
    untreated: untreated.value ?? 0,
    treatedDevices: treated.devices,
    untreatedDevices: untreated.devices,
  };
}
