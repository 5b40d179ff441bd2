/** Webhooks for events, in words. */
import type { SentStatus } from "../api/sent-shapes.ts";
import type { Webhook } from "../api/webhook-shapes.ts";
import { sentStatuses } from "./sent.ts";

export const disabledWords: Record<NonNullable<Webhook["disabledReason"]>, string> = {
  gone: "Off: its receiver wants nothing any more",
  failing: "Off: nothing arrived there for five days",
  staff: "Off",
};

/** The kinds of event that most receivers ask for. */
export const typeChoices: readonly { type: string; words: string }[] = [
  { type: "hearth.points.*", words: "Points earned, spent, expired, reversed" },
  { type: "hearth.tier.*", words: "Tiers" },
  { type: "hearth.offer.*", words: "Offers made, redeemed, taken back, refused" },
  { type: "hearth.reward.*", words: "Rewards put aside, redeemed, released" },
  { type: "hearth.case.*", words: "Service cases" },
  { type: "hearth.incident.*", words: "Incidents" },
  { type: "hearth.rule.*", words: "Service rules that find something" },
  { type: "hearth.feedback.*", words: "Households asked how they like it, and what they answer" },
  { type: "hearth.lifecycle.*", words: "Stages of life" },
  { type: "hearth.consent.*", words: "Consent given and withdrawn" },
  { type: "hearth.content.*", words: "Content" },
  { type: "hearth.campaign.*", words: "Campaigns" },
  { type: "hearth.household.*", words: "Households, erased ones too" },
  { type: "*", words: "Everything" },
];

/** What a webhook hears of, in words where there are some: `Tiers; hearth.rollout.*`. */
export const typeWords = (types: readonly string[]): string =>
  types.map((type) => typeChoices.find((choice) => choice.type === type)?.words ?? type).join("; ");

/** Where the console shows whom an event is about; null where it has no page of it. */
export function subjectHref(subject: string): string | null {
  const [kind, id] = subject.split(":");
  const path = { household: "households", case: "cases", incident: "incidents", device: "devices" }[kind ?? ""];
  return path === undefined || id === undefined ? null : `/${path}/${encodeURIComponent(id)}`;
}

export interface WebhooksSearch {
  /** Whose deliveries are shown. */
  webhook?: string | undefined;
  status?: SentStatus | undefined;
  cursor?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export const webhooksSearch = (search: Record<string, unknown>): WebhooksSearch => ({
  webhook: text(search["webhook"]),
  status: sentStatuses.find((status) => status === search["status"]),
  cursor: text(search["cursor"]),
});
