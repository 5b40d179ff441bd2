import { sql } from "kysely";
import { tenureSpans, tenureSpansOf } from "../devices/devices.ts";
import { affected, type Db } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { KeptWords } from "./core/kept-words.ts";
import type { RefsByKey, TelemetryErasures } from "./telemetry-erasures.ts";
import type { TelemetryStore } from "./telemetry-store.ts";

interface Deps {
  store: () => TelemetryStore;
  erasures: TelemetryErasures;
  refsByKey: RefsByKey;
  kept: KeptWords;
}

/** What a household's appliances said while they were theirs. */
export function telemetryData({ store, erasures, refsByKey, kept }: Deps): HouseholdData[] {
  return [
    {
      name: "readings",
      describes: "What your appliances measured, every reading as it was sent.",
      kept: kept.readings,
      async *rows(db, householdId) {
        const spans = await tenureSpansOf(db, householdId);
        const refs = await refsByKey(
          spans.map(({ deviceKey }) => deviceKey),
          db,
        );
        for (const { deviceKey, deviceId, fromMs, readingsToMs } of spans) {
          const device = refs.get(deviceKey);
          if (device === undefined) continue;
          // By the gateway's clock where the appliance's had lost the time: what it says then may lie in anybody's.
          const span = { device, sinceMs: fromMs, untilMs: readingsToMs ?? Number.MAX_SAFE_INTEGER };
          const query = { devices: [span], metrics: null, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
          for await (const page of store().readings(query))
            for (const { atMs, clockSuspect, metrics } of page) yield { deviceId, atMs, clockSuspect, ...metrics };
        }
      },
      // Of the spans, each of which is worked off after the commit, in every store. They go on a few minutes after the appliance left: what
      // was on its way then may bear such a time, and what came after that is nobody's.
      erase: (tx, householdId) => erasures.noteHousehold(tx, householdId, refsByKey),
    },
    {
      name: "appliance_events",
      describes: "What happened at your appliances: programs, faults, doors, what was shown and chosen.",
      kept: kept.events,
      rows: (db, householdId) =>
        pages<{ deviceKey: number; orderAtMs: number; id: string }>(async (last, limit) => {
          const { deviceKey = 0, orderAtMs = 0, id = "" } = last ?? {};
          const { rows } = await sql<{ deviceKey: number; orderAtMs: number; id: string }>`
            SELECT e.device_key AS "deviceKey", t.device_id AS "deviceId", e.id, e.type, e.at_ms AS "atMs",
              e.order_at_ms AS "orderAtMs", e.received_at_ms AS "receivedAtMs", e.data
            FROM device_event e JOIN ${tenureSpans(householdId)} t
              ON e.device_key = t.device_key AND e.order_at_ms >= t.from_ms AND e.order_at_ms < t.to_ms AND e.received_at_ms < t.left_ms
            WHERE (e.device_key, e.order_at_ms, e.id) > (${deviceKey}, ${orderAtMs}, ${id})
            ORDER BY e.device_key, e.order_at_ms, e.id LIMIT ${limit}`.execute(db);
          return rows;
        }),
      // With the readings: one span is one erasure.
      erase: async () => 0,
    },
    {
      name: "parked_readings",
      describes: "Readings that could not be stored, and wait to be looked at.",
      rows: (db, householdId) =>
        pages<{ id: string }>(async (last, limit) => {
          const { rows } = await sql<{ id: string }>`
            SELECT p.id, t.device_id AS "deviceId", p.at_ms AS "atMs", p.metrics, p.reason
            FROM parked_reading p JOIN ${tenureSpans(householdId)} t ON ${parkedIn}
            WHERE ${last?.id ?? null}::uuid IS NULL OR p.id > ${last?.id ?? null}::uuid
            ORDER BY p.id LIMIT ${limit}`.execute(db);
          return rows;
        }),
      erase: (tx, householdId) => eraseParked(tx, householdId),
    },
  ];
}

const parkedIn = sql`p.device_key = t.device_key AND p.received_at_ms >= t.from_ms AND p.received_at_ms < t.left_ms`;

async function eraseParked(tx: Db, householdId: string): Promise<number> {
  return affected(tx)`
    DELETE FROM parked_reading p USING ${tenureSpans(householdId)} AS t WHERE ${parkedIn}`;
}
