/** Content as the API gives it. */
export type ContentKind = "recipe" | "tip" | "notice" | "message" | "offer";
export type ContentClass =
  | "safety"
  | "security"
  | "recall"
  | "service"
  | "requested"
  | "loyalty_status"
  | "promotional";
export type VersionState = "draft" | "in_review" | "approved" | "scheduled" | "live" | "withdrawn" | "expired";

export interface ContentSummary {
  id: string;
  kind: ContentKind;
  class: ContentClass;
  isShareable: boolean;
  topics: string[];
  models: string[] | null;
  version: number;
  state: VersionState;
  title: string;
  locales: string[];
  publishedTo: string[];
  createdAtMs: number;
  createdBy: string;
}
