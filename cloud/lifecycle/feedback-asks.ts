import { sql } from "kysely";
import { type Deliveries, deliveryLifeMs } from "../deliveries/deliveries.ts";
import type { Devices } from "../devices/devices.ts";
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { affected, type Db, transaction } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { Ids } from "../platform/ids.ts";
import type { LifecycleDefinition } from "./core/definition.ts";
import { askingWords, type Moment, momentOf } from "./core/feedback-moment.ts";

/** Whether a household may be asked now. */
export interface Askable {
  locale: string;
  /** The end of its quiet hours where they are now. */
  quietUntilMs: number | null;
  /** Whether it agreed that what it says may be used to improve the product. */
  agreed: boolean;
}

export interface FeedbackAsksDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  definition: () => LifecycleDefinition;
  askable: (householdIds: readonly string[]) => Promise<ReadonlyMap<string, Askable>>;
  /** Has those looked at again who keep other quiet hours than before. */
  hoursChanged: (lookAgain: (tx: Db, householdIds: readonly string[]) => Promise<void>) => Promise<unknown>;
  /** Of these, those that were asked nothing for a week; they count as asked from then on. */
  claimWeek: (tx: Db, householdIds: readonly string[]) => Promise<ReadonlySet<string>>;
  appliances: Pick<Devices, "ofHousehold">;
  deliveries: Pick<Deliveries, "create">;
}

const dayMs = 86_400_000;
const atOnce = 100;
/** Nobody waits for a question. */
const priority = 2;

/**
 * Asks households how they like their appliance, at the moments that the definition names: never in their quiet hours, once a week
 * together with what is asked after a case, and only those who agreed to it.
 */
export class FeedbackAsks {
  readonly householdData: HouseholdData;
  readonly #deps: FeedbackAsksDeps;

  constructor(deps: FeedbackAsksDeps) {
    this.#deps = deps;
    this.householdData = {
      name: "feedback_requests",
      describes: "When you were asked, or are to be asked, how you like your appliance.",
      rows: (db, householdId) =>
        pages<{ moment: string }>(async (last, limit) => {
          const { rows } = await sql<{ moment: string }>`
            SELECT moment, due_at_ms AS "dueAtMs", until_ms AS "untilMs", asked_at_ms AS "askedAtMs" FROM lifecycle_ask
            WHERE household_id = ${householdId} AND moment > ${last?.moment ?? ""} ORDER BY moment LIMIT ${limit}`.execute(
            db,
          );
          return rows;
        }),
      erase: (tx, householdId) => this.erase(tx, [householdId]),
    };
  }

  /** Notes moments, in the transaction that they come with. The first days with an appliance come once; each reward counts anew. */
  async hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    const definition = this.#deps.definition();
    const asks = facts.flatMap((fact) => momentOf(fact, definition) ?? []);
    if (asks.length === 0) return;
    const each = [...new Map(asks.map((ask) => [`${ask.householdId} ${ask.moment}`, ask])).values()];
    await sql`
      INSERT INTO lifecycle_ask AS a (household_id, moment, due_at_ms, until_ms)
      SELECT * FROM unnest(${each.map(({ householdId }) => householdId)}::uuid[], ${each.map(({ moment }) => moment)}::text[],
        ${each.map(({ dueAtMs }) => dueAtMs)}::bigint[], ${each.map(({ untilMs }) => untilMs)}::bigint[])
      ON CONFLICT (household_id, moment) DO UPDATE
        SET due_at_ms = excluded.due_at_ms, until_ms = excluded.until_ms, asked_at_ms = NULL
        WHERE excluded.moment = 'reward'`.execute(tx);
  }

  /** Asks those whose moment has come. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    await this.#deps.hoursChanged((tx, changed) => this.#quietOver(tx, changed, clock.nowMs()));
    for (;;) {
      const nowMs = clock.nowMs();
      const { rows } = await sql<{ household_id: string; moment: Moment; until_ms: number }>`
        SELECT DISTINCT ON (household_id) household_id, moment, until_ms FROM lifecycle_ask
        WHERE asked_at_ms IS NULL AND due_at_ms <= ${nowMs} ORDER BY household_id, due_at_ms LIMIT ${atOnce}`.execute(
        db,
      );
      const askable = await this.#deps.askable(rows.map((row) => row.household_id));
      for (const row of rows) await this.#look(row, askable.get(row.household_id), nowMs);
      if (rows.length < atOnce) return;
    }
  }

  async erase(tx: Db, householdIds: readonly string[]): Promise<number> {
    return affected(tx)`
      DELETE FROM lifecycle_ask WHERE household_id = ANY(${[...householdIds]}::uuid[])`;
  }

  /** What waited for the end of quiet hours that are others by now is due now. */
  async #quietOver(tx: Db, changed: readonly string[], nowMs: number): Promise<void> {
    await sql`
      UPDATE lifecycle_ask SET due_at_ms = ${nowMs}, in_quiet = false
      WHERE household_id = ANY(${[...changed]}::uuid[]) AND in_quiet AND asked_at_ms IS NULL`.execute(tx);
  }

  async #look(
    {
      household_id: householdId,
      moment,
      until_ms: untilMs,
    }: { household_id: string; moment: Moment; until_ms: number },
    askable: Askable | undefined,
    nowMs: number,
  ): Promise<void> {
    const { db, claimWeek, appliances } = this.#deps;
    const at = { householdId, moment };
    if (askable === undefined || untilMs <= nowMs) return this.#note(db, at, { askedAtMs: 0 });
    if (askable.quietUntilMs !== null) return this.#note(db, at, { dueAtMs: askable.quietUntilMs, inQuiet: true });
    // Who has not agreed may do so within the time; of who has no appliance there is nobody to be asked today.
    const devices = askable.agreed ? await appliances.ofHousehold(householdId) : [];
    if (devices.length === 0) return this.#note(db, at, { dueAtMs: nowMs + dayMs });
    const afterCommit = await transaction(db, async (tx) => {
      if (!(await claimWeek(tx, [householdId])).has(householdId)) {
        await this.#note(tx, at, { dueAtMs: nowMs + dayMs });
        return undefined;
      }
      await this.#note(tx, at, { askedAtMs: nowMs });
      return this.#ask(tx, at, devices, askable.locale);
    });
    afterCommit?.();
  }

  async #ask(
    tx: Db,
    { householdId, moment }: { householdId: string; moment: Moment },
    devices: Awaited<ReturnType<Devices["ofHousehold"]>>,
    wanted: string,
  ): Promise<() => void> {
    const { clock, ids, deliveries, outbox } = this.#deps;
    const nowMs = clock.nowMs();
    const { language: locale, ...said } = askingWords(moment, wanted);
    const id = `ask-${ids.next()}`;
    const { afterCommit } = await deliveries.create(
      tx,
      devices.slice(0, 1).map((device) => ({
        device,
        kind: "message",
        subject: id,
        label: said.title,
        body: { kind: "message", id, version: 1, locale, ...said, ask: "feedback" },
        priority,
        expiresAtMs: nowMs + deliveryLifeMs("message"),
      })),
    );
    const subject = `household:${householdId}`;
    await outbox.add(tx, [{ type: "hearth.feedback.asked", subject, atMs: nowMs, data: { householdId, moment } }]);
    return afterCommit;
  }

  async #note(
    db: Db,
    { householdId, moment }: { householdId: string; moment: Moment },
    { dueAtMs, askedAtMs, inQuiet = false }: { dueAtMs?: number; askedAtMs?: number; inQuiet?: boolean },
  ): Promise<void> {
    await sql`
      UPDATE lifecycle_ask SET due_at_ms = coalesce(${dueAtMs ?? null}::bigint, due_at_ms), asked_at_ms = ${askedAtMs ?? null},
        in_quiet = ${inQuiet}
      WHERE household_id = ${householdId} AND moment = ${moment}`.execute(db);
  }
}
