import type { HouseholdAct } from "../households/households.ts";
import { inPieces } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Interest } from "./core/candidate.ts";
import { bestHoursOf, hourOfWeek, interestsIn } from "./core/habit.ts";
import { HabitsStore, type InterestRow } from "./habits-store.ts";
import type { EngagementDeps } from "./ports.ts";

type HabitsDeps = Pick<EngagementDeps, "consent" | "content"> & {
  timeZoneOf: (ids: readonly string[], db: Db) => Promise<Map<string, { timeZone: string }>>;
};

const noCounts = { saved: 0, searched: 0, cooked: 0, aborted: 0, shown: 0, ignored: 0 };

/** What is known of a household's ways. */
export interface Habit {
  bestHours: (number | null)[];
  cookingSinceMs: number | null;
  interests: Interest[];
}

/** Households that are looked at before everything else gets its turn. */
const readInARow = 100;

/** What households do again and again, and what they look for. Only of those who agreed to be advised personally. */
export class Habits {
  readonly #deps: HabitsDeps;
  readonly #store = new HabitsStore();

  constructor(deps: HabitsDeps) {
    this.#deps = deps;
  }

  /** Takes in acts, each once, in the transaction that records them. */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const cooking = acts.filter(({ type, device }) => device !== null && type.startsWith("program."));
    const interests = interestsIn(acts);
    const ids = [...new Set([...cooking, ...interests].map(({ householdId }) => householdId))].toSorted();
    if (ids.length === 0) return;
    const agreed = await this.#deps.consent.agreed(tx, ids);
    const mayKnow = (id: string) => agreed.get(id)?.has("personalise") === true;
    await this.#ingestCooking(
      tx,
      cooking.filter(({ householdId }) => mayKnow(householdId)),
    );
    const known = interests.filter(({ householdId }) => mayKnow(householdId));
    const itemIds = [...new Set(known.flatMap(({ itemId }) => itemId ?? []))];
    const items = itemIds.length === 0 ? new Map<string, never>() : await this.#deps.content.forDecision(tx, itemIds);
    const rows = known.flatMap(({ householdId, itemId, topics, counted, atMs }) => {
      const about = [...topics, ...(itemId === null ? [] : (items.get(itemId)?.topics ?? []))];
      const subjects = new Set([
        ...(itemId === null ? [] : [`item:${itemId}`]),
        ...about.map((topic) => `topic:${topic}`),
      ]);
      return [...subjects].map((subject): InterestRow => ({
        household_id: householdId,
        subject,
        ...noCounts,
        [counted]: 1,
        last_at_ms: atMs,
      }));
    });
    await this.#store.add(tx, rows);
  }

  async #ingestCooking(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    if (acts.length === 0) return;
    const zones = await this.#deps.timeZoneOf([...new Set(acts.map(({ householdId }) => householdId))], tx);
    const inOrder = acts.toSorted((a, b) => a.atMs - b.atMs);
    const counted = await this.#store.cooked(
      tx,
      inOrder.flatMap(({ householdId, type, atMs }) => {
        const zone = zones.get(householdId);
        if (zone === undefined) return [];
        const begins = type === "program.started";
        if (!begins && type !== "program.finished" && type !== "program.aborted") return [];
        return [{ householdId, begins, hour: hourOfWeek(atMs, zone.timeZone), atMs }];
      }),
    );
    await this.#store.noteBestHours(
      tx,
      counted.map(({ household_id: householdId, hours }) => ({ householdId, bestHours: bestHoursOf(hours) })),
    );
  }

  /** What was shown and nobody wanted. */
  async ignored(tx: Db, given: readonly { householdId: string; itemId: string; atMs: number }[]): Promise<void> {
    if (given.length === 0) return;
    const ids = [...new Set(given.map(({ householdId }) => householdId))];
    const agreed = await this.#deps.consent.agreed(tx, ids);
    const known = given.filter(({ householdId }) => agreed.get(householdId)?.has("personalise") === true);
    const items = await this.#deps.content.forDecision(tx, [...new Set(known.map(({ itemId }) => itemId))]);
    await this.#store.add(
      tx,
      known.flatMap(({ householdId, itemId, atMs }) =>
        [`item:${itemId}`, ...(items.get(itemId)?.topics ?? []).map((topic) => `topic:${topic}`)].map((subject) => ({
          household_id: householdId,
          subject,
          ...noCounts,
          ignored: 1,
          last_at_ms: atMs,
        })),
      ),
    );
  }

  /** Who takes the consent back is forgotten at once. */
  async forget(tx: Db, householdIds: readonly string[]): Promise<number> {
    return this.#store.forget(tx, householdIds);
  }

  async read(db: Db, householdIds: readonly string[], subjects: readonly string[]): Promise<Map<string, Habit>> {
    const habits = await this.#store.habits(db, householdIds);
    const interests = await this.#store.interests(db, householdIds, subjects);
    const read = new Map<string, Habit>();
    for await (const piece of inPieces(householdIds, readInARow))
      for (const id of piece) {
        const habit = habits.get(id);
        read.set(id, {
          bestHours: habit?.best_hours ?? [],
          cookingSinceMs: habit?.cooking_since_ms ?? null,
          interests: interests.get(id) ?? [],
        });
      }
    return read;
  }
}
