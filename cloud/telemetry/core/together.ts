import type { DeviceRef } from "../../devices/devices.ts";
import { type LeftOut, leftOutOf } from "../../platform/left-out.ts";

/** An appliance, and from when on it may be seen. */
interface Seen {
  device: DeviceRef;
  sinceMs: number;
}

/** The households that must agree before what these appliances say is looked at together. None where it is about one household alone. */
export function askedHouseholds(devices: readonly DeviceRef[]): string[] {
  const ids = [...new Set(devices.flatMap(({ householdId }) => householdId ?? []))];
  return ids.length > 1 ? ids : [];
}

/**
 * Appliances as they may be looked at together: those of nobody, and those whose household agreed, each since they have it. What was said
 * while somebody else had it is in no answer, since nobody asks them any more.
 */
export function together(seen: readonly Seen[], agreed: ReadonlySet<string>): { spans: Seen[]; leftOut: LeftOut } {
  const spans = seen.flatMap(({ device, sinceMs }) =>
    device.householdId === null || agreed.has(device.householdId)
      ? [{ device, sinceMs: Math.max(sinceMs, device.householdSinceMs ?? 0) }]
      : [],
  );
  return { spans, leftOut: leftOutOf(seen.length - spans.length) };
}
