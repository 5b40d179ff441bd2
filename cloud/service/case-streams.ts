import { type Clock, every, type Ticker } from "../platform/clock.ts";
import type { OwnerStanding } from "./owner-cases.ts";

export interface CaseStreamLimits {
  streamsMax: number;
  perHouseholdMax: number;
  /** A word that its reader does not take for so long ends the stream. */
  slowMsMax: number;
  /** A stream ends after this long, and its reader comes back with their key. */
  lifeMsMax: number;
}

export const caseStreamLimits: CaseStreamLimits = {
  streamsMax: 2_000,
  perHouseholdMax: 5,
  slowMsMax: 10_000,
  lifeMsMax: 900_000,
};

export interface CaseStreamsDeps {
  clock: Clock;
  standings: (ids: readonly string[]) => Promise<Map<string, { householdId: string | null; standing: OwnerStanding }>>;
  limits?: Partial<CaseStreamLimits>;
}

const lookIntervalMs = 1_000;

/** One owner who watches one case. */
export class CaseStream {
  readonly householdId: string;
  readonly caseId: string;
  readonly openedAtMs: number;
  readonly #cut: () => void;
  /** What the reader knows, as text. */
  #told = "";
  /** The newest word: what it replaces is not worth reading any more. */
  #waiting: OwnerStanding | null = null;
  #offeredAtMs: number | null = null;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(of: { householdId: string; caseId: string }, nowMs: number, cut: () => void) {
    this.householdId = of.householdId;
    this.caseId = of.caseId;
    this.openedAtMs = nowMs;
    this.#cut = cut;
  }

  /** How the case stands, each time that it changes, until the stream ends. */
  async *words(clock: Clock): AsyncGenerator<OwnerStanding, void, void> {
    while (!this.#ended) {
      const word = this.#waiting;
      this.#waiting = null;
      if (word === null) {
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

  tell(standing: OwnerStanding): void {
    const text = JSON.stringify(standing);
    if (text === this.#told) return;
    this.#told = text;
    this.#waiting = standing;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Ends a stream whose reader takes nothing, or that has lived long enough. */
  watch(nowMs: number, { slowMsMax, lifeMsMax }: CaseStreamLimits): void {
    if (this.#offeredAtMs !== null && nowMs - this.#offeredAtMs > slowMsMax) {
      this.end();
      this.#cut();
    } else if (nowMs - this.openedAtMs > lifeMsMax) {
      this.end();
    }
  }
}

/** All owners who watch their cases. Nothing is read while there are none, and one question serves them all. */
export class CaseStreams {
  readonly #deps: CaseStreamsDeps;
  readonly #limits: CaseStreamLimits;
  readonly #streams = new Set<CaseStream>();
  #looking: Ticker | null = null;

  constructor(deps: CaseStreamsDeps) {
    this.#deps = deps;
    this.#limits = { ...caseStreamLimits, ...deps.limits };
  }

  get count(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream, or answers null where there are as many as there may be. `close` it when its reader is gone.
   *
   * @param cut ends the reader's connection at once
   */
  open(of: { householdId: string; caseId: string }, cut: () => void): CaseStream | null {
    const theirs = [...this.#streams].filter(({ householdId }) => householdId === of.householdId);
    const { streamsMax, perHouseholdMax } = this.#limits;
    if (this.#streams.size >= streamsMax || theirs.length >= perHouseholdMax) return null;
    const stream = new CaseStream(of, this.#deps.clock.nowMs(), cut);
    this.#streams.add(stream);
    this.#looking ??= every(
      lookIntervalMs,
      () => this.look(),
      () => {},
    );
    return stream;
  }

  words(stream: CaseStream): AsyncGenerator<OwnerStanding, void, void> {
    return stream.words(this.#deps.clock);
  }

  close(stream: CaseStream): void {
    stream.end();
    this.#streams.delete(stream);
    if (this.#streams.size === 0) void this.#rest();
  }

  /**
   * Tells readers what is new. Whoever no longer has the case is told nothing more.
   *
   * @param streams all of them, or those that have just begun
   */
  async look(streams: ReadonlySet<CaseStream> = this.#streams): Promise<void> {
    const { clock, standings } = this.#deps;
    for (const stream of streams) stream.watch(clock.nowMs(), this.#limits);
    const found = await standings([...new Set([...streams].map(({ caseId }) => caseId))]);
    for (const stream of streams) {
      const now = found.get(stream.caseId);
      // One that went into another is asked for again, and found there.
      if (now?.householdId === stream.householdId && now.standing.status !== "merged") stream.tell(now.standing);
      else stream.end();
    }
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) this.close(stream);
    await this.#rest();
  }

  async #rest(): Promise<void> {
    const looking = this.#looking;
    this.#looking = null;
    await looking?.stop();
  }
}
