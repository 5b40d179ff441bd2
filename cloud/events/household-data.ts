import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** The one event that stays for as long as the outbox keeps any: by it others learn that they too have something to erase. */
const erasedType = "hearth.household.erased";

export interface Forgotten {
  /** Ids of the household and of its people. */
  ids: readonly string[];
  devices: readonly { deviceId: string; fromMs: number; toMs: number | null }[];
}

const rowsAtOnce = 20_000;

/** Events about a household. They have no index by household, which every event would pay for: the whole outbox is looked through. */
export const eventsData: HouseholdData[] = [
  {
    name: "events",
    describes: "What was told to other systems about your household.",
    kept: "30 days",
    keeps:
      "That a household was erased, under an id that stands for nobody any more, so that other systems erase it too.",
    rows: (db, householdId) =>
      pages<{ id: number }>(async (last, limit) => {
        const { rows } = await sql<{ id: number }>`
          SELECT id, event_id AS "eventId", type, subject, at_ms AS "atMs", data FROM outbox
          WHERE id > ${last?.id ?? 0} AND (subject = ${`household:${householdId}`} OR data ->> 'householdId' = ${householdId})
          ORDER BY id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    // After the commit: see `forgetEvents`.
    erase: async () => 0,
  },
];

/**
 * Removes from the outbox what is about a household or was said of its appliances while it had them, and with it what of it was sent or
 * was still to be sent to webhooks.
 *
 * @returns how many events are gone
 */
export async function forgetEvents(db: Db, { ids, devices }: Forgotten): Promise<number> {
  let [after, gone] = [0, 0];
  for (;;) {
    const { rows } = await sql<{ last: number | null; gone: number }>`
      WITH page AS (SELECT id, type, subject, at_ms, data FROM outbox WHERE id > ${after} ORDER BY id LIMIT ${rowsAtOnce}),
      erased AS (
        DELETE FROM outbox o USING page p WHERE o.id = p.id AND p.type <> ${erasedType} AND (
          p.subject || ' ' || p.data::text LIKE ANY(${ids.map((id) => `%${id}%`)})
          OR EXISTS (
            SELECT FROM json_to_recordset(${JSON.stringify(devices)}::json) AS t("deviceId" text, "fromMs" bigint, "toMs" bigint)
            WHERE (p.data ->> 'deviceId' = t."deviceId" OR p.subject = 'device:' || t."deviceId")
              AND p.at_ms >= t."fromMs" AND (t."toMs" IS NULL OR p.at_ms < t."toMs")))
        RETURNING o.id),
      unsent AS (DELETE FROM webhook_delivery WHERE outbox_id IN (SELECT id FROM erased))
      SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM erased) AS gone`.execute(db);
    const [row] = rows;
    if (row === undefined || row.last === null) return gone;
    after = row.last;
    gone += row.gone;
  }
}
