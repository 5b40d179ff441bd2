/** What households did, as far as it is kept: at their appliances and elsewhere. */
import type { DeviceRef, Devices } from "./devices/devices.ts";
import { factActs } from "./facts/facts.ts";
import { actsOf, type HouseholdAct } from "./households/households.ts";
import type { Db } from "./platform/database.ts";
import type { DeliveryMove } from "./deliveries/deliveries.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** Appliances that are looked at; of a larger fleet the first. */
const devicesMax = 20_000;

interface Asked {
  types: readonly string[];
  householdId: string | null;
  fromMs: number;
  toMs: number;
}

/** Those of these types in a time, the earliest first; of one household where it is named. */
export async function retainedActs(
  { devices, telemetry }: { devices: Pick<Devices, "owned" | "ofHousehold">; telemetry: Pick<Telemetry, "eventsOf"> },
  db: Db,
  asked: Asked,
  limit: number,
): Promise<HouseholdAct[]> {
  const { types, householdId, fromMs, toMs } = asked;
  const owned = householdId === null ? await devices.owned(devicesMax) : await devices.ofHousehold(householdId);
  const byKey = new Map(owned.map((device) => [device.key, device]));
  const events = await telemetry.eventsOf({ deviceKeys: [...byKey.keys()], types, fromMs, toMs }, limit);
  const seen = events.flatMap(({ deviceKey, id, atMs, type, data }) => {
    const device = byKey.get(deviceKey);
    const event = { id, atMs, type, data };
    return device === undefined ? [] : [{ device, event, orderAtMs: atMs, receivedAtMs: atMs, clockSuspect: false }];
  });
  const acts = [...actsOf(seen), ...(await factActs(db, asked, limit))];
  return acts.toSorted((a, b) => a.atMs - b.atMs).slice(0, limit);
}

/** Firmware that an appliance confirmed, as something that its household did: it let the update in, after so many hours. */
export function updatesOf(
  moves: readonly DeliveryMove[],
  devices: ReadonlyMap<number, DeviceRef>,
  nowMs: number,
): HouseholdAct[] {
  return moves.flatMap(({ deliveryId, deviceKey, kind, from, to }): HouseholdAct[] => {
    const device = devices.get(deviceKey);
    if (kind !== "firmware" || to !== "done" || from === "done" || device?.householdId == null) return [];
    const { key, id, model, householdId } = device;
    // A UUIDv7 begins with the time at which it was made.
    const offeredAtMs = Number.parseInt(deliveryId.replaceAll("-", "").slice(0, 12), 16);
    const waited_h = Math.round((nowMs - offeredAtMs) / 3_600_000);
    return [
      {
        householdId,
        source: `${id}/update:${deliveryId}`,
        origin: "appliance",
        type: "firmware.confirmed",
        atMs: nowMs,
        data: { waited_h },
        device: { key, id, model },
      },
    ];
  });
}
