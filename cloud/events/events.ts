import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Logger } from "../platform/logger.ts";
import { refused } from "../platform/refused.ts";
import type { OutboxEvent } from "./core/cloud-event.ts";
import type { Position } from "./core/position.ts";
import { EventLog } from "./event-log.ts";
import { type EventStream, EventStreams, type StreamLimits, streamLimits } from "./event-streams.ts";

export { eventProblems } from "./errors.ts";
export { eventsData, forgetEvents } from "./household-data.ts";
export { type NotableFact, Outbox } from "./outbox.ts";
export { Webhooks } from "./webhooks.ts";

const keepMsDefault = 30 * 86_400_000;
const pruneMax = 10_000;

/** Notable facts for whoever wants to know: page by page, or live. */
export class Events {
  readonly #log: EventLog;
  readonly #streams: EventStreams;
  readonly #clock: Clock;
  readonly #keepMs: number;

  constructor(deps: { db: Db; clock: Clock; logger: Logger; limits?: Partial<StreamLimits>; keepMs?: number }) {
    this.#log = new EventLog(deps.db);
    this.#clock = deps.clock;
    this.#keepMs = deps.keepMs ?? keepMsDefault;
    const limits = { ...streamLimits, ...deps.limits };
    this.#streams = new EventStreams(this.#log, deps.clock, limits, (error) =>
      deps.logger.warn({ event: "events.poll_failed", error: String(error) }),
    );
  }

  /** Readers connected now. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** The events after a position, or from the oldest kept. */
  async page(after: Position | null, limit: number) {
    if (after !== null && (await this.#log.isBelowFloor(after))) return refused("event_cursor_too_old");
    const events: OutboxEvent[] = await this.#log.after(after, limit);
    return { kind: "page" as const, events };
  }

  /** Opens a live stream after a position, or from now on. `cut` ends its connection at once. */
  async openStream(after: Position | null, cut: () => void) {
    if (after !== null && (await this.#log.isBelowFloor(after))) return refused("event_cursor_too_old");
    const stream = await this.#streams.open(after, cut);
    return stream === null ? refused("too_many_streams") : { kind: "open" as const, stream };
  }

  closeStream(stream: EventStream): void {
    this.#streams.close(stream);
  }

  /** Call after a commit that wrote to the outbox: live streams then look at once. */
  notify(): void {
    this.#streams.notify();
  }

  /** Deletes what is older than the outbox keeps. */
  async tick(): Promise<void> {
    const beforeMs = this.#clock.nowMs() - this.#keepMs;
    while ((await this.#log.prune(beforeMs, pruneMax)) === pruneMax);
  }

  /** Ends every stream. */
  async stop(): Promise<void> {
    await this.#streams.stop();
  }
}
