/**
 * What an appliance has said and nobody has acknowledged. In memory, bounded, in two lanes: readings give way when there is no room,
 * the rest (events, receipts, replies, state) only when it alone fills its lane. What is dropped is counted.
 */
export interface Outgoing {
  topic: string;
  payload: string;
  /** Called once it was acknowledged. */
  settled?: (() => void) | undefined;
}
export type Lane = "readings" | "notable";

interface Entry extends Outgoing {
  lane: Lane;
  inFlight: boolean;
}

export interface OutboxBounds {
  readings: number;
  notable: number;
}

export const outboxBounds: OutboxBounds = { readings: 500, notable: 2_000 };

export class Outbox {
  readonly #lanes: Record<Lane, Set<Entry>> = { readings: new Set(), notable: new Set() };
  readonly #bounds: OutboxBounds;
  readonly dropped: Record<Lane, number> = { readings: 0, notable: 0 };

  constructor(bounds: OutboxBounds = outboxBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#lanes.readings.size + this.#lanes.notable.size;
  }

  /** How many more of a lane fit before something is dropped. */
  room(lane: Lane): number {
    return this.#bounds[lane] - this.#lanes[lane].size;
  }

  add(lane: Lane, message: Outgoing): void {
    const entries = this.#lanes[lane];
    if (entries.size >= this.#bounds[lane]) {
      this.dropped[lane] += 1;
      const oldest = this.#oldestAtRest(lane);
      if (oldest === null) return;
      entries.delete(oldest);
    }
    entries.add({ ...message, lane, inFlight: false });
  }

  /** The next that is not under way, marked as under way; the notable lane first. */
  take(): Entry | null {
    for (const lane of ["notable", "readings"] as const)
      for (const entry of this.#lanes[lane])
        if (!entry.inFlight) {
          entry.inFlight = true;
          return entry;
        }
    return null;
  }

  /** PUBACK came: only now it is gone. */
  settle(entry: Entry): void {
    if (this.#lanes[entry.lane].delete(entry)) entry.settled?.();
  }

  /** Forgets everything that was said: it was of people who are gone. */
  clear(): void {
    for (const entries of Object.values(this.#lanes)) entries.clear();
  }

  /** The connection ended: what was under way goes again, in the order in which it was said. */
  rewind(): void {
    for (const entries of Object.values(this.#lanes)) for (const entry of entries) entry.inFlight = false;
  }

  /** What is under way may already be acknowledged: better to give up one that nobody has seen. */
  #oldestAtRest(lane: Lane): Entry | null {
    for (const entry of this.#lanes[lane]) if (!entry.inFlight) return entry;
    return null;
  }
}
