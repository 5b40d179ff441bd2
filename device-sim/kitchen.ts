import type { ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import { type Ailment, wearAt } from "./core/ailments.ts";
import type { MachineFault } from "./core/faults.ts";
import type { MachineEvent, Metrics, StartRefusal } from "./core/machine-event.ts";
import * as machines from "./core/machine.ts";
import { hash32 } from "./core/random.ts";
import { rssi_dbm } from "./core/wifi.ts";
import type { Hands, HouseholdDriver } from "./household-driver.ts";

/** How often an appliance measures, in milliseconds: while a program runs, and at rest. */
export interface Sampling {
  runningMs: number;
  restingMs: number;
}

/** The signal is not worth a value with every reading. */
export const rssiEveryMs = 60_000;

export interface KitchenDeps {
  model: Model;
  seed: number;
  /** As another life of it left it; without it, as it was made. */
  machine?: machines.MachineState | undefined;
  ailment: Ailment | null;
  /** Asked after each reading. */
  sampling: () => Sampling;
  /** Why nobody may start anything just now, or null. */
  obstacle: () => StartRefusal | null;
  preloaded: Hands["preloaded"];
  unload: Hands["unload"];
  people: (hands: Hands) => HouseholdDriver;
  onReading: (atMs: number, m: Metrics) => void;
  onEvent: (event: MachineEvent) => void;
}

/**
 * A machine and the people at it, in their own time: what happens, what is measured and what is noticed, without any network. The live
 * appliance and its history are both made of it, and it moves by what it is told alone.
 */
export class Kitchen {
  readonly people: HouseholdDriver;
  readonly #deps: KitchenDeps;
  #machine: machines.MachineState;
  #nextSampleMs: number;
  #nextRssiMs: number;

  constructor(deps: KitchenDeps, nowMs: number) {
    this.#deps = deps;
    this.#machine = deps.machine ?? machines.newMachine(deps.model, deps.seed, nowMs);
    this.#nextSampleMs = nowMs;
    this.#nextRssiMs = nowMs;
    this.people = deps.people({
      start: (settings, recipeId) => this.start(settings, recipeId),
      refill: () => {
        this.refill();
      },
      sinceDescaled: () => this.#machine.sinceDescaled,
      descale: () => {
        this.#keep(machines.descale(this.#machine));
      },
      preloaded: deps.preloaded,
      unload: deps.unload,
    });
  }

  get machine(): machines.MachineState {
    return this.#machine;
  }

  /** Lets time pass. */
  advanceTo(limitMs: number): void {
    for (;;) {
      const atMs = Math.min(limitMs, this.#nextSampleMs, this.people.nextAtMs);
      this.#keep(machines.advance(this.#machine, atMs));
      this.people.act(atMs);
      if (atMs >= this.#nextSampleMs) this.#sample(atMs);
      if (atMs >= limitMs) return;
    }
  }

  /** A person's hand on the start button. What wore since the last program shows from here on. */
  start(settings: ProgramSettings, recipeId: string | null): ReturnType<Hands["start"]> {
    const { ailment, seed, obstacle } = this.#deps;
    const rule = obstacle();
    if (rule !== null) return { kind: "refused", rule };
    const { kind, atMs, programsStarted: programs, sinceDescaled } = this.#machine;
    const water = kind === "oven" ? "boiler" : "dishwasher";
    const wear = wearAt(ailment, seed, atMs, { programs, sinceDescaled: sinceDescaled ?? 0, water });
    const outcome = machines.startByHand(machines.withWear(this.#machine, wear), settings, recipeId);
    if (outcome.kind === "refused") return outcome;
    this.#keep(outcome);
    return { kind: "started" };
  }

  stop(by: "person" | "command"): void {
    this.#keep(machines.stop(this.#machine, by));
  }

  openDoor(openMs: number): void {
    this.#keep(machines.openDoor(this.#machine, openMs));
  }

  refill(): void {
    this.#keep(machines.refill(this.#machine));
  }

  breakPart(fault: MachineFault): void {
    this.#machine = machines.breakPart(this.#machine, fault);
  }

  repair(fault: MachineFault): void {
    this.#keep(machines.repair(this.#machine, fault));
  }

  /** Measures at `atMs` at the latest. */
  measureBy(atMs: number): void {
    this.#nextSampleMs = Math.min(this.#nextSampleMs, atMs);
  }

  #sample(atMs: number): void {
    const { seed, sampling, ailment, onReading } = this.#deps;
    const m = machines.metricsOf(this.#machine);
    if (atMs >= this.#nextRssiMs) {
      m["wifi_rssi_dbm"] = rssi_dbm(seed, atMs, ailment);
      this.#nextRssiMs = atMs + rssiEveryMs;
    }
    onReading(atMs, m);
    const { runningMs, restingMs } = sampling();
    const everyMs = machines.isRunning(this.#machine) ? runningMs : restingMs;
    // Each appliance has a beat of its own: a fleet that was switched on in one moment does not measure in one.
    this.#nextSampleMs = atMs + everyMs - ((atMs + hash32(seed, "beat")) % everyMs);
  }

  #keep(moved: machines.Moved): void {
    this.#machine = moved.state;
    for (const event of moved.events) this.#tell(event);
  }

  #tell(event: MachineEvent): void {
    this.#deps.onEvent(event);
    if (event.type.startsWith("program.") || event.type === "preheat.finished") {
      // From here on it is worth more, or less, to measure.
      const { runningMs } = this.#deps.sampling();
      this.#nextSampleMs = Math.max(event.atMs, Math.min(this.#nextSampleMs, event.atMs + runningMs));
    }
    this.people.notice(event);
  }
}
