/**
 * The second reader of the up road, where readings have a store of their own. It takes the readings alone, with a watermark of its
 * own, so that a store that is away holds up nothing else.
 *
 *   batch -> its readings -> the store has them -> transaction: set aside what the store refuses, move the watermark -> committed
 *
 * Killed between the store's answer and the watermark, it writes the same points again, which changes nothing.
 */
import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import { backOffMs } from "../platform/back-off.ts";
import { type Clock, sleep, yieldToEvents } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import type { PointsSink } from "../telemetry/telemetry.ts";
import { decodeBatch } from "./core/decode.ts";
import { IngestStore, type Source } from "./ingest-store.ts";

export interface PointsReaderDeps {
  db: Db;
  findDevices(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  sink: PointsSink;
  clock: Clock;
  ids: Ids;
  logger: Logger;
}

/** Counters since the process began. */
export interface PointsCounters {
  stored: number;
  parked: number;
  retries: number;
}

const retryDelayMsMin = 200;
const retryDelayMsMax = 10_000;

export class PointsReader {
  readonly counters: PointsCounters = { stored: 0, parked: 0, retries: 0 };
  readonly #deps: PointsReaderDeps;
  readonly #store = new IngestStore();
  readonly #stopping = Promise.withResolvers<void>();
  #stopped = false;
  #waitingFor: string | null = null;

  constructor(deps: PointsReaderDeps) {
    this.#deps = deps;
  }

  /** Why the last attempt failed, while a batch waits for the store or the database. */
  get waitingFor(): string | null {
    return this.#waitingFor;
  }

  /** Where a source stands, which `effects` has opened. One that is new here begins where `effects` is: until there, it stored readings. */
  async open(tx: Db, source: Source): Promise<number> {
    const { clock, ids, logger } = this.#deps;
    const { watermark, isNew } = await this.#store.openPoints(tx, source, clock.nowMs());
    const lost = isNew ? await this.#store.previousUnreadPoints(tx, source) : null;
    if (lost !== null) {
      logger.error({ event: "points.spool_replaced", ...source, ...lost });
      await this.#store.recordGap(tx, ids.next(), {
        gatewayId: source.gatewayId,
        ...lost,
        reason: "points_spool_replaced",
        foundAtMs: clock.nowMs(),
      });
    }
    return watermark;
  }

  /**
   * Stores the readings of a batch. Returns once it is durable, however long the store is away.
   *
   * @param isOver whether the link that brought it is no more, and the batch comes again over another
   * @returns the watermark; null where it was given up
   */
  async commit(source: Source, records: readonly SequencedRecord[], isOver: () => boolean): Promise<number | null> {
    const last = records.at(-1);
    if (last === undefined) return null;
    return this.#untilDone(isOver, async () => {
      const readings = await this.#readingsOf(source, records);
      const parked = readings.length === 0 ? [] : await this.#deps.sink.write(readings);
      await transaction(this.#deps.db, async (tx) => {
        await this.#deps.sink.park(tx, parked);
        await this.#store.movePoints(tx, source, last.sequence, this.#deps.clock.nowMs());
      });
      this.counters.stored += readings.length - parked.length;
      this.counters.parked += parked.length;
      return last.sequence;
    });
  }

  /** Passes records that will never come, and notes that their readings are lost. */
  async skip(source: Source, gap: { fromSequence: number; toSequence: number; reason: string }, isOver: () => boolean) {
    const { db, clock, ids, logger } = this.#deps;
    logger.error({ event: "points.gap", ...source, ...gap });
    await this.#untilDone(isOver, () =>
      transaction(db, async (tx) => {
        const nowMs = clock.nowMs();
        const reason = `points_${gap.reason}`;
        await this.#store.recordGap(tx, ids.next(), { ...source, ...gap, reason, foundAtMs: nowMs });
        await this.#store.movePoints(tx, source, gap.toSequence, nowMs);
      }),
    );
  }

  /** Gives up what waits. */
  stop(): void {
    this.#stopped = true;
    this.#stopping.resolve();
  }

  async #readingsOf(source: Source, records: readonly SequencedRecord[]): Promise<ReadingFact[]> {
    const telemetry = records.filter(({ channel }) => channel === "telemetry");
    if (telemetry.length === 0) return [];
    const devices = await this.#deps.findDevices([...new Set(telemetry.map(({ deviceId }) => deviceId))]);
    // What is no reading, or of no device, is set aside by the reader of effects.
    const decoding = decodeBatch(telemetry, devices, source.gatewayId);
    for (let step = decoding.next(); ; step = decoding.next()) {
      if (step.done === true) return step.value.readings;
      await yieldToEvents();
    }
  }

  /** Tries again for as long as it takes: whatever the reason, the records stay in the spool meanwhile, and health says it. */
  async #untilDone<T>(isOver: () => boolean, work: () => Promise<T>): Promise<T | null> {
    for (let attempt = 0; !this.#stopped && !isOver(); attempt += 1) {
      try {
        const done = await work();
        this.#waitingFor = null;
        return done;
      } catch (error) {
        if (this.#stopped) return null;
        this.#waitingFor = error instanceof Error ? error.message : String(error);
        this.counters.retries += 1;
        this.#deps.logger.warn({ event: "points.waiting", error: this.#waitingFor });
        await Promise.race([sleep(backOffMs(attempt, retryDelayMsMin, retryDelayMsMax)), this.#stopping.promise]);
      }
    }
    return null;
  }
}
