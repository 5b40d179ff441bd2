import { type RawBuilder, sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import { householdFacts } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { noticeMessage, type UpdateNotice } from "./core/notice-text.ts";
import type { DeliverySet } from "./delivery-sets.ts";

/** Before recipes and firmware itself, after a safety notice. */
const noticePriority = 6;

/** How long after the time that it names a notice is still shown to whoever was away. */
const shownAfterMs = 86_400_000;

/** Most pairs of language and zone that get words of their own in one call; the commonest do, the others read English and UTC. */
const placesMax = 1_000;
const elsewhere = { locale: "en", timeZone: "UTC" };

interface UpdateNoticesDeps {
  clock: Clock;
  deliveries: { createForSet<Row>(tx: Db, set: DeliverySet, fact: Record<string, unknown>): Promise<Row[]> };
}

/** A household is told before its appliance is updated, by a message on the appliance's own display. */
export class UpdateNotices {
  readonly #deps: UpdateNoticesDeps;

  constructor(deps: UpdateNoticesDeps) {
    this.#deps = deps;
  }

  /**
   * Creates the messages of a set of appliances in the caller's transaction, with the same few statements for any number: in the household's
   * language and by the clock where the appliance stands. A notice of another update that nobody has seen gives way to this one.
   *
   * @param notice.devices a statement that yields `device_key`, no device twice; it is asked more than once
   * @returns how many are told
   */
  async tellBefore(tx: Db, notice: UpdateNotice & { devices: RawBuilder<unknown> }): Promise<{ told: number }> {
    const { devices, ...words } = notice;
    const located = sql`
      SELECT f.key AS device_key, f.id AS device_id, f.online, f.time_zone, coalesce(h.locale, f.locale, 'en') AS locale
      FROM (${devices}) t JOIN ${deviceFacts(householdFacts)} f ON f.key = t.device_key
      LEFT JOIN ${householdFacts} h ON h.id = f.household_id`;
    const { rows: places } = await sql<{ locale: string; time_zone: string }>`
      SELECT locale, time_zone FROM (${located}) l GROUP BY locale, time_zone ORDER BY count(*) DESC LIMIT ${placesMax}`.execute(
      tx,
    );
    if (places.length === 0) return { told: 0 };
    const bodies = places.map(({ locale, time_zone }) => ({
      locale,
      time_zone,
      body: noticeMessage(words, { locale, timeZone: time_zone }),
    }));
    const otherwise = JSON.stringify(noticeMessage(words, elsewhere));
    const [counted] = await this.#deps.deliveries.createForSet<{ told: number }>(
      tx,
      {
        devices: sql`
          SELECT l.device_key, l.device_id, l.online, coalesce(n.body, ${otherwise}::jsonb) AS body FROM (${located}) l
          LEFT JOIN json_to_recordset(${JSON.stringify(bodies)}::json) AS n(locale text, time_zone text, body jsonb)
            ON n.locale = l.locale AND n.time_zone = l.time_zone`,
        kind: "message",
        subject: "update-notice",
        label: `Update ${words.version}`,
        priority: noticePriority,
        expiresAtMs: Math.max(this.#deps.clock.nowMs(), words.fromMs) + shownAfterMs,
        andThen: sql`SELECT count(*)::int AS told FROM created`,
      },
      { ...words },
    );
    return { told: counted?.told ?? 0 };
  }
}
