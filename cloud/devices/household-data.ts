import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { few, type HouseholdData, pages } from "../platform/household-data.ts";
import { tenureSpans, tenureSpansOf } from "./tenure-spans.ts";

interface ConnectionRow {
  deviceKey: number;
  atMs: number;
  bootId: string;
  connectionId: number;
  state: string;
}

/** What the registry holds of a household. In the order of erasing: which appliances were theirs is needed to the last. */
export const devicesData: HouseholdData[] = [
  {
    name: "connections",
    describes: "When your appliances came online and went offline, and from which address.",
    rows: (db, householdId) =>
      pages<ConnectionRow>(async (last, limit) => {
        const { deviceKey = 0, atMs = 0, bootId = "", connectionId = 0, state = "" } = last ?? {};
        const { rows } = await sql<ConnectionRow>`
          SELECT p.device_key AS "deviceKey", t.device_id AS "deviceId", p.at_ms AS "atMs", p.state, p.reason, p.address, p.via,
            p.boot_id AS "bootId", p.connection_id AS "connectionId"
          FROM presence_change p JOIN ${tenureSpans(householdId)} t
            ON p.device_key = t.device_key AND p.at_ms >= t.from_ms AND p.at_ms < t.to_ms
          WHERE (p.device_key, p.at_ms, p.boot_id, p.connection_id, p.state)
            > (${deviceKey}, ${atMs}, ${bootId}, ${connectionId}, ${state})
          ORDER BY p.device_key, p.at_ms, p.boot_id, p.connection_id, p.state LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        DELETE FROM presence_change p USING ${tenureSpans(householdId)} AS t
        WHERE p.device_key = t.device_key AND p.at_ms >= t.from_ms AND p.at_ms < t.to_ms`;
    },
  },
  {
    name: "appliances",
    describes: "Your appliances, those that you handed over too, and what each reports of itself while it is yours.",
    keeps: "The appliance stays registered, as nobody's: its serial number, hardware and firmware are the maker's.",
    rows: (db, householdId) =>
      few(async () => {
        const spans = await tenureSpansOf(db, householdId);
        const { rows } = await sql<{ key: number; serial: string | null; reported: unknown; tags: string[] }>`
          SELECT key, serial, reported, tags FROM device WHERE household_id = ${householdId}::uuid`.execute(db);
        const own = new Map(rows.map((row) => [row.key, row]));
        return spans.map(({ deviceKey, deviceId, model, fromMs, toMs }) => {
          const { serial = null, reported = null, tags = [] } = toMs === null ? (own.get(deviceKey) ?? {}) : {};
          return { deviceKey, deviceId, model, fromMs, toMs, serial, reported, tags };
        });
      }),
    async erase(tx, householdId) {
      return affected(tx)`DELETE FROM device_tenure WHERE household_id = ${householdId}::uuid`;
    },
  },
];
