/**
 * Incidents instead of storms of cases. What rules find about one cause on the devices of one model goes through here in order, one
 * change after the other, so that it makes no difference how they are cut into batches:
 *
 *   raise --+-- an incident of it is open: the device is a member, and has no case
 *           +-- fewer than the limit within ten minutes: a case, as always
 *           +-- the limit: the incident opens, those of the ten minutes are its members, and their cases are folded into it
 *   clear ----- the member has cleared; the change goes on, for a device may have a case of its own
 *
 * Safety is never held back: a device with such a cause has its own case besides, and keeps it.
 */
import { type IncidentState, stepIncident } from "./incident.ts";

/** Devices that fire within this time of their own clocks are hit by one thing. */
export const stormWindowMs = 600_000;
const devicesMin = 20;
const modelShare = 0.01;

/** So many devices of a model may have a cause at once as cases of their own; one more is an incident. */
export const stormLimit = (devicesOfModel: number): number =>
  Math.max(devicesMin, Math.ceil(devicesOfModel * modelShare));

/** What storms need to know of a change. */
export interface StormChange {
  kind: "raise" | "clear";
  deviceKey: number;
  atMs: number;
  isSafety: boolean;
}

/** A device that has, or had, the cause. */
export interface Hit {
  raisedAtMs: number;
  clearedAtMs: number | null;
}

export interface StormIncident {
  id: string;
  state: IncidentState;
  /** The earliest raise of those it opened with. */
  firstAtMs: number;
  lastRaisedAtMs: number;
  members: number;
  standing: number;
}

/** What is known of one cause on one model. `raises` and `members` need to hold only who may matter to the changes at hand. */
export interface Storm {
  limit: number;
  /** The open one, or one that was resolved so lately that it may return. */
  incident: StormIncident | null;
  /** Of devices that are no members, the last raise each. */
  raises: Map<number, Hit>;
  members: Map<number, Hit>;
}

/** What a run of changes did. */
export interface StormOutcome<C> {
  incident: StormIncident | null;
  began: "opened" | "reopened" | null;
  /** Which of the changes go on to the cases, in order: until the incident began, and after its members' cases were folded into it. */
  handedOn: C[];
  handedOnAfter: C[];
  /** Who fired without being a member: as they are afterwards; null where they are no longer. */
  raises: Map<number, Hit | null>;
  /** Members that are new or changed. */
  members: Map<number, Hit>;
  /** Members whose cases are to be folded: those the incident opened with. */
  folded: Set<number>;
  /** The changes by which members joined or fired again while the incident was under way, in order. */
  joined: C[];
}

/** Whether more than `limit` of `times`, which lie near `atMs`, fall into one window that holds it. @returns the window's start, or null */
function crowdedFrom(times: readonly number[], atMs: number, limit: number): number | null {
  const sorted = times.toSorted((a, b) => a - b);
  let until = 0;
  for (const [from, startMs] of sorted.entries()) {
    if (startMs > atMs) return null;
    while (until < sorted.length && (sorted[until] ?? Infinity) < startMs + stormWindowMs) until += 1;
    if (startMs + stormWindowMs > atMs && until - from > limit) return startMs;
  }
  return null;
}

class StormRun<C> {
  readonly #storm: Storm;
  readonly #nowMs: number;
  readonly #newId: () => string;
  readonly outcome: StormOutcome<C>;

  constructor(storm: Storm, nowMs: number, newId: () => string) {
    this.#storm = { ...storm, raises: new Map(storm.raises), members: new Map(storm.members) };
    this.#nowMs = nowMs;
    this.#newId = newId;
    this.outcome = {
      incident: storm.incident,
      began: null,
      handedOn: [],
      handedOnAfter: [],
      raises: new Map(),
      members: new Map(),
      folded: new Set(),
      joined: [],
    };
  }

  raise(change: StormChange, original: C): void {
    const { deviceKey, atMs, isSafety } = change;
    const { incident } = this.outcome;
    if (incident !== null && incident.state.status !== "resolved" && atMs > incident.firstAtMs - stormWindowMs) {
      this.#join(incident, deviceKey, atMs);
      this.outcome.joined.push(original);
      if (isSafety) this.#handOn(original);
      return;
    }
    this.#handOn(original);
    const before = this.#storm.raises.get(deviceKey);
    if (before !== undefined && before.raisedAtMs > atMs) return;
    this.#setRaise(deviceKey, { raisedAtMs: atMs, clearedAtMs: null });
    if (this.#storm.raises.size <= this.#storm.limit) return;
    const near = [...this.#storm.raises].filter(([, hit]) => Math.abs(hit.raisedAtMs - atMs) < stormWindowMs);
    const fromMs = crowdedFrom(
      near.map(([, hit]) => hit.raisedAtMs),
      atMs,
      this.#storm.limit,
    );
    if (fromMs === null) return;
    const hits = near.filter(([, hit]) => hit.raisedAtMs >= fromMs && hit.raisedAtMs < fromMs + stormWindowMs);
    this.#begin(fromMs, hits, isSafety);
  }

  clear(change: StormChange, original: C): void {
    const { deviceKey, atMs } = change;
    this.#handOn(original);
    const raise = this.#storm.raises.get(deviceKey);
    if (raise !== undefined && raise.clearedAtMs === null && atMs >= raise.raisedAtMs)
      this.#setRaise(deviceKey, { ...raise, clearedAtMs: atMs });
    const member = this.#storm.members.get(deviceKey);
    const { incident } = this.outcome;
    if (incident === null || member === undefined || member.clearedAtMs !== null || atMs < member.raisedAtMs) return;
    this.#setMember(deviceKey, { ...member, clearedAtMs: atMs });
    this.#settle({ ...incident, standing: incident.standing - 1 });
  }

  #handOn(original: C): void {
    const { began, handedOn, handedOnAfter } = this.outcome;
    (began === null ? handedOn : handedOnAfter).push(original);
  }

  #begin(firstAtMs: number, hits: readonly (readonly [number, Hit])[], isSafety: boolean): void {
    const before = this.outcome.incident;
    const returned = before === null ? null : stepIncident(before.state, { kind: "returned", atMs: this.#nowMs });
    // An incident that is open is no place for what happened long before it began, and a cause has one open incident at most.
    if (returned?.kind === "refused") return;
    let incident: StormIncident =
      before === null || returned === null
        ? {
            id: this.#newId(),
            state: { status: "open", openedAtMs: this.#nowMs },
            firstAtMs,
            lastRaisedAtMs: firstAtMs,
            members: 0,
            standing: 0,
          }
        : { ...before, state: returned.to, firstAtMs };
    this.outcome.began = before === null ? "opened" : "reopened";
    for (const [deviceKey, hit] of hits) {
      const known = this.#storm.members.get(deviceKey);
      this.#setMember(deviceKey, hit);
      if (!isSafety) this.outcome.folded.add(deviceKey);
      const stood = known !== undefined && known.clearedAtMs === null;
      incident = {
        ...incident,
        members: incident.members + (known === undefined ? 1 : 0),
        standing: incident.standing + (hit.clearedAtMs === null ? 1 : 0) - (stood ? 1 : 0),
        lastRaisedAtMs: Math.max(incident.lastRaisedAtMs, hit.raisedAtMs),
      };
    }
    this.#settle(incident);
  }

  #join(incident: StormIncident, deviceKey: number, atMs: number): void {
    const known = this.#storm.members.get(deviceKey);
    if (known !== undefined && known.raisedAtMs > atMs) return;
    const stood = known !== undefined && known.clearedAtMs === null;
    this.#setMember(deviceKey, { raisedAtMs: known?.raisedAtMs ?? atMs, clearedAtMs: null });
    const outcome = stepIncident(incident.state, { kind: "joined", atMs: this.#nowMs });
    this.outcome.incident = {
      ...incident,
      state: outcome.kind === "moved" ? outcome.to : incident.state,
      lastRaisedAtMs: Math.max(incident.lastRaisedAtMs, atMs),
      members: incident.members + (known === undefined ? 1 : 0),
      standing: incident.standing + (stood ? 0 : 1),
    };
  }

  #settle(incident: StormIncident): void {
    const { standing, members } = incident;
    const outcome = stepIncident(incident.state, { kind: "cleared", atMs: this.#nowMs, standing, members });
    this.outcome.incident = outcome.kind === "moved" ? { ...incident, state: outcome.to } : incident;
  }

  #setRaise(deviceKey: number, hit: Hit): void {
    this.#storm.raises.set(deviceKey, hit);
    this.outcome.raises.set(deviceKey, hit);
  }

  #setMember(deviceKey: number, hit: Hit): void {
    if (this.#storm.raises.delete(deviceKey)) this.outcome.raises.set(deviceKey, null);
    this.#storm.members.set(deviceKey, hit);
    this.outcome.members.set(deviceKey, hit);
  }
}

/**
 * Takes the changes of one cause on one model, in order.
 *
 * @param read what storms need to know of a change
 * @param newId of an incident that opens
 */
export function runStorm<C>(
  storm: Storm,
  changes: readonly C[],
  read: (change: C) => StormChange,
  nowMs: number,
  newId: () => string,
): StormOutcome<C> {
  const run = new StormRun<C>(storm, nowMs, newId);
  for (const original of changes) {
    const change = read(original);
    if (change.kind === "raise") run.raise(change, original);
    else run.clear(change, original);
  }
  return run.outcome;
}
