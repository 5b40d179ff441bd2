import type { Reading } from "#protocol/reading.ts";
import { buildTopic } from "#protocol/topics.ts";
import { DeviceVoice } from "./device-voice.ts";
import { ConnectGate } from "./link/connect-gate.ts";
import { DeviceLink } from "./link/device-link.ts";
import { type Clock, systemClock } from "./platform/clock.ts";
import { isLoopback } from "./platform/loopback.ts";
import { systemRandom } from "./platform/random.ts";
import { systemTimers, type Timers } from "./platform/timers.ts";
import { TelemetrySender } from "./telemetry-sender.ts";

export interface ReplayOptions {
  device: { id: string; token: string; locale: string; timeZone: string };
  readings: readonly Reading[];
  broker: string;
  /** PEM of the root that the broker's certificate leads to. */
  ca?: string;
  /** A reading is sent when this clock has reached it. */
  clock: Clock;
  allowRemote?: boolean;
  real?: Clock;
  timers?: Timers;
  random?: () => number;
}

const tickMs = 100;
/** Messages that may wait for their PUBACK: the recording is held back rather than dropped. */
const waitingMax = 50;

/** Plays a recorded cook as one appliance with several probes. It takes no orders: what comes down is ignored. */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #timers: Timers;
  readonly #link: DeviceLink;
  readonly #voice: DeviceVoice;
  readonly #telemetry: TelemetrySender;
  readonly #whole = Promise.withResolvers<void>();
  #next = 0;
  #endTicks: (() => void) | null = null;

  /** @throws where the broker is off this machine without `allowRemote` */
  constructor(options: ReplayOptions) {
    const { broker, device } = options;
    if (options.allowRemote !== true && !(URL.canParse(broker) && isLoopback(new URL(broker))))
      throw new Error(`the broker ${broker} is not on this machine: a replay goes there only with allowRemote`);
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#link = new DeviceLink({
      broker,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      deviceId: device.id,
      login: () => ({ kind: "token", token: device.token }),
      gate: new ConnectGate({ perSecond: 20, timers: this.#timers }),
      timers: this.#timers,
      random: options.random ?? systemRandom,
      filters: () => [buildTopic({ kind: "down", deviceId: device.id, channel: "inbox" })],
      onMessage: () => {},
    });
    this.#voice = new DeviceVoice({
      deviceId: device.id,
      clock: options.clock,
      boots: () => 1,
      send: (lane, topic, payload) => {
        this.#link.send(lane, topic, payload);
      },
    });
    this.#telemetry = new TelemetrySender({
      real: options.real ?? systemClock,
      send: (payload) => {
        this.#voice.telemetry(payload);
      },
      isConnected: () => this.#link.connected,
    });
  }

  /** Readings that were handed over so far. */
  get played(): number {
    return this.#next;
  }

  /** Resolves when every reading has its PUBACK. */
  get done(): Promise<void> {
    return this.#whole.promise;
  }

  start(): void {
    const { locale, timeZone } = this.#options.device;
    this.#voice.event("boot", { reason: "replay" });
    this.#voice.reported({ locale, timeZone, operation: "running" });
    this.#link.start();
    this.#endTicks = this.#timers.every(tickMs, () => {
      this.#tick();
    });
  }

  async stop(): Promise<void> {
    this.#endTicks?.();
    this.#endTicks = null;
    await this.#link.stop();
  }

  #tick(): void {
    const { readings, clock } = this.#options;
    const nowMs = clock.nowMs();
    while (this.#link.outbox.size < waitingMax) {
      const reading = readings[this.#next];
      if (reading === undefined || reading.atMs > nowMs) break;
      this.#next += 1;
      this.#telemetry.add(reading);
    }
    if (this.#next === readings.length) this.#telemetry.flush();
    else this.#telemetry.tick();
    if (this.#next === readings.length && this.#link.outbox.size === 0) this.#whole.resolve();
  }
}
