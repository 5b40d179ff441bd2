/** Webhooks for events, in words. */
import type { SentStatus } from "../api/sent-shapes.ts";
import type { Webhook } from "../api/webhook-shapes.ts";
import { heardText } from "./event-words.ts";
import { sentStatuses } from "./sent.ts";

export const disabledWords: Record<NonNullable<Webhook["disabledReason"]>, string> = {
  gone: "Off: its receiver wants nothing any more",
  failing: "Off: nothing arrived there for five days",
  staff: "Off",
};

/** The kinds of event that most receivers ask for. */
export const typeChoices: readonly string[] = [
  ...[
    "points",
    "tier",
    "offer",
    "reward",
    "case",
    "incident",
    "rule",
    "feedback",
    "lifecycle",
    "consent",
    "content",
    "campaign",
    "household",
  ].map((noun) => `hearth.${noun}.*`),
  "*",
];

/** What a webhook hears of: `Tiers; Rollouts`. */
export const typeWords = (types: readonly string[]): string => types.map(heardText).join("; ");

/** What an event may be about and has a page in the console. */
const pages: Readonly<Record<string, string>> = {
  campaign: "campaigns",
  case: "cases",
  content: "content",
  device: "devices",
  household: "households",
  incident: "incidents",
  rollout: "rollouts",
  segment: "segments",
};
const pageOf = (kind: string): string | undefined => (Object.hasOwn(pages, kind) ? pages[kind] : undefined);

const madeUp = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What an event is about: `Appliance oven-1`, `Open household`, since an id that Hearth made up says nothing to anybody. Null: nothing that its type does not say. */
export function subjectText(subject: string): string | null {
  const [kind = "", ...rest] = subject.split(":");
  const id = rest.join(":");
  const words = kind === "device" ? "appliance" : kind.replaceAll("_", " ");
  if (madeUp.test(id)) return pageOf(kind) === undefined ? null : `Open ${words}`;
  return capital(`${words} ${id}`.trim());
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** Where the console shows what an event is about; null where it has no page of it. */
export function subjectHref(subject: string): string | null {
  const [kind = "", id] = subject.split(":");
  const path = pageOf(kind);
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
