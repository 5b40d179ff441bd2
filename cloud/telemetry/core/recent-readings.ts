import type { ReadingFact } from "../../devices/devices.ts";
import { readingKey } from "./reading-rows.ts";

/** Readings of one generation; two are remembered. */
const generationMax = 500_000;
/** A key and a time in one safe number, for some million devices and for seven weeks before it comes round. */
const timesMax = 2 ** 32;
const numberOf = ({ device, atMs }: Pick<ReadingFact, "device" | "atMs">): number =>
  device.key * timesMax + (atMs % timesMax);

/**
 * The readings that came last, where their store cannot say which of them it has already: what is sent again, as after a broken
 * connection, is known by them. Of what is sent again later than half a million others nobody knows.
 */
export class RecentReadings {
  #now = new Set<number>();
  #before = new Set<number>();
  #turnedAtMs: number;
  #forgottenUntilMs: number;

  constructor(sinceMs: number) {
    this.#turnedAtMs = sinceMs;
    this.#forgottenUntilMs = sinceMs;
  }

  /** What was received from then on is remembered. */
  get forgottenUntilMs(): number {
    return this.#forgottenUntilMs;
  }

  /** Of these readings those that came before, by device and time. */
  repeated(facts: readonly ReadingFact[]): Set<string> {
    const found = new Set<string>();
    for (const fact of facts) {
      const number = numberOf(fact);
      if (this.#now.has(number) || this.#before.has(number)) found.add(readingKey(fact));
    }
    return found;
  }

  note(facts: readonly ReadingFact[], nowMs: number): void {
    for (const fact of facts) this.#now.add(numberOf(fact));
    if (this.#now.size < generationMax) return;
    this.#forgottenUntilMs = this.#turnedAtMs;
    this.#turnedAtMs = nowMs;
    this.#before = this.#now;
    this.#now = new Set();
  }
}
