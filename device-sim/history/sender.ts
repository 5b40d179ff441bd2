import { buildTopic, type UpChannel } from "#protocol/topics.ts";
import type { MachineState } from "../core/machine.ts";
import type { ConnectGate } from "../link/connect-gate.ts";
import { DeviceLink } from "../link/device-link.ts";
import type { Timers } from "../platform/timers.ts";
import type { HistoryBatch } from "./history.ts";

/** Messages of one appliance that may wait for their PUBACK: the history is held back, and nothing is ever dropped for want of room. */
const waitingMax = 40;

export interface SenderDeps {
  broker: string;
  ca?: string;
  allowRemote?: boolean;
  gate: ConnectGate;
  timers: Timers;
  random: () => number;
}

export interface SenderCounters {
  readings: number;
  events: number;
  /** Messages that have their PUBACK. */
  acknowledged: number;
}

/** Sends the history of one appliance as the appliance itself, at the pace at which the gateway makes it durable. It takes no orders. */
export class HistorySender {
  readonly counters: SenderCounters = { readings: 0, events: 0, acknowledged: 0 };
  readonly #deviceId: string;
  readonly #link: DeviceLink;
  readonly #batches: Generator<HistoryBatch, MachineState, void>;
  #next: IteratorResult<HistoryBatch, MachineState>;
  #onRoom: () => void = () => {};

  constructor(
    device: { id: string; token: string },
    batches: Generator<HistoryBatch, MachineState, void>,
    deps: SenderDeps,
  ) {
    this.#deviceId = device.id;
    this.#batches = batches;
    this.#next = batches.next();
    this.#link = new DeviceLink({
      ...deps,
      deviceId: device.id,
      login: () => ({ kind: "token", token: device.token }),
      // Not the inbox: what waits there is for the appliance that goes on from here.
      filters: () => [buildTopic({ kind: "down", deviceId: device.id, channel: "desired" })],
      onMessage: () => {},
    });
  }

  start(): void {
    this.#link.start();
  }

  stop(): Promise<void> {
    return this.#link.stop();
  }

  /** CONNACKs other than 0 so far. */
  get refused(): number {
    return Object.values(this.#link.counters.refused).reduce((sum, count) => sum + count, 0);
  }

  /** How the machine stands at the end of its history; null before. */
  get machine(): MachineState | null {
    return this.#next.done === true ? this.#next.value : null;
  }

  /** Hands over everything up to a moment, as far as there is room. @returns false where there was more */
  advance(toMs: number): boolean {
    while (this.#next.done !== true && this.#next.value.atMs < toMs) {
      if (this.#link.outbox.size >= waitingMax) return false;
      this.#say(this.#next.value);
      this.#next = this.#batches.next();
    }
    return true;
  }

  get isAcknowledged(): boolean {
    return this.#link.outbox.size === 0;
  }

  /** Resolves at the next PUBACK, or when it is woken; at once where nothing is awaited. */
  room(): Promise<void> {
    if (this.isAcknowledged) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  wake(): void {
    this.#onRoom();
  }

  #say({ readings, events, reported }: HistoryBatch): void {
    if (readings.length > 0) this.#publish("telemetry", readings);
    for (const event of events) this.#publish("events", event);
    for (const state of reported) this.#publish("reported", state);
    this.counters.readings += readings.length;
    this.counters.events += events.length;
  }

  #publish(channel: UpChannel, payload: unknown): void {
    const topic = buildTopic({ kind: "up", deviceId: this.#deviceId, channel });
    this.#link.send("notable", topic, JSON.stringify(payload), () => {
      this.counters.acknowledged += 1;
      this.#onRoom();
    });
  }
}
