import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import type { ContentSearch } from "../core/content-url.ts";
import { get } from "./client.ts";
import type { ContentSummary } from "./content-shapes.ts";
import type { Page } from "./shapes.ts";

export const contentQuery = (search: ContentSearch) =>
  queryOptions({
    queryKey: ["content", "page", search],
    queryFn: ({ signal }) =>
      get<Page<ContentSummary>>(`/api/v1/content/items${stringifySearch({ ...search, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
  });
