/**
 * The gateway's side of the up road: offers what is durable, in order, never more than the cloud has given credit for.
 *
 *   down --attach, hello--> greeting --welcome--> up        a further welcome rewinds; a lost link goes back to down
 *                              |
 *                              +-- the cloud remembers more than we hold: a new epoch, hello again
 */
import type { Logger } from "pino";
import { type GatewayMessage, linkLimits } from "#protocol/link/messages.ts";
import type { Counters } from "./counters.ts";
import type { Spool } from "./spool.ts";

export interface UplinkOptions {
  spool: Spool;
  gatewayId: string;
  bootId: string;
  counters: Counters;
  logger: Logger;
  send: (message: GatewayMessage, transfer?: ArrayBuffer[]) => void;
}

export class Uplink {
  readonly #options: UplinkOptions;
  #state: "down" | "greeting" | "up" = "down";
  #credit = 0;
  /** The head as it was said in `hello`. */
  #knownHead = -1;
  /** The next sequence to offer. */
  #next = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Whether all that is durable was offered. */
  get hasOfferedAll(): boolean {
    return this.#state === "up" && this.#next > this.#options.spool.headSequence;
  }

  attach(): void {
    const { spool, gatewayId, bootId, send } = this.#options;
    this.#state = "greeting";
    this.#credit = 0;
    this.#knownHead = spool.headSequence;
    send({
      kind: "hello",
      gatewayId,
      spoolEpoch: spool.epoch,
      bootId,
      firstSequence: spool.firstSequence,
      headSequence: spool.headSequence,
    });
  }

  lost(): void {
    this.#state = "down";
    this.#credit = 0;
  }

  /** Both sides compare what they remember, and whatever is missing is said. */
  async welcome(watermark: number): Promise<void> {
    const { spool, logger } = this.#options;
    if (this.#state === "down") return;
    // Not the head of now: devices were let in meanwhile, and may have taken the spool beyond the watermark.
    const headSequence = Math.max(this.#knownHead, this.#state === "up" ? this.#next - 1 : -1);
    if (watermark > headSequence) {
      logger.error({ event: "spool_older_than_cloud", spoolEpoch: spool.epoch, watermark, headSequence });
      await spool.startEpoch();
      this.attach();
      return;
    }
    this.#state = "up";
    this.#credit = 0;
    this.#next = watermark + 1;
    spool.trimTo(watermark);
    this.pump();
  }

  addCredit(batches: number): void {
    this.#credit = Math.min(this.#credit + batches, linkLimits.batchesInFlight);
    this.pump();
  }

  committed(watermark: number): void {
    const { spool, logger } = this.#options;
    if (watermark >= this.#next) {
      logger.error({ event: "watermark_beyond_offer", watermark, next: this.#next });
      return;
    }
    spool.trimTo(watermark);
  }

  /** Offers as much as the credit allows. */
  pump(): void {
    const { spool, counters, send } = this.#options;
    if (this.#state !== "up") return;
    // What is lost before the first record is said at once, and not only when the next record comes.
    this.#sayGapBefore(spool.firstSequence);
    while (this.#credit > 0 && this.#next <= spool.headSequence) {
      const batch = spool.read(this.#next);
      // Nothing sound is left up to the head: all of it was set aside.
      this.#sayGapBefore(batch?.firstSequence ?? spool.headSequence + 1);
      if (batch === null) return;
      const { firstSequence, records, chunks } = batch;
      send(
        { kind: "batch", firstSequence, records, chunks },
        chunks.map((chunk) => chunk.buffer),
      );
      counters.batches += 1;
      this.#credit -= 1;
      this.#next = firstSequence + records;
    }
  }

  #sayGapBefore(sequence: number): void {
    if (sequence <= this.#next) return;
    const { spool, counters, logger, send } = this.#options;
    const fromSequence = this.#next;
    const toSequence = sequence - 1;
    const reason = spool.reasonMissing(fromSequence, toSequence);
    counters.gaps += 1;
    logger.error({ event: "spool_gap", fromSequence, toSequence, reason });
    send({ kind: "gap", fromSequence, toSequence, reason });
    this.#next = sequence;
  }
}
