/** Webhooks for events, in words. */
import type { Webhook, WebhookDelivery } from "../api/webhook-shapes.ts";
import type { Tone } from "./rollouts.ts";

export const deliveryStatuses: readonly WebhookDelivery["status"][] = ["queued", "delivered", "failed", "dropped"];

export const webhookStatusWords: Record<WebhookDelivery["status"], { words: string; tone: Tone }> = {
  queued: { words: "To be sent", tone: "plain" },
  delivered: { words: "Delivered", tone: "well" },
  failed: { words: "Failed", tone: "wrong" },
  dropped: { words: "Dropped", tone: "mind" },
};

export const disabledWords: Record<NonNullable<Webhook["disabledReason"]>, string> = {
  gone: "Off: its receiver wants nothing any more",
  failing: "Off: nothing arrived there for five days",
  staff: "Off",
};

/** The kinds of event that most receivers ask for. */
export const typeChoices: readonly { type: string; words: string }[] = [
  { type: "hearth.points.*", words: "Points earned, spent, expired, reversed" },
  { type: "hearth.tier.*", words: "Tiers" },
  { type: "hearth.case.*", words: "Service cases" },
  { type: "hearth.incident.*", words: "Incidents" },
  { type: "hearth.lifecycle.*", words: "Stages of life" },
  { type: "hearth.consent.*", words: "Consent given and withdrawn" },
  { type: "hearth.content.*", words: "Content" },
  { type: "hearth.household.*", words: "Households, erased ones too" },
  { type: "*", words: "Everything" },
];

export interface WebhooksSearch {
  /** Whose deliveries are shown. */
  webhook?: string | undefined;
  status?: WebhookDelivery["status"] | undefined;
  cursor?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export const webhooksSearch = (search: Record<string, unknown>): WebhooksSearch => ({
  webhook: text(search["webhook"]),
  status: deliveryStatuses.find((status) => status === search["status"]),
  cursor: text(search["cursor"]),
});
