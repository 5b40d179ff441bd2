/** A reading as whoever watches is told of it. */
export interface LiveReading {
  deviceId: string;
  atMs: number;
  receivedAtMs: number;
  metrics: Readonly<Record<string, number | boolean>>;
  /** Metrics whose value lies outside the range that the model declares. */
  outside: string[];
  /** Metrics that the model does not declare. */
  undeclared: string[];
  /** The device's clock cannot be right: `receivedAtMs` says when it was. */
  clockSuspect: boolean;
}

/** Something that happened at a device. */
export interface LiveEvent {
  deviceId: string;
  id: string;
  atMs: number;
  receivedAtMs: number;
  type: string;
  data: Record<string, unknown>;
  clockSuspect: boolean;
}

/**
 * Why a device that is watched samples no faster than usual: nobody who watches may ask for it, it was asked and has not answered, it is
 * away, others have all the places, or it said no.
 */
export const usualReasons = ["not_asked", "asked", "offline", "too_many", "refused"] as const;
export type UsualReason = (typeof usualReasons)[number];

export type Sampling =
  | { deviceId: string; sampling: "fast"; everyMs: number; untilMs: number; reason: null }
  | { deviceId: string; sampling: "usual"; everyMs: null; untilMs: null; reason: UsualReason };

/** What a reader is told at once. */
export type LiveWord =
  | { kind: "readings"; readings: LiveReading[] }
  | { kind: "events"; events: LiveEvent[] }
  | { kind: "sampling"; sampling: Sampling }
  /** So much came that the reader did not take in time; it is in the store like everything else. */
  | { kind: "missed"; readings: number; events: number };

type Waiting = { kind: "reading"; reading: LiveReading } | { kind: "event"; event: LiveEvent };

/** Most readings or events in one word. */
const perWordMax = 200;

/**
 * What waits for one reader, up to a bound. Beyond it the oldest is given up and counted: whoever watches wants to see what is, and is told
 * how much they have missed before what comes after it.
 */
export class LiveQueue {
  readonly #waitingMax: number;
  #waiting: Waiting[] = [];
  #missed = { readings: 0, events: 0 };
  /** The newest word of each device: an older one says nothing any more. */
  readonly #sampling = new Map<string, Sampling>();

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Takes what one batch brought, in the order in which it came. */
  push(readings: readonly LiveReading[], events: readonly LiveEvent[]): void {
    for (const reading of readings) this.#waiting.push({ kind: "reading", reading });
    for (const event of events) this.#waiting.push({ kind: "event", event });
    for (const { kind } of this.#waiting.splice(0, Math.max(0, this.#waiting.length - this.#waitingMax))) {
      if (kind === "reading") this.#missed.readings += 1;
      else this.#missed.events += 1;
    }
  }

  say(sampling: Sampling): void {
    this.#sampling.delete(sampling.deviceId);
    this.#sampling.set(sampling.deviceId, sampling);
  }

  /** The next word, or undefined where nothing waits. */
  shift(): LiveWord | undefined {
    for (const [deviceId, sampling] of this.#sampling) {
      this.#sampling.delete(deviceId);
      return { kind: "sampling", sampling };
    }
    if (this.#missed.readings + this.#missed.events > 0) {
      const missed = this.#missed;
      this.#missed = { readings: 0, events: 0 };
      return { kind: "missed", ...missed };
    }
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const end = this.#waiting.findIndex(({ kind }, at) => kind !== first.kind || at === perWordMax);
    const taken = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    if (first.kind === "reading")
      return { kind: "readings", readings: taken.flatMap((one) => (one.kind === "reading" ? [one.reading] : [])) };
    return { kind: "events", events: taken.flatMap((one) => (one.kind === "event" ? [one.event] : [])) };
  }
}
