import { sql } from "kysely";
import { feedbackGiven } from "#protocol/help.ts";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type OwnerPrincipal, principalText } from "../staff/staff.ts";
import type { Conversations } from "./conversation.ts";
import { isClosed } from "./core/case-promise.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import { feedbackPriority, type OwnerDisplay } from "./owner-display.ts";

export interface FeedbackDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  appliances: ServiceAppliances;
  conversations: Conversations;
  display: OwnerDisplay;
}

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Weeks begin on a Monday, as in the measures of cases. */
const mondayMs = Date.UTC(2000, 0, 3);
/** Whoever was not asked by then is not asked any more: nobody remembers. */
const askedWithinMs = 3 * dayMs;
const atOnceMax = 100;
/** From this on somebody is satisfied. */
const satisfiedFrom = 4;

/** Ratings of one week, by when they were given. */
export interface FeedbackWeek {
  weekAtMs: number;
  asked: number;
  given: number;
  mean: number | null;
  satisfiedShare: number | null;
  /** How many gave 1, 2, 3, 4 and 5. */
  counts: number[];
}

interface Given {
  case_id: string;
  device_key: number | null;
  household_id: string | null;
  rating: number;
  at_ms: number;
  by: string;
}

/** How it went, in one touch: asked once after a case is closed, and not more than once a week. */
export class Feedback {
  readonly #deps: FeedbackDeps;
  #quietOf: (householdIds: readonly string[]) => Promise<ReadonlySet<string>> = async () => new Set();

  constructor(deps: FeedbackDeps) {
    this.#deps = deps;
  }

  /** What people touched at their appliances, in the batch's transaction: each with its device as it belonged then. */
  async ingest(tx: Db, events: readonly EventFact[]): Promise<void> {
    const ofCases: Given[] = [];
    const ofAppliances: NotableFact[] = [];
    for (const { device, event, orderAtMs: atMs } of events) {
      const said = event.type === "feedback.given" ? feedbackGiven.safeParse(event.data).data : undefined;
      if (said === undefined) continue;
      const { caseId, rating } = said;
      const { key: device_key, householdId, id: deviceId } = device;
      const by = `device:${deviceId}`;
      if (caseId !== undefined)
        ofCases.push({ case_id: caseId, device_key, household_id: householdId, rating, at_ms: atMs, by });
      else {
        const subject = householdId === null ? by : `household:${householdId}`;
        ofAppliances.push({
          type: "hearth.feedback.given",
          subject,
          atMs,
          data: { householdId, deviceId, rating, by },
        });
      }
    }
    if (ofCases.length > 0)
      await this.#store(tx, [...new Map(ofCases.toReversed().map((one) => [one.case_id, one])).values()]);
    await this.#deps.outbox.add(tx, ofAppliances);
  }

  /** An owner says through the API how it went. */
  async give(
    by: OwnerPrincipal,
    asked: string,
    rating: number,
  ): Promise<{ kind: "given" } | Refused<"my_case_not_found" | "my_case_not_closed" | "feedback_given_already">> {
    const { db, clock, audit, conversations } = this.#deps;
    const mine = await conversations.mine(by.householdId, asked);
    if (mine === null) return refused("my_case_not_found");
    const caseId = mine.serviceCase.id;
    if (!isClosed(mine.serviceCase.state.status)) return refused("my_case_not_closed");
    return contested(db, async (tx) => {
      const about = { case_id: caseId, device_key: mine.device?.key ?? null, household_id: by.householdId };
      const stored = await this.#store(tx, [{ ...about, rating, at_ms: clock.nowMs(), by: principalText(by) }]);
      if (stored === 0) return refused("feedback_given_already");
      await audit.record(tx, { principal: by, action: "case.rated", subject: `case:${caseId}`, after: { rating } });
      return { kind: "given" };
    });
  }

  /** Asks those whose case was closed lately, on the display of the appliance that it was about. */
  async tick(): Promise<void> {
    const { db, clock, appliances, display } = this.#deps;
    /** Looked at, and left for later because it is quiet there. */
    const left = new Set<string>();
    for (;;) {
      const nowMs = clock.nowMs();
      const { rows } = await sql<{ id: string; device_key: number | null; household_id: string }>`
        SELECT DISTINCT ON (c.household_id) c.id, c.device_key, c.household_id
        FROM case_conversation v JOIN service_case c ON c.id = v.case_id
        LEFT JOIN feedback_asked f ON f.household_id = c.household_id
        WHERE v.feedback_asked_at_ms IS NULL AND v.rating IS NULL AND c.is_closed AND c.status <> 'merged' AND c.household_id IS NOT NULL
          AND c.status_at_ms > ${nowMs - askedWithinMs} AND coalesce(f.asked_at_ms, 0) <= ${nowMs - weekMs}
          AND NOT c.household_id = ANY(${[...left]}::uuid[])
        ORDER BY c.household_id, c.status_at_ms DESC LIMIT ${atOnceMax}`.execute(db);
      const devices = await appliances.refsByKey([...new Set(rows.flatMap((row) => row.device_key ?? []))]);
      for (const quiet of await this.#quietOf(rows.map((row) => row.household_id))) left.add(quiet);
      for (const row of rows.filter(({ household_id: id }) => !left.has(id))) {
        const device = row.device_key === null ? undefined : devices.get(row.device_key);
        const isTheirs = device !== undefined && device.householdId === row.household_id;
        await this.#askOne(row, isTheirs ? device : null, isTheirs ? await display.wordsFor(device, null) : null);
      }
      if (rows.length < atOnceMax) return;
    }
  }

  /** Of these households those that were asked nothing for a week: they count as asked from now on. */
  async claimWeek(tx: Db, householdIds: readonly string[]): Promise<ReadonlySet<string>> {
    const nowMs = this.#deps.clock.nowMs();
    const { rows } = await sql<{ household_id: string }>`
      INSERT INTO feedback_asked AS f (household_id, asked_at_ms)
      SELECT id, ${nowMs} FROM unnest(${[...householdIds].toSorted()}::uuid[]) AS id
      ON CONFLICT (household_id) DO UPDATE SET asked_at_ms = excluded.asked_at_ms WHERE f.asked_at_ms <= ${nowMs - weekMs}
      RETURNING household_id`.execute(tx);
    return new Set(rows.map((row) => row.household_id));
  }

  /** Who knows whether it is quiet in households now: nobody is asked then. */
  onAskedForQuiet(quietOf: (householdIds: readonly string[]) => Promise<ReadonlySet<string>>): void {
    this.#quietOf = quietOf;
  }

  /** By week, the oldest first; the last one is this week's so far. */
  async weeks(count: number): Promise<FeedbackWeek[]> {
    const nowMs = this.#deps.clock.nowMs();
    const thisWeekMs = nowMs - ((nowMs - mondayMs) % weekMs);
    const fromMs = thisWeekMs - (count - 1) * weekMs;
    const { rows } = await sql<{ week: number; rating: number | null; asked: number; given: number }>`
      SELECT (at_ms - ${mondayMs}::bigint) / ${weekMs}::bigint AS week, rating, count(*) FILTER (WHERE asked) AS asked,
        count(*) FILTER (WHERE NOT asked) AS given
      FROM (
        SELECT rated_at_ms AS at_ms, rating, false AS asked FROM case_conversation WHERE rated_at_ms >= ${fromMs}
        UNION ALL
        SELECT feedback_asked_at_ms, NULL, true FROM case_conversation WHERE feedback_asked_at_ms >= ${fromMs}
      ) AS said GROUP BY 1, 2`.execute(this.#deps.db);
    return Array.from({ length: count }, (_, at): FeedbackWeek => {
      const weekAtMs = fromMs + at * weekMs;
      const own = rows.filter((row) => row.week * weekMs + mondayMs === weekAtMs);
      const counts = [1, 2, 3, 4, 5].map((rating) => own.find((row) => row.rating === rating)?.given ?? 0);
      const given = counts.reduce((sum, one) => sum + one, 0);
      const points = counts.reduce((sum, one, index) => sum + one * (index + 1), 0);
      const satisfied = counts.slice(satisfiedFrom - 1).reduce((sum, one) => sum + one, 0);
      return {
        weekAtMs,
        asked: own.find((row) => row.rating === null)?.asked ?? 0,
        given,
        mean: given === 0 ? null : points / given,
        satisfiedShare: given === 0 ? null : satisfied / given,
        counts,
      };
    });
  }

  async #askOne(
    row: { id: string; household_id: string },
    device: DeviceRef | null,
    said: Awaited<ReturnType<OwnerDisplay["wordsFor"]>> | null,
  ): Promise<void> {
    const { db, clock, display } = this.#deps;
    const nowMs = clock.nowMs();
    const afterCommit = await transaction(db, async (tx) => {
      if (device === null || said === null) {
        // The appliance has left, or there never was one: there is no display to ask on.
        await sql`UPDATE case_conversation SET feedback_asked_at_ms = 0 WHERE case_id = ${row.id}`.execute(tx);
        return null;
      }
      const { language, words } = said;
      const word = { device, caseId: row.id, locale: language, title: words.feedback, text: words.feedbackText };
      const shown = await display.show(tx, { ...word, ask: "feedback", priority: feedbackPriority });
      await sql`UPDATE case_conversation SET feedback_asked_at_ms = ${nowMs} WHERE case_id = ${row.id}`.execute(tx);
      await sql`INSERT INTO feedback_asked (household_id, asked_at_ms) VALUES (${row.household_id}, ${nowMs})
        ON CONFLICT (household_id) DO UPDATE SET asked_at_ms = excluded.asked_at_ms`.execute(tx);
      return shown.afterCommit;
    });
    afterCommit?.();
  }

  /** The first rating of a case counts, and only from whose case it is. @returns how many counted */
  async #store(tx: Db, given: readonly Given[]): Promise<number> {
    const { rows } = await sql<{ case_id: string; rating: number }>`
      INSERT INTO case_conversation AS v (case_id, rating, rated_at_ms)
      SELECT c.id, g.rating, g.at_ms
      FROM json_to_recordset(${JSON.stringify(given)}::json) AS g(
        case_id uuid, device_key int, household_id uuid, rating smallint, at_ms bigint)
      JOIN service_case c ON c.id = g.case_id AND c.device_key IS NOT DISTINCT FROM g.device_key AND c.household_id = g.household_id
      WHERE c.is_closed AND c.status <> 'merged' ORDER BY c.id
      ON CONFLICT (case_id) DO UPDATE SET rating = excluded.rating, rated_at_ms = excluded.rated_at_ms
        WHERE v.rating IS NULL
      RETURNING case_id, rating`.execute(tx);
    const byCase = new Map(given.map((one) => [one.case_id, one]));
    await this.#deps.outbox.add(
      tx,
      rows.map(({ case_id: caseId, rating }) => {
        const one = byCase.get(caseId);
        const data = { caseId, rating, householdId: one?.household_id ?? null, by: one?.by ?? "" };
        return { type: "hearth.case.rated", subject: `case:${caseId}`, atMs: one?.at_ms ?? 0, data };
      }),
    );
    return rows.length;
  }
}
