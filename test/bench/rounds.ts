import { median, rounded } from "./figures.ts";
import type { PeerName } from "./peers.ts";

export type Figures = Record<string, number>;

/** The figures of each peer, round by round. */
export class Rounds {
  readonly #figures = new Map<PeerName, Figures[]>();

  add(name: PeerName, figures: Figures): void {
    this.#figures.set(name, [...(this.#figures.get(name) ?? []), figures]);
  }

  /** The median of each figure, and ours over each of the others'; null for who was not measured. */
  medians() {
    const hearth = this.#medians("hearth");
    const aedes = this.#medians("aedes");
    const mosquitto = this.#medians("mosquitto");
    return { hearth, aedes, mosquitto, to_aedes: ratios(hearth, aedes), to_mosquitto: ratios(hearth, mosquitto) };
  }

  #medians(name: PeerName): Figures | null {
    const rounds = this.#figures.get(name);
    return rounds === undefined ? null : mediansOf(rounds);
  }
}

/** The median of each figure. */
export const mediansOf = (rounds: readonly Figures[]): Figures =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((name) => [name, median(rounds.map((round) => round[name] ?? 0))]),
  );

function ratios(ours: Figures | null, theirs: Figures | null): Figures | null {
  if (ours === null || theirs === null) return null;
  return Object.fromEntries(
    Object.entries(ours).map(([name, value]) => [name, rounded(value / (theirs[name] ?? 0), 2)]),
  );
}
