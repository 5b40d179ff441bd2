/** What people do at their appliances that concerns their household, as the appliances tell it. */
import { pairingOpened } from "#protocol/pairing.ts";
import { type DeviceRef, type EventFact, householdAt } from "../../devices/devices.ts";

/** A code that an appliance shows. */
export interface ShownCode {
  sha256: string;
  expiresAtMs: number;
}

/** What a batch of events comes to for one appliance. */
export interface ApplianceAct {
  device: DeviceRef;
  isReset: boolean;
  /** The code it shows at the end of the batch; null: none; undefined: what it showed before. */
  code: ShownCode | null | undefined;
}

const actTypes = new Set(["pairing.opened", "pairing.closed", "factory.reset"]);

/**
 * What is left to do for each appliance, in the order in which they first spoke.
 *
 * A code is good from when the gateway heard of it, so that an appliance whose clock is wrong can be paired like any other. One that
 * came late is no longer shown: it is dead, and so is the one before it.
 */
export function applianceActs(facts: readonly EventFact[], nowMs: number): ApplianceAct[] {
  const acts = new Map<number, ApplianceAct>();
  for (const { device, event, receivedAtMs } of facts) {
    if (!actTypes.has(event.type)) continue;
    const act = acts.get(device.key) ?? { device, isReset: false, code: undefined };
    acts.set(device.key, act);
    act.code = null;
    if (event.type === "factory.reset") act.isReset = true;
    if (event.type !== "pairing.opened") continue;
    const opened = pairingOpened.safeParse(event.data).data;
    const expiresAtMs = receivedAtMs + (opened?.validMs ?? 0);
    if (opened !== undefined && nowMs < expiresAtMs) act.code = { sha256: opened.codeSha256, expiresAtMs };
  }
  return [...acts.values()];
}

/** The event as it is kept. Of a code nothing is: somebody who reads the hash of forty bits soon has them. */
export function withoutCode(fact: EventFact): EventFact {
  const { event } = fact;
  if (event.type !== "pairing.opened") return fact;
  const { validMs } = event.data;
  return { ...fact, event: { ...event, data: typeof validMs === "number" ? { validMs } : {} } };
}

/**
 * Each event with its device as it belonged when it happened: before the household came it was not theirs, and what comes after a
 * factory reset within the batch is nobody's.
 */
export function asOwnedThen(facts: readonly EventFact[]): EventFact[] {
  const reset = new Set<number>();
  return facts.map((fact) => {
    const { device, event, orderAtMs, receivedAtMs } = fact;
    // What reached the gateway before the household came happened before it, whatever its clock said.
    const then = reset.has(device.key) ? null : householdAt(device, Math.min(orderAtMs, receivedAtMs));
    if (event.type === "factory.reset") reset.add(device.key);
    return { ...fact, device: { ...device, householdId: then, householdSinceMs: null } };
  });
}
