/**
 * The consumer of the up road: batches in, effects in the database, watermark moved, all in one transaction.
 *
 *   batch -> decode (pure) -> BEGIN, lock watermark, drop what is at or below it, slices, watermark, COMMIT -> committed
 *
 * A batch that fails for a reason of its own is halved until the record that fails alone is found; that one goes to quarantine
 * and its neighbours commit. When the database is away the batch waits for it.
 */
import type pg from "pg";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import type { Clock } from "../platform/clock.ts";
import { sleep, yieldToEvents } from "../platform/clock.ts";
import { bindDb, type Database, type Db, transaction, withLast } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import type { PreparedReadings } from "../telemetry/telemetry.ts";
import { decodeBatch, type DecodedBatch } from "./core/decode.ts";
import { asking, DatabaseAway, isPassing } from "./asking.ts";
import type { AfterCommit, IngestSlices } from "./ingest-slices.ts";
import type { PointsReader } from "./points-reader.ts";
import { type Gap, IngestStore, type Quarantined, type QuarantineFilter, type Source } from "./ingest-store.ts";

export type { AfterCommit, IngestSlices } from "./ingest-slices.ts";
export type { Source } from "./ingest-store.ts";
export { ingestData } from "./household-data.ts";
export { PointsReader } from "./points-reader.ts";

/** A batch taken apart, ready for its transaction. */
export interface PreparedBatch {
  records: readonly SequencedRecord[];
  /** What `deviceChanges` was before its devices were looked up. */
  deviceChanges: number;
  batch: DecodedBatch;
  readings: PreparedReadings;
}

export interface IngestDeps {
  database: Database;
  slices: IngestSlices;
  clock: Clock;
  ids: Ids;
  logger: Logger;
}

/** Counters since the process began. */
export interface IngestCounters {
  recordsCommitted: number;
  readingsCommitted: number;
  batchesCommitted: number;
  quarantined: number;
  retries: number;
}

const retryDelayMsMin = 100;
const retryDelayMsMax = 2_000;
/** Quarantined records that are kept; the oldest go first. */
const quarantineRowsMax = 100_000;

export class Ingest {
  readonly counters: IngestCounters = {
    recordsCommitted: 0,
    readingsCommitted: 0,
    batchesCommitted: 0,
    quarantined: 0,
    retries: 0,
  };
  /** Told of each batch that is committed, with the age of its oldest record. */
  onCommitted: (lagMs: number) => void = () => {};
  readonly #deps: IngestDeps;
  readonly #store = new IngestStore();
  #client: pg.Client | null = null;
  #stopped = false;
  /** Whoever has the connection. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Why the last attempt failed, while the batch waits for the database. */
  #waitingFor: string | null = null;

  constructor(deps: IngestDeps) {
    this.#deps = deps;
  }

  get waitingFor(): string | null {
    return this.#waitingFor;
  }

  /**
   * Where a source stands. A spool that is new where another was known is a loss that nobody can measure, and is said.
   *
   * @param points the second reader, null where there is none
   */
  async openSource(
    source: Source,
    points: Pick<PointsReader, "open"> | null = null,
  ): Promise<{ watermark: number; pointsWatermark: number | null }> {
    // One transaction: a source that is known without its gap would be a loss that nobody ever hears of.
    const open = async (tx: Db) => {
      const { watermark, isNew } = await this.#store.openSource(tx, source, this.#deps.clock.nowMs());
      if (isNew) await this.#notePrevious(tx, source);
      if (points !== null) return { watermark, pointsWatermark: await points.open(tx, source) };
      await this.#closePoints(tx, source);
      return { watermark, pointsWatermark: null };
    };
    return this.whenAnswered(() => transaction(this.#deps.database.db, open));
  }

  async #notePrevious(tx: Db, source: Source): Promise<void> {
    const { clock, ids, logger } = this.#deps;
    const previous = await this.#store.previousSource(tx, source);
    if (previous === null) return;
    logger.error({
      event: "ingest.spool_replaced",
      ...source,
      previousEpoch: previous.spoolEpoch,
      after: previous.watermark,
    });
    await this.#store.recordGap(tx, ids.next(), {
      gatewayId: source.gatewayId,
      spoolEpoch: previous.spoolEpoch,
      fromSequence: previous.watermark + 1,
      toSequence: null,
      reason: "spool_replaced",
      foundAtMs: clock.nowMs(),
    });
  }

  /** There was a second reader, and there is none: the readings that it left in the spool go with what is trimmed there, which is said. */
  async #closePoints(tx: Db, source: Source): Promise<void> {
    const { clock, ids, logger } = this.#deps;
    const unread = await this.#store.closePoints(tx, source);
    if (unread === null) return;
    logger.error({ event: "ingest.points_left_behind", ...source, ...unread });
    await this.#store.recordGap(tx, ids.next(), {
      ...source,
      ...unread,
      reason: "points_switched_off",
      foundAtMs: clock.nowMs(),
    });
  }

  /** What must not fail because the database is away: it waits for it, and for whatever is being committed. */
  whenAnswered<T>(question: () => Promise<T>): Promise<T> {
    return this.#untilDone(() => asking(question));
  }

  /** Notes records that will never come, and lets the watermark pass them. */
  async recordGap(source: Source, fromSequence: number, toSequence: number, reason: string): Promise<void> {
    const { clock, ids, logger } = this.#deps;
    logger.error({ event: "ingest.gap", ...source, fromSequence, toSequence, reason });
    await this.#untilDone(() =>
      this.#inTransaction(source, async (tx, watermark) => {
        if (toSequence <= watermark) return { watermark, afterCommit: [] };
        const gap: Gap = { ...source, fromSequence, toSequence, reason, foundAtMs: clock.nowMs() };
        await this.#store.recordGap(tx, ids.next(), gap);
        return { watermark: toSequence, afterCommit: [] };
      }),
    );
  }

  /**
   * Takes a batch apart, in pieces, so that a commit under way meanwhile is not kept waiting.
   *
   * @param records consecutive, in order
   */
  async prepare(source: Source, records: readonly SequencedRecord[]): Promise<PreparedBatch> {
    const { slices } = this.#deps;
    const deviceChanges = slices.deviceChanges();
    const ids = [...new Set(records.map((record) => record.deviceId))].filter((id) => id !== "");
    const devices = await asking(() => slices.findDevices(ids));
    const decoding = decodeBatch(records, devices, source.gatewayId);
    for (let step = decoding.next(); ; step = decoding.next()) {
      if (step.done === true) {
        const readings = await asking(() => slices.prepareReadings(step.value.readings));
        return { records, deviceChanges, batch: step.value, readings };
      }
      await yieldToEvents();
    }
  }

  /**
   * Commits a batch with everything that follows from it. Returns once it is durable, however long the database is away.
   *
   * @param prepared what `prepare` made of the records, where that was done ahead
   * @returns the watermark
   */
  async commit(source: Source, records: readonly SequencedRecord[], prepared?: PreparedBatch): Promise<number> {
    let ahead = prepared;
    return this.#untilDone(() => {
      // Good for one attempt: what an attempt found out about its batch is no part of the next one.
      const first = ahead;
      ahead = undefined;
      return this.#commitOrHalve(source, records, first);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client?.end().catch(() => {});
    this.#client = null;
  }

  gaps(limit: number): Promise<Gap[]> {
    return this.#store.gaps(this.#deps.database.db, limit);
  }

  quarantine(filter: QuarantineFilter): Promise<Quarantined[]> {
    return this.#store.listQuarantine(this.#deps.database.db, filter);
  }

  quarantineCounts(): Promise<Record<string, number>> {
    return this.#store.quarantineCounts(this.#deps.database.db);
  }

  async tick(): Promise<void> {
    await this.#store.trimQuarantine(this.#deps.database.db, quarantineRowsMax);
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#store.quarantineTimeline(this.#deps.database.db, device.id, page.beforeMs, page.limit);
    return rows.map((row) => ({
      atMs: row.receivedAtMs,
      kind: "quarantine",
      id: row.id,
      title: `Sent something unusable on ${row.channel}`,
      data: { reason: row.reason, detail: row.detail },
    }));
  }

  /**
   * Runs `work` when all before it is done. There is one connection, and a gateway that came back speaks while the batch of the one
   * before it still waits for the database: two transactions on it at once would be one.
   */
  #untilDone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => this.#retried(work));
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Tries again while the reason is the database's, with a growing pause. */
  async #retried<T>(work: () => Promise<T>): Promise<T> {
    for (let delayMs = retryDelayMsMin; ; delayMs = Math.min(delayMs * 2, retryDelayMsMax)) {
      try {
        if (this.#stopped) throw new DatabaseAway("the up road is closed");
        const done = await work();
        this.#waitingFor = null;
        return done;
      } catch (error) {
        if (this.#stopped || !isPassing(error)) throw error;
        this.#waitingFor = error instanceof Error ? error.message : String(error);
        this.counters.retries += 1;
        this.#deps.logger.warn({ event: "ingest.waiting", error: this.#waitingFor });
        await this.#client?.end().catch(() => {});
        this.#client = null;
        await sleep(delayMs);
      }
    }
  }

  async #commitOrHalve(source: Source, records: readonly SequencedRecord[], ahead?: PreparedBatch): Promise<number> {
    try {
      return await this.#commitOnce(source, ahead ?? (await this.prepare(source, records)));
    } catch (error) {
      if (isPassing(error)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (records.length <= 1) {
        this.#deps.logger.error({ event: "ingest.poison", sequence: records[0]?.sequence, error: message });
        return this.#setAside(source, records, message);
      }
      const middle = records.length >> 1;
      await this.#commitOrHalve(source, records.slice(0, middle));
      return this.#commitOrHalve(source, records.slice(middle));
    }
  }

  /** One transaction. */
  async #commitOnce(source: Source, prepared: PreparedBatch): Promise<number> {
    const { records } = prepared;
    let taken = prepared;
    const committed = await this.#inTransaction(source, async (tx, watermark, client) => {
      const first = records[0]?.sequence ?? 0;
      const isOld = prepared.deviceChanges !== this.#deps.slices.deviceChanges();
      if (first > watermark + 1) await this.#noteMissing(tx, source, watermark + 1, first - 1);
      if (first <= watermark || isOld) {
        // A replay can begin below the watermark: what is committed already is taken out, and the rest prepared again. So is a batch
        // that was taken apart while a device still belonged to somebody else.
        const fresh = records.filter((record) => record.sequence > watermark);
        taken = await this.prepare(source, fresh);
      }
      if (taken.records.length === 0) return { watermark, afterCommit: [] };
      const afterCommit = await this.#apply(tx, client, source, taken);
      return { watermark: taken.records.at(-1)?.sequence ?? watermark, afterCommit };
    });
    this.counters.batchesCommitted += 1;
    this.counters.recordsCommitted += taken.records.length;
    this.counters.readingsCommitted += taken.batch.readings.length;
    this.counters.quarantined += taken.batch.rejected.length;
    const nowMs = this.#deps.clock.nowMs();
    this.onCommitted(Math.max(0, nowMs - (taken.records[0]?.receivedAtMs ?? nowMs)));
    return committed;
  }

  /** Puts records into quarantine without looking at them: the database refused them, and nobody knows which part. */
  async #setAside(source: Source, records: readonly SequencedRecord[], detail: string): Promise<number> {
    const rejected = records.map((record) => ({ record, reason: "storage_refused" as const, detail }));
    const committed = await this.#inTransaction(source, async (tx, watermark) => {
      const fresh = rejected.filter(({ record }) => record.sequence > watermark);
      await this.#store.quarantine(tx, source, fresh, () => this.#deps.ids.next());
      return { watermark: Math.max(watermark, records.at(-1)?.sequence ?? watermark), afterCommit: [] };
    });
    this.counters.batchesCommitted += 1;
    this.counters.recordsCommitted += records.length;
    this.counters.quarantined += records.length;
    return committed;
  }

  async #apply(tx: Db, client: pg.Client, source: Source, prepared: PreparedBatch): Promise<AfterCommit[]> {
    const { slices, ids } = this.#deps;
    const { batch } = prepared;
    const { rejected, readings, presence } = batch;
    await slices.presence(tx, batch.presence);
    if (batch.security.length > 0) await slices.security(tx, batch.security);
    const afterCommit: AfterCommit[] = [await slices.readings(client, prepared.readings)];
    const events = await this.#events(tx, batch);
    await slices.reported(tx, batch.reported);
    if (batch.receipts.length > 0) {
      const outcome = await slices.receipts(
        tx,
        batch.receipts.map(({ fact }) => fact),
      );
      const unknown = new Set(outcome.unknown);
      afterCommit.push(outcome.afterCommit);
      for (const { fact, record } of batch.receipts) {
        if (unknown.has(fact))
          rejected.push({ record, reason: "unknown_delivery", detail: `delivery ${fact.receipt.deliveryId}` });
      }
    }
    if (batch.replies.length > 0) {
      const outcome = await slices.replies(
        tx,
        batch.replies.map(({ fact }) => fact),
      );
      const unknown = new Set(outcome.unknown);
      afterCommit.push(outcome.afterCommit);
      for (const { fact, record } of batch.replies) {
        if (unknown.has(fact))
          rejected.push({ record, reason: "unknown_delivery", detail: `command ${fact.reply.commandId}` });
      }
    }
    afterCommit.push(
      ...(await slices.effects(tx, { readings, repeated: prepared.readings.repeated, events, presence })),
    );
    await this.#store.quarantine(tx, source, rejected, () => ids.next());
    return afterCommit;
  }

  /** Stores what happened. An id that came before with something else is set aside: what was said first has had its effects. */
  async #events(tx: Db, { events, rejected }: DecodedBatch): Promise<EventFact[]> {
    if (events.length === 0) return [];
    const outcome = await this.#deps.slices.events(
      tx,
      events.map(({ fact }) => fact),
    );
    const altered = new Set(outcome.altered);
    for (const { fact, record } of events)
      if (altered.has(fact)) rejected.push({ record, reason: "other_content", detail: `event ${fact.event.id}` });
    return outcome.fresh;
  }

  async #noteMissing(tx: Db, source: Source, fromSequence: number, toSequence: number): Promise<void> {
    const { clock, ids, logger } = this.#deps;
    logger.error({ event: "ingest.gap", ...source, fromSequence, toSequence, reason: "never_arrived" });
    const gap: Gap = { ...source, fromSequence, toSequence, reason: "never_arrived", foundAtMs: clock.nowMs() };
    await this.#store.recordGap(tx, ids.next(), gap);
  }

  /** Runs `work` with the watermark locked, moves it to what `work` says, commits, and only then changes memory. */
  async #inTransaction(
    source: Source,
    work: (tx: Db, watermark: number, client: pg.Client) => Promise<{ watermark: number; afterCommit: AfterCommit[] }>,
  ): Promise<number> {
    const client = (this.#client ??= await asking(() => this.#deps.database.connect()));
    const tx = bindDb(client);
    let done: { watermark: number; afterCommit: AfterCommit[] };
    try {
      const before = await asking(() => this.#store.begin(client, source));
      done = await withLast(tx, () => work(tx, before, client));
      await this.#store.commit(client, source, done.watermark, this.#deps.clock.nowMs());
    } catch (error) {
      // A connection that cannot even roll back says nothing about the batch: the error is the connection's.
      await asking(() => client.query("ROLLBACK"));
      throw error;
    }
    for (const change of done.afterCommit) this.#changeMemory(change);
    return done.watermark;
  }

  /** What is committed stands: a slice that stumbles over its memory says so, and keeps none of the others from theirs. */
  #changeMemory(change: AfterCommit): void {
    try {
      change?.();
    } catch (error) {
      this.#deps.logger.error({ event: "ingest.after_commit_failed", err: error });
    }
  }
}
