import type { DeviceRef } from "./core/up-facts.ts";

/** A bounded memory of devices by id: what the up road looks up for every record. The least recently fetched go first. */
export class DeviceCache {
  readonly #max: number;
  readonly #refs = new Map<string, DeviceRef>();
  #forgotten = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get timesForgotten(): number {
    return this.#forgotten;
  }

  /** After the commit that changed a device. An answer that was on its way by then may be the old one, and is not kept. */
  forget(id: string): void {
    this.#refs.delete(id);
    this.#forgotten += 1;
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
    const forgottenBefore = this.#forgotten;
    for (const ref of await fetch(missing)) {
      found.set(ref.id, ref);
      if (this.#forgotten === forgottenBefore) this.#refs.set(ref.id, ref);
    }
    for (const oldest of this.#refs.keys()) {
      if (this.#refs.size <= this.#max) break;
      this.#refs.delete(oldest);
    }
    return found;
  }
}
