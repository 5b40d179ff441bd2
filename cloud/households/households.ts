import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { type Household, type HouseholdChange, type Member, membersMax } from "./core/household.ts";
import type { NewHousehold, NewMember } from "./core/household.ts";
import { HouseholdsStore } from "./households-store.ts";

export type { Household, Member } from "./core/household.ts";
export { householdProblems } from "./errors.ts";

/** What this slice needs of the registry. */
export interface HouseholdAppliances {
  find(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  ofHousehold(householdId: string): Promise<DeviceRef[]>;
  /** False where the registry has no such device. */
  assignHousehold(tx: Db, deviceId: string, householdId: string | null): Promise<boolean>;
  /** Told after the commit of `assignHousehold`. */
  forget(deviceId: string): void;
}

/** When and in which words a household lives. */
export interface HouseholdZone {
  timeZone: string;
  locale: string;
}

type Refused<R extends string> = { kind: "refused"; rule: R };
const refused = <R extends string>(rule: R): Refused<R> => ({ kind: "refused", rule });

/** Owners of appliances: who they are, where they live, and which appliances are theirs. */
export class Households {
  readonly #store = new HouseholdsStore();
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #audit: Audit;
  readonly #appliances: HouseholdAppliances;

  constructor(deps: { db: Db; clock: Clock; ids: Ids; audit: Audit; appliances: HouseholdAppliances }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#audit = deps.audit;
    this.#appliances = deps.appliances;
  }

  async create(by: Principal, given: NewHousehold): Promise<Household> {
    const created: Household = { id: this.#ids.next(), ...given, members: [], createdAtMs: this.#clock.nowMs() };
    await transaction(this.#db, async (tx) => {
      await this.#store.insert(tx, created);
      await this.#record(tx, by, "household.created", created.id, undefined, given);
    });
    return created;
  }

  list(beforeId: string | null, limit: number): Promise<Household[]> {
    return this.#store.list(this.#db, beforeId, limit);
  }

  /** The household with its appliances, or null. */
  async get(id: string): Promise<{ household: Household; devices: DeviceRef[] } | null> {
    const household = await this.#store.get(this.#db, id);
    return household === null ? null : { household, devices: await this.#appliances.ofHousehold(id) };
  }

  async change(
    by: Principal,
    id: string,
    change: HouseholdChange,
  ): Promise<Household | Refused<"household_not_found">> {
    return transaction(this.#db, async (tx) => {
      const before = await this.#store.getForChange(tx, id);
      if (before === null) return refused("household_not_found");
      const after: Household = {
        ...before,
        name: change.name ?? before.name,
        locale: change.locale ?? before.locale,
        timeZone: change.timeZone ?? before.timeZone,
        channels: change.channels ?? before.channels,
      };
      await this.#store.update(tx, after);
      await this.#record(tx, by, "household.changed", id, preferences(before), preferences(after));
      return after;
    });
  }

  async addMember(
    by: Principal,
    id: string,
    given: NewMember,
  ): Promise<Member | Refused<"household_not_found" | "too_many_members">> {
    return transaction(this.#db, async (tx) => {
      const household = await this.#store.getForChange(tx, id);
      if (household === null) return refused("household_not_found");
      if (household.members.length >= membersMax) return refused("too_many_members");
      const member: Member = { id: this.#ids.next(), name: given.name, email: given.email ?? null };
      await this.#store.insertMember(tx, id, member, this.#clock.nowMs());
      // The audit log is append-only and outlives an erasure, so it names the member by id alone.
      await this.#record(tx, by, "household.member_added", id, undefined, { memberId: member.id });
      return member;
    });
  }

  /** Gives an appliance to a household. An appliance of another household stays there: see `removeDevice`. */
  async addDevice(by: Principal, id: string, deviceId: string) {
    const device = (await this.#appliances.find([deviceId])).get(deviceId);
    if (device === undefined) return refused("household_device_not_found");
    if (device.householdId !== null && device.householdId !== id) return refused("device_in_other_household");
    return this.#assign(by, id, device, id);
  }

  /** Takes an appliance out of a household, as before a hand-over to another. */
  async removeDevice(by: Principal, id: string, deviceId: string) {
    const device = (await this.#appliances.find([deviceId])).get(deviceId);
    if (device === undefined) return refused("household_device_not_found");
    if (device.householdId !== id) return refused("device_not_in_household");
    return this.#assign(by, id, device, null);
  }

  /** Time zone and locale of each household that exists. */
  async timeZoneOf(ids: readonly string[], db: Db = this.#db): Promise<Map<string, HouseholdZone>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#store.zones(db, ids);
    return new Map(rows.map((row) => [row.id, { timeZone: row.time_zone, locale: row.locale }]));
  }

  async #assign(by: Principal, id: string, device: DeviceRef, to: string | null) {
    // Forgotten also where it failed: a connection that breaks during COMMIT leaves a change of which nobody knows.
    return transaction(this.#db, async (tx) => {
      if ((await this.#store.getForChange(tx, id)) === null) return refused("household_not_found");
      if (device.householdId === to) return { kind: "unchanged" as const };
      if (!(await this.#appliances.assignHousehold(tx, device.id, to))) return refused("household_device_not_found");
      const action = to === null ? "household.device_removed" : "household.device_added";
      await this.#record(tx, by, action, id, undefined, { deviceId: device.id });
      return { kind: "changed" as const };
    }).finally(() => this.#appliances.forget(device.id));
  }

  #record(tx: Db, principal: Principal, action: string, id: string, before: unknown, after: unknown): Promise<void> {
    return this.#audit.record(tx, { principal, action, subject: `household:${id}`, before, after });
  }
}

/** What a change can touch. */
const preferences = ({ name, locale, timeZone, channels }: Household) => ({ name, locale, timeZone, channels });
