/** One reader of the spool, at the other end of the link: what it is offered next, and what it has committed. */
import type { Logger } from "pino";
import { type GatewayMessage, linkLimits, type UpReader } from "#protocol/link/messages.ts";
import type { Counters } from "./counters.ts";
import { Pace } from "./platform/pace.ts";
import type { Spool } from "./spool.ts";

export interface SpoolReaderOptions {
  name: UpReader;
  spool: Spool;
  counters: Counters;
  logger: Logger;
  send: (message: GatewayMessage, transfer?: ArrayBuffer[]) => void;
}

/**
 * After a batch the next one waits for so many records, or so long. What a batch costs hardly grows with its records: at 50 in each the
 * cloud spends three times as much on a reading as at 500. What comes after a pause goes at once.
 */
const gatherRecords = 1_000;
const gatherMs = 15;

export class SpoolReader {
  readonly #options: SpoolReaderOptions;
  readonly #pace = new Pace();
  #credit = 0;
  #watermark: number;
  /** The next sequence to offer. */
  #next: number;

  /** @param watermark what it has committed; it has no credit yet */
  constructor(options: SpoolReaderOptions, watermark: number) {
    this.#options = options;
    this.#watermark = watermark;
    this.#next = watermark + 1;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get next(): number {
    return this.#next;
  }

  addCredit(batches: number): void {
    this.#credit = Math.min(this.#credit + batches, linkLimits.batchesInFlight);
    this.pump();
  }

  /** Nothing is offered any more unless somebody asks for it. */
  stop(): void {
    this.#pace.cancel();
  }

  /** @returns whether the word can be believed */
  committed(watermark: number): boolean {
    if (watermark >= this.#next) {
      const { logger, name } = this.#options;
      logger.error({ event: "watermark_beyond_offer", reader: name, watermark, next: this.#next });
      return false;
    }
    this.#watermark = Math.max(this.#watermark, watermark);
    return true;
  }

  /** Offers as much as the credit allows. */
  pump(): void {
    const { name, spool, counters, send } = this.#options;
    // What is lost before the first record is said at once, and not only when the next record comes.
    this.#sayGapBefore(spool.firstSequence);
    while (this.#credit > 0 && this.#next <= spool.headSequence) {
      if (this.#pace.isResting && spool.headSequence - this.#next + 1 < gatherRecords) {
        this.#pace.schedule(() => this.pump());
        return;
      }
      const batch = spool.read(this.#next);
      // Nothing sound is left up to the head: all of it was set aside.
      this.#sayGapBefore(batch?.firstSequence ?? spool.headSequence + 1);
      if (batch === null) return;
      const { firstSequence, records, chunks } = batch;
      send(
        { kind: "batch", reader: name, firstSequence, records, chunks },
        chunks.map((chunk) => chunk.buffer),
      );
      counters.batches += 1;
      this.#credit -= 1;
      this.#next = firstSequence + records;
      this.#pace.rest(gatherMs);
    }
  }

  #sayGapBefore(sequence: number): void {
    if (sequence <= this.#next) return;
    const { name, spool, counters, logger, send } = this.#options;
    const fromSequence = this.#next;
    const toSequence = sequence - 1;
    const reason = spool.reasonMissing(fromSequence, toSequence);
    counters.gaps += 1;
    logger.error({ event: "spool_gap", reader: name, fromSequence, toSequence, reason });
    send({ kind: "gap", reader: name, fromSequence, toSequence, reason });
    this.#next = sequence;
  }
}
