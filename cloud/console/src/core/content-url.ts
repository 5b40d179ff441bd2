import type { ContentKind } from "../api/content-shapes.ts";
import { contentKindWords } from "./content.ts";

export interface ContentSearch {
  kind?: ContentKind | undefined;
  cursor?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const isKind = (value: unknown): value is ContentKind => typeof value === "string" && value in contentKindWords;

export const contentSearch = (search: Record<string, unknown>): ContentSearch => ({
  kind: isKind(search["kind"]) ? search["kind"] : undefined,
  cursor: text(search["cursor"]),
});
