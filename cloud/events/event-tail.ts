import { every, type Ticker } from "../platform/clock.ts";
import type { OutboxEvent } from "./core/cloud-event.ts";
import { isAfter, type Position } from "./core/position.ts";
import type { EventLog } from "./event-log.ts";

/** How long a fact waits at most when nobody says `notify`. */
const pollIntervalMs = 500;
const pageMax = 500;
/** Events in memory for all streams together. Who is further behind reads pages of its own. */
const recentMax = 1_000;

/** The end of the outbox, read once for all streams. It lives as long as somebody listens. */
export class EventTail {
  readonly #log: EventLog;
  readonly #onEvents: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #ticker: Ticker;
  #recent: OutboxEvent[] = [];
  /** Everything after this and up to `#head` is in `#recent`. */
  #from: Position;
  #head: Position;
  #wanted = false;
  #polling: Promise<void> | null = null;

  private constructor(log: EventLog, head: Position, onEvents: () => void, onError: (error: unknown) => void) {
    this.#log = log;
    this.#from = head;
    this.#head = head;
    this.#onEvents = onEvents;
    this.#onError = onError;
    this.#ticker = every(
      pollIntervalMs,
      async () => {
        this.poll();
        await this.#polling;
      },
      onError,
    );
  }

  /** Starts at the present end of the outbox. */
  static async open(log: EventLog, onEvents: () => void, onError: (error: unknown) => void): Promise<EventTail> {
    return new EventTail(log, await log.head(), onEvents, onError);
  }

  get head(): Position {
    return this.#head;
  }

  /** Reads on now. Calls while a read is under way lead to one more read after it. */
  poll(): void {
    this.#wanted = true;
    this.#polling ??= this.#pollWhileWanted()
      .catch(this.#onError)
      .finally(() => {
        this.#polling = null;
      });
  }

  async stop(): Promise<void> {
    await this.#ticker.stop();
    await this.#polling;
  }

  /**
   * What comes next after `position`, and the position that is reached with it. From memory where it is there, else a page of the log.
   */
  async next(position: Position): Promise<{ events: OutboxEvent[]; reached: Position }> {
    const from = this.#from;
    if (!isAfter(from, position)) {
      const events = this.#recent.slice(this.#recent.findLastIndex((event) => !isAfter(event.position, position)) + 1);
      return { events, reached: events.at(-1)?.position ?? position };
    }
    const events = await this.#log.after(position, pageMax);
    // An empty page means that nothing lies between, since everything up to `from` was final before the page was read.
    return { events, reached: events.at(-1)?.position ?? from };
  }

  async #pollWhileWanted(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      const events = await this.#log.after(this.#head, pageMax);
      const last = events.at(-1);
      if (last === undefined) continue;
      this.#recent.push(...events);
      this.#head = last.position;
      const dropped = this.#recent.splice(0, Math.max(0, this.#recent.length - recentMax)).at(-1);
      if (dropped !== undefined) this.#from = dropped.position;
      if (events.length === pageMax) this.#wanted = true;
      this.#onEvents();
    }
  }
}
