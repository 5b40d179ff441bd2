import type { DeviceRef, EventFact, MetricLayout, ReadingFact } from "../devices/devices.ts";
import { type Clock, every, type Ticker } from "../platform/clock.ts";
import { type ReaderLimits, StreamReader } from "../platform/stream-reader.ts";
import { liveEvent, liveReading, type LiveView, mayShow, shown } from "./core/live-facts.ts";
import { metricView } from "./core/metric-view.ts";
import { LiveQueue, type LiveEvent, type LiveReading, type LiveWord, type Sampling } from "./core/live-queue.ts";

export interface LiveLimits extends ReaderLimits {
  tailsMax: number;
  /** Of one key: a page that forgets to close what it opened takes nobody else's place. */
  tailsPerKeyMax: number;
  /** Readings and events that may wait for one reader. */
  waitingMax: number;
  /** How often a reader's right to read is asked about. */
  recheckMs: number;
}

export const liveLimits: LiveLimits = {
  tailsMax: 100,
  tailsPerKeyMax: 10,
  waitingMax: 2_000,
  slowMsMax: 10_000,
  lifeMsMax: 900_000,
  recheckMs: 5_000,
};

const watchIntervalMs = 1_000;

/** What somebody asks to watch. */
export interface LiveQuestion extends LiveView {
  /** Whose key it is. */
  by: string;
  devices: readonly DeviceRef[];
}

/** One reader of what some devices say. */
export class LiveTail {
  readonly question: LiveQuestion;
  readonly #queue: LiveQueue;
  readonly #reader: StreamReader;

  constructor(question: LiveQuestion, clock: Clock, cut: () => void, limits: LiveLimits) {
    this.question = question;
    this.#queue = new LiveQueue(limits.waitingMax);
    this.#reader = new StreamReader(clock, cut);
  }

  /** Every word, in order, until the tail ends. */
  words(): AsyncGenerator<LiveWord, void, void> {
    return this.#reader.words(() => this.#queue.shift());
  }

  push(readings: readonly LiveReading[], events: readonly LiveEvent[]): void {
    this.#queue.push(readings, events);
    this.#reader.wake();
  }

  say(sampling: Sampling): void {
    this.#queue.say(sampling);
    this.#reader.wake();
  }

  end(): void {
    this.#reader.end();
  }

  cut(): void {
    this.#reader.cut();
  }

  watch(nowMs: number, limits: LiveLimits): void {
    this.#reader.watch(nowMs, limits);
  }
}

/** What one batch has for one tail. */
interface Share {
  readings: LiveReading[];
  events: LiveEvent[];
}

/** Everybody who watches what devices say, as it is committed. */
export class LiveTails {
  readonly limits: LiveLimits;
  readonly #clock: Clock;
  readonly #layoutOf: (model: string) => MetricLayout;
  readonly #tails = new Set<LiveTail>();
  readonly #byDevice = new Map<number, Set<LiveTail>>();
  #watch: Ticker | null = null;

  constructor(deps: { clock: Clock; layoutOf: (model: string) => MetricLayout; limits?: Partial<LiveLimits> }) {
    this.#clock = deps.clock;
    this.#layoutOf = deps.layoutOf;
    this.limits = { ...liveLimits, ...deps.limits };
  }

  get count(): number {
    return this.#tails.size;
  }

  /**
   * Opens a tail. `close` it when its reader is gone.
   *
   * @param cut ends the reader's connection at once
   */
  open(
    question: LiveQuestion,
    cut: () => void,
  ): { kind: "opened"; tail: LiveTail } | { kind: "refused"; rule: "too_many_tails" | "too_many_tails_of_key" } {
    const ofKey = [...this.#tails].filter((tail) => tail.question.by === question.by).length;
    if (ofKey >= this.limits.tailsPerKeyMax) return { kind: "refused", rule: "too_many_tails_of_key" };
    if (this.#tails.size >= this.limits.tailsMax) return { kind: "refused", rule: "too_many_tails" };
    const tail = new LiveTail(question, this.#clock, cut, this.limits);
    this.#tails.add(tail);
    for (const { key } of question.devices) {
      const tails = this.#byDevice.get(key);
      if (tails === undefined) this.#byDevice.set(key, new Set([tail]));
      else tails.add(tail);
    }
    this.#watch ??= every(
      watchIntervalMs,
      async () => this.#watchAll(),
      () => {},
    );
    return { kind: "opened", tail };
  }

  close(tail: LiveTail): void {
    tail.end();
    if (!this.#tails.delete(tail)) return;
    for (const { key } of tail.question.devices) {
      const tails = this.#byDevice.get(key);
      tails?.delete(tail);
      if (tails?.size === 0) this.#byDevice.delete(key);
    }
    if (this.#tails.size === 0) void this.#rest();
  }

  /** Of each device what its model declares of the metrics that are watched: a reading has names and values alone. */
  declared({ devices, metrics }: LiveQuestion) {
    return devices.map(({ id: deviceId, model }) => {
      const layout = this.#layoutOf(model);
      const names = [...layout.declared.keys()].filter((metric) => metrics?.has(metric) ?? true);
      return { deviceId, metrics: names.map((metric) => ({ metric, ...metricView(metric, layout) })) };
    });
  }

  /** Tells everybody who watches a device how it samples. */
  sampling(deviceKey: number, sampling: Sampling): void {
    for (const tail of this.#byDevice.get(deviceKey) ?? []) tail.say(sampling);
  }

  async stop(): Promise<void> {
    for (const tail of this.#tails) this.close(tail);
    await this.#rest();
  }

  /**
   * Tells what a batch brought, once it is committed.
   *
   * @param events those that are new
   */
  tell(readings: readonly ReadingFact[], events: readonly EventFact[]): void {
    const shares = new Map<LiveTail, Share>();
    const shareOf = (tail: LiveTail): Share => {
      const known = shares.get(tail);
      if (known !== undefined) return known;
      const share: Share = { readings: [], events: [] };
      shares.set(tail, share);
      return share;
    };
    for (const fact of readings) {
      const tails = this.#byDevice.get(fact.device.key);
      if (tails === undefined) continue;
      const reading = liveReading(fact, this.#layoutOf(fact.device.model));
      for (const tail of tails) {
        const part = mayShow(tail.question, fact) ? shown(reading, tail.question) : null;
        if (part !== null) shareOf(tail).readings.push(part);
      }
    }
    for (const fact of events) {
      for (const tail of this.#byDevice.get(fact.device.key) ?? []) {
        const isTheirs = mayShow(tail.question, { device: fact.device, atMs: fact.orderAtMs });
        if (tail.question.events && isTheirs) shareOf(tail).events.push(liveEvent(fact));
      }
    }
    for (const [tail, share] of shares) tail.push(share.readings, share.events);
  }

  #watchAll(): void {
    const nowMs = this.#clock.nowMs();
    for (const tail of this.#tails) tail.watch(nowMs, this.limits);
  }

  async #rest(): Promise<void> {
    const watch = this.#watch;
    this.#watch = null;
    await watch?.stop();
  }
}
