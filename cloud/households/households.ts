import type { UnitSystem } from "#protocol/units.ts";
import type { DeviceRef, DeviceRow, Devices, EventFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db, retryConflicts, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, OwnerPrincipal, Principal } from "../staff/staff.ts";
import { CodeGuard } from "./code-guard.ts";
import {
  devicesMax,
  type Household,
  type HouseholdChange,
  type HouseholdReach,
  type Member,
  type QuietHours,
} from "./core/household.ts";
import { membersMax } from "./core/household.ts";
import type { NewHousehold, NewMember } from "./core/household.ts";
import { codeLimits } from "./core/wrong-codes.ts";
import { HandOver, type Planted, type StoredReadings } from "./hand-over.ts";
import { type HouseholdFilter, HouseholdsStore } from "./households-store.ts";
import { HoursChanges, keepsOtherHours } from "./hours-changes.ts";
import { Members } from "./members.ts";
import { ownData } from "./own-data.ts";
import type { Merged, Unmerged } from "./home-rows.ts";
import { Merges } from "./merges.ts";
import { MergesStore } from "./merges-store.ts";
import { Pairing } from "./pairing.ts";
import { PairingStore } from "./pairing-store.ts";
import { Prospects } from "./prospects.ts";

/** Every household, for statements over many appliances: a table expression with `id`, `locale` and `time_zone`. */
export { householdFacts } from "./households-store.ts";
export { asOwnedThen, withoutCode } from "./core/appliance-acts.ts";
export { actsOf, type HouseholdAct } from "./core/household-act.ts";
export { type FactSource, factSources } from "./core/household-act.ts";
export type { Household, HouseholdReach, Member } from "./core/household.ts";
export { type Reference, reference } from "./core/merge.ts";
export { type Merged, moveRows, moveRowsBack, type Unmerged } from "./home-rows.ts";
export { type NewProspect, newProspect } from "./prospects.ts";
export { namesOf } from "./household-names.ts";
export { findHouseholds, findMembers } from "./household-search.ts";
export { householdProblems } from "./errors.ts";

/** When and in which words a household lives. */
export interface HouseholdZone {
  timeZone: string;
  locale: string;
  /** What it chose to measure in; null: as its locale does. */
  units: UnitSystem | null;
}

export interface HouseholdsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  logger: Logger;
  appliances: Pick<Devices, "tenure" | "get" | "page" | "ofHousehold" | "forget" | "left">;
  planted: Planted;
  readings: StoredReadings;
  /** Of this installation: what pairing codes are kept under. */
  secret: Buffer;
  /** Base of the links that invite. */
  publicUrl: () => string;
}

/** A household that is being erased. */
export interface ErasedHousehold {
  by: Principal;
  household: Household;
  /** Itself, and every one that became part of it. */
  parts: readonly string[];
}

/** Owners of appliances: who they are, where they live, and which appliances are theirs. */
export class Households {
  readonly members: Members;
  readonly pairing: Pairing;
  readonly householdData = ownData;
  readonly merges: Merges;
  readonly prospects: Prospects;
  readonly hoursChanges = new HoursChanges();
  readonly #deps: HouseholdsDeps;
  #onErasing: (tx: Db, erased: ErasedHousehold) => Promise<void> = async () => {};
  readonly #store = new HouseholdsStore();
  readonly #mergesStore = new MergesStore();
  readonly #handOver: HandOver;

  constructor(deps: HouseholdsDeps) {
    this.#deps = deps;
    const store = this.#store;
    const codes = new PairingStore();
    const guard = new CodeGuard(deps, codeLimits);
    this.#handOver = new HandOver({ ...deps, codes });
    this.members = new Members({ ...deps, store, guard });
    const { members } = this;
    const merges = this.#mergesStore;
    this.merges = new Merges({ ...deps, store, merges, guard, hoursChanges: this.hoursChanges });
    this.prospects = new Prospects({ ...deps, store, merges });
    this.pairing = new Pairing({
      ...deps,
      store,
      codes,
      members,
      guard,
      handOver: this.#handOver,
      merges: this.merges,
    });
  }

  async create(by: Principal, given: NewHousehold): Promise<Household> {
    const { db, ids, clock } = this.#deps;
    const created: Household = {
      id: ids.next(),
      ...given,
      units: given.units ?? null,
      members: [],
      createdAtMs: clock.nowMs(),
      mergedInto: null,
    };
    await transaction(db, async (tx) => {
      await this.#store.insert(tx, created);
      await this.#tell(tx, "created", created.id, { isProspect: true });
      await this.#record(tx, by, "household.created", created.id, undefined, preferences(created));
    });
    return created;
  }

  /** Newest first, without those that became part of another. */
  list(filter: HouseholdFilter) {
    return this.#store.list(this.#deps.db, filter);
  }

  /** Who is told when households become one, and when that is taken back; in its transaction, once both are held. */
  onMerged(hear: (tx: Db, merge: Merged) => Promise<void>): void {
    this.merges.onMerged(hear);
  }

  onUnmerged(hear: (tx: Db, merge: Unmerged) => Promise<void>): void {
    this.merges.onUnmerged(hear);
  }

  /**
   * Holds households until the transaction ends, in the order of their ids.
   *
   * @returns each that exists, by the one that stands for it now: itself, or the one that it became part of
   */
  async hold(tx: Db, ids: readonly string[]): Promise<Map<string, string>> {
    for (;;) {
      const current = await this.#mergesStore.current(tx, ids);
      const held = await this.#mergesStore.hold(tx, [...current.values()]);
      // One that is merged between the two looks is looked for again: every merge makes one household less.
      if ([...current.values()].every((id) => held.has(id))) return current;
    }
  }

  /** The household and every one that became part of it: under each of these ids something may be kept. */
  partsOf(id: string, db: Db = this.#deps.db): Promise<string[]> {
    return this.#mergesStore.partsOf(db, id);
  }

  /** The ids of all households, those too that are part of another, in the order of ids. */
  idsAfter(afterId: string | null, limit: number): Promise<string[]> {
    return this.#store.idsAfter(this.#deps.db, afterId, limit);
  }

  /** How each household can be reached, in one question. Those that do not exist are missing from the answer. */
  reachOf(db: Db, ids: readonly string[]): Promise<Map<string, HouseholdReach>> {
    return this.#store.reach(db, ids);
  }

  /** The household with its appliances, or null. */
  async get(id: string): Promise<{ household: Household; devices: DeviceRef[] } | null> {
    const household = await this.#store.get(this.#deps.db, id);
    return household === null ? null : { household, devices: await this.#deps.appliances.ofHousehold(id) };
  }

  async change(
    by: Principal,
    id: string,
    change: HouseholdChange,
  ): Promise<Household | Refused<"household_not_found">> {
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#store.getForChange(tx, id);
      if (before === null) return refused("household_not_found");
      const after: Household = {
        ...before,
        name: change.name ?? before.name,
        locale: change.locale ?? before.locale,
        units: change.units === undefined ? before.units : change.units,
        timeZone: change.timeZone ?? before.timeZone,
        channels: change.channels ?? before.channels,
      };
      await this.#store.update(tx, after);
      if (keepsOtherHours(before, after)) await this.hoursChanges.note(tx, [id]);
      await this.#tell(tx, "changed", id, {});
      const renamed = after.name !== before.name;
      await this.#record(tx, by, "household.changed", id, preferences(before), { ...preferences(after), renamed });
      return after;
    });
  }

  async addMember(
    by: Principal,
    id: string,
    given: NewMember,
  ): Promise<Member | Refused<"household_not_found" | "too_many_members">> {
    const { db, ids, clock } = this.#deps;
    return transaction(db, async (tx) => {
      const household = await this.#store.getForChange(tx, id);
      if (household === null) return refused("household_not_found");
      if (household.members.length >= membersMax) return refused("too_many_members");
      const member: Member = { id: ids.next(), name: given.name, email: given.email ?? null, role: "member" };
      await this.#store.insertMember(tx, id, member, null, clock.nowMs());
      await this.#record(tx, by, "household.member_added", id, undefined, { memberId: member.id });
      return member;
    });
  }

  /** Gives an appliance to a household. An appliance of another household stays there: see `removeDevice`. */
  async addDevice(by: Principal, id: string, deviceId: string) {
    const { db, clock, appliances } = this.#deps;
    // Forgotten also where it failed: a connection that breaks during COMMIT leaves a change of which nobody knows.
    const give = async (tx: Db) => {
      const household = await this.#store.getForChange(tx, id);
      const device = await appliances.tenure.lock(tx, deviceId);
      if (device === null) return refused("household_device_not_found");
      if (household === null) return refused("household_not_found");
      if (device.householdId === id) return { kind: "unchanged" as const };
      if (device.householdId !== null) return refused("device_in_other_household");
      // An appliance that nobody had before is theirs from its beginning.
      const isFirst = device.householdSinceMs === null;
      const sinceMs = isFirst ? null : await this.#deps.readings.firstFreeMs(tx, device, clock.nowMs());
      await appliances.tenure.give(tx, device, id, sinceMs, clock.nowMs());
      const data = { householdId: id, deviceId };
      const subject = `device:${deviceId}`;
      const type = "hearth.household.device_joined";
      await this.#deps.outbox.add(tx, [{ type, subject, atMs: clock.nowMs(), data }]);
      await this.#record(tx, by, "household.device_added", id, undefined, { deviceId });
      return { kind: "changed" as const };
    };
    return contested(db, give).finally(() => appliances.forget(deviceId));
  }

  /** Takes an appliance out of a household, as its owner's hand-over does. */
  async removeDevice(
    by: Principal,
    id: string,
    deviceId: string,
  ): Promise<{ kind: "changed" } | Refused<"household_device_not_found" | "device_not_in_household">> {
    return this.#leaving(async (tx, left) => {
      const device = await this.#deps.appliances.tenure.lock(tx, deviceId);
      if (device === null) return refused("household_device_not_found");
      if (device.householdId !== id) return refused("device_not_in_household");
      left.push(deviceId);
      await this.#handOver.leave(tx, by, [device], "handed_over");
      return { kind: "changed" };
    });
  }

  /** The owner gives an appliance away. It is nobody's from now on, and nothing of theirs stays behind. */
  async handOver(
    by: OwnerPrincipal,
    deviceId: string,
  ): Promise<{ kind: "changed" } | Refused<"my_device_not_found" | "not_the_owner">> {
    return this.#leaving(async (tx, left) => {
      const device = await this.#deps.appliances.tenure.lock(tx, deviceId);
      if (device?.householdId !== by.householdId) return refused("my_device_not_found");
      const me = await this.#store.member(tx, by.householdId, by.memberId);
      if (me?.role !== "owner") return refused("not_the_owner");
      left.push(deviceId);
      await this.#handOver.leave(tx, by, [device], "handed_over");
      return { kind: "changed" };
    });
  }

  /**
   * Erases a household: its appliances are nobody's and what they said is forgotten, its keys end, and nobody's name or address is kept. The ledger keeps its totals
   * under an id that stands for nobody any more.
   */
  async erase(
    by: Principal,
    householdId: string,
  ): Promise<{ kind: "changed" } | Refused<"not_the_owner" | "household_not_found">> {
    const { appliances, planted, outbox, clock, readings } = this.#deps;
    return this.#leaving(async (tx, left) => {
      const household = await this.#store.getForChange(tx, householdId);
      if (by.kind === "owner") {
        const me = household?.members.find(({ id }) => id === by.memberId);
        if (by.householdId !== householdId || me?.role !== "owner") return refused("not_the_owner");
      }
      if (household === null) return refused("household_not_found");
      const devices = await appliances.tenure.lockAll(tx, householdId);
      left.push(...devices.map(({ id }) => id));
      await readings.forget(tx, devices);
      await this.#handOver.leave(tx, by, devices, "household_erased");
      await this.#onErasing(tx, { by, household, parts: await this.partsOf(householdId, tx) });
      await planted.cases.forgetHousehold(tx, householdId, devices);
      // Members and links name their household, so that it goes last; a prospect that became part of it goes before it.
      for (const part of (await this.partsOf(householdId, tx)).toReversed())
        for (const data of this.householdData.toReversed()) await data.erase(tx, part);
      const subject = `household:${householdId}`;
      await outbox.add(tx, [{ type: "hearth.household.erased", subject, atMs: clock.nowMs(), data: { householdId } }]);
      const counts = { members: household.members.length, devices: devices.length };
      await this.#record(tx, by, "household.erased", householdId, undefined, counts);
      return { kind: "changed" };
    });
  }

  /** Who erases what other slices hold of a household, in the transaction in which it goes: its appliances have left, it is there still. */
  onErasing(erase: (tx: Db, erased: ErasedHousehold) => Promise<void>): void {
    this.#onErasing = erase;
  }

  /** The appliances of a household, in the order of their ids. */
  devicesOf(householdId: string): Promise<DeviceRow[]> {
    // Staff may have given them more than they can pair themselves.
    const all = { q: null, model: null, online: null, tag: null, country: null, version: null, afterId: null };
    return this.#deps.appliances.page({ ...all, householdId, limit: 10 * devicesMax });
  }

  /** An appliance of this household; null also where it is another's. */
  async deviceOf(householdId: string, deviceId: string): Promise<DeviceRow | null> {
    const row = await this.#deps.appliances.get(deviceId);
    return row?.household_id === householdId ? row : null;
  }

  /** What people did at their appliances: codes shown, factory resets. In the batch's transaction. */
  ingest(tx: Db, facts: readonly EventFact[]): Promise<(() => void) | undefined> {
    return this.pairing.ingest(tx, facts);
  }

  /** Removes codes and invitations that are good for nothing any more. */
  async tick(): Promise<void> {
    await this.pairing.removeExpired();
    await this.members.removeExpired();
    await this.merges.removeExpired();
  }

  /** Time zone and locale of each household that exists and is not part of another. */
  async homesOf(ids: readonly string[], db: Db): Promise<Map<string, HouseholdZone>> {
    const rows = await this.#store.zones(db, ids);
    const whole = rows.filter(({ merged_into }) => merged_into === null);
    return new Map(whole.map((row) => [row.id, { timeZone: row.time_zone, locale: row.locale, units: row.units }]));
  }

  /** Time zone and locale of each household that exists. */
  async timeZoneOf(ids: readonly string[], db: Db = this.#deps.db): Promise<Map<string, HouseholdZone>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#store.zones(db, ids);
    return new Map(rows.map((row) => [row.id, { timeZone: row.time_zone, locale: row.locale, units: row.units }]));
  }

  /** The quiet hours of those households that have some, with the zone that they go by. */
  async quietHoursOf(ids: readonly string[]): Promise<Map<string, { timeZone: string; quiet: QuietHours }>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#store.quietHours(this.#deps.db, ids);
    return new Map(rows.map(({ id, time_zone: timeZone, quiet }) => [id, { timeZone, quiet }]));
  }

  /**
   * Runs what takes appliances out of their households, and then cuts the connections of those that it names in `left`; also where
   * nobody knows whether it is committed, because a connection that stays would be worse than one that is cut for nothing.
   */
  #leaving<R>(work: (tx: Db, left: string[]) => Promise<R>): Promise<R> {
    // What appliances say changes the same rows in an order of its own.
    return retryConflicts(async () => {
      const left: string[] = [];
      try {
        return await transaction(this.#deps.db, (tx) => work(tx, left));
      } finally {
        this.#handOver.after(left);
      }
    });
  }

  #tell(tx: Db, what: "created" | "changed", householdId: string, more: Record<string, unknown>): Promise<void> {
    const fact = { type: `hearth.household.${what}`, subject: `household:${householdId}` };
    return this.#deps.outbox.add(tx, [{ ...fact, atMs: this.#deps.clock.nowMs(), data: { householdId, ...more } }]);
  }

  #record(tx: Db, principal: Principal, action: string, id: string, before: unknown, after: unknown): Promise<void> {
    return this.#deps.audit.record(tx, { principal, action, subject: `household:${id}`, before, after });
  }
}

/** What the audit log keeps of a household. It is append-only and outlives an erasure, so no name is in it. */
const preferences = ({ locale, timeZone, channels, units }: Household) => ({ locale, timeZone, channels, units });
