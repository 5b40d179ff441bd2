import type { CloudMessage, GatewayMessage } from "#protocol/link/messages.ts";
import type { WirePacket } from "#protocol/link/wire.ts";
import { type Clock, every, type Ticker } from "../platform/clock.ts";
import { type ReaderLimits, StreamReader } from "../platform/stream-reader.ts";

export interface WireLimits extends ReaderLimits {
  streamsMax: number;
  /** Messages that may wait for one reader. */
  waitingMax: number;
  /** A gateway that says nothing for this long is not there. */
  answerMsMax: number;
}

export const wireLimits: WireLimits = {
  streamsMax: 20,
  waitingMax: 100,
  slowMsMax: 10_000,
  lifeMsMax: 900_000,
  answerMsMax: 2_000,
};

/** What a reader is told: everything that is kept, in place of all before; or what is new. */
export interface WireWord {
  kind: "snapshot" | "packets";
  packets: WirePacket[];
  /** For people, where there is nothing to see. */
  sentence: string | null;
}

const watchIntervalMs = 500;
const nothingSeen = "Nothing has been seen of this appliance since its gateway started.";
const nobodyAnswers = "No gateway answers at the moment. What it sees shows here as soon as one does.";

/** One reader of one device's wire. */
export class WireStream {
  readonly name: string;
  readonly #reader: StreamReader;
  #waiting: WireWord[] = [];
  #isAnswered = false;

  constructor(name: string, clock: Clock, cut: () => void) {
    this.name = name;
    this.#reader = new StreamReader(clock, cut);
  }

  /** Every word, in order, until the stream ends. */
  words(): AsyncGenerator<WireWord, void, void> {
    return this.#reader.words(() => this.#waiting.shift());
  }

  say(word: WireWord): void {
    this.#isAnswered = true;
    this.#waiting.push(word);
    this.#reader.wake();
  }

  end(): void {
    this.#reader.end();
  }

  /** Ends the stream at once. */
  cut(): void {
    this.#reader.cut();
  }

  /** Says that nobody answers, and ends a stream whose reader takes nothing or that has lived long enough. */
  watch(nowMs: number, limits: WireLimits): void {
    if (!this.#isAnswered && nowMs - this.#reader.openedAtMs >= limits.answerMsMax) {
      this.say({ kind: "snapshot", packets: [], sentence: nobodyAnswers });
    }
    if (this.#waiting.length > limits.waitingMax) this.cut();
    else this.#reader.watch(nowMs, limits);
  }
}

/** All who watch a device's wire. The gateway tells nothing while there is nobody. */
export class WireStreams {
  readonly #clock: Clock;
  readonly #limits: WireLimits;
  readonly #send: (message: CloudMessage) => void;
  readonly #streams = new Set<WireStream>();
  #watch: Ticker | null = null;

  constructor(deps: { clock: Clock; send: (message: CloudMessage) => void; limits?: Partial<WireLimits> }) {
    this.#clock = deps.clock;
    this.#send = deps.send;
    this.#limits = { ...wireLimits, ...deps.limits };
  }

  get count(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream, or answers null where there are as many as there may be. `close` it when its reader is gone.
   *
   * @param cut ends the reader's connection at once
   */
  open(name: string, cut: () => void): WireStream | null {
    if (this.#streams.size >= this.#limits.streamsMax) return null;
    const stream = new WireStream(name, this.#clock, cut);
    this.#streams.add(stream);
    this.#watch ??= every(
      watchIntervalMs,
      async () => this.#watchAll(),
      () => {},
    );
    this.#send({ kind: "watch", name, on: true });
    return stream;
  }

  close(stream: WireStream): void {
    stream.end();
    if (!this.#streams.delete(stream)) return;
    const isWatched = [...this.#streams].some(({ name }) => name === stream.name);
    if (!isWatched) this.#send({ kind: "watch", name: stream.name, on: false });
    if (this.#streams.size === 0) void this.#rest();
  }

  receive({ name, whole, packets }: Extract<GatewayMessage, { kind: "wire" }>): void {
    const sentence = whole && packets.length === 0 ? nothingSeen : null;
    for (const stream of this.#streams) {
      if (stream.name === name) stream.say({ kind: whole ? "snapshot" : "packets", packets, sentence });
    }
  }

  /** A gateway has come, and knows nothing of who watches. */
  gatewayCame(): void {
    for (const name of new Set([...this.#streams].map((stream) => stream.name))) {
      this.#send({ kind: "watch", name, on: true });
    }
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) this.close(stream);
    await this.#rest();
  }

  async #rest(): Promise<void> {
    const watch = this.#watch;
    this.#watch = null;
    await watch?.stop();
  }

  #watchAll(): void {
    const nowMs = this.#clock.nowMs();
    for (const stream of this.#streams) stream.watch(nowMs, this.#limits);
  }
}
