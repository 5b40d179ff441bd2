import { sql } from "kysely";
import { z } from "zod";
import { contentTopic } from "../content/content.ts";
import { type Merged, moveRows, moveRowsBack, type Unmerged } from "../households/households.ts";
import { amongIds, type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Principal } from "../staff/staff.ts";
import type { EngagementDeps } from "./ports.ts";

const table = "household_topic";

/** Most topics that a household chooses at a time. What became one household of several may have more, until it chooses again. */
export const chosenTopicsMax = 20;

export const topicChoice = z.strictObject({
  topics: z
    .array(contentTopic)
    .max(chosenTopicsMax)
    .refine((list) => new Set(list).size === list.length, "must not name a topic twice"),
});

type ChosenTopicsDeps = Pick<EngagementDeps, "db" | "clock" | "audit" | "households" | "namesOf">;

/** What households say that they want to hear of. */
export class ChosenTopics {
  readonly #deps: ChosenTopicsDeps;

  constructor(deps: ChosenTopicsDeps) {
    this.#deps = deps;
  }

  /** In the order of the alphabet. */
  async of(householdId: string, db: Db = this.#deps.db): Promise<string[]> {
    const { rows } = await sql<{ topic: string }>`
      SELECT topic FROM household_topic WHERE household_id = ${householdId} ORDER BY topic`.execute(db);
    return rows.map(({ topic }) => topic);
  }

  /** The same for staff; null where there is no such household. */
  async ofKnown(householdId: string): Promise<string[] | null> {
    const { db, namesOf } = this.#deps;
    return (await namesOf(db, [householdId])).has(householdId) ? this.of(householdId) : null;
  }

  /** Those of some topics that households chose. */
  async among(db: Db, householdIds: readonly string[], topics: readonly string[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    if (householdIds.length === 0 || topics.length === 0) return found;
    const { rows } = await sql<{ household_id: string; topic: string }>`
      SELECT household_id, topic FROM household_topic
      WHERE household_id = ${amongIds(householdIds)} AND topic = ANY(${[...topics]}::text[])
      ORDER BY household_id, topic`.execute(db);
    for (const { household_id: id, topic } of rows) found.set(id, [...(found.get(id) ?? []), topic]);
    return found;
  }

  /** Puts these in place of those that were chosen before. @returns what is chosen now */
  async choose(
    by: Principal,
    householdId: string,
    topics: readonly string[],
  ): Promise<string[] | Refused<"decision_household_not_found">> {
    const { db, clock, audit, households } = this.#deps;
    return transaction(db, async (tx) => {
      const id = (await households.hold(tx, [householdId])).get(householdId);
      if (id === undefined) return refused("decision_household_not_found");
      const before = await this.of(id, tx);
      // Of those, too, that became part of it: what rests with one of them would come back when another leaves.
      await sql`
        DELETE FROM household_topic
        WHERE household_id = ANY(${await households.partsOf(id, tx)}::uuid[]) AND topic <> ALL(${[...topics]}::text[])`.execute(
        tx,
      );
      await sql`
        INSERT INTO household_topic (household_id, topic, chosen_at_ms)
        SELECT ${id}, topic, ${clock.nowMs()} FROM unnest(${[...topics]}::text[]) AS topic
        ON CONFLICT DO NOTHING`.execute(tx);
      // The log outlives an erasure, so that it does not say which.
      await audit.record(tx, {
        principal: by,
        action: "household.topics_chosen",
        subject: `household:${id}`,
        before: { topics: before.length },
        after: { topics: topics.length },
      });
      return this.of(id, tx);
    });
  }

  merged(tx: Db, merge: Merged): Promise<void> {
    return moveRows(tx, table, merge, "topic");
  }

  unmerged(tx: Db, merge: Unmerged): Promise<void> {
    return moveRowsBack(tx, table, merge, "topic");
  }
}
