import { type DeliveryKind, deliverySteps } from "#protocol/delivery.ts";
import { updateFailures } from "#protocol/update.ts";
import type { DeliveryPhase } from "./delivery-life.ts";

const kindWords: Record<DeliveryKind, string> = {
  firmware: "Firmware",
  recipe: "Recipe",
  message: "Message",
  offer: "Offer",
  config: "Settings",
  command: "Command",
};

/** What a step of an update means, where its name does not say it. */
const updateWords: ReadonlyMap<string, string> = new Map([
  ["confirmed_by_owner", "agreed to"],
  ["verified", "checked"],
  ["rebooting", "restarting"],
  ["confirmed", "confirmed by a healthy boot"],
]);

/** Refusals that are a mistake of the appliance's firmware. The others are the ordinary fate of a late or a repeated word. */
const mistakes: Readonly<Record<string, string>> = {
  unknown_step: "not a step of its kind, so nothing changed",
  attempt_not_made: "of an attempt that was never made, so nothing changed",
};

/** What became of a delivery without the device's own word. */
const causes: Readonly<Record<string, string>> = {
  deadline: "not in time",
  timed_out: "too long without a word from the appliance",
  person: "taken back by staff",
  limit: "the appliance's limits no longer allow it",
  household_left: "the appliance left its household",
};

/** The words for a device's own reason or the cloud's cause. Codes that nobody knows stand as they are. */
function reasonWords(kind: DeliveryKind, reason: string): string {
  const known: Readonly<Record<string, string>> = kind === "firmware" ? { ...causes, ...updateFailures } : causes;
  const words = Object.hasOwn(known, reason) ? known[reason] : undefined;
  return words?.replace(/\.$/, "") ?? reason;
}

interface Happening {
  kind: DeliveryKind;
  label: string;
  /** A phase, a step, or what the household said. */
  what: DeliveryPhase | (string & {});
  /** The appliance's own, or why the cloud ended it. */
  reason: string | null;
  /** Why the appliance's word moved nothing. */
  refused: string | null;
  /** Where the household put it off: until when. */
  untilMs?: number | null;
  /** The name of the rollout that it is of. */
  rollout?: string | null;
}

/**
 * What became of a delivery, in one sentence for a support agent: `Firmware 2.1.0 (Spring): rolled back (The new firmware did not come up
 * well; the appliance went back to what it had)`.
 */
export function deliverySentence(happening: Happening): string {
  const { kind, label, what, reason, refused, rollout = null } = happening;
  const mistake = refused === null ? undefined : mistakes[refused];
  const because = mistake ?? (reason === null ? null : reasonWords(kind, reason));
  const about = `${kindWords[kind]} ${label}${rollout === null ? "" : ` (${rollout})`}`;
  return `${about}: ${whatHappened(happening, what)}${because === null ? "" : ` (${because})`}`;
}

function whatHappened({ kind, untilMs = null }: Happening, what: string): string {
  switch (what) {
    case "owner_agreed":
      return "agreed to by the household";
    case "owner_postponed":
      return `put off by the household${untilMs === null ? "" : ` until ${utcMinute(untilMs)}`}`;
    case "owner_declined":
      return "declined by the household";
    default:
      return (kind === "firmware" ? updateWords.get(what) : undefined) ?? what.replaceAll("_", " ");
  }
}

/** `2026-12-03 01:30 UTC`. */
const utcMinute = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Orders what bears the same time: created first, then the steps of its kind, and last what ended it. */
export function happeningRank(kind: DeliveryKind, what: string): number {
  if (what === "queued") return -1;
  const rank = deliverySteps[kind].findIndex((step) => step === what);
  return rank === -1 ? deliverySteps[kind].length : rank;
}
