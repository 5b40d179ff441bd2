import type { DeviceEvent } from "#protocol/device-event.ts";
import type { Model } from "#protocol/model.ts";
import { hardwareOf } from "../core/fleet-plan.ts";
import { type Reading, readingsPerMessageMax } from "#protocol/reading.ts";
import type { Reported } from "#protocol/state.ts";
import type { Ailment } from "../core/ailments.ts";
import type { PersonaName } from "../core/household.ts";
import type { MachineEvent } from "../core/machine-event.ts";
import type { MachineState } from "../core/machine.ts";
import { hash32, uniform } from "../core/random.ts";
import { isConnected } from "../core/wifi.ts";
import { HouseholdDriver } from "../household-driver.ts";
import { Kitchen, type Sampling } from "../kitchen.ts";

/** A firmware that an appliance ran from some moment on. */
export interface FirmwareSpan {
  version: string;
  fromMs: number;
  /** Chance that its controls restart within a program, which it says as the fault `control_restart`. */
  faultRate: number;
}

export interface HistorySpec {
  model: Model;
  persona: PersonaName;
  timeZone: string;
  locale: string;
  seed: number;
  /** In order of time; what ran before the first is 1.0.0. */
  firmware?: readonly FirmwareSpan[];
}

export interface HistoryOptions {
  /** The live appliance measures every 10 s while a program runs, and so does this; at rest it measures less often than the live one. */
  sampling?: Sampling;
  /** A batch holds at most so much of the appliance's time. */
  gatherMs?: number;
}

/** How the gateway sees the connection come and go. The device's own word for it is its event `network.restored`. */
export interface PresenceChange {
  atMs: number;
  state: "connected" | "disconnected";
}

/** What an appliance says at one moment, each list in order of time. */
export interface HistoryBatch {
  atMs: number;
  /** At most as many as one message may hold. */
  readings: Reading[];
  events: DeviceEvent[];
  reported: Reported[];
  presence: PresenceChange[];
}

export const historySampling: Sampling = { runningMs: 10_000, restingMs: 300_000 };
const gatherUsualMs = 6 * 3_600_000;
const minuteMs = 60_000;
/** How long until a gateway notices that a connection is dead: one and a half times the keepalive. */
const noticedAfterMs = 90_000;
/** How long controls take to restart. */
const restartMs = 20_000;

/**
 * What an appliance measured and said from `fromMs` to before `toMs`, in order of time: a function of its arguments, and of nothing
 * else. It is the live appliance's own machine and household without a network; nobody sent it anything.
 *
 * @returns the machine as it stands at the end, for a live appliance to go on from
 */
export function* history(
  spec: HistorySpec,
  fromMs: number,
  toMs: number,
  ailment: Ailment | null = null,
  options: HistoryOptions = {},
): Generator<HistoryBatch, MachineState, void> {
  const { gatherMs = gatherUsualMs } = options;
  const past = new Past(spec, fromMs, ailment, options.sampling ?? historySampling);
  for (let atMs = fromMs; atMs < toMs;) {
    const beforeMs = atMs;
    atMs = Math.min(toMs, atMs + gatherMs);
    yield* past.advance(beforeMs, atMs);
  }
  return past.machine;
}

/** One appliance's past: it gathers what its kitchen brings forth. */
class Past {
  readonly #spec: HistorySpec;
  readonly #ailment: Ailment | null;
  readonly #kitchen: Kitchen;
  /** Not said yet. */
  #readings: Reading[] = [];
  #events: DeviceEvent[] = [];
  #reported: Reported[] = [];
  #presence: PresenceChange[] = [];
  #firmware: FirmwareSpan;
  readonly #updates: FirmwareSpan[];
  /** Since when there is no connection. */
  #lostAtMs: number | null = null;

  constructor(spec: HistorySpec, fromMs: number, ailment: Ailment | null, sampling: Sampling) {
    this.#spec = spec;
    this.#ailment = ailment;
    const spans = [...(spec.firmware ?? [])];
    this.#updates = spans.filter((span) => span.fromMs > fromMs);
    this.#firmware = spans.findLast((span) => span.fromMs <= fromMs) ?? { version: "1.0.0", fromMs, faultRate: 0 };
    const facts = { ...spec, descales: ailment?.name !== "scaling" };
    // Nothing was sent to it, so there is nothing on its display, and what people would answer goes nowhere.
    const display = {
      inbox: { unseen: () => [], questions: () => [], say: () => {} },
      feeds: { items: () => [] },
      voice: { event: () => {} },
    };
    this.#kitchen = new Kitchen(
      {
        model: spec.model,
        seed: spec.seed,
        ailment,
        sampling: () => sampling,
        obstacle: () => null,
        preloaded: () => [],
        unload: () => {},
        people: (hands) => new HouseholdDriver({ facts, hands, ...display }, fromMs),
        onReading: (atMs, m) => {
          this.#readings.push({ atMs, m });
        },
        onEvent: (event) => {
          this.#noteMachine(event);
        },
      },
      fromMs,
    );
    this.#presence.push({ atMs: fromMs, state: "connected" });
    this.#boot(fromMs, "power");
  }

  get machine(): MachineState {
    return this.#kitchen.machine;
  }

  /** Lets time pass to just before `toMs`, and takes what came of it. */
  *advance(fromMs: number, toMs: number): Generator<HistoryBatch, void, void> {
    for (const update of this.#updates.splice(0).filter((span) => this.#isLater(span, toMs))) {
      this.#firmware = update;
      this.#boot(update.fromMs, "update");
    }
    this.#kitchen.advanceTo(toMs - 1);
    this.#noteNetwork(fromMs, toMs);
    const silentFromMs = this.#ailment?.name === "silent" ? this.#ailment.sinceMs : Number.POSITIVE_INFINITY;
    yield* this.#take(Math.min(toMs, silentFromMs));
  }

  /** Keeps what is still to come, and lets through what is due. */
  #isLater(span: FirmwareSpan, toMs: number): boolean {
    if (span.fromMs < toMs) return true;
    this.#updates.push(span);
    return false;
  }

  #noteMachine(event: MachineEvent): void {
    this.#note(event.atMs, event.type, event.data);
    if (event.type !== "program.started") return;
    const { seed } = this.#spec;
    const { programsStarted } = this.#kitchen.machine;
    if (uniform(seed, programsStarted, this.#firmware.version, "restarts") >= this.#firmware.faultRate) return;
    const atMs = event.atMs + minuteMs + Math.round(uniform(seed, programsStarted, "when") * 4 * minuteMs);
    const data = { code: "control_restart", firmware: this.#firmware.version };
    this.#note(atMs, "fault.raised", data);
    this.#note(atMs + restartMs, "fault.cleared", data);
  }

  #boot(atMs: number, reason: "power" | "update"): void {
    const { version } = this.#firmware;
    const { locale, timeZone, model, seed } = this.#spec;
    const hardware = hardwareOf(model, seed);
    this.#note(atMs, "boot", { reason, firmware: version });
    this.#reported.push({ atMs, state: { firmware: version, hardware, locale, timeZone, operation: "idle" } });
  }

  #note(atMs: number, type: string, data: Record<string, unknown>): void {
    // Like a live appliance's, of the life before its first; by what it says, so that gathering otherwise gives no other names.
    const id = [atMs, 0, hash32(type, JSON.stringify(data))].map((part) => part.toString(36)).join("-");
    this.#events.push({ id, atMs, type, data });
  }

  #noteNetwork(fromMs: number, toMs: number): void {
    const ailment = this.#ailment;
    if (ailment?.name === "silent" && ailment.sinceMs >= fromMs && ailment.sinceMs < toMs)
      this.#presence.push({ atMs: ailment.sinceMs + noticedAfterMs, state: "disconnected" });
    if (ailment?.name !== "flapping_wifi") return;
    for (let atMs = Math.ceil(fromMs / minuteMs) * minuteMs; atMs < toMs; atMs += minuteMs) {
      const connected = isConnected(this.#spec.seed, atMs, ailment);
      if (connected === (this.#lostAtMs === null)) continue;
      this.#presence.push({ atMs, state: connected ? "connected" : "disconnected" });
      if (this.#lostAtMs !== null)
        this.#note(atMs, "network.restored", { lostAtMs: this.#lostAtMs, offMs: atMs - this.#lostAtMs });
      this.#lostAtMs = connected ? null : atMs;
    }
  }

  /** Batches of what lies before `toMs`; nobody will hear the rest of a silent one. */
  *#take(toMs: number): Generator<HistoryBatch, void, void> {
    const readings = this.#readings.filter(({ atMs }) => atMs < toMs);
    this.#readings = [];
    const events = dueBefore(this.#events, toMs);
    const reported = dueBefore(this.#reported, toMs);
    const presence = dueBefore(this.#presence, toMs + noticedAfterMs + 1);
    for (let at = 0; at === 0 || at < readings.length; at += readingsPerMessageMax) {
      const part = readings.slice(at, at + readingsPerMessageMax);
      const isLast = at + readingsPerMessageMax >= readings.length;
      const untilMs = isLast ? Number.POSITIVE_INFINITY : (readings[at + readingsPerMessageMax]?.atMs ?? toMs);
      const batch = {
        readings: part,
        events: dueBefore(events, untilMs),
        reported: dueBefore(reported, untilMs),
        presence: dueBefore(presence, untilMs),
      };
      const newest = Object.values(batch).flatMap((list) => list.at(-1)?.atMs ?? []);
      if (newest.length > 0) yield { atMs: Math.max(...newest), ...batch };
    }
  }
}

/** Takes out of a list what lies before a moment, in order of time. */
function dueBefore<T extends { atMs: number }>(list: T[], beforeMs: number): T[] {
  const due = list.filter(({ atMs }) => atMs < beforeMs).toSorted((a, b) => a.atMs - b.atMs);
  const later = list.filter(({ atMs }) => atMs >= beforeMs);
  list.splice(0, list.length, ...later);
  return due;
}
