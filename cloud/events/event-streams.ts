import type { Clock } from "../platform/clock.ts";
import { every, type Ticker } from "../platform/clock.ts";
import { type ReaderLimits, StreamReader } from "../platform/stream-reader.ts";
import type { OutboxEvent } from "./core/cloud-event.ts";
import { isAfter, type Position } from "./core/position.ts";
import type { EventLog } from "./event-log.ts";
import { EventTail } from "./event-tail.ts";

/** A stream ends after its time, and its reader comes back with its key and its last event id. */
export interface StreamLimits extends ReaderLimits {
  streamsMax: number;
}

export const streamLimits: StreamLimits = { streamsMax: 100, slowMsMax: 10_000, lifeMsMax: 900_000 };

const watchIntervalMs = 1_000;

/** One reader of the outbox's end. */
export class EventStream {
  readonly #tail: EventTail;
  readonly #reader: StreamReader;
  #position: Position;

  constructor(tail: EventTail, clock: Clock, position: Position, cut: () => void) {
    this.#tail = tail;
    this.#position = position;
    this.#reader = new StreamReader(clock, cut);
  }

  get position(): Position {
    return this.#position;
  }

  /** Every event after the stream's position, once, in order, until the stream ends. */
  async *events(): AsyncGenerator<OutboxEvent, void, void> {
    const reader = this.#reader;
    while (!reader.hasEnded) {
      const { events, reached } = await this.#tail.next(this.#position);
      for (const event of events) {
        if (reader.hasEnded) return;
        yield* reader.offer(event);
        this.#position = event.position;
      }
      const moved = isAfter(reached, this.#position);
      this.#position = reached;
      if (events.length === 0 && !moved && !isAfter(this.#tail.head, this.#position)) await reader.untilWoken();
    }
  }

  wake(): void {
    this.#reader.wake();
  }

  /** Ends the stream after the event that is on its way. */
  end(): void {
    this.#reader.end();
  }

  /** Ends the stream at once. */
  cut(): void {
    this.#reader.cut();
  }

  watch(nowMs: number, limits: StreamLimits): void {
    this.#reader.watch(nowMs, limits);
  }
}

/** All live streams. Nothing is read while there are none. */
export class EventStreams {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #limits: StreamLimits;
  readonly #onError: (error: unknown) => void;
  readonly #streams = new Set<EventStream>();
  #tail: Promise<EventTail> | null = null;
  #watch: Ticker | null = null;
  #opening = 0;

  constructor(log: EventLog, clock: Clock, limits: StreamLimits, onError: (error: unknown) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#limits = limits;
    this.#onError = onError;
  }

  get count(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream, or answers null where there are as many as there may be. `close` it when its reader is gone.
   *
   * @param after where to go on, or null for the present end
   * @param cut ends the reader's connection at once
   */
  async open(after: Position | null, cut: () => void): Promise<EventStream | null> {
    if (this.#streams.size + this.#opening >= this.#limits.streamsMax) return null;
    this.#opening += 1;
    try {
      this.#tail ??= EventTail.open(this.#log, () => this.#wakeAll(), this.#onError);
      const tail = await this.#tail;
      const stream = new EventStream(tail, this.#clock, after ?? tail.head, cut);
      this.#streams.add(stream);
      this.#watch ??= every(watchIntervalMs, async () => this.#watchAll(), this.#onError);
      tail.poll();
      return stream;
    } catch (error) {
      this.#tail = null;
      throw error;
    } finally {
      this.#opening -= 1;
    }
  }

  close(stream: EventStream): void {
    stream.end();
    this.#streams.delete(stream);
    if (this.#streams.size === 0 && this.#opening === 0) void this.#rest();
  }

  /** Something was committed: look now rather than at the next interval. */
  notify(): void {
    void this.#tail?.then((tail) => tail.poll()).catch(() => {});
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) this.close(stream);
    await this.#rest();
  }

  async #rest(): Promise<void> {
    const [tail, watch] = [this.#tail, this.#watch];
    this.#tail = null;
    this.#watch = null;
    await watch?.stop();
    await (await tail)?.stop();
  }

  #wakeAll(): void {
    for (const stream of this.#streams) stream.wake();
  }

  #watchAll(): void {
    const nowMs = this.#clock.nowMs();
    for (const stream of this.#streams) stream.watch(nowMs, this.#limits);
  }
}
