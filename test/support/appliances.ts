/** A registry in memory, for the tests of slices that only need to find appliances and their household. */
import type { DeviceRef } from "../../cloud/devices/devices.ts";

export class TestAppliances {
  readonly #devices = new Map<string, DeviceRef>();

  add(device: Partial<DeviceRef> & { id: string }): DeviceRef {
    const ref: DeviceRef = { key: this.#devices.size + 1, model: "oven-x200", householdId: null, ...device };
    this.#devices.set(ref.id, ref);
    return ref;
  }

  async find(ids: readonly string[]): Promise<Map<string, DeviceRef>> {
    return new Map([...this.#devices].filter(([id]) => ids.includes(id)));
  }

  async refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>> {
    const refs = [...this.#devices.values()].filter((device) => keys.includes(device.key));
    return new Map(refs.map((device) => [device.key, device]));
  }

  async ofHousehold(householdId: string): Promise<DeviceRef[]> {
    return [...this.#devices.values()].filter((device) => device.householdId === householdId);
  }

  async assignHousehold(_tx: unknown, deviceId: string, householdId: string | null): Promise<boolean> {
    const device = this.#devices.get(deviceId);
    if (device !== undefined) this.#devices.set(deviceId, { ...device, householdId });
    return device !== undefined;
  }

  forget(): void {}
}
