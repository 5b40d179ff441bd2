/** Content as the API gives and takes it. */
import type { ContentClass, ContentItem, ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";

export type { ContentClass } from "#protocol/content.ts";
export type ContentKind = ContentItem["kind"];
export type VersionState = "draft" | "in_review" | "approved" | "scheduled" | "live" | "withdrawn" | "expired";

export interface RecipeStep {
  text: string;
  section?: string | undefined;
  machine?: ProgramSettings | undefined;
}

/** What an author writes in one locale; each kind uses its own fields. */
export interface LocaleText {
  title: string;
  text?: string;
  summary?: string;
  servings?: number | undefined;
  yields?: string | undefined;
  prep_s?: number | undefined;
  cook_s?: number | undefined;
  ingredients?: string[];
  steps?: RecipeStep[];
  imageAlt?: string | undefined;
}

export interface ContentDraft {
  kind: ContentKind;
  class: ContentClass;
  isShareable: boolean;
  topics: string[];
  models: string[] | null;
  image: string | null;
  offerKey?: string | null;
  locales: Record<string, LocaleText>;
}

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
  liveVersion: number | null;
  createdAtMs: number;
  createdBy: string;
}

export interface ContentSchedule {
  models: string[];
  from: string | null;
  until: string | null;
  zone: string;
  fromMs: number;
  untilMs: number | null;
}

interface StoredImage {
  sha256: string;
  sizeBytes: number;
  mimeType: string;
}

export interface ContentVersion {
  version: number;
  state: VersionState;
  class: ContentClass;
  isShareable: boolean;
  topics: string[];
  models: string[] | null;
  offerKey: string | null;
  image: StoredImage | null;
  locales: Record<string, LocaleText>;
  schedule: ContentSchedule | null;
  createdAtMs: number;
  createdBy: string;
}

export interface ContentStep {
  version: number;
  atMs: number;
  event: string;
  state: VersionState;
  by: string;
  note: string | null;
}

export interface Market {
  locale: string;
  models: string[];
  reads: string;
  because: "own" | "language" | "sister" | "english" | "first";
  onFeed: boolean;
}

export interface ContentDetail extends ContentSummary {
  image: (StoredImage & { href: string }) | null;
  offerKey: string | null;
  versions: ContentVersion[];
  steps: ContentStep[];
  markets: Market[];
  /** Models for whose feed it is scheduled, and whose limits keep it off. */
  keptOff: { model: string; why: string[] }[];
}

export interface FieldProblem {
  pointer: string;
  message: string;
}

export interface ModelLimits {
  key: string;
  name: string;
  kind: Model["kind"];
  locales: string[];
  capabilities: Model["capabilities"];
  branding: {
    name: string;
    sender: { name: string; email: string | null };
    colours: { accent: string; ink: string; paper: string };
  };
}

export interface ContentCheck {
  errors: FieldProblem[];
  misfits: (FieldProblem & { model: string })[];
  markets: Market[];
  models: ModelLimits[];
}

export interface FieldDiff {
  pointer: string;
  parts: { kind: "same" | "added" | "removed"; text: string }[];
}

export interface CalendarEntry extends ContentSchedule {
  id: string;
  version: number;
  kind: ContentKind;
  class: ContentClass;
  title: string;
  state: VersionState;
}
