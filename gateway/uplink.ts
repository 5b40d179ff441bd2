/**
 * The gateway's side of the up road: offers what is durable, in order, never more than the cloud has given credit for.
 *
 *   down --attach, hello--> greeting --welcome--> up        a further welcome rewinds; a lost link goes back to down
 *                              |
 *                              +-- the cloud remembers more than we hold: a new epoch, hello again
 *
 * The cloud reads with one reader or with two, and says which in its welcome. What all of them have committed is trimmed.
 */
import type { Logger } from "pino";
import type { GatewayMessage, UpBacklog, UpReader } from "#protocol/link/messages.ts";
import type { Counters } from "./counters.ts";
import type { Spool } from "./spool.ts";
import { SpoolReader } from "./spool-reader.ts";

export interface UplinkOptions {
  spool: Spool;
  gatewayId: string;
  bootId: string;
  counters: Counters;
  logger: Logger;
  send: (message: GatewayMessage, transfer?: ArrayBuffer[]) => void;
}

interface Readers {
  effects: SpoolReader;
  points: SpoolReader | null;
}

export class Uplink {
  readonly #options: UplinkOptions;
  #state: "down" | "greeting" | "up" = "down";
  /** The head as it was said in `hello`. */
  #knownHead = -1;
  /** As of the last welcome; none before the first. */
  #readers: Readers | null = null;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Whether the effects of all that is durable were offered. Readings may wait for their store, here as well as anywhere. */
  get hasOfferedAll(): boolean {
    const { spool } = this.#options;
    return this.#state === "up" && this.#readers !== null && this.#readers.effects.next > spool.headSequence;
  }

  /** How far behind each reader is. */
  behind(nowMs: number): { effects: UpBacklog; points: UpBacklog | null } {
    const of = (watermark: number): UpBacklog => {
      const { records, oldestReceivedAtMs } = this.#options.spool.above(watermark);
      return { records, oldestMs: oldestReceivedAtMs === null ? 0 : Math.max(0, nowMs - oldestReceivedAtMs) };
    };
    const points = this.#readers?.points ?? null;
    return {
      effects: of(this.#readers?.effects.watermark ?? -1),
      points: points === null ? null : of(points.watermark),
    };
  }

  attach(): void {
    const { spool, gatewayId, bootId, send } = this.#options;
    this.#state = "greeting";
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
    this.#stopReaders();
  }

  /**
   * Both sides compare what they remember, and whatever is missing is said.
   *
   * @param pointsWatermark null where there is one reader
   */
  async welcome(watermark: number, pointsWatermark: number | null): Promise<void> {
    const { spool, logger } = this.#options;
    if (this.#state === "down") return;
    // Not the head of now: devices were let in meanwhile, and may have taken the spool beyond the watermark.
    const headSequence = Math.max(this.#knownHead, this.#state === "up" ? this.#offeredTo() : -1);
    if (Math.max(watermark, pointsWatermark ?? -1) > headSequence) {
      logger.error({
        event: "spool_older_than_cloud",
        spoolEpoch: spool.epoch,
        watermark,
        pointsWatermark,
        headSequence,
      });
      await spool.startEpoch();
      // What the readers had committed was counted in the epoch before.
      this.#stopReaders();
      this.#readers = null;
      this.attach();
      return;
    }
    this.#state = "up";
    this.#stopReaders();
    this.#readers = {
      effects: this.#reader("effects", watermark),
      points: pointsWatermark === null ? null : this.#reader("points", pointsWatermark),
    };
    this.#trim(this.#readers);
    this.pump();
  }

  addCredit(name: UpReader, batches: number): void {
    if (this.#state === "up") this.#readers?.[name]?.addCredit(batches);
  }

  committed(name: UpReader, watermark: number): void {
    const readers = this.#readers;
    if (this.#state === "up" && readers?.[name]?.committed(watermark) === true) this.#trim(readers);
  }

  /** Offers as much as the credit allows. */
  pump(): void {
    if (this.#state !== "up") return;
    this.#readers?.effects.pump();
    this.#readers?.points?.pump();
  }

  #reader(name: UpReader, watermark: number): SpoolReader {
    const { spool, counters, logger, send } = this.#options;
    return new SpoolReader({ name, spool, counters, logger, send }, watermark);
  }

  #stopReaders(): void {
    this.#readers?.effects.stop();
    this.#readers?.points?.stop();
  }

  /** The last sequence that any reader was offered. */
  #offeredTo(): number {
    const { effects, points } = this.#readers ?? {};
    return Math.max(effects?.next ?? 0, points?.next ?? 0) - 1;
  }

  #trim({ effects, points }: Readers): void {
    this.#options.spool.trimTo(points === null ? effects.watermark : Math.min(effects.watermark, points.watermark));
  }
}
