import { createHash, createHmac } from "node:crypto";
import type { DeviceRef, Devices, EventFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, OwnerPrincipal } from "../staff/staff.ts";
import type { CodeGuard } from "./code-guard.ts";
import { applianceActs } from "./core/appliance-acts.ts";
import { devicesMax, type Household, newHousehold, type PairRequest } from "./core/household.ts";
import type { HandOver, StoredReadings } from "./hand-over.ts";
import type { HouseholdsStore } from "./households-store.ts";
import type { Members } from "./members.ts";
import type { Merges, WelcomeRefusal } from "./merges.ts";
import type { PairingStore } from "./pairing-store.ts";

interface PairingDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  appliances: Pick<Devices, "tenure" | "forget">;
  readings: StoredReadings;
  store: HouseholdsStore;
  codes: PairingStore;
  members: Members;
  guard: CodeGuard;
  handOver: HandOver;
  merges: Merges;
  /** Of this installation, and not in the database. */
  secret: Buffer;
}

export interface Paired {
  kind: "paired";
  household: Household;
  device: DeviceRef;
  member: Pick<OwnerPrincipal, "memberId" | "role">;
  /** Of the owner whom this made; null where a household added an appliance. */
  secret: string | null;
}

type PairRefusal =
  | WelcomeRefusal
  | "pairing_code_wrong"
  | "owner_name_missing"
  | "household_not_found"
  | "appliance_of_another_household"
  | "too_many_appliances";

/** Ends a transaction that made a household already: with the prospect refused, none of it shall stay. */
class NotMerged extends Error {
  override name = "NotMerged";
  readonly rule: WelcomeRefusal;

  constructor(rule: WelcomeRefusal) {
    super(rule);
    this.rule = rule;
  }
}

/** The codes that appliances show, and what they open. */
export class Pairing {
  readonly #deps: PairingDeps;

  constructor(deps: PairingDeps) {
    this.#deps = deps;
  }

  /**
   * Redeems the code of an appliance: it joins the household of `by`, or without one a household that is made for it, with its owner.
   * A code that is wrong, too old or used looks the same from outside.
   */
  async redeem(by: OwnerPrincipal | null, given: PairRequest, address: string) {
    return this.#deps.guard.attempt(address, ["pairing_code_wrong", "welcome_code_wrong"], () =>
      this.#redeem(by, given),
    );
  }

  /** What people did at their appliances, in the transaction of the batch that tells it. What it returns runs after the commit. */
  async ingest(tx: Db, facts: readonly EventFact[]): Promise<(() => void) | undefined> {
    const { clock, appliances, codes, handOver } = this.#deps;
    const acts = applianceActs(facts, clock.nowMs());
    const reset = acts.flatMap(({ device, isReset }) => (isReset ? [device.key] : []));
    const held = await appliances.tenure.lockByKeys(tx, reset);
    // Each on its own word: the audit log names who did it.
    for (const device of held) await handOver.leave(tx, { kind: "device", id: device.id }, [device], "factory_reset");
    await codes.remove(
      tx,
      acts.flatMap(({ device, code }) => (code === null ? [device.key] : [])),
    );
    await codes.put(
      tx,
      acts.flatMap(({ device, code }) =>
        code === null || code === undefined
          ? []
          : [{ deviceKey: device.key, hmac: this.#hmac(code.sha256), expiresAtMs: code.expiresAtMs }],
      ),
    );
    return held.length === 0 ? undefined : () => handOver.after(held.map(({ id }) => id));
  }

  async removeExpired(): Promise<void> {
    await this.#deps.codes.removeExpired(this.#deps.db, this.#deps.clock.nowMs());
  }

  async #redeem(by: OwnerPrincipal | null, given: PairRequest): Promise<Paired | Refused<PairRefusal>> {
    const { db, appliances } = this.#deps;
    if (by === null && given.name === undefined) return refused("owner_name_missing");
    let touched: string | null = null;
    try {
      return await contested(db, async (tx) => {
        const isWelcome = await this.#deps.merges.holdWelcomed(tx, given.welcome, by?.householdId);
        if (!isWelcome) return refused("welcome_code_wrong");
        const household = by === null ? null : await this.#deps.store.getForChange(tx, by.householdId);
        if (by !== null && household === null) return refused("household_not_found");
        const device = await this.#holdShowing(tx, given.code);
        if (device === null) return refused("pairing_code_wrong");
        touched = device.id;
        return this.#pair(tx, device, household === null || by === null ? null : { household, by }, given);
      });
    } catch (error) {
      if (error instanceof NotMerged) return refused(error.rule);
      throw error;
    } finally {
      // Also where it failed: a connection that breaks during COMMIT leaves a change of which nobody knows.
      if (touched !== null) appliances.forget(touched);
    }
  }

  /** The appliance that shows this code, held with it. Household, device, code: whoever holds more than one does so in this order. */
  async #holdShowing(tx: Db, code: string): Promise<DeviceRef | null> {
    const { clock, codes, appliances } = this.#deps;
    const hmac = this.#hmac(createHash("sha256").update(code).digest("hex"));
    const nowMs = clock.nowMs();
    const deviceKey = await codes.deviceKeyOf(tx, hmac, nowMs);
    const [device] = deviceKey === null ? [] : await appliances.tenure.lockByKeys(tx, [deviceKey]);
    if (device === undefined || !(await codes.holdCode(tx, device.key, hmac, nowMs))) return null;
    return device;
  }

  async #pair(
    tx: Db,
    device: DeviceRef,
    known: { household: Household; by: OwnerPrincipal } | null,
    given: PairRequest,
  ): Promise<Paired | Refused<PairRefusal>> {
    const { clock, codes, appliances, readings, outbox, audit } = this.#deps;
    const isTheirs = known !== null && device.householdId === known.household.id;
    if (device.householdId !== null && !isTheirs) return refused("appliance_of_another_household");
    if (known !== null && !isTheirs && (await appliances.tenure.count(tx, known.household.id)) >= devicesMax)
      return refused("too_many_appliances");
    await codes.remove(tx, [device.key]);
    const { household, by, secret } = known === null ? await this.#found(tx, given) : { ...known, secret: null };
    const member = { memberId: by.memberId, role: by.role };
    // Before the appliance comes, so that what they did as a prospect lies before it in every history.
    await this.#merge(tx, by, given.welcome);
    if (isTheirs) return { kind: "paired", household, device, member, secret };
    const atMs = clock.nowMs();
    const sinceMs = await readings.firstFreeMs(tx, device, atMs);
    await appliances.tenure.give(tx, device, household.id, sinceMs, atMs);
    const data = { householdId: household.id, deviceId: device.id };
    await outbox.add(tx, [{ type: "hearth.household.device_joined", subject: `device:${device.id}`, atMs, data }]);
    await audit.record(tx, {
      principal: by,
      action: "household.device_paired",
      subject: `household:${household.id}`,
      after: { deviceId: device.id },
    });
    const now: DeviceRef = { ...device, householdId: household.id, householdSinceMs: sinceMs };
    return { kind: "paired", household, device: now, member, secret };
  }

  /** Makes the prospect whom the code names part of the household. */
  async #merge(tx: Db, by: OwnerPrincipal, welcome: string | undefined): Promise<void> {
    if (welcome === undefined) return;
    const outcome = await this.#deps.merges.redeemIn(tx, by, welcome);
    if (outcome.kind === "refused") throw new NotMerged(outcome.rule);
  }

  /** A household for somebody who has none, with them as its owner. */
  async #found(tx: Db, given: PairRequest): Promise<{ household: Household; by: OwnerPrincipal; secret: string }> {
    const { ids, clock, store, members, audit, outbox } = this.#deps;
    const { name = "", email = null, locale = "en", timeZone = "UTC", householdName = name } = given;
    const preferences = newHousehold.parse({ name: householdName, locale, timeZone });
    const made: Household = {
      id: ids.next(),
      ...preferences,
      units: null,
      members: [],
      createdAtMs: clock.nowMs(),
      mergedInto: null,
    };
    await store.insert(tx, made);
    const data = { householdId: made.id, isProspect: false };
    const subject = `household:${made.id}`;
    await outbox.add(tx, [{ type: "hearth.household.created", subject, atMs: made.createdAtMs, data }]);
    const { member, secret } = await members.add(tx, made.id, { name, email, role: "owner" });
    const by: OwnerPrincipal = { kind: "owner", householdId: made.id, memberId: member.id, role: "owner" };
    await audit.record(tx, {
      principal: by,
      action: "household.created",
      subject: `household:${made.id}`,
      after: { locale, timeZone, memberId: member.id },
    });
    return { household: { ...made, members: [member] }, by, secret };
  }

  /** What of a code lies in the database: useless without this installation's secret. */
  #hmac(codeSha256: string): Buffer {
    return createHmac("sha256", this.#deps.secret).update(`pairing code ${codeSha256}`).digest();
  }
}
