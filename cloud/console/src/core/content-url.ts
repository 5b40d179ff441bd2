import type { ContentClass, ContentKind, VersionState } from "../api/content-shapes.ts";
import { contentClassWords, contentKindWords, versionStateWords } from "./content.ts";

export interface ContentSearch {
  kind?: ContentKind | undefined;
  state?: VersionState | undefined;
  class?: ContentClass | undefined;
  locale?: string | undefined;
  q?: string | undefined;
  cursor?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const oneOf = <Name extends string>(words: Record<Name, unknown>, value: unknown): Name | undefined =>
  typeof value === "string" && value in words ? (value as Name) : undefined; // oxlint-disable-line typescript/no-unsafe-type-assertion -- `in` has just said so

export const contentSearch = (search: Record<string, unknown>): ContentSearch => ({
  kind: oneOf(contentKindWords, search["kind"]),
  state: oneOf(versionStateWords, search["state"]),
  class: oneOf(contentClassWords, search["class"]),
  locale: text(search["locale"]),
  q: text(search["q"]),
  cursor: text(search["cursor"]),
});

export interface ItemSearch {
  /** Of a new one: what it is. */
  kind?: ContentKind | undefined;
  tab?: "versions" | undefined;
  locale?: string | undefined;
}

export const itemSearch = (search: Record<string, unknown>): ItemSearch => ({
  kind: oneOf(contentKindWords, search["kind"]),
  tab: search["tab"] === "versions" ? "versions" : undefined,
  locale: text(search["locale"]),
});

export interface ContentCalendarSearch {
  span?: "week" | undefined;
  /** The first day shown: `2026-12-01`. */
  from?: string | undefined;
}

export const contentCalendarSearch = (search: Record<string, unknown>): ContentCalendarSearch => ({
  span: search["span"] === "week" ? "week" : undefined,
  from: /^\d{4}-\d{2}-\d{2}$/.test(text(search["from"]) ?? "") ? text(search["from"]) : undefined,
});
