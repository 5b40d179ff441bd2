import type { DeliveryKind } from "#protocol/delivery.ts";
import type { DeliveryPhase } from "./delivery-life.ts";

const kindWords: Record<DeliveryKind, string> = {
  firmware: "Firmware",
  recipe: "Recipe",
  message: "Message",
  offer: "Offer",
  config: "Settings",
  command: "Command",
};

/** What became of a delivery, in one sentence for a support agent: `Firmware 2.1.0: downloading`. */
export const deliverySentence = (kind: DeliveryKind, label: string, what: DeliveryPhase | (string & {})): string =>
  `${kindWords[kind]} ${label}: ${what.replaceAll("_", " ")}`;
