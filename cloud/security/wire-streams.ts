import type { CloudMessage, GatewayMessage } from "#protocol/link/messages.ts";
import type { WirePacket } from "#protocol/link/wire.ts";
import { type Clock, every, type Ticker } from "../platform/clock.ts";

export interface WireLimits {
  streamsMax: number;
  /** Messages that may wait for one reader, and how long one of them may. */
  waitingMax: number;
  slowMsMax: number;
  /** A stream ends after this long, and its reader comes back with its key: one that was revoked sees no further. */
  lifeMsMax: number;
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
  readonly #openedAtMs: number;
  readonly #cut: () => void;
  #waiting: WireWord[] = [];
  /** Since when a word is on its way to the reader, or null. */
  #offeredAtMs: number | null = null;
  #isAnswered = false;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(name: string, nowMs: number, cut: () => void) {
    this.name = name;
    this.#openedAtMs = nowMs;
    this.#cut = cut;
  }

  /** Every word, in order, until the stream ends. */
  async *words(clock: Clock): AsyncGenerator<WireWord, void, void> {
    while (!this.#ended) {
      const word = this.#waiting.shift();
      if (word === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      } else {
        this.#offeredAtMs = clock.nowMs();
        yield word;
        this.#offeredAtMs = null;
      }
    }
  }

  say(word: WireWord): void {
    this.#isAnswered = true;
    this.#waiting.push(word);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Says that nobody answers, and ends a stream whose reader takes nothing or that has lived long enough. */
  watch(nowMs: number, { waitingMax, slowMsMax, lifeMsMax, answerMsMax }: WireLimits): void {
    if (!this.#isAnswered && nowMs - this.#openedAtMs >= answerMsMax) {
      this.say({ kind: "snapshot", packets: [], sentence: nobodyAnswers });
    }
    const isSlow = this.#offeredAtMs !== null && nowMs - this.#offeredAtMs > slowMsMax;
    if (isSlow || this.#waiting.length > waitingMax) {
      this.end();
      this.#cut();
    } else if (nowMs - this.#openedAtMs > lifeMsMax) {
      this.end();
    }
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
    const stream = new WireStream(name, this.#clock.nowMs(), cut);
    this.#streams.add(stream);
    this.#watch ??= every(
      watchIntervalMs,
      async () => this.#watchAll(),
      () => {},
    );
    this.#send({ kind: "watch", name, on: true });
    return stream;
  }

  words(stream: WireStream): AsyncGenerator<WireWord, void, void> {
    return stream.words(this.#clock);
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
