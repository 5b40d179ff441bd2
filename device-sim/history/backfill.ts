import type { Model } from "#protocol/model.ts";
import type { Ailment } from "../core/ailments.ts";
import type { MachineState } from "../core/machine.ts";
import type { TokenMember } from "../fleet.ts";
import { ConnectGate } from "../link/connect-gate.ts";
import { isLoopback } from "../platform/loopback.ts";
import type { Timers } from "../platform/timers.ts";
import { history } from "./history.ts";
import { HistorySender } from "./sender.ts";

const hourMs = 3_600_000;
/** So far ahead of the slowest appliance another may be: a fleet's days come about as they were. */
const strideMs = 24 * hourMs;
/** Appliances that are connected at a time. */
const togetherMax = 100;
const connectsPerSecond = 200;
const patienceUsualMs = 60_000;
const watchMs = 250;

export interface BackfillMember {
  member: TokenMember;
  model: Model;
  ailment: Ailment | null;
  fromMs: number;
}

export interface BackfillProgress {
  /** Appliances whose history is acknowledged whole. */
  devicesDone: number;
  devices: number;
  /** Of all the time that is to be filled, from 0 to 1. */
  share: number;
  readings: number;
  events: number;
}

export interface BackfillOptions {
  members: readonly BackfillMember[];
  toMs: number;
  broker: string;
  ca?: string;
  allowRemote?: boolean;
  /** How long nothing may be acknowledged before it is given up. */
  patienceMs?: number;
  timers: Timers;
  random: () => number;
  /** Ends it where it stands; sent again from the beginning it moves nothing twice. */
  signal: AbortSignal;
  onProgress?: (progress: BackfillProgress) => void;
  /** An appliance's history is durable, and its machine stands like this. */
  onDone?: (id: string, machine: MachineState) => void;
}

/** The gateway did not take it; the message is a sentence. */
export class BackfillFailed extends Error {}

/**
 * Gives a fleet its history through the gateway as the appliances themselves: QoS 1, as many readings in a message as it may hold, at
 * the pace of the PUBACKs. What it says has the identity that it had the last time, so that it can be told again.
 *
 * @returns false where the signal ended it
 * @throws where the broker is off this machine without `allowRemote`. @throws BackfillFailed
 */
export async function backfill(options: BackfillOptions): Promise<boolean> {
  const { broker, allowRemote = false, members, timers, signal } = options;
  if (!allowRemote && !(URL.canParse(broker) && isLoopback(new URL(broker))))
    throw new Error(`the broker ${broker} is not on this machine: a history goes there only with allowRemote`);
  const gate = new ConnectGate({ perSecond: connectsPerSecond, timers });
  const tally = new Tally(options);
  for (let at = 0; at < members.length && !signal.aborted; at += togetherMax)
    await sendTogether(members.slice(at, at + togetherMax), { ...options, gate }, tally);
  return !signal.aborted;
}

async function sendTogether(
  members: readonly BackfillMember[],
  options: BackfillOptions & { gate: ConnectGate },
  tally: Tally,
): Promise<void> {
  const { toMs, signal, timers, patienceMs = patienceUsualMs } = options;
  const senders = members.map(({ member, model, ailment, fromMs }) => {
    const batches = history({ ...member, model }, fromMs, toMs, ailment, { gatherMs: strideMs / 4 });
    return { id: member.id, sender: new HistorySender(member, batches, options) };
  });
  const all = senders.map(({ sender }) => sender);
  const stalled = new AbortController();
  const ends = AbortSignal.any([signal, stalled.signal]);
  ends.addEventListener("abort", () => {
    for (const sender of all) sender.wake();
  });
  for (const sender of all) sender.start();
  const endWatch = watchOver(all, { timers, patienceMs }, () => {
    stalled.abort();
  });
  try {
    const firstMs = members.reduce((least, { fromMs }) => Math.min(least, fromMs), toMs);
    for (let untilMs = firstMs; untilMs < toMs && !ends.aborted;) {
      untilMs = Math.min(toMs, untilMs + strideMs);
      // The last words of all: what a gateway would notice a little later lies after the end.
      const beforeMs = untilMs === toMs ? Number.POSITIVE_INFINITY : untilMs;
      await Promise.all(all.map((sender) => until(sender, ends, () => sender.advance(beforeMs))));
      tally.tell(all, (untilMs - firstMs) / (toMs - firstMs));
    }
    await Promise.all(all.map((sender) => until(sender, ends, () => sender.isAcknowledged)));
  } finally {
    endWatch();
    await Promise.all(all.map((sender) => sender.stop()));
  }
  if (signal.aborted) return;
  if (stalled.signal.aborted) throw new BackfillFailed(whyStalled(all, options.broker, patienceMs));
  for (const { id, sender } of senders) if (sender.machine !== null) options.onDone?.(id, sender.machine);
  tally.add(all);
}

async function until(sender: HistorySender, ends: AbortSignal, holds: () => boolean): Promise<void> {
  while (!ends.aborted && !holds()) await sender.room();
}

/** Calls `onStall` where nothing is acknowledged for too long. @returns how to end it */
function watchOver(
  senders: readonly HistorySender[],
  { timers, patienceMs }: { timers: Timers; patienceMs: number },
  onStall: () => void,
): () => void {
  let before = 0;
  let still = 0;
  return timers.every(watchMs, () => {
    const acknowledged = senders.reduce((sum, { counters }) => sum + counters.acknowledged, 0);
    still = acknowledged === before ? still + 1 : 0;
    before = acknowledged;
    if (still * watchMs >= patienceMs) onStall();
  });
}

function whyStalled(senders: readonly HistorySender[], broker: string, patienceMs: number): string {
  const refused = senders.reduce((sum, sender) => sum + sender.refused, 0);
  return refused > 0
    ? `${broker} refuses the appliances: their tokens are no longer good.`
    : `${broker} has acknowledged nothing for ${patienceMs / 1_000} s.`;
}

/** Counts what the groups before said, and what the one under way does. */
class Tally {
  readonly #options: BackfillOptions;
  #devices = 0;
  #readings = 0;
  #events = 0;

  constructor(options: BackfillOptions) {
    this.#options = options;
  }

  /** @param share how far the group under way is */
  tell(group: readonly HistorySender[], share: number): void {
    const { members, onProgress } = this.#options;
    onProgress?.({
      devicesDone: this.#devices,
      devices: members.length,
      share: (this.#devices + share * group.length) / members.length,
      readings: this.#readings + group.reduce((sum, { counters }) => sum + counters.readings, 0),
      events: this.#events + group.reduce((sum, { counters }) => sum + counters.events, 0),
    });
  }

  add(group: readonly HistorySender[]): void {
    this.#devices += group.length;
    for (const { counters } of group) {
      this.#readings += counters.readings;
      this.#events += counters.events;
    }
    this.tell([], 0);
  }
}
