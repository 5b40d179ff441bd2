/** How a metric, or the frequency of an event, differs between two sets of appliances: what a rollout's gate asks. */
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { TelemetryStore } from "./telemetry-store.ts";

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

/** An appliance that was watched for less than this says nothing about a frequency. */
const watchedMsMin = 3_600_000;
const dayMs = 86_400_000;

const sideRows = (side: readonly GateSide[]): RawBuilder<unknown> => sql`
  unnest(${side.map(({ deviceKey }) => deviceKey)}::int[], ${side.map(({ sinceMs }) => sinceMs)}::bigint[]) AS s(key, since_ms)`;

interface Side {
  value: number | null;
  devices: number;
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

/** Compares two sets of appliances of a model up to `toMs`. A side that has nothing to say has 0 appliances. */
export async function gateMetric(
  stores: { db: Db; readings: TelemetryStore },
  what: { model: string; source: GateSource },
  sides: { treated: readonly GateSide[]; untreated: readonly GateSide[] },
  toMs: number,
): Promise<GateMeasure> {
  const { source, model } = what;
  const measure = (devices: readonly GateSide[]): Promise<Side> =>
    source.kind === "metric"
      ? stores.readings.means({ model, devices, metric: source.name, toMs })
      : perDayOf(stores.db, source.type, devices, toMs);
  const [treated, untreated] = [await measure(sides.treated), await measure(sides.untreated)];
  return {
    treated: treated.value ?? 0,
    untreated: untreated.value ?? 0,
    treatedDevices: treated.devices,
    untreatedDevices: untreated.devices,
  };
}
