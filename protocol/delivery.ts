import { z } from "zod";
import { command } from "./command.ts";
import { contentItem } from "./content.ts";
import { id } from "./ids.ts";
import { epochMs, jsonObject, safeText } from "./text.ts";
import { firmwareOffer } from "./update.ts";

export const deliveryKinds = ["firmware", "recipe", "message", "offer", "config", "command"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

const recipeBody = contentItem.refine((item) => item.kind === "recipe", "must be a recipe");
const messageBody = contentItem.refine(
  (item) => item.kind === "message" || item.kind === "notice",
  "must be a message or a notice",
);
const offerBody = contentItem.refine((item) => item.kind === "offer", "must be an offer");

const envelope = {
  id,
  attempt: z.int().min(1),
  createdAtMs: epochMs,
  expiresAtMs: epochMs,
  /** 0 (whenever there is room) to 9 (safety). */
  priority: z.int().min(0).max(9),
  /** Counts per (device, kind, subject): a device refuses an older one. */
  generation: z.int().min(1),
};

/**
 * One thing for one device. A device that sees a delivery id twice answers with the same receipt.
 * A body too large for MQTT stands behind `href`.
 */
export const delivery = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("firmware"), ...envelope, body: firmwareOffer }),
    z.object({ kind: z.literal("recipe"), ...envelope, body: recipeBody }),
    z.object({ kind: z.literal("message"), ...envelope, body: messageBody }),
    z.object({ kind: z.literal("offer"), ...envelope, body: offerBody }),
    z.object({ kind: z.literal("config"), ...envelope, body: jsonObject }),
    z.object({ kind: z.literal("command"), ...envelope, body: command }),
  ])
  .meta({ id: "Delivery" });
export type Delivery = z.infer<typeof delivery>;

/** The steps that a device may report, per kind, in the order in which they rank. */
export const deliverySteps = {
  firmware: [
    "offered",
    "confirmed_by_owner",
    "downloading",
    "downloaded",
    "verified",
    "installing",
    "rebooting",
    "confirmed",
    "rolled_back",
  ],
  recipe: ["stored", "opened", "cooked"],
  message: ["stored", "shown", "acted", "dismissed"],
  offer: ["stored", "shown", "acted", "dismissed"],
  config: ["applied"],
  command: ["replied"],
} as const satisfies Record<DeliveryKind, readonly string[]>;

/** Steps of every kind: the device could not, or would not. */
export const closingSteps = ["failed", "rejected", "expired"] as const;

/** What became of a delivery at the device. Identity is (delivery, attempt, step). */
export const receipt = z
  .object({
    deliveryId: id,
    attempt: z.int().min(1),
    atMs: epochMs,
    step: z.string().regex(/^[a-z_]{1,32}$/, "must be a step of the delivery's kind"),
    /** 0 to 1, within the step. */
    progress: z.number().min(0).max(1).optional(),
    reason: safeText(500).optional(),
  })
  .meta({ id: "Receipt" });
export type Receipt = z.infer<typeof receipt>;
