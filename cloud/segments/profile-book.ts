/**
 * Profiles and memberships, kept by what happens:
 *
 *   acts, facts of the outbox, a day that ends --> hold the profiles --> change them --> facts that differ
 *     --> the segments that read one of these --> who comes, who goes
 *
 * all of it in the transaction of what happened, once and at its end: whoever holds a profile waits for nobody but others that do. A profile is held before the segments in force are asked for, and a segment that is put in
 * force holds each profile as it looks at it: so one of the two always sees the other.
 */
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, doLast, transaction } from "../platform/database.ts";
import { countedActs, countIn, type CountedAct } from "./core/acts.ts";
import { createDayOf } from "./core/days.ts";
import { changedFacts, type HouseholdProfile, profileOf } from "./core/facts.ts";
import { dueDay, turnsWithin } from "./core/moves.ts";
import { type DayOf, emptyProfile, type Part, type ProfileParts, type ProfileRow, withParts } from "./core/profile.ts";
import { type ReadySegment, readersOf, type Registry } from "./core/registry.ts";
import type { ProfilesStore, ZoneDays } from "./profiles-store.ts";
import type { Coming, SegmentsStore } from "./segments-store.ts";
import type { HouseholdAct, Merged, Unmerged } from "../households/households.ts";

/** What other slices say of households, many at once. One that a source knows nothing of is missing from its answer. */
export type ProfileSources = {
  [P in Part]: (db: Db, householdIds: readonly string[]) => Promise<ReadonlyMap<string, ProfileParts[P]>>;
};

export interface ProfileBookDeps {
  db: Db;
  clock: Clock;
  outbox: Outbox;
  sources: ProfileSources;
  profiles: ProfilesStore;
  segments: SegmentsStore;
  /** The segments in force at this moment. The profiles that they are asked over are held. */
  registry: (tx: Db) => Promise<Registry>;
}

/** What happened to households in one transaction. */
interface Noted {
  acts: CountedAct[];
  /** Which parts of which households are to be read anew. */
  parts: Map<string, ReadonlySet<Part>>;
  /** What one household did is another's from now on, or is its own again. */
  moves: ({ what: "merge"; merge: Merged } | { what: "unmerge"; merge: Unmerged })[];
  /** Households that are no more, with whether what they did goes too. */
  gone: Map<string, "profile" | "profile_and_acts">;
}

interface Looked {
  row: ProfileRow;
  facts: HouseholdProfile;
  segments: readonly ReadySegment[];
}

export const allParts: ReadonlySet<Part> = new Set<Part>([
  "home",
  "appliances",
  "consents",
  "points",
  "tier",
  "stage",
  "openCases",
]);

/** How many profiles the clock looks at in one transaction. */
const dueAtOnce = 2_000;
const staleAtOnce = 500;
const refreshedAtOnce = 1_000;
/** How many pieces of a model's households one tick goes through. */
const refreshesPerTick = 20;

export class ProfileBook {
  readonly #deps: ProfileBookDeps;
  readonly #dayOf: DayOf = createDayOf();
  readonly #noted = new WeakMap<Db, Noted>();

  constructor(deps: ProfileBookDeps) {
    this.#deps = deps;
  }

  /** The day in a zone. */
  today(timeZone: string): number {
    return this.#dayOf(this.#deps.clock.nowMs(), timeZone);
  }

  /** The day in each zone that households live in. */
  async days(db: Db): Promise<ZoneDays> {
    const zones = await this.#deps.profiles.zones(db);
    return { zones, todays: zones.map((zone) => this.today(zone)) };
  }

  /** Households did something; sent again, it changes nothing. */
  acted(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const counted = countedActs(acts);
    return counted.length === 0 ? Promise.resolve() : this.#note(tx, ({ acts: noted }) => void noted.push(...counted));
  }

  /** Parts of some households changed. */
  changed(tx: Db, parts: ReadonlyMap<string, ReadonlySet<Part>>): Promise<void> {
    if (parts.size === 0) return Promise.resolve();
    return this.#note(tx, ({ parts: noted }) => {
      for (const [id, changed] of parts) noted.set(id, new Set([...(noted.get(id) ?? []), ...changed]));
    });
  }

  /** A household is no more. */
  erased(tx: Db, householdId: string): Promise<void> {
    return this.#note(tx, ({ gone, parts }) => {
      gone.set(householdId, "profile_and_acts");
      parts.delete(householdId);
    });
  }

  merged(tx: Db, merge: Merged): Promise<void> {
    return this.#note(tx, ({ moves, gone, parts }) => {
      moves.push({ what: "merge", merge });
      gone.set(merge.from, "profile");
      parts.set(merge.into, allParts);
    });
  }

  unmerged(tx: Db, merge: Unmerged): Promise<void> {
    return this.#note(tx, ({ moves, gone, parts }) => {
      moves.push({ what: "unmerge", merge });
      gone.delete(merge.from);
      for (const id of [merge.from, merge.into]) parts.set(id, allParts);
    });
  }

  /** Removes what is kept of a household, now. @returns how many rows are gone */
  async remove(tx: Db, householdIds: readonly string[], what: "profile" | "profile_and_acts"): Promise<number> {
    const { profiles, segments } = this.#deps;
    await profiles.hold(tx, householdIds);
    const ended = await segments.forget(tx, householdIds);
    return ended + (await profiles.remove(tx, householdIds, what));
  }

  /** Gathers what happens in a transaction, so that each profile is held and looked at once, and last. */
  async #note(tx: Db, add: (noted: Noted) => void): Promise<void> {
    const known = this.#noted.get(tx);
    const noted: Noted = known ?? { acts: [], parts: new Map(), moves: [], gone: new Map() };
    add(noted);
    if (known !== undefined) return;
    this.#noted.set(tx, noted);
    const settle = () => {
      this.#noted.delete(tx);
      return this.#happen(tx, noted);
    };
    if (!doLast(tx, settle)) await settle();
  }

  /** Looks at those whose day has come, in sets. @returns how many */
  async lookAtDue(): Promise<number> {
    const { db, profiles } = this.#deps;
    for (let looked = 0; ;) {
      const held = await transaction(db, async (tx) => {
        const rows = await profiles.holdDue(tx, await this.days(tx), dueAtOnce);
        await this.#settle(tx, new Map(rows.map((row) => [row.household_id, row])), rows);
        return rows.length;
      });
      looked += held;
      if (held < dueAtOnce) return looked;
    }
  }

  /** Reads anew what is known of the appliances of models that have another version: piece by piece, each a transaction of its own. */
  async refreshModels(): Promise<void> {
    const { db, profiles } = this.#deps;
    for (let pieces = 0; pieces < refreshesPerTick; pieces += 1) {
      const isMore = await transaction(db, async (tx) => {
        const rows = await profiles.holdRefresh(tx, refreshedAtOnce);
        if (rows === null) return false;
        const parts = new Map(rows.map((row) => [row.household_id, new Set<Part>(["appliances"])]));
        await this.changed(tx, parts);
        return true;
      });
      if (!isMore) return;
    }
  }

  /** Makes those again that were never made from everything. @returns how many */
  async lookAtStale(): Promise<number> {
    const { db, profiles } = this.#deps;
    for (let looked = 0; ;) {
      const held = await transaction(db, async (tx) => {
        const rows = await profiles.holdStale(tx, staleAtOnce);
        await this.#settle(tx, new Map(rows.map((row) => [row.household_id, row])), await this.#made(tx, rows));
        return rows.length;
      });
      looked += held;
      if (held < staleAtOnce) return looked;
    }
  }

  async #happen(tx: Db, { acts, parts, moves, gone }: Noted): Promise<void> {
    const { profiles } = this.#deps;
    const changed = new Set([...acts.map(({ householdId }) => householdId), ...parts.keys()]);
    for (const id of gone.keys()) changed.delete(id);
    const moved = moves.flatMap(({ merge }) => [merge.from, merge.into]);
    await profiles.hold(tx, [...new Set([...gone.keys(), ...moved, ...changed])]);
    for (const { what, merge } of moves)
      await (what === "merge" ? profiles.mergeActs(tx, merge) : profiles.unmergeActs(tx, merge));
    for (const [id, what] of gone) await this.remove(tx, [id], what);
    if (changed.size === 0) return;
    const rows = await this.#hold(tx, [...changed]);
    const known = acts.filter(({ householdId }) => rows.has(householdId));
    const fresh = Map.groupBy(await profiles.recordActs(tx, known), ({ householdId }) => householdId);
    // What was moved is counted from the beginning.
    for (const id of moved) {
      const row = rows.get(id);
      if (row !== undefined) rows.set(id, { ...row, is_stale: true });
    }
    const read = await this.#read(tx, parts, rows);
    const after: ProfileRow[] = [];
    const again: ProfileRow[] = [];
    for (const row of rows.values()) {
      const wanted = parts.get(row.household_id) ?? new Set<Part>();
      const next = withParts(row, read.get(row.household_id) ?? {}, wanted, this.#dayOf);
      // In another zone the same moments are other days.
      if (row.is_stale || next.time_zone !== row.time_zone) {
        again.push(row);
        continue;
      }
      countIn(next, fresh.get(row.household_id) ?? [], this.#dayOf, this.today(next.time_zone));
      after.push(next);
    }
    await this.#settle(tx, rows, [...after, ...(await this.#made(tx, again))]);
  }

  /** Profiles, held; those that are missing are made where there is such a household. */
  async #hold(tx: Db, ids: readonly string[]): Promise<Map<string, ProfileRow>> {
    const { profiles, sources } = this.#deps;
    const held = new Map((await profiles.hold(tx, ids)).map((row) => [row.household_id, row]));
    const missing = ids.filter((id) => !held.has(id));
    if (missing.length === 0) return held;
    const homes = await sources.home(tx, missing);
    await profiles.insert(
      tx,
      [...homes.keys()].map((id) => ({ ...emptyProfile(id), is_stale: true })),
    );
    for (const row of await profiles.hold(tx, [...homes.keys()])) held.set(row.household_id, row);
    return held;
  }

  async #read(
    tx: Db,
    parts: ReadonlyMap<string, ReadonlySet<Part>>,
    rows: ReadonlyMap<string, ProfileRow>,
  ): Promise<Map<string, Partial<ProfileParts>>> {
    const read = new Map<string, Partial<ProfileParts>>();
    for (const part of allParts) {
      const ids = [...parts].flatMap(([id, wanted]) => (wanted.has(part) && rows.has(id) ? [id] : []));
      if (ids.length === 0) continue;
      for (const [id, value] of await this.#deps.sources[part](tx, ids))
        read.set(id, { ...read.get(id), [part]: value });
    }
    return read;
  }

  /** Profiles from everything that there is: the parts as they are now, and all acts. */
  async #made(tx: Db, rows: readonly ProfileRow[]): Promise<ProfileRow[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ household_id }) => household_id);
    const read = await this.#read(
      tx,
      new Map(ids.map((id) => [id, allParts])),
      new Map(rows.map((row) => [row.household_id, row])),
    );
    const acts = Map.groupBy(await this.#deps.profiles.actsOf(tx, ids), ({ householdId }) => householdId);
    return ids.map((id) => {
      const made = withParts(emptyProfile(id), read.get(id) ?? {}, allParts, this.#dayOf);
      countIn(made, acts.get(id) ?? [], this.#dayOf, this.today(made.time_zone));
      return made;
    });
  }

  /** Writes what became of profiles, and asks the segments that it can concern. */
  async #settle(tx: Db, before: ReadonlyMap<string, ProfileRow>, after: readonly ProfileRow[]): Promise<void> {
    if (after.length === 0) return;
    const registry = await this.#deps.registry(tx);
    const looked: Looked[] = [];
    const [written, onlyDue]: ProfileRow[][] = [[], []];
    for (const row of after) {
      const was = before.get(row.household_id);
      const today = this.today(row.time_zone);
      const facts = profileOf(row, today);
      const segments = concerned(registry, was, row, facts, today);
      const due_day = dueDay(row, registry.turns, today);
      if (was !== row) written?.push({ ...row, due_day });
      else if (due_day !== row.due_day) onlyDue?.push({ ...row, due_day });
      looked.push({ row, facts, segments });
    }
    await this.#deps.profiles.write(tx, written ?? []);
    await this.#deps.profiles.writeDue(tx, onlyDue ?? []);
    await this.#judge(tx, looked);
  }

  /** Asks segments, and writes who comes and who goes. */
  async #judge(tx: Db, looked: readonly Looked[]): Promise<void> {
    const { segments, clock, outbox } = this.#deps;
    const asked = new Map<number, ReadySegment>();
    const households: string[] = [];
    for (const { row, segments: concerning } of looked) {
      if (concerning.length > 0) households.push(row.household_id);
      for (const segment of concerning) asked.set(segment.key, segment);
    }
    if (asked.size === 0) return;
    const are = Map.groupBy(
      await segments.membershipsOf(tx, households, [...asked.keys()]),
      ({ householdId }) => householdId,
    );
    const [comes, goes]: [Coming[], Coming[]] = [[], []];
    for (const { row, facts, segments: concerning } of looked) {
      const isIn = new Set(are.get(row.household_id)?.map(({ segmentKey }) => segmentKey));
      for (const { key: segmentKey, predicate } of concerning) {
        const { matches } = predicate.matches(facts);
        if (matches !== isIn.has(segmentKey))
          (matches ? comes : goes).push({ segmentKey, householdId: row.household_id });
      }
    }
    const nowMs = clock.nowMs();
    await segments.leave(tx, goes);
    await segments.enter(tx, comes, nowMs);
    const deltas = new Map<number, number>();
    for (const { segmentKey } of comes) deltas.set(segmentKey, (deltas.get(segmentKey) ?? 0) + 1);
    for (const { segmentKey } of goes) deltas.set(segmentKey, (deltas.get(segmentKey) ?? 0) - 1);
    await segments.noteChanges(tx, deltas);
    const fact =
      (verb: string) =>
      ({ segmentKey, householdId }: Coming) => ({
        type: `hearth.segment.${verb}`,
        subject: `household:${householdId}`,
        atMs: nowMs,
        data: { householdId, segmentId: asked.get(segmentKey)?.id },
      });
    await outbox.add(tx, [...goes.map(fact("left")), ...comes.map(fact("entered"))]);
  }
}

/** The segments whose answer may be another than before. */
function concerned(
  registry: Registry,
  was: ProfileRow | undefined,
  row: ProfileRow,
  facts: HouseholdProfile,
  today: number,
): readonly ReadySegment[] {
  if (was === undefined || was.is_stale || was.time_zone !== row.time_zone) return registry.all;
  const readers =
    was === row ? new Set<ReadySegment>() : readersOf(registry, changedFacts(profileOf(was, today), facts));
  // Days that have come and were not looked at yet are looked at now, because the next day to look is written over them.
  if (was.due_day !== null && was.due_day <= today)
    for (const { segment, turns } of registry.moving)
      if (turnsWithin(was, turns, was.due_day, today)) readers.add(segment);
  return [...readers];
}
