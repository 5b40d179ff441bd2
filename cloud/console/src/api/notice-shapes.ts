import type { Sent, Try } from "./sent-shapes.ts";

/** What the API says of telling staff, as far as the console reads it. */
import type { Severity } from "./case-shapes.ts";

export const noticeKinds = [
  "case_opened",
  "case_reopened",
  "case_graver",
  "case_due_soon",
  "case_overdue",
  "case_escalated",
  "case_assigned",
  "owner_wrote",
  "incident_opened",
  "incident_graver",
  "incident_resolved",
  "incident_assigned",
  "store_away",
  "store_back",
  "webhook_disabled",
  "recipes_left_feed",
] as const;
export type NoticeKind = (typeof noticeKinds)[number] | "test";

export interface Subscription {
  kinds?: NoticeKind[] | undefined;
  severities?: Severity[] | undefined;
  levelMin?: number | undefined;
  reaches?: string[] | undefined;
}

export interface NoticeChannel {
  id: string;
  kind: "email" | "webhook";
  name: string;
  target: string;
  subscriptions: Subscription[];
  createdAtMs: number;
  createdBy: string;
  disabledAtMs: number | null;
  disabledBy: string | null;
}

export interface NoticeDelivery extends Sent {
  channelId: string;
  notices: number;
  untilMs: number;
}

export interface NoticeDeliveryDetail extends NoticeDelivery {
  tries: Try[];
  items: { id: string; title: string; atMs: number }[];
}
