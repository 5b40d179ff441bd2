import { createHash } from "node:crypto";
import type { Devices } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import type { HouseholdEntry, TimelinePage } from "../platform/timeline.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type OwnerPrincipal, type Principal, principalText } from "../staff/staff.ts";
import type { CodeGuard } from "./code-guard.ts";
import { type Household, membersMax } from "./core/household.ts";
import { type HouseholdMerge, roleAfterMerge, welcomeMs, welcomesMax } from "./core/merge.ts";
import type { Merged, Unmerged } from "./home-rows.ts";
import type { HoursChanges } from "./hours-changes.ts";
import type { HouseholdsStore } from "./households-store.ts";
import type { MergesStore } from "./merges-store.ts";

const sha256 = (code: string) => createHash("sha256").update(code).digest();

/** Most merges of one household that are shown. */
const mergesShown = 50;

type OnMerged = (tx: Db, merge: Merged) => Promise<void>;
type OnUnmerged = (tx: Db, merge: Unmerged) => Promise<void>;

type MergeRefusal =
  | "household_not_found"
  | "household_merged"
  | "same_household"
  | "not_a_prospect"
  | "too_many_members";

export type WelcomeRefusal = MergeRefusal | "welcome_code_wrong";

interface MergesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  appliances: Pick<Devices, "tenure">;
  store: HouseholdsStore;
  merges: MergesStore;
  guard: CodeGuard;
  hoursChanges: HoursChanges;
  publicUrl: () => string;
}

/**
 * Makes one household of two that are the same people: a prospect becomes part of the household that paired an appliance.
 *
 *   hold both --> members move, the prospect stands for the other from now on --> whoever keeps something by household is told
 *
 * All of it is one transaction, and so is taking it back. An e-mail address alone proves nothing: two people may write the same one.
 */
export class Merges {
  readonly #deps: MergesDeps;
  readonly #onMerged: OnMerged[] = [];
  readonly #onUnmerged: OnUnmerged[] = [];

  constructor(deps: MergesDeps) {
    this.#deps = deps;
  }

  onMerged(hear: OnMerged): void {
    this.#onMerged.push(hear);
  }

  onUnmerged(hear: OnUnmerged): void {
    this.#onUnmerged.push(hear);
  }

  /** Makes a code for a prospect, to be sent to them. It is in the answer and nowhere else. */
  async welcome(
    by: Principal,
    householdId: string,
  ): Promise<
    | { kind: "made"; code: string; link: string; expiresAtMs: number }
    | Refused<"household_not_found" | "household_merged" | "not_a_prospect" | "too_many_welcomes">
  > {
    const { db, clock, ids, store, merges, appliances, publicUrl } = this.#deps;
    const code = ids.secret();
    return contested(db, async (tx) => {
      const household = await store.getForChange(tx, householdId);
      if (household === null) return refused("household_not_found");
      if (household.mergedInto !== null) return refused("household_merged");
      if ((await appliances.tenure.count(tx, householdId)) > 0) return refused("not_a_prospect");
      const createdAtMs = clock.nowMs();
      if ((await merges.countWelcomes(tx, householdId, createdAtMs)) >= welcomesMax)
        return refused("too_many_welcomes");
      const made = { id: ids.next(), householdId, createdAtMs, expiresAtMs: createdAtMs + welcomeMs };
      await merges.insertWelcome(tx, { ...made, codeSha256: sha256(code) });
      await this.#record(tx, by, "household.welcomed", householdId, { welcomeId: made.id });
      // Behind the hash sign, so that no server on the way and no log ever sees it.
      return { kind: "made", code, link: `${publicUrl()}/welcome#${code}`, expiresAtMs: made.expiresAtMs };
    });
  }

  /** Joins the prospect whose code this is to the household of who has it. */
  async redeem(by: OwnerPrincipal, code: string, address: string) {
    return this.#deps.guard.attempt(address, "welcome_code_wrong", () =>
      contested(this.#deps.db, (tx) => this.redeemIn(tx, by, code)),
    );
  }

  /**
   * Holds the prospect whose code this is, with the household that it may join, before anything else is held.
   *
   * @returns false where a code is given that is nobody's
   */
  async holdWelcomed(tx: Db, code: string | undefined, into: string | undefined): Promise<boolean> {
    const { merges, clock } = this.#deps;
    if (code === undefined) return true;
    const from = await merges.welcomed(tx, sha256(code), clock.nowMs());
    if (from !== null) await merges.hold(tx, into === undefined ? [from] : [from, into]);
    return from !== null;
  }

  /** `redeem` within the caller's transaction. What that holds it took by `holdWelcomed`. */
  async redeemIn(
    tx: Db,
    by: OwnerPrincipal,
    code: string,
  ): Promise<{ kind: "merged"; merge: HouseholdMerge } | Refused<WelcomeRefusal>> {
    const { merges, clock } = this.#deps;
    const from = await merges.welcomed(tx, sha256(code), clock.nowMs());
    if (from === null) return refused("welcome_code_wrong");
    const outcome = await this.#merge(tx, by, { from, into: by.householdId }, { proof: "welcome_code", reason: null });
    // Somebody else was faster with the same code.
    if (outcome.kind === "refused" && outcome.rule === "household_merged") return refused("welcome_code_wrong");
    return outcome;
  }

  /** Joins a prospect to a household on the word of staff. */
  merge(
    by: Principal,
    pair: { from: string; into: string },
    reason: string,
  ): Promise<{ kind: "merged"; merge: HouseholdMerge } | Refused<MergeRefusal>> {
    return contested(this.#deps.db, (tx) => this.#merge(tx, by, pair, { proof: "staff", reason }));
  }

  /** Takes a merge back: whoever was moved goes back, and the prospect is a household of its own again. */
  async undo(
    by: Principal,
    mergeId: string,
    reason: string,
  ): Promise<
    { kind: "undone"; merge: HouseholdMerge } | Refused<"merge_not_found" | "merge_undone" | "household_merged">
  > {
    const { db, clock, merges, outbox } = this.#deps;
    return contested(db, async (tx) => {
      const asked = await merges.get(tx, mergeId);
      if (asked === null) return refused("merge_not_found");
      await merges.hold(tx, [asked.from, asked.into]);
      const found = await merges.get(tx, mergeId);
      if (found === null) return refused("merge_not_found");
      if (found.undone !== null) return refused("merge_undone");
      const { from, into } = found;
      // Of several that followed one another the last is taken back first.
      if ((await merges.current(tx, [into])).get(into) !== into) return refused("household_merged");
      const here = await merges.stillIn(
        tx,
        into,
        found.movedMembers.map(({ id }) => id),
      );
      await merges.setMergedInto(tx, from, null);
      const returning = found.movedMembers.filter(({ id }) => here.has(id));
      await merges.moveMembers(tx, from, returning);
      const atMs = clock.nowMs();
      const undone = { atMs, by: principalText(by), reason };
      await merges.undo(tx, mergeId, undone);
      const parts = await merges.partsOf(tx, from);
      const staying = await merges.standing(tx, into);
      // What waits for the one's quiet hours is the other's from now on.
      await this.#deps.hoursChanges.note(tx, [from, into]);
      for (const hear of this.#onUnmerged) await hear(tx, { mergeId, from, into, atMs: found.atMs, parts, staying });
      const data = { householdId: into, mergeId, from, into };
      await outbox.add(tx, [{ type: "hearth.household.unmerged", subject: `household:${into}`, atMs, data }]);
      await this.#record(tx, by, "household.unmerged", into, { mergeId, from });
      const { movedMembers: _moved, ...merge } = found;
      return { kind: "undone", merge: { ...merge, undone } };
    });
  }

  /** The merges that a household had a part in, newest first; null where there is no such household. */
  async list(householdId: string): Promise<HouseholdMerge[] | null> {
    const { db, merges } = this.#deps;
    if ((await merges.partsOf(db, householdId)).length === 0) return null;
    return merges.ofHousehold(db, householdId, mergesShown);
  }

  async timeline(householdId: string, page: TimelinePage): Promise<HouseholdEntry[]> {
    const { db, merges } = this.#deps;
    const rows = await merges.happened(db, householdId, page.beforeMs, page.limit);
    return rows.map((row) => ({
      atMs: row.at_ms,
      kind: "household",
      id: `${row.id}/${row.what}`,
      title: mergeTitle(row.what === "merged", row.is_into),
      data: { mergeId: row.id, other: row.other, reason: row.reason },
    }));
  }

  async removeExpired(): Promise<void> {
    await this.#deps.merges.removeExpiredWelcomes(this.#deps.db, this.#deps.clock.nowMs());
  }

  async #merge(
    tx: Db,
    by: Principal,
    { from, into }: { from: string; into: string },
    how: Pick<HouseholdMerge, "proof" | "reason">,
  ): Promise<{ kind: "merged"; merge: HouseholdMerge } | Refused<MergeRefusal>> {
    const { clock, ids, merges, store, outbox, appliances } = this.#deps;
    await merges.hold(tx, [from, into]);
    const [left, right] = [await store.get(tx, from), await store.get(tx, into)];
    if (left === null || right === null) return refused("household_not_found");
    if (from === into) return refused("same_household");
    if (left.mergedInto !== null || right.mergedInto !== null) return refused("household_merged");
    if ((await appliances.tenure.count(tx, from)) > 0) return refused("not_a_prospect");
    if (left.members.length + right.members.length > membersMax) return refused("too_many_members");
    const atMs = clock.nowMs();
    const merge: HouseholdMerge = { id: ids.next(), from, into, ...how, atMs, by: principalText(by), undone: null };
    await merges.insert(
      tx,
      merge,
      left.members.map(({ id, role }) => ({ id, role })),
    );
    await merges.moveMembers(tx, into, membersAfter(left, right));
    await merges.setMergedInto(tx, from, into);
    await merges.removeWelcomes(tx, from);
    const parts = await merges.partsOf(tx, from);
    await this.#deps.hoursChanges.note(tx, [into]);
    for (const hear of this.#onMerged) await hear(tx, { mergeId: merge.id, from, into, atMs, parts });
    const data = { householdId: into, mergeId: merge.id, from, into, proof: how.proof };
    await outbox.add(tx, [{ type: "hearth.household.merged", subject: `household:${into}`, atMs, data }]);
    // The reason is with the merge: it may be about people, and goes with them.
    await this.#record(tx, by, "household.merged", into, { mergeId: merge.id, from, proof: how.proof });
    return { kind: "merged", merge };
  }

  #record(tx: Db, principal: Principal, action: string, id: string, after: unknown): Promise<void> {
    return this.#deps.audit.record(tx, { principal, action, subject: `household:${id}`, after });
  }
}

function mergeTitle(isMerged: boolean, isInto: boolean): string {
  if (isMerged) return isInto ? "A prospect became part of this household" : "Became part of another household";
  return isInto ? "A prospect is a household of its own again" : "A household of its own again";
}

/** The prospect's members, as they are in the household that they come to. */
const membersAfter = (from: Household, into: Household) => {
  const hasOwner = into.members.some(({ role }) => role === "owner");
  return from.members.map(({ id, role }) => ({ id, role: roleAfterMerge(hasOwner, role) }));
};
