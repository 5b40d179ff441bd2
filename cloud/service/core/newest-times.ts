/**
 * The newest reading of each appliance that has been judged, by its key: eight bytes each, so that one that is well needs nothing else
 * to be known of. Unknown since the start is who has not spoken yet.
 */
export class NewestTimes {
  #times = new Float64Array(1_024);

  /** 0 where nobody knows. */
  of(deviceKey: number): number {
    return this.#times[deviceKey] ?? 0;
  }

  note(deviceKey: number, atMs: number): void {
    if (deviceKey >= this.#times.length) {
      const wider = new Float64Array(Math.max(deviceKey + 1, 2 * this.#times.length));
      wider.set(this.#times);
      this.#times = wider;
    }
    if (atMs > (this.#times[deviceKey] ?? 0)) this.#times[deviceKey] = atMs;
  }
}
