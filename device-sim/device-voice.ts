import type { Reply } from "#protocol/command.ts";
import type { Receipt } from "#protocol/delivery.ts";
import { buildTopic, type UpChannel } from "#protocol/topics.ts";
import type { Voice } from "./agent/controls.ts";
import type { Lane } from "./link/outbox.ts";
import type { Clock } from "./platform/clock.ts";

const logLinesMax = 2_000;
/** Of what one event says in the log. */
const dataCharsMax = 200;
/** What people say is theirs, and no part of a log. */
const isPersonal = (type: string): boolean => /^(help|feedback|share|pairing)\./.test(type);

export interface DeviceVoiceDeps {
  deviceId: string;
  clock: Clock;
  /** How often the appliance was switched on so far. */
  boots: () => number;
  send: (lane: Lane, topic: string, payload: string, settled?: () => void) => void;
}

/** Puts what an appliance says into the shapes and onto the topics of the contract. */
export class DeviceVoice implements Voice {
  readonly #deps: DeviceVoiceDeps;
  readonly #log: string[] = [];
  #events = 0;

  constructor(deps: DeviceVoiceDeps) {
    this.#deps = deps;
  }

  get events(): number {
    return this.#events;
  }

  /** The newest events as lines, oldest first. */
  get log(): string[] {
    return [...this.#log];
  }

  event(type: string, data: Record<string, unknown>, atMs = this.#deps.clock.nowMs()): void {
    this.eventAs(this.newEvent(atMs), type, data);
  }

  /** The identity of an event that is still to be said. */
  newEvent(atMs = this.#deps.clock.nowMs()): { id: string; atMs: number } {
    this.#events += 1;
    // Unique for ever: the moment, which life of the appliance it was, and a number within that life.
    const id = [atMs, this.#deps.boots(), this.#events].map((part) => part.toString(36)).join("-");
    return { id, atMs };
  }

  /** Says an event under an identity that it may have been said under before. */
  eventAs(
    { id, atMs }: { id: string; atMs: number },
    type: string,
    data: Record<string, unknown>,
    settled?: () => void,
  ): void {
    this.#line(atMs, type, isPersonal(type) ? null : data);
    this.#publish("notable", "events", JSON.stringify({ id, atMs, type, data }), settled);
  }

  /** Writes a line into its log, and tells nobody. */
  note(what: string, data: Record<string, unknown>): void {
    this.#line(this.#deps.clock.nowMs(), what, data);
  }

  /** Forgets the lines of its log. */
  clearLog(): void {
    this.#log.length = 0;
  }

  reported(state: Record<string, unknown>, atMs = this.#deps.clock.nowMs()): void {
    this.#publish("notable", "reported", JSON.stringify({ atMs, state }));
  }

  receipt(receipt: Receipt): void {
    this.#publish("notable", "receipts", JSON.stringify(receipt));
  }

  reply(reply: Reply): void {
    this.#publish("notable", "replies", JSON.stringify(reply));
  }

  telemetry(payload: string): void {
    this.#publish("readings", "telemetry", payload);
  }

  #line(atMs: number, what: string, data: Record<string, unknown> | null): void {
    const said = data === null ? "" : ` ${JSON.stringify(data).slice(0, dataCharsMax)}`;
    this.#log.push(`${new Date(atMs).toISOString()} ${what}${said}`);
    if (this.#log.length > logLinesMax) this.#log.shift();
  }

  #publish(lane: Lane, channel: UpChannel, payload: string, settled?: () => void): void {
    this.#deps.send(lane, buildTopic({ kind: "up", deviceId: this.#deps.deviceId, channel }), payload, settled);
  }
}
