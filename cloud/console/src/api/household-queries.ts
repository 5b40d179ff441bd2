import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { HouseholdsSearch } from "../core/household-url.ts";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type {
  ChosenTopics,
  ConsentReceipt,
  ConsentStanding,
  ConsentText,
  Household,
  HouseholdEntry,
  HouseholdFact,
  HouseholdMerge,
  HouseholdReference,
  ListedHousehold,
} from "./household-shapes.ts";
import type { Page } from "./shapes.ts";

const calmMs = 5_000;
const minuteMs = 60_000;

export const householdsPath = "/api/v1/households";
export const householdPath = (id: string) => `${householdsPath}/${encodeURIComponent(id)}`;

export const householdsPerPage = 50;

export const householdsQuery = (search: HouseholdsSearch) =>
  queryOptions({
    queryKey: ["households", search],
    queryFn: ({ signal }) =>
      get<Page<ListedHousehold>>(`${householdsPath}${stringifySearch({ ...search, limit: householdsPerPage })}`, {
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

/** Everything about one household has a key that begins like this, so that a change of it asks for all of it again. */
export const householdKey = (id: string) => ["household", id] as const;

export const householdQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "itself"],
    queryFn: ({ signal }) => get<Household>(householdPath(id), { signal }),
    refetchInterval: calmMs,
  });

const entriesPerPage = 50;

export const householdTimelineQuery = (id: string, kinds: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...householdKey(id), "timeline", kinds],
    queryFn: ({ signal, pageParam }) =>
      get<{ items: HouseholdEntry[]; nextBeforeMs: number | null }>(
        `${householdPath(id)}/timeline${stringifySearch({ kinds, before: pageParam ?? undefined, limit: entriesPerPage })}`,
        { signal },
      ),
    initialPageParam: null as number | null,
    getNextPageParam: ({ nextBeforeMs }: { nextBeforeMs: number | null }) => nextBeforeMs,
    refetchInterval: calmMs,
  });

export const householdConsentsQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "consents"],
    queryFn: ({ signal }) =>
      get<{ standings: ConsentStanding[]; receipts: ConsentReceipt[] }>(`${householdPath(id)}/consents`, { signal }),
    refetchInterval: calmMs,
  });

export const consentTextsPath = "/api/v1/consents/texts";

export const consentTextsQuery = queryOptions({
  queryKey: ["consent-texts"],
  queryFn: ({ signal }) => get<{ items: ConsentText[] }>(consentTextsPath, { signal }),
  staleTime: minuteMs,
});

const factsShown = 20;

export const householdFactsQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "facts"],
    queryFn: ({ signal }) =>
      get<Page<HouseholdFact>>(`${householdPath(id)}/facts${stringifySearch({ limit: factsShown })}`, { signal }),
    refetchInterval: calmMs,
  });

export const householdTopicsQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "topics"],
    queryFn: ({ signal }) => get<ChosenTopics>(`${householdPath(id)}/topics`, { signal }),
    refetchInterval: calmMs,
  });

export const householdMergesQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "merges"],
    queryFn: ({ signal }) => get<{ items: HouseholdMerge[] }>(`${householdPath(id)}/merges`, { signal }),
    refetchInterval: calmMs,
  });

export const householdReferencesQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "references"],
    queryFn: ({ signal }) => get<{ items: HouseholdReference[] }>(`${householdPath(id)}/references`, { signal }),
    staleTime: minuteMs,
  });
