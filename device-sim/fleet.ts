import type { HelpRequested } from "#protocol/help.ts";
import { join } from "node:path";
import type { ProgramSettings } from "#protocol/content.ts";
import { FolderDeviceStore, MemoryDeviceStore } from "./agent/device-store.ts";
import type { FactoryTrust } from "./agent/factory-trust.ts";
import type { OwnerOutcome, UpdateLimits } from "./agent/update-agent.ts";
import type { ApplianceState } from "./appliance-state.ts";
import { Appliance, type PairingOutcome, type ResetOutcome } from "./appliance.ts";
import type { ApplianceSpec, World } from "./appliance-world.ts";
import type { Reason } from "./core/display.ts";
import type { FaultName } from "./core/faults.ts";
import type { StartOutcome } from "./household-driver.ts";
import { ConnectGate } from "./link/connect-gate.ts";
import type { OutboxBounds } from "./link/outbox.ts";
import { loadModels } from "./models.ts";
import { type Clock, systemClock } from "./platform/clock.ts";
import { isLoopback } from "./platform/loopback.ts";
import { systemRandom, systemSecretBytes } from "./platform/random.ts";
import { systemTimers, type Timers } from "./platform/timers.ts";

/** An appliance whose model is named by its key in `device-sim/models`. */
export type FleetMember = WithModelKey<ApplianceSpec>;
type WithModelKey<T> = T extends unknown ? Omit<T, "model"> & { model: string } : never;

/** One that was registered before, and has its token. */
export type TokenMember = FleetMember & { token: string };

export interface FleetOptions {
  appliances: readonly FleetMember[];
  /** `mqtt://host:port` or `mqtts://host:port`; off this machine only with `allowRemote`. */
  broker: string;
  /** PEM of the root that the broker's certificate leads to; without it, the roots that the system believes. */
  ca?: string;
  /** The appliances' own time; see `AcceleratedClock`. */
  clock: Clock;
  /** What the appliances believe without asking; without it they take no update. */
  factory?: FactoryTrust | null;
  /** Brokers and firmware links off this machine. */
  allowRemote?: boolean;
  /** A folder with one folder per appliance; without it their memory lives as long as the process. */
  dataDir?: string;
  connectsPerSecond?: number;
  real?: Clock;
  timers?: Timers;
  random?: () => number;
  fetch?: typeof fetch;
  updateLimits?: Partial<UpdateLimits>;
  backOff?: { msMin: number; msMax: number };
  /** How many messages an appliance keeps of what nobody has acknowledged. */
  storeBounds?: OutboxBounds;
  /** How long after a question for a certificate the next one is asked. */
  askAgainMs?: number;
}

export interface FleetCounters {
  appliances: number;
  connected: number;
  readings: number;
  events: number;
  acknowledged: number;
  unacknowledged: number;
  /** Publishes that went out on a connection that then ended, and go out again. */
  resent: number;
  droppedReadings: number;
  droppedNotable: number;
  /** CONNACKs other than 0. */
  refused: number;
  /** Certificates that came. */
  certificates: number;
  /** Answers in place of a certificate, by rule. */
  certificatesRefused: Record<string, number>;
}

const tickMs = 250;
const drainPollMs = 20;

/** Many simulated appliances in one process, behind one clock and one connect rate. */
export class Fleet {
  readonly #appliances = new Map<string, Appliance>();
  readonly #timers: Timers;
  #endTicks: (() => void) | null = null;

  /** @throws where the broker is off this machine without `allowRemote`, or a member is of no known model */
  constructor(options: FleetOptions) {
    const { broker, allowRemote = false, dataDir } = options;
    if (!allowRemote && !(URL.canParse(broker) && isLoopback(new URL(broker))))
      throw new Error(
        `the broker ${broker} is not on this machine: a simulated fleet goes there only with allowRemote`,
      );
    this.#timers = options.timers ?? systemTimers;
    const world: World = {
      broker,
      clock: options.clock,
      real: options.real ?? systemClock,
      timers: this.#timers,
      random: options.random ?? systemRandom,
      secretBytes: systemSecretBytes,
      fetch: options.fetch ?? fetch,
      gate: new ConnectGate({ perSecond: options.connectsPerSecond ?? 200, timers: this.#timers }),
      factory: options.factory ?? null,
      allowRemote,
      ...(options.updateLimits === undefined ? {} : { updateLimits: options.updateLimits }),
      ...(options.backOff === undefined ? {} : { backOff: options.backOff }),
      ...(options.storeBounds === undefined ? {} : { storeBounds: options.storeBounds }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.askAgainMs === undefined ? {} : { askAgainMs: options.askAgainMs }),
    };
    const models = loadModels();
    for (const member of options.appliances) {
      const model = models.get(member.model);
      if (model === undefined) throw new Error(`appliance ${member.id}: there is no model '${member.model}'`);
      const store = dataDir === undefined ? new MemoryDeviceStore() : new FolderDeviceStore(join(dataDir, member.id));
      this.#appliances.set(member.id, new Appliance({ ...member, model }, store, world));
    }
  }

  start(): void {
    for (const appliance of this.#appliances.values()) appliance.start();
    this.#endTicks = this.#timers.every(tickMs, () => {
      for (const appliance of this.#appliances.values()) appliance.tick();
    });
  }

  /**
   * Ends every connection.
   *
   * @param drainMs how long to wait for the PUBACKs of what was said
   */
  async stop(drainMs = 0): Promise<void> {
    this.#endTicks?.();
    this.#endTicks = null;
    for (const appliance of this.#appliances.values()) appliance.flush();
    if (drainMs > 0) await this.#drained(drainMs);
    await Promise.all([...this.#appliances.values()].map((appliance) => appliance.stop()));
  }

  get ids(): string[] {
    return [...this.#appliances.keys()];
  }

  get counters(): FleetCounters {
    const sum: FleetCounters = {
      appliances: this.#appliances.size,
      connected: 0,
      readings: 0,
      events: 0,
      acknowledged: 0,
      unacknowledged: 0,
      resent: 0,
      droppedReadings: 0,
      droppedNotable: 0,
      refused: 0,
      certificates: 0,
      certificatesRefused: {},
    };
    for (const appliance of this.#appliances.values()) {
      const { readings, events, link, dropped, provisioning } = appliance.counters;
      sum.connected += appliance.connected ? 1 : 0;
      sum.readings += readings;
      sum.events += events;
      sum.acknowledged += link.acknowledged;
      sum.unacknowledged += appliance.unacknowledged;
      sum.resent += link.resent;
      sum.droppedReadings += dropped.readings;
      sum.droppedNotable += dropped.notable;
      sum.certificates += provisioning?.issued ?? 0;
      for (const [rule, count] of Object.entries(provisioning?.refused ?? {}))
        sum.certificatesRefused[rule] = (sum.certificatesRefused[rule] ?? 0) + count;
      sum.refused += Object.values(link.refused).reduce((all, count) => all + count, 0);
    }
    return sum;
  }

  /** @throws where the fleet has no such appliance, as do all below */
  state(deviceId: string): ApplianceState {
    return this.#appliance(deviceId).state();
  }

  /** Breaks something in an appliance, or spoils its next update. */
  inject(deviceId: string, fault: FaultName): void {
    this.#appliance(deviceId).inject(fault);
  }

  repair(deviceId: string, fault: FaultName): void {
    this.#appliance(deviceId).repair(fault);
  }

  /** A transport fault: the connection is gone without a word, and comes back by itself. */
  cutNetwork(deviceId: string): void {
    this.#appliance(deviceId).cutNetwork();
  }

  /** A person starts a program at the appliance. */
  cook(deviceId: string, settings: ProgramSettings): StartOutcome {
    return this.#appliance(deviceId).cook(settings);
  }

  /** A person starts what was preloaded: the one with this id (a recipe's item id), or the newest. */
  startPreloaded(deviceId: string, id?: string): StartOutcome {
    return this.#appliance(deviceId).startPreloaded(id);
  }

  /** A person ends the program. */
  stopProgram(deviceId: string): void {
    this.#appliance(deviceId).stopByHand();
  }

  openDoor(deviceId: string, openMs: number): void {
    this.#appliance(deviceId).openDoor(openMs);
  }

  refill(deviceId: string): void {
    this.#appliance(deviceId).refill();
  }

  /** The household looks at the display: messages are shown and answered, feed items are seen. */
  look(deviceId: string): void {
    this.#appliance(deviceId).look();
  }

  /** A person touches 'Why am I seeing this?' on the display; null where there is nothing to touch. */
  askWhy(deviceId: string): Reason | null {
    return this.#appliance(deviceId).askWhy();
  }

  /** A person asks for a pairing code at the appliance. */
  openPairing(deviceId: string, validMs?: number): PairingOutcome {
    return this.#appliance(deviceId).openPairing(validMs);
  }

  closePairing(deviceId: string): void {
    this.#appliance(deviceId).closePairing();
  }

  /** A person at the appliance presses the button for help. */
  askForHelp(deviceId: string, asked: Partial<HelpRequested>): void {
    this.#appliance(deviceId).askForHelp(asked);
  }

  /** A person at the appliance says how it went, where the display asks. */
  giveFeedback(deviceId: string, rating: number): boolean {
    return this.#appliance(deviceId).giveFeedback(rating);
  }

  /** A person at the appliance touches one of five faces unasked, as its menu lets them. */
  rate(deviceId: string, rating: number, atMs: number): void {
    this.#appliance(deviceId).rate(rating, atMs);
  }

  /** A person at the appliance touches an offer on its display. */
  touchOffer(deviceId: string, offerId: string): void {
    this.#appliance(deviceId).touchOffer(offerId);
  }

  /** A person at the appliance wants the update that it offers. */
  agreeToUpdate(deviceId: string): OwnerOutcome {
    return this.#appliance(deviceId).agreeToUpdate();
  }

  /** A person puts it off by so long, at most to where the release allows. */
  postponeUpdate(deviceId: string, byMs: number): OwnerOutcome {
    return this.#appliance(deviceId).postponeUpdate(byMs);
  }

  declineUpdate(deviceId: string): OwnerOutcome {
    return this.#appliance(deviceId).declineUpdate();
  }

  /** A person sets the appliance back to how it was made. */
  factoryReset(deviceId: string): ResetOutcome {
    return this.#appliance(deviceId).factoryReset();
  }

  #appliance(deviceId: string): Appliance {
    const appliance = this.#appliances.get(deviceId);
    if (appliance === undefined) throw new Error(`the fleet has no appliance ${deviceId}`);
    return appliance;
  }

  #drained(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const endPolls = this.#timers.every(drainPollMs, () => {
        if ([...this.#appliances.values()].every((appliance) => appliance.unacknowledged === 0)) done();
      });
      const endLimit = this.#timers.after(limitMs, () => {
        done();
      });
      const done = (): void => {
        endPolls();
        endLimit();
        resolve();
      };
    });
  }
}
