import type { ContentClass, ContentItem } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import type { FieldError } from "../platform/problem.ts";
import { bestLocale, fallbackLocale, type Market } from "../platform/best-locale.ts";
import { misfits } from "./core/machine-fit.ts";
import type { VersionEvent, VersionState } from "./core/version-life.ts";
import {
  type ContentKind,
  itemInLocale,
  type Locales,
  sampleExtra,
  type StoredImage,
  type VersionText,
} from "./content-shapes.ts";
import type { ItemRow, VersionRow } from "./content-store.ts";
import type { contentProblems } from "./errors.ts";

/** Bytes of an item as JSON in one locale. MQTT carries 256 KiB, and a delivery adds its envelope. */
const itemBytesMax = 131_072;

export interface Refused<Rule extends keyof typeof contentProblems> {
  kind: "refused";
  rule: Rule;
  detail?: string;
  fields?: FieldError[];
}

export const refused = <Rule extends keyof typeof contentProblems>(
  rule: Rule,
  more: { detail?: string; fields?: FieldError[] } = {},
): Refused<Rule> => ({ kind: "refused", rule, ...more });

export interface ContentSummary {
  id: string;
  kind: ContentKind;
  class: ContentClass;
  isShareable: boolean;
  topics: string[];
  models: string[] | null;
  version: number;
  /** Of the newest version. */
  state: VersionState;
  title: string;
  locales: string[];
  /** Models on whose feed it is. */
  publishedTo: string[];
  /** The version that households get now, where there is one. */
  liveVersion: number | null;
  createdAtMs: number;
  createdBy: string;
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
  locales: Locales;
  schedule: VersionSchedule | null;
  createdAtMs: number;
  createdBy: string;
}

/** Where a version goes, in local time, and between which moments that is. */
export interface VersionSchedule {
  models: string[];
  from: string | null;
  until: string | null;
  zone: string;
  fromMs: number;
  untilMs: number | null;
}

/** What became of a version. */
export interface ContentStep {
  version: number;
  atMs: number;
  event: VersionEvent;
  state: VersionState;
  by: string;
  note: string | null;
}

export interface ContentDetail extends ContentSummary {
  image: StoredImage | null;
  offerKey: string | null;
  /** From the newest down. */
  versions: ContentVersion[];
  steps: ContentStep[];
  /** What each market reads of the newest version. */
  markets: Market[];
  /** Models for whose feed the version that is out is scheduled, and whose limits keep it off. */
  keptOff: { model: string; why: string[] }[];
}

export const titleOf = (locales: Locales): string => {
  const title = locales[bestLocale(fallbackLocale, Object.keys(locales))]?.["title"];
  return typeof title === "string" ? title : "";
};

export const toSummary = (row: ItemRow, models: string[]): ContentSummary => ({
  id: row.id,
  kind: row.kind,
  class: row.class,
  isShareable: row.is_shareable,
  topics: row.topics,
  models: row.models,
  version: row.version,
  state: row.state,
  title: titleOf(row.locales),
  locales: Object.keys(row.locales).toSorted(),
  publishedTo: models,
  liveVersion: row.live_version,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

export const toVersion = (row: VersionRow): ContentVersion => ({
  version: row.version,
  state: row.state,
  class: row.class,
  isShareable: row.is_shareable,
  topics: row.topics,
  models: row.models,
  offerKey: row.offer_key,
  image: row.image,
  locales: row.locales,
  schedule: toSchedule(row),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

export const toSchedule = (row: VersionRow): VersionSchedule | null =>
  row.from_ms === null
    ? null
    : {
        models: row.feed_models,
        from: row.from_local,
        until: row.until_local,
        zone: row.zone ?? "UTC",
        fromMs: row.from_ms,
        untilMs: row.until_ms,
      };

/** The item in each of its locales. */
export const inEachLocale = (item: VersionText): ContentItem[] =>
  Object.keys(item.locales)
    .toSorted()
    .map((locale) => itemInLocale(item, locale, { extra: sampleExtra(item.kind) }));

/** A sentence about the first locale in which an item is too large, or null. */
export function oversize(item: VersionText): string | null {
  for (const each of inEachLocale(item)) {
    const bytes = Buffer.byteLength(JSON.stringify(each));
    if (bytes > itemBytesMax) return `In ${each.locale} it takes ${bytes} bytes, and ${itemBytesMax} are the most.`;
  }
  return null;
}

/** What the machine layer asks that one of the models cannot do, by step, or null where all can. */
export async function recipeMisfits(
  item: VersionText,
  models: readonly string[],
  modelOf: (key: string) => Promise<Model | null>,
): Promise<Refused<"content_model_unknown" | "recipe_does_not_fit"> | null> {
  const found = await Promise.all(models.map(async (key) => ({ key, model: await modelOf(key) })));
  const unknown = found.filter(({ model }) => model === null).map(({ key }) => key);
  if (unknown.length > 0) return refused("content_model_unknown", { detail: `${unknown.join(", ")}.` });
  const texts = inEachLocale(item);
  const fields = found.flatMap(({ model }) =>
    texts.flatMap((text) =>
      model === null
        ? []
        : misfits(text, model).map(({ pointer, message }) => ({
            pointer: `/locales/${text.locale}${pointer}`,
            message,
          })),
    ),
  );
  const [first] = fields;
  if (first === undefined) return null;
  return refused("recipe_does_not_fit", {
    detail: `${first.pointer}: ${first.message}`,
    fields: fields.slice(0, 100),
  });
}

/** What keeps the version that is out off feeds for which it is scheduled, by model. */
export function keptOff(
  item: Pick<VersionText, "id" | "kind">,
  live: VersionRow | undefined,
  models: readonly Model[],
  onFeeds: readonly string[],
): { model: string; why: string[] }[] {
  if (live === undefined) return [];
  return models
    .filter(({ key }) => live.feed_models.includes(key) && !onFeeds.includes(key))
    .map((model) => ({ model: model.key, why: whyUnfit({ ...live, ...item }, model) }))
    .filter(({ why }) => why.length > 0);
}

/** Most reasons that are named of one item and model. */
const whyMax = 5;

/** What a model cannot do of an item, by step; nothing where it can do all. */
export const whyUnfit = (item: VersionText, model: Model): string[] =>
  [...new Set(inEachLocale(item).flatMap((text) => misfits(text, model).map(({ message }) => message)))].slice(
    0,
    whyMax,
  );
