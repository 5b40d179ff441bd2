import type { Sent, Try } from "./sent-shapes.ts";

/** Webhooks for events, as the service answers. */
export interface Webhook {
  id: string;
  name: string;
  url: string;
  types: string[];
  createdAtMs: number;
  createdBy: string;
  disabledAtMs: number | null;
  disabledReason: "gone" | "failing" | "staff" | null;
  failingSinceMs: number | null;
  missedAtMs: number | null;
  formerSecretUntilMs: number | null;
}

export type ListedWebhook = Webhook & { waiting: number; failed: number };

export interface WebhookDelivery extends Sent {
  eventId: string;
  type: string;
  subject: string;
}

export type WebhookDeliveryDetail = WebhookDelivery & {
  tries: Try[];
  body: string | null;
};

/** What an erasure did, store by store. */
export interface Erasure {
  id: string;
  askedBy: string;
  atMs: number;
  doneAtMs: number | null;
  report: {
    stores: {
      store: string;
      describes: string;
      removed: number | null;
      state: "removed" | "waiting" | "nothing_held";
      keeps: string | null;
    }[];
    scan: {
      atMs: number;
      tables: number;
      notLookedThrough: string[];
      found: { table: string; rows: number }[];
      elsewhere: { place: string; found: number | null }[];
    } | null;
    /** A backup had brought the household back. */
    again: { firstAtMs: number } | null;
  };
}
