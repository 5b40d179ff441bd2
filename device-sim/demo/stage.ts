import type { Api } from "../api.ts";
import type { Fleet, FleetMember } from "../fleet.ts";
import type { Clock } from "../platform/clock.ts";
import { pause, type Timers } from "../platform/timers.ts";
import { type Editors, hireEditors } from "./editors.ts";
import type { KnownHome } from "./setting.ts";

/** The demo is over; the story stops where it stands. */
export class StoryEnded extends Error {}

const pollMs = 200;

export interface StageDeps {
  api: Api;
  fleet: Fleet;
  members: readonly FleetMember[];
  /** Households by the appliances in their kitchen. */
  homeOf: ReadonlyMap<string, KnownHome>;
  /** The appliances' time, and ours. */
  clocks: { device: Clock; real: Clock };
  timers: Timers;
  /** The end. */
  signal: AbortSignal;
  /** Takes what happened, in a sentence. */
  tell: (sentence: string) => void;
  seed: number;
}

/** What the story plays with. */
export class Stage {
  readonly deps: StageDeps;

  #editors: Promise<Editors> | null = null;

  constructor(deps: StageDeps) {
    this.deps = deps;
  }

  /** Who writes, and who reads it before it goes out. They get their keys when they are first asked for. */
  editors(): Promise<Editors> {
    this.#editors ??= hireEditors(this.deps.api);
    return this.#editors;
  }

  /** Whether the appliances' time has caught up with ours. */
  get inThePresent(): boolean {
    const { device, real } = this.deps.clocks;
    return device.nowMs() >= real.nowMs();
  }

  ofModel(model: string): FleetMember[] {
    return this.deps.members.filter((member) => member.model === model);
  }

  /** One of these that is at rest and cold, or else simply the first. @throws where there is none at all */
  restingOne(members: readonly FleetMember[]): FleetMember {
    const { fleet } = this.deps;
    const found = members.find(({ id }) => {
      const { operation, hot, faults } = fleet.state(id);
      return operation === "idle" && !hot && faults.length === 0;
    });
    const one = found ?? members[0];
    if (one === undefined) throw new Error("the story has no appliance for this part");
    return one;
  }

  /** Waits until something is so. @throws StoryEnded */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await this.pause(pollMs);
  }

  /** @throws StoryEnded */
  async pause(ms: number): Promise<void> {
    const { timers, signal } = this.deps;
    await pause(timers, ms, signal);
    if (signal.aborted) throw new StoryEnded();
  }
}
