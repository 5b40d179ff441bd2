import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type Household, newHousehold } from "./core/household.ts";
import { type Reference, referencesMax } from "./core/merge.ts";
import { timeZone } from "./core/time-zone.ts";
import type { HouseholdsStore } from "./households-store.ts";
import { type MergesStore, referenceKey } from "./merges-store.ts";

/** What is known of somebody who has no appliance yet. */
export const newProspect = z
  .strictObject({
    name: safeText(200).trim().min(1).default("Prospect"),
    locale: locale.default("en"),
    timeZone: timeZone.default("UTC"),
  })
  .meta({ id: "NewProspect" });
export type NewProspect = z.infer<typeof newProspect>;

interface ProspectsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  store: HouseholdsStore;
  merges: MergesStore;
}

/** Held while prospects are made, so that two who name the same person at once make one. */
const prospectsLock = 4_711_245;

/** Households by what others call them, and those who are known by that alone. */
export class Prospects {
  readonly #deps: ProspectsDeps;

  constructor(deps: ProspectsDeps) {
    this.#deps = deps;
  }

  /** Which household each reference names, by `referenceKey`; without those that nobody has. Not held, and perhaps part of another. */
  named(db: Db, references: readonly Reference[]): Promise<Map<string, string>> {
    return this.#deps.merges.referred(db, references);
  }

  readonly keyOf = referenceKey;

  /**
   * Makes a prospect for each reference that nobody has.
   *
   * @param wanted each reference once
   * @returns which household each names, by `keyOf`
   */
  async make(
    tx: Db,
    by: Principal,
    wanted: readonly { reference: Reference; prospect: NewProspect }[],
  ): Promise<Map<string, string>> {
    const { clock, ids, store, merges, outbox } = this.#deps;
    if (wanted.length === 0) return new Map();
    await merges.lockProspects(tx, prospectsLock);
    const known = await merges.referred(
      tx,
      wanted.map(({ reference }) => reference),
    );
    const atMs = clock.nowMs();
    for (const { reference, prospect } of wanted) {
      if (known.has(referenceKey(reference))) continue;
      const made: Household = {
        id: ids.next(),
        ...newHousehold.parse(prospect),
        units: null,
        members: [],
        createdAtMs: atMs,
        mergedInto: null,
      };
      await store.insert(tx, made);
      await merges.insertReference(tx, reference, { householdId: made.id, atMs, by: principalText(by) });
      known.set(referenceKey(reference), made.id);
      const data = { householdId: made.id, isProspect: true };
      await outbox.add(tx, [{ type: "hearth.household.created", subject: `household:${made.id}`, atMs, data }]);
      await this.#record(tx, by, "household.created", made.id, { isProspect: true, reference: reference.kind });
    }
    return known;
  }

  /** What others call each of these households, as `kind value`; those that nobody calls anything are left out. */
  async referencesOf(db: Db, ids: readonly string[]): Promise<Map<string, string[]>> {
    const rows = ids.length === 0 ? [] : await this.#deps.merges.referencesOf(db, ids);
    const found = Map.groupBy(rows, (row) => row.household_id);
    return new Map([...found].map(([id, own]) => [id, own.map(referenceKey)]));
  }

  /** What others call this household, under every id that is its; null where there is no such household. */
  async references(id: string): Promise<Reference[] | null> {
    const { db, merges } = this.#deps;
    const parts = await merges.partsOf(db, id);
    return parts.length === 0 ? null : merges.references(db, parts);
  }

  async addReference(
    by: Principal,
    id: string,
    reference: Reference,
  ): Promise<{ kind: "added" | "unchanged" } | Refused<"household_not_found" | "household_merged" | ReferenceRefusal>> {
    const { db, clock, store, merges } = this.#deps;
    return contested(db, async (tx) => {
      const household = await store.getForChange(tx, id);
      if (household === null) return refused("household_not_found");
      if (household.mergedInto !== null) return refused("household_merged");
      const parts = await merges.partsOf(tx, id);
      const own = await merges.references(tx, parts);
      if (own.some((one) => referenceKey(one) === referenceKey(reference))) return { kind: "unchanged" };
      if (own.length >= referencesMax) return refused("too_many_references");
      const made = { householdId: id, atMs: clock.nowMs(), by: principalText(by) };
      if (!(await merges.insertReference(tx, reference, made))) return refused("reference_taken");
      await this.#record(tx, by, "household.reference_added", id, { reference: reference.kind });
      return { kind: "added" };
    });
  }

  async removeReference(
    by: Principal,
    id: string,
    reference: Reference,
  ): Promise<{ kind: "removed" } | Refused<"reference_not_found">> {
    const { db, merges } = this.#deps;
    return contested(db, async (tx) => {
      if (!(await merges.removeReference(tx, reference, await merges.partsOf(tx, id))))
        return refused("reference_not_found");
      await this.#record(tx, by, "household.reference_removed", id, { reference: reference.kind });
      return { kind: "removed" };
    });
  }

  /** The audit log outlives an erasure, so it names a reference by its kind alone. */
  #record(tx: Db, principal: Principal, action: string, id: string, after: unknown): Promise<void> {
    return this.#deps.audit.record(tx, { principal, action, subject: `household:${id}`, after });
  }
}

type ReferenceRefusal = "too_many_references" | "reference_taken";
