import { closingSteps, type DeliveryKind, deliveryKinds, deliverySteps } from "#protocol/delivery.ts";
import { commandLifeMs } from "#protocol/command.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What a step that a device reports means for its delivery. */
type StepMeaning =
  /** It has the thing and goes on; without another step for `timeoutMs` this attempt counts as failed. */
  | { phase: "received"; timeoutMs: number; waitsForPeople: boolean }
  | { phase: "done" }
  /** `retry`: another attempt may help. */
  | { phase: "failed"; retry: boolean }
  | { phase: "rejected" }
  | { phase: "expired" };

const works = (timeoutMs: number): StepMeaning => ({ phase: "received", timeoutMs, waitsForPeople: false });
/** For their word, or for the appliance to be at rest: before the time at which it may begin that is no silence. */
const waits = (timeoutMs: number): StepMeaning => ({ phase: "received", timeoutMs, waitsForPeople: true });
const done: StepMeaning = { phase: "done" };

type StepOf<K extends DeliveryKind> = (typeof deliverySteps)[K][number];

const shownOnDisplay = { stored: waits(90 * dayMs), shown: done, acted: done, dismissed: done };

/** The one place that says which phase a step puts its delivery in, and how long a device may stay in it. */
const stepTable: { [K in DeliveryKind]: Record<StepOf<K>, StepMeaning> } = {
  firmware: {
    // Three of these wait for people: the owner's word, and an appliance that is neither hot nor running.
    offered: waits(14 * dayMs),
    confirmed_by_owner: waits(7 * dayMs),
    downloading: works(6 * hourMs),
    downloaded: works(hourMs),
    // Twice the longest time between two windows of a week: in the first it may have been hot.
    verified: waits(14 * dayMs),
    installing: works(30 * minuteMs),
    rebooting: works(15 * minuteMs),
    confirmed: done,
    // The image ran and did not hold: trying the same one again would only reboot the appliance once more.
    rolled_back: { phase: "failed", retry: false },
  },
  // The promise is that the recipe is there; whether it is cooked is the household's business, and noted.
  recipe: { stored: done, opened: done, cooked: done },
  message: shownOnDisplay,
  offer: shownOnDisplay,
  config: { applied: done },
  command: { replied: done },
};

/** Steps of every kind. They outrank all others: the device has ended this attempt. */
const closingTable: Record<(typeof closingSteps)[number], StepMeaning> = {
  failed: { phase: "failed", retry: true },
  rejected: { phase: "rejected" },
  expired: { phase: "expired" },
};

/** A step with its place in the order of its kind. */
export type RankedStep = StepMeaning & { rank: number };

function ranked(kind: DeliveryKind): Map<string, RankedStep> {
  const order: readonly string[] = deliverySteps[kind];
  const own = Object.entries(stepTable[kind]).map(([step, meaning]): [string, RankedStep] => [
    step,
    { ...meaning, rank: order.indexOf(step) },
  ]);
  const closing = Object.entries(closingTable).map(([step, meaning]): [string, RankedStep] => [
    step,
    { ...meaning, rank: order.length },
  ]);
  return new Map([...own, ...closing]);
}

const rankedSteps = new Map(deliveryKinds.map((kind) => [kind, ranked(kind)]));

/** What a step means, or null where the kind has no such step. */
export const meaningOf = (kind: DeliveryKind, step: string): RankedStep | null =>
  rankedSteps.get(kind)?.get(step) ?? null;

/** Every step that a kind has, the closing ones last. */
export const stepsOf = (kind: DeliveryKind): string[] => [...(rankedSteps.get(kind)?.keys() ?? [])];

/** How the cloud behaves towards one kind of delivery. */
export interface KindPolicy {
  /** How long a delivery lives where its creator says nothing else. */
  lifeMs: number;
  attemptsMax: number;
  /** Without a receipt for this long after the first write it is written again, then after twice as long, and so on. */
  sentTimeoutMs: number;
  /** The step from which it can no longer be called back, or null: until it is closed. */
  committedFrom: string | null;
  /** Whether a newer one may replace it after it was written. */
  supersedableOnceSent: boolean;
}

export const kindPolicies: Record<DeliveryKind, KindPolicy> = {
  firmware: {
    lifeMs: 30 * dayMs,
    attemptsMax: 3,
    sentTimeoutMs: 2 * minuteMs,
    committedFrom: "downloading",
    supersedableOnceSent: true,
  },
  recipe: {
    lifeMs: 30 * dayMs,
    attemptsMax: 1,
    sentTimeoutMs: 2 * minuteMs,
    committedFrom: null,
    supersedableOnceSent: true,
  },
  message: {
    lifeMs: 7 * dayMs,
    attemptsMax: 1,
    sentTimeoutMs: 2 * minuteMs,
    committedFrom: null,
    supersedableOnceSent: true,
  },
  offer: {
    lifeMs: 7 * dayMs,
    attemptsMax: 1,
    sentTimeoutMs: 2 * minuteMs,
    committedFrom: null,
    supersedableOnceSent: true,
  },
  config: {
    lifeMs: 30 * dayMs,
    attemptsMax: 1,
    sentTimeoutMs: 2 * minuteMs,
    committedFrom: null,
    supersedableOnceSent: true,
  },
  // Once written, an order may already have been obeyed: it is not taken back, and its reply still counts.
  command: {
    lifeMs: commandLifeMs,
    attemptsMax: 1,
    sentTimeoutMs: commandLifeMs,
    committedFrom: null,
    supersedableOnceSent: false,
  },
};

const backOffMsMax = hourMs;

/** How long to wait after the `n`-th time of something that begins at `baseMs`: doubled each time, an hour at most or `baseMs`. */
export const backOffMs = (baseMs: number, n: number): number =>
  Math.min(baseMs * 2 ** Math.min(n - 1, 20), Math.max(backOffMsMax, baseMs));

/** The pause before attempt 2; twice as long before each further one. */
export const retryPauseMs = minuteMs;
