import { hourMs } from "./rollup-levels.ts";

/** One hour of a device. */
export interface DeviceHour {
  deviceKey: number;
  /** Its beginning. */
  atMs: number;
}

/** Hours since 1970 fit into 21 bits until the year 2209, so that both fit into one safe number. */
const hoursMax = 2 ** 21;
const numberOf = ({ deviceKey, atMs }: DeviceHour): number => deviceKey * hoursMax + atMs / hourMs;

/** Hours that are remembered at once. What is forgotten costs a write that changes nothing. */
const rememberedMax = 500_000;

/**
 * What is known to be noted as dirty, so that it is not written again with every batch. What is here is always also in the database,
 * committed, and not being worked in: the follower takes its hours out (`beginRound`) before it reads, and what a transaction learned
 * that began before a round is not believed after it.
 */
export class DirtyHours {
  readonly #known = new Set<number>();
  #round = 0;

  /** Which of these hours a transaction has to note, and the round in which it asked. */
  unknown(hours: readonly DeviceHour[]): { hours: DeviceHour[]; round: number } {
    return { hours: hours.filter((hour) => !this.#known.has(numberOf(hour))), round: this.#round };
  }

  /** A transaction that noted these hours is committed. */
  learn(hours: readonly DeviceHour[], round: number): void {
    if (round !== this.#round) return;
    if (this.#known.size > rememberedMax) this.#known.clear();
    for (const hour of hours) this.#known.add(numberOf(hour));
  }

  /** These hours are about to be worked in. */
  beginRound(hours: readonly DeviceHour[]): void {
    this.#round += 1;
    for (const hour of hours) this.#known.delete(numberOf(hour));
  }
}
