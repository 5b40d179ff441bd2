import { SetClock } from "./down-road.ts";

/** A clock that is set, and shows the same in every thread that is given its memory. */
export class SharedClock extends SetClock {
  readonly memory: SharedArrayBuffer;
  readonly #nowMs: Float64Array;

  constructor(memory = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)) {
    super();
    this.memory = memory;
    this.#nowMs = new Float64Array(memory);
    this.#nowMs[0] ||= super.nowMs();
  }

  override nowMs(): number {
    return this.#nowMs[0] ?? 0;
  }

  override forward(ms: number): number {
    this.#nowMs[0] = this.nowMs() + ms;
    return this.nowMs();
  }
}
