import type { DeviceRef } from "./core/up-facts.ts";

/** A bounded memory of devices by id: what the up road looks up for every record. The least recently fetched go first. */
export class DeviceCache {
  readonly #max: number;
  readonly #refs = new Map<string, DeviceRef>();

  constructor(max: number) {
    this.#max = max;
  }

  forget(id: string): void {
    this.#refs.delete(id);
  }

  /** The devices of these ids, from memory or from `fetch`, which is asked once for all that are missing. */
  async find(
    ids: readonly string[],
    fetch: (missing: string[]) => Promise<DeviceRef[]>,
  ): Promise<Map<string, DeviceRef>> {
    const found = new Map<string, DeviceRef>();
    const missing: string[] = [];
    for (const id of ids) {
      const ref = this.#refs.get(id);
      if (ref === undefined) missing.push(id);
      else found.set(id, ref);
    }
    if (missing.length === 0) return found;
    for (const ref of await fetch(missing)) {
      found.set(ref.id, ref);
      this.#refs.set(ref.id, ref);
    }
    for (const oldest of this.#refs.keys()) {
      if (this.#refs.size <= this.#max) break;
      this.#refs.delete(oldest);
    }
    return found;
  }
}
