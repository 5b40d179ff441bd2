import type { DeviceRef } from "../devices/devices.ts";
import type { ServiceCase } from "./case-row.ts";

/** What this slice needs of the registry. */
export interface ServiceAppliances {
  find(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>>;
}

type OfDevice = Pick<ServiceCase, "deviceKey">;

/** The appliances of cases, looked up in one question. A case of a household alone has none. */
export async function appliancesOf(
  appliances: Pick<ServiceAppliances, "refsByKey">,
  cases: readonly OfDevice[],
): Promise<(serviceCase: OfDevice) => DeviceRef | undefined> {
  const keys = new Set(cases.flatMap(({ deviceKey }) => deviceKey ?? []));
  const refs = keys.size === 0 ? new Map<number, DeviceRef>() : await appliances.refsByKey([...keys]);
  return ({ deviceKey }) => (deviceKey === null ? undefined : refs.get(deviceKey));
}
