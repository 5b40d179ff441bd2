import { type Deliveries, deliveryLifeMs } from "../deliveries/deliveries.ts";
import type { Devices } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { failedOrder, type FailedOrder } from "./core/owner-words.ts";
import type { HouseholdDays } from "./earnings.ts";

export interface OwnerWordDeps {
  clock: Clock;
  ids: Ids;
  households: HouseholdDays;
  deliveries: Pick<Deliveries, "create">;
  appliances: Pick<Devices, "ofHousehold">;
}

/** After what people wait for, before what nobody does. */
const priority = 6;

/**
 * Says on a display that an order came to nothing: on that of the appliance where it was touched, where it is still theirs, and
 * otherwise on all that they have.
 */
export async function tellFailedOrder(
  { clock, ids, households, deliveries, appliances }: OwnerWordDeps,
  tx: Db,
  { householdId, deviceKey, ...order }: FailedOrder & { householdId: string; deviceKey: number | null },
): Promise<() => void> {
  const all = await appliances.ofHousehold(householdId);
  const touched = all.filter(({ key }) => key === deviceKey);
  const locale = (await households.timeZoneOf([householdId], tx)).get(householdId)?.locale ?? "en";
  const words = failedOrder(locale, order);
  const id = `order-${ids.next()}`;
  const { afterCommit } = await deliveries.create(
    tx,
    (touched.length > 0 ? touched : all).map((device) => ({
      device,
      kind: "message",
      subject: id,
      label: words.title,
      body: { kind: "message", id, version: 1, ...words },
      priority,
      expiresAtMs: clock.nowMs() + deliveryLifeMs("message"),
    })),
  );
  return afterCommit;
}
