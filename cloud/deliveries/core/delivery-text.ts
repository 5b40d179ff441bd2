import { type DeliveryKind, deliverySteps } from "#protocol/delivery.ts";
import type { DeliveryPhase } from "./delivery-life.ts";

const kindWords: Record<DeliveryKind, string> = {
  firmware: "Firmware",
  recipe: "Recipe",
  message: "Message",
  offer: "Offer",
  config: "Settings",
  command: "Command",
};

/** Refusals that are a mistake of the appliance's firmware. The others are the ordinary fate of a late or a repeated word. */
const mistakes: Readonly<Record<string, string>> = {
  unknown_step: "not a step of its kind, so nothing changed",
  attempt_not_made: "of an attempt that was never made, so nothing changed",
};

/**
 * What became of a delivery, in one sentence for a support agent: `Firmware 2.1.0: rolled back (health_check_failed)`.
 *
 * `reason` is the appliance's own; `refused` is why its word moved nothing.
 */
export function deliverySentence(
  kind: DeliveryKind,
  label: string,
  what: DeliveryPhase | (string & {}),
  { reason, refused }: { reason: string | null; refused: string | null },
): string {
  const because = (refused === null ? undefined : mistakes[refused]) ?? reason;
  return `${kindWords[kind]} ${label}: ${what.replaceAll("_", " ")}${because === null ? "" : ` (${because})`}`;
}

/** Orders what bears the same time: created first, then the steps of its kind, and last what ended it. */
export function happeningRank(kind: DeliveryKind, what: string): number {
  if (what === "queued") return -1;
  const rank = deliverySteps[kind].findIndex((step) => step === what);
  return rank === -1 ? deliverySteps[kind].length : rank;
}
