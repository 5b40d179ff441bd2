import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import type { ContentSearch } from "../core/content-url.ts";
import { get, send } from "./client.ts";
import type {
  CalendarEntry,
  ContentCheck,
  ContentDetail,
  ContentDraft,
  ContentSummary,
  FieldDiff,
} from "./content-shapes.ts";
import type { Page } from "./shapes.ts";

export const contentPath = (id: string) => `/api/v1/content/items/${id}`;

export const contentQuery = (search: ContentSearch) =>
  queryOptions({
    queryKey: ["content", "page", search],
    queryFn: ({ signal }) =>
      get<Page<ContentSummary>>(`/api/v1/content/items${stringifySearch({ ...search, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
  });

export const contentItemQuery = (id: string) =>
  queryOptions({
    queryKey: ["content", "item", id],
    queryFn: ({ signal }) => get<ContentDetail>(contentPath(id), { signal }),
  });

/** What is wrong with a draft, with which models, and what each market reads. */
export const checkQuery = (draft: ContentDraft) =>
  queryOptions({
    queryKey: ["content", "check", draft],
    queryFn: () => send<ContentCheck>("POST", "/api/v1/content/check", { draft }),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 60_000,
  });

export const diffQuery = (id: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["content", "diff", id, from, to],
    queryFn: ({ signal }) => get<{ fields: FieldDiff[] }>(`${contentPath(id)}/diff?from=${from}&to=${to}`, { signal }),
    enabled: from < to,
  });

export const testDevicesQuery = queryOptions({
  queryKey: ["content", "test-devices"],
  queryFn: ({ signal }) => get<{ deviceIds: string[] }>("/api/v1/content/test-devices", { signal }),
});

export const contentCalendarQuery = (fromMs: number, toMs: number) =>
  queryOptions({
    queryKey: ["content", "calendar", fromMs, toMs],
    queryFn: ({ signal }) =>
      get<{ items: CalendarEntry[] }>(`/api/v1/content/calendar?from=${fromMs}&to=${toMs}`, { signal }),
    placeholderData: keepPreviousData,
  });
