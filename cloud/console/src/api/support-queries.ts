import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import { devicePath } from "./queries.ts";
import type { ServiceCase } from "./case-shapes.ts";
import type { Page } from "./shapes.ts";
import type { CaseBrief, DeviceMessage, SearchAnswer } from "./support-shapes.ts";

const calmMs = 5_000;
const minuteMs = 60_000;
const foundMax = 20;

/** @param typed at least two letters or digits; less is refused */
export const searchQuery = (typed: string) =>
  queryOptions({
    queryKey: ["search", typed],
    queryFn: ({ signal }) =>
      get<SearchAnswer>(`/api/v1/search${stringifySearch({ q: typed, limit: foundMax })}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });

const casesShown = 50;

/** Cases of one appliance or household, open and closed, newest first. */
export const casesOfQuery = (of: { device: string } | { household: string }) =>
  queryOptions({
    queryKey: ["cases", "of", of],
    queryFn: ({ signal }) =>
      get<Page<ServiceCase>>(`/api/v1/cases${stringifySearch({ ...of, limit: casesShown })}`, { signal }),
    refetchInterval: calmMs,
  });

export const caseBriefQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "brief", id],
    queryFn: ({ signal }) => get<CaseBrief>(`/api/v1/cases/${encodeURIComponent(id)}`, { signal }),
    staleTime: minuteMs,
  });

const messagesPerPage = 100;

export const messagesPath = (id: string, channel: string | undefined, before: number | null) =>
  `${devicePath(id)}/messages${stringifySearch({ channels: channel, before: before ?? undefined, limit: messagesPerPage })}`;

/** Looking is on record, so it is asked for once, and again only when somebody wants it. */
export const messagesQuery = (id: string, channel: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["messages", id, channel],
    queryFn: ({ signal, pageParam }) =>
      get<{ items: DeviceMessage[] }>(messagesPath(id, channel, pageParam), { signal }),
    initialPageParam: null as number | null,
    getNextPageParam: ({ items }: { items: DeviceMessage[] }) =>
      items.length < messagesPerPage ? null : (items.at(-1)?.atMs ?? null),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
