import type { Api } from "../api.ts";
import type { Clock } from "../platform/clock.ts";
import type { Timers } from "../platform/timers.ts";
import { newStatus, ratesMax, type Status, withTold } from "./core/status.ts";
import { type Overview, readOverview, readRollouts, type RolloutSeen } from "./hearth-api.ts";

const pollMs = 500;
/** Appliances in accelerated time speak about once a second: a rate over less than that would only show their breath. */
const measureMs = 950;
/** Until the first appliance is there, since that moment is measured. */
const eagerPollMs = 50;

export interface WatchDeps {
  appliances: number;
  speed: number;
  /** Milliseconds since the process began. */
  sinceStartMs: () => number;
  timers: Timers;
}

/** Keeps the status: asks the service how things stand, and takes what the story tells. */
export class Watch {
  readonly #deps: WatchDeps;
  #status: Status;
  #behindMs: () => number = () => 0;
  #measured: { atMs: number; readings: number } | null = null;
  #endPoll: (() => void) | null = null;
  #stopped = false;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
    this.#status = newStatus(deps.appliances, deps.speed);
  }

  get status(): Status {
    return { ...this.#status, atMs: this.#deps.sinceStartMs(), behindMs: this.#behindMs() };
  }

  readonly tell = (sentence: string): void => {
    const told = { atMs: this.#deps.sinceStartMs(), sentence };
    this.#status = { ...this.#status, story: withTold(this.#status.story, told) };
  };

  /** Where the service is; from here on it is asked. */
  begin(api: Api, place: NonNullable<Status["place"]>): void {
    this.#status = { ...this.#status, place };
    this.#pollNext(api, eagerPollMs);
  }

  /** The appliances tell their past. */
  readonly past = (share: number): void => {
    this.#status = { ...this.#status, pastShare: share };
  };

  /** The fleet lives: its clocks say how far it is behind. */
  run(clocks: { device: Clock; real: Clock }): void {
    this.#status = { ...this.#status, state: "running" };
    this.#behindMs = () => Math.max(0, clocks.real.nowMs() - clocks.device.nowMs());
  }

  end(): void {
    this.#status = { ...this.#status, state: "ending" };
  }

  stop(): void {
    this.#stopped = true;
    this.#endPoll?.();
  }

  /** Asks how things stand now. */
  async read(api: Api): Promise<void> {
    const [overview, rollouts] = await Promise.all([readOverview(api), readRollouts(api)]);
    this.#take(overview, rollouts);
  }

  #pollNext(api: Api, afterMs: number): void {
    if (this.#stopped) return;
    this.#endPoll = this.#deps.timers.after(afterMs, () => {
      // An answer that does not come is no news of its own: the service's end is noticed elsewhere, and the next answer tells more.
      void this.read(api)
        .catch(() => {})
        .finally(() => {
          this.#pollNext(api, this.#status.readyAfterMs === null ? eagerPollMs : pollMs);
        });
    });
  }

  #take(overview: Overview, seen: readonly RolloutSeen[]): void {
    const { devices, readingsCommitted, deliveries, firmwareConfirmed, cases, points } = overview;
    const nowMs = this.#deps.sinceStartMs();
    const { readyAfterMs: before } = this.#status;
    let { rates } = this.#status;
    this.#measured ??= { atMs: nowMs, readings: readingsCommitted };
    const { atMs, readings } = this.#measured;
    if (nowMs - atMs >= measureMs) {
      rates = [...rates, Math.max(0, ((readingsCommitted - readings) * 1_000) / (nowMs - atMs))].slice(-ratesMax);
      this.#measured = { atMs: nowMs, readings: readingsCommitted };
    }
    const readyAfterMs = before ?? (devices.online > 0 ? Math.round(nowMs) : null);
    const { online: connected, models } = devices;
    this.#status = {
      ...this.#status,
      connected,
      models,
      readingsCommitted,
      rates,
      deliveries,
      firmwareConfirmed,
      rollouts: seen.map(({ id, name, state, stages, members, funnel }) => ({
        id,
        name,
        state: state.kind,
        stage: state.progress === undefined ? null : state.progress.stage + 1,
        stages,
        members,
        funnel,
      })),
      cases,
      points,
      readyAfterMs,
    };
    if (before === null && readyAfterMs !== null)
      this.tell(`The first appliance is connected, ${(readyAfterMs / 1_000).toFixed(1)} s after the command.`);
  }
}
