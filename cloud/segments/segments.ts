import type { RawBuilder } from "kysely";
import type { Outbox } from "../events/events.ts";
import type { HouseholdAct, Merged, Unmerged } from "../households/households.ts";
import { changedMeanwhile } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, inStatementTime, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { explain, type Explained, type FactSeen, factsSeen } from "./core/explain.ts";
import { type HouseholdProfile, householdFactTypes, profileOf } from "./core/facts.ts";
import { turnsOf } from "./core/moves.ts";
import type { ProfileRow } from "./core/profile.ts";
import { compileSegment, createRegistry, type ReadySegment, type Registry } from "./core/registry.ts";
import { type SegmentDefinition, segmentsMax } from "./core/segment.ts";
import { factColumn } from "./fact-columns.ts";
import { partsChanged, ratingsIn, segmentHouseholdData } from "./heard.ts";
import { ProfileBook, type ProfileSources } from "./profile-book.ts";
import { ProfilesStore } from "./profiles-store.ts";
import { membersOf, type SegmentRow, SegmentsStore } from "./segments-store.ts";

export { segmentProblems } from "./errors.ts";
export { householdFactTypes as profileFacts, householdFactViews } from "./core/facts.ts";
export type { HouseholdProfile } from "./core/facts.ts";
export type { ProfileSources } from "./profile-book.ts";

/** Something that a segment cannot be deleted under. */
export interface SegmentUser {
  kind: string;
  id: string;
  name: string;
}

export interface Segment {
  id: string;
  version: number;
  definition: SegmentDefinition;
  changedAtMs: number;
  changedBy: string;
  members: number;
  /** Households are still being looked at since it was last changed. */
  isFilling: boolean;
  usedBy: SegmentUser[];
}

export interface SegmentsDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  sources: ProfileSources;
  /** Names of households, for people. */
  namesOf: (householdIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

/** An expression that cannot be used: what is wrong with it, and where. */
export interface ExpressionRefused {
  kind: "expression_refused";
  rule: string;
  detail: string;
  place: { from: number; to: number } | null;
}

/** How many households one step of a filling looks at, and how many steps one tick takes. */
const fillAtOnce = 5_000;
const fillStepsPerTick = 40;
/** Above this an estimate asks a part of them by chance. */
const askedMax = 60_000;
const estimateMsMax = 3_000;
const versionsShown = 50;

/** Named sets of households, and the profiles that they are asked over. */
export class Segments {
  readonly householdData;
  readonly #deps: SegmentsDeps;
  readonly #profiles = new ProfilesStore();
  readonly #store = new SegmentsStore(factColumn);
  readonly #book: ProfileBook;
  /** Null where nobody keeps them here, in a thread beside the one that changes them: who needs them there reads them. */
  #registry: Registry | null = null;
  #users: ((db: Db, segmentIds: readonly string[]) => Promise<ReadonlyMap<string, SegmentUser[]>>)[] = [];

  constructor(deps: SegmentsDeps) {
    this.#deps = deps;
    const { db, clock, outbox, sources } = deps;
    const [profiles, segments] = [this.#profiles, this.#store];
    const registry = (tx: Db) => this.#inForce(tx);
    this.#book = new ProfileBook({ db, clock, outbox, sources, profiles, segments, registry });
    this.householdData = segmentHouseholdData({
      profiles,
      segments,
      book: this.#book,
      profileOf: (row) => this.#profileOf(row),
    });
    outbox.onAdded(async (tx, facts) => {
      const { parts, erased } = partsChanged(facts);
      await this.#book.changed(tx, parts);
      await this.#book.acted(tx, ratingsIn(facts));
      for (const id of erased) await this.#book.erased(tx, id);
    });
  }

  /** Keeps the segments in force. Before the first batch. */
  async load(): Promise<void> {
    this.#registry = await this.#read(this.#deps.db);
  }

  async #inForce(db: Db): Promise<Registry> {
    return this.#registry ?? this.#read(db);
  }

  async #read(db: Db): Promise<Registry> {
    return createRegistry(readySegments(await this.#store.list(db)));
  }

  /** What households did, in the transaction that records it. */
  ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    return this.#book.acted(tx, acts);
  }

  /** Appliances of these households are others, or say otherwise. */
  async appliancesChanged(tx: Db, householdIds: readonly string[]): Promise<void> {
    await this.#book.changed(tx, new Map(householdIds.map((id) => [id, new Set(["appliances" as const])])));
  }

  /** All appliances of a model are known otherwise: their households' profiles follow in pieces, with the next ticks. */
  modelChanged(tx: Db, model: string): Promise<void> {
    return this.#profiles.askRefresh(tx, model);
  }

  /** One household was a part of another all along: what it did is the other's. */
  merged(tx: Db, merge: Merged): Promise<void> {
    return this.#book.merged(tx, merge);
  }

  unmerged(tx: Db, merge: Unmerged): Promise<void> {
    return this.#book.unmerged(tx, merge);
  }

  /** What segments see of households, as of now. A household without a profile is left out. */
  async profiles(db: Db, householdIds: readonly string[]): Promise<Map<string, HouseholdProfile>> {
    const rows = await this.#profiles.read(db, householdIds);
    return new Map(rows.map((row) => [row.household_id, this.#profileOf(row)]));
  }

  /** The members of a segment, for statements over many households: a table expression with `household_id` and `since_ms`. */
  members(segmentId: string): RawBuilder<unknown> {
    return membersOf(segmentId);
  }

  async get(id: string): Promise<Segment | null> {
    const [row] = await this.#views(this.#deps.db, await this.#store.list(this.#deps.db, id));
    return row ?? null;
  }

  list(): Promise<Segment[]> {
    return this.#store.list(this.#deps.db).then((rows) => this.#views(this.#deps.db, rows));
  }

  /** Who says what uses segments; what is used is not deleted. */
  onAskedForUsers(users: (db: Db, segmentIds: readonly string[]) => Promise<ReadonlyMap<string, SegmentUser[]>>): void {
    this.#users.push(users);
  }

  /** The texts with which conditions compare a fact, each with its segment. */
  async comparedWith(db: Db, fact: keyof typeof householdFactTypes): Promise<{ id: string; text: string }[]> {
    const rows = await this.#store.list(db);
    return readySegments(rows).flatMap(({ id, predicate }) =>
      [...(predicate.compared.get(fact)?.texts ?? [])].map((text) => ({ id, text })),
    );
  }

  /**
   * Puts a segment's next version in force, or makes the segment. The same definition again changes nothing.
   *
   * @param ifVersion the version that was changed, 0 for a new one; null: whatever there is
   */
  async put(by: Principal, id: string, definition: SegmentDefinition, ifVersion: number | null) {
    const compiled = compileSegment(definition.expression);
    if (compiled.kind === "refused") return expressionRefused(compiled);
    const { db, audit, outbox, clock } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const all = await this.#store.listForChange(tx);
      const before = all.find((one) => one.id === id);
      const newest = before && { version: before.version, atMs: before.changed_at_ms, by: before.changed_by };
      const other = changedMeanwhile(ifVersion, newest ?? null);
      if (other !== null) return other;
      if (before === undefined && all.length >= segmentsMax) return refused("too_many_segments");
      if (before !== undefined && isSame(before.definition, definition)) return { kind: "unchanged" as const };
      const changed_at_ms = clock.nowMs();
      const version = (before?.version ?? 0) + 1;
      const refill = before?.definition.expression !== definition.expression;
      await this.#store.put(tx, { id, version, definition, changed_at_ms, changed_by: principalText(by) }, refill);
      const verb = before === undefined ? "created" : "changed";
      const subject = `segment:${id}`;
      await outbox.add(tx, [
        { type: `hearth.segment.${verb}`, subject, atMs: changed_at_ms, data: { segmentId: id, version } },
      ]);
      await audit.record(tx, {
        principal: by,
        action: `segment.${verb}`,
        subject,
        before: before?.definition,
        after: definition,
      });
      return { kind: "put" as const };
    });
    if (outcome.kind === "put") await this.load();
    return outcome;
  }

  /** Deletes a segment that nothing uses. */
  async delete(
    by: Principal,
    id: string,
  ): Promise<{ kind: "deleted" } | Refused<"segment_not_found" | "segment_in_use">> {
    const { db, audit, outbox, clock } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const row = (await this.#store.listForChange(tx)).find((one) => one.id === id);
      if (row === undefined) return refused("segment_not_found");
      const users = (await this.#usersOf(tx, [id])).get(id) ?? [];
      if (users.length > 0)
        return refused("segment_in_use", `By ${users.map(({ kind, name }) => `the ${kind} ${name}`).join(", ")}.`);
      await this.#store.remove(tx, row.key);
      const subject = `segment:${id}`;
      await outbox.add(tx, [
        { type: "hearth.segment.deleted", subject, atMs: clock.nowMs(), data: { segmentId: id, version: row.version } },
      ]);
      await audit.record(tx, { principal: by, action: "segment.deleted", subject, before: row.definition });
      return { kind: "deleted" as const };
    });
    if (outcome.kind === "deleted") await this.load();
    return outcome;
  }

  async versions(id: string) {
    const [row] = await this.#store.list(this.#deps.db, id);
    return row === undefined ? null : this.#store.versions(this.#deps.db, row.key, versionsShown);
  }

  /** Members in the order of their ids; null where there is no such segment. */
  async membersPage(id: string, after: string | null, limit: number) {
    const [row] = await this.#store.list(this.#deps.db, id);
    if (row === undefined) return null;
    const members = await this.#store.membersPage(this.#deps.db, row.key, after, limit);
    const names = await this.#deps.namesOf(members.map(({ household_id }) => household_id));
    return members.map(({ household_id, since_ms }) => ({
      householdId: household_id,
      name: names.get(household_id) ?? null,
      sinceMs: since_ms,
    }));
  }

  /** How many households an expression means, and some of them. */
  async preview(expression: string, sampleSize: number) {
    const compiled = compileSegment(expression);
    if (compiled.kind === "refused") return expressionRefused(compiled);
    const { predicate } = compiled;
    const { db } = this.#deps;
    const [days, of] = await Promise.all([this.#book.days(db), this.#profiles.count(db)]);
    const percent = of <= askedMax ? 100 : (100 * askedMax) / of;
    const found = await inStatementTime(db, estimateMsMax, async (tx) => ({
      counted: await this.#store.estimate(tx, predicate, days, percent),
      sample: await this.#store.sample(tx, predicate, days, sampleSize),
    }));
    const explained = await this.#explainMany(compiled.predicate, found?.sample ?? []);
    const estimate = found === null ? null : sizeOf(found.counted, of, percent >= 100);
    return { kind: "ok" as const, reads: [...predicate.reads].toSorted(), of, estimate, sample: explained };
  }

  /** Whether an expression means a household, and why. */
  async test(expression: string, householdId: string) {
    const compiled = compileSegment(expression);
    if (compiled.kind === "refused") return expressionRefused(compiled);
    const [explained] = await this.#explainMany(compiled.predicate, [householdId]);
    return explained === undefined ? refused("segment_household_not_found") : { kind: "ok" as const, ...explained };
  }

  /** All that segments see of a household, and the segments that it is in; null where it has no profile. */
  async household(householdId: string): Promise<{
    facts: FactSeen[];
    segments: { id: string; title: string; sinceMs: number }[];
  } | null> {
    const [row] = await this.#profiles.read(this.#deps.db, [householdId]);
    if (row === undefined) return null;
    const segments = await this.#store.ofHousehold(this.#deps.db, householdId);
    return {
      facts: factsSeen(this.#profileOf(row), row.consents, Object.keys(householdFactTypes)),
      segments: segments.map(({ id, title, since_ms }) => ({ id, title, sinceMs: since_ms })),
    };
  }

  /** Sizes of the last days, the oldest first, by segment. */
  async trends(days: number): Promise<Map<string, { day: string; members: number }[]>> {
    const { db } = this.#deps;
    const keys = new Map((await this.#inForce(db)).all.map(({ key, id }) => [key, id]));
    const sinceDay = dayText(this.#deps.clock.nowMs() - days * 86_400_000);
    const trends = new Map<string, { day: string; members: number }[]>();
    for (const { segment_key, day, members } of await this.#store.trend(db, [...keys.keys()], sinceDay)) {
      const id = keys.get(segment_key) ?? "";
      trends.set(id, [...(trends.get(id) ?? []), { day, members }]);
    }
    return trends;
  }

  /** What days and changed segments ask for: in steps, each a transaction of its own. */
  async tick(): Promise<void> {
    await this.#book.lookAtStale();
    await this.#book.refreshModels();
    await this.#fill();
    await this.#book.lookAtDue();
  }

  /** Adds up sizes, and removes what is left of deleted segments. */
  async tidy(): Promise<void> {
    const { db, clock } = this.#deps;
    await transaction(db, (tx) => this.#store.foldChanges(tx, dayText(clock.nowMs())));
    while (await transaction(db, (tx) => this.#store.removeMembers(tx, fillAtOnce)));
  }

  async #fill(): Promise<void> {
    const { db, clock, outbox } = this.#deps;
    const registry = await this.#inForce(db);
    let steps = 0;
    for (const { key, id, version, filled_to } of await this.#store.list(db)) {
      const ready = registry.all.find((one) => one.key === key);
      if (filled_to === null || ready === undefined) continue;
      const segment = { key, version, predicate: ready.predicate, turns: turnsOf([ready.predicate]) };
      for (let state = "more"; state === "more" && steps < fillStepsPerTick; steps += 1) {
        state = await transaction(db, async (tx) => {
          const days = await this.#book.days(tx);
          const outcome = await this.#store.fill(tx, segment, days, clock.nowMs(), fillAtOnce);
          if (outcome === "done") {
            const data = { segmentId: id, version };
            await outbox.add(tx, [
              { type: "hearth.segment.filled", subject: `segment:${id}`, atMs: clock.nowMs(), data },
            ]);
          }
          return outcome;
        });
      }
    }
  }

  async #explainMany(
    predicate: Parameters<typeof explain>[0],
    householdIds: readonly string[],
  ): Promise<(Explained & { householdId: string; name: string | null })[]> {
    const rows = await this.#profiles.read(this.#deps.db, householdIds);
    const names = await this.#deps.namesOf(rows.map((row) => row.household_id));
    return rows.map((row) => ({
      householdId: row.household_id,
      name: names.get(row.household_id) ?? null,
      ...explain(predicate, this.#profileOf(row), row.consents),
    }));
  }

  #profileOf(row: ProfileRow): HouseholdProfile {
    return profileOf(row, this.#book.today(row.time_zone));
  }

  async #usersOf(db: Db, ids: readonly string[]): Promise<Map<string, SegmentUser[]>> {
    const users = new Map<string, SegmentUser[]>();
    for (const ask of this.#users)
      for (const [id, some] of await ask(db, ids)) users.set(id, [...(users.get(id) ?? []), ...some]);
    return users;
  }

  async #views(db: Db, rows: readonly SegmentRow[]): Promise<Segment[]> {
    const users = await this.#usersOf(
      db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => ({
      id: row.id,
      version: row.version,
      definition: row.definition,
      changedAtMs: row.changed_at_ms,
      changedBy: row.changed_by,
      members: row.members,
      isFilling: row.filled_to !== null,
      usedBy: users.get(row.id) ?? [],
    }));
  }
}

const readySegments = (rows: readonly SegmentRow[]): ReadySegment[] =>
  rows.map(({ key, id, definition }) => {
    const compiled = compileSegment(definition.expression);
    if (compiled.kind === "refused") throw new Error(`the stored segment ${id} does not compile: ${compiled.detail}`);
    return { key, id, predicate: compiled.predicate };
  });

const expressionRefused = ({ rule, detail, place }: Omit<ExpressionRefused, "kind">): ExpressionRefused => ({
  kind: "expression_refused",
  rule,
  detail,
  place,
});

const isSame = (a: SegmentDefinition, b: SegmentDefinition): boolean =>
  a.title === b.title && a.description === b.description && a.expression === b.expression;

const dayText = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/**
 * A size from those that were asked, with how far it may be off in 95 of 100 cases (Agresti and Coull 1998: as if two more had been asked
 * who match, and two who do not). So nobody among those asked is not said to be nobody for certain.
 */
function sizeOf({ asked, matching }: { asked: number; matching: number }, of: number, isExact: boolean) {
  if (isExact || asked === 0) return { members: matching, isExact, margin: 0 };
  const share = (matching + 2) / (asked + 4);
  return {
    members: Math.round((matching / asked) * of),
    isExact,
    margin: Math.ceil(1.96 * of * Math.sqrt((share * (1 - share)) / (asked + 4))),
  };
}
