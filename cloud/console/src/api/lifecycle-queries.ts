import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import { householdKey, householdPath } from "./household-queries.ts";
import type { AtRiskAnswer, CountsAt, DefinitionVersion, HouseholdLife, LifecycleFlows } from "./lifecycle-shapes.ts";

const calmMs = 10_000;
const dayMs = 86_400_000;
/** As many moments as a narrow screen can show. */
const countParts = 30;
const atRiskPerPage = 25;

/** A period that ends now; asked again it ends later. */
const periodOf = (days: number) => ({ fromMs: Date.now() - days * dayMs, toMs: Date.now() });

export const flowsQuery = (days: number) =>
  queryOptions({
    queryKey: ["lifecycle", "flows", days],
    queryFn: ({ signal }) =>
      get<LifecycleFlows>(`/api/v1/lifecycle/flows${stringifySearch(periodOf(days))}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const countsQuery = (days: number) =>
  queryOptions({
    queryKey: ["lifecycle", "counts", days],
    queryFn: ({ signal }) =>
      get<{ items: CountsAt[] }>(
        `/api/v1/lifecycle/counts${stringifySearch({ ...periodOf(days), parts: Math.min(days, countParts) })}`,
        { signal },
      ),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const atRiskQuery = (cursor: string | undefined) =>
  queryOptions({
    queryKey: ["lifecycle", "at-risk", cursor],
    queryFn: ({ signal }) =>
      get<AtRiskAnswer>(`/api/v1/lifecycle/at-risk${stringifySearch({ cursor, limit: atRiskPerPage })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const definitionQuery = queryOptions({
  queryKey: ["lifecycle", "definition"],
  queryFn: ({ signal }) => get<DefinitionVersion>("/api/v1/lifecycle/definition", { signal }),
});

export const definitionVersionsQuery = queryOptions({
  queryKey: ["lifecycle", "definition", "versions"],
  queryFn: ({ signal }) => get<{ items: DefinitionVersion[] }>("/api/v1/lifecycle/definition/versions", { signal }),
});

export const householdLifeQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "lifecycle"],
    queryFn: ({ signal }) => get<HouseholdLife>(`${householdPath(id)}/lifecycle`, { signal }),
    refetchInterval: calmMs,
  });
