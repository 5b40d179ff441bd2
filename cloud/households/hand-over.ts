import type { DeviceRef, Devices } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Audit, AuditChange, Principal } from "../staff/staff.ts";
import type { PairingStore } from "./pairing-store.ts";

/** Why an appliance leaves its household. */
export type Leaving = "handed_over" | "factory_reset" | "household_erased";

/** What a household has in other slices that must not outlast it at an appliance. */
export interface Planted {
  /** Closes what is on its way to the appliance. */
  deliveries: { householdLeft(tx: Db, device: DeviceRef): Promise<number> };
  /** Makes what is wrong with the appliance nobody's. */
  cases: {
    detach(tx: Db, by: Principal, device: DeviceRef): Promise<void>;
    forgetHousehold(tx: Db, householdId: string, devices: readonly DeviceRef[]): Promise<void>;
  };
}

/** What appliances said, as far as it is stored. */
export interface StoredReadings {
  /** The first moment from now on that no reading of a device has reached. */
  reachedMs(tx: Db, device: DeviceRef, nowMs: number): Promise<number>;
  /** The same of everything that it says, and of what is to be erased. */
  firstFreeMs(tx: Db, device: DeviceRef, nowMs: number): Promise<number>;
  /** Has everything forgotten that appliances said while their household had them. */
  forget(tx: Db, devices: readonly DeviceRef[]): Promise<void>;
}

interface HandOverDeps {
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  appliances: Pick<Devices, "tenure" | "left">;
  planted: Planted;
  readings: Pick<StoredReadings, "reachedMs">;
  codes: PairingStore;
}

/**
 * Takes appliances out of their households so that nothing stays behind, in one transaction:
 *
 *   open deliveries cancelled, cases detached, code dead, nobody's from now on, nothing wanted of it any more
 *   after the commit: its connection is cut, and with it session, queue and will; it comes back by itself
 */
export class HandOver {
  readonly #deps: HandOverDeps;

  constructor(deps: HandOverDeps) {
    this.#deps = deps;
  }

  /** The caller holds the devices, and runs `after` once that is committed. One that has no household is cleaned just so. */
  async leave(tx: Db, by: Principal, devices: readonly DeviceRef[], why: Leaving): Promise<void> {
    const { clock, audit, outbox, appliances, planted, readings, codes } = this.#deps;
    const atMs = clock.nowMs();
    const lines: AuditChange[] = [];
    for (const device of devices) {
      const { id: deviceId, householdId } = device;
      const reachedMs = householdId === null ? atMs : await readings.reachedMs(tx, device, atMs);
      const cancelled = await planted.deliveries.householdLeft(tx, device);
      await planted.cases.detach(tx, by, device);
      await appliances.tenure.release(tx, device, atMs, reachedMs);
      // An appliance that is reset all day, and is nobody's, fills no log.
      if (householdId === null) continue;
      const type = "hearth.household.device_left";
      await outbox.add(tx, [{ type, subject: `device:${deviceId}`, atMs, data: { householdId, deviceId, why } }]);
      const subject = `household:${householdId}`;
      const after = { deviceId, why, cancelled };
      lines.push({ principal: by, action: "household.device_removed", subject, after });
    }
    await codes.remove(
      tx,
      devices.map(({ key }) => key),
    );
    // Last: who writes to the audit log lets nobody else do so until the transaction ends, and must not wait for them.
    for (const line of lines) await audit.record(tx, line);
  }

  after(deviceIds: readonly string[]): void {
    for (const id of deviceIds) this.#deps.appliances.left(id);
  }
}
