/** What is seen of metrics that no model declares, gathered in memory and written now and then. */

/** One metric of a model. */
export interface SeenMetric {
  model: string;
  name: string;
  firstSeenMs: number;
  lastSeenMs: number;
  hasNumbers: boolean;
  hasFlags: boolean;
  min: number | null;
  max: number | null;
  /** Bits set by the hash of each device's key. */
  devices: Set<number>;
}

/** Bits of the sketch that counts devices: right within a few per cent up to some ten thousand. */
export const sketchBits = 4_096;

/** Names held in memory between two writes; a device may make up as many as it likes, and further ones wait for the next time. */
const heldMax = 2_000;

/** Fibonacci hashing: neighbouring keys fall far apart. */
const bitOf = (deviceKey: number): number => Math.imul(deviceKey, 0x9e_37_79_b1) >>> 20;

/** How many devices set bits, where so many are set (linear counting). */
export const devicesAbout = (bitsSet: number): number =>
  Math.round(-sketchBits * Math.log(Math.max(1, sketchBits - bitsSet) / sketchBits));

export class SeenMetrics {
  #seen = new Map<string, SeenMetric>();

  /** Notes what a reading has that its model does not declare. */
  note(model: string, deviceKey: number, undeclared: Readonly<Record<string, number | boolean>>, nowMs: number): void {
    for (const name in undeclared) {
      const value = undeclared[name];
      if (value === undefined) continue;
      const key = `${model} ${name}`;
      let seen = this.#seen.get(key);
      if (seen === undefined) {
        if (this.#seen.size >= heldMax) return;
        const times = { firstSeenMs: nowMs, lastSeenMs: nowMs };
        seen = { model, name, ...times, hasNumbers: false, hasFlags: false, min: null, max: null, devices: new Set() };
        this.#seen.set(key, seen);
      }
      seen.lastSeenMs = nowMs;
      seen.devices.add(bitOf(deviceKey));
      if (typeof value === "boolean") seen.hasFlags = true;
      else {
        seen.hasNumbers = true;
        seen.min = Math.min(seen.min ?? value, value);
        seen.max = Math.max(seen.max ?? value, value);
      }
    }
  }

  /** Takes out what was gathered. */
  take(): SeenMetric[] {
    const taken = [...this.#seen.values()];
    this.#seen = new Map();
    return taken;
  }
}
