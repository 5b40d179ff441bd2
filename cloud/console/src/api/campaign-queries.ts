import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import type {
  Campaign,
  CampaignDetail,
  CampaignEstimate,
  Decision,
  DecisionExplanation,
  MakersApp,
  PolicyInForce,
  HouseholdForPerson,
  RecallHousehold,
  RecallStatus,
} from "./campaign-shapes.ts";
import { get, send } from "./client.ts";
import type { ContentSummary } from "./content-shapes.ts";
import type { Page } from "./shapes.ts";

const liveMs = 2_000;

const campaignsPath = "/api/v1/campaigns";
export const campaignPath = (id: string) => `${campaignsPath}/${encodeURIComponent(id)}`;
/** Where what is saved goes: a new draft, or the one of that id as it was then. */
export const savePath = (id: string | null, editedAtMs: number) =>
  id === null ? campaignsPath : `${campaignPath(id)}?basedOn=${editedAtMs}`;

export const campaignsQuery = (cursor: string | undefined) =>
  queryOptions({
    queryKey: ["campaigns", "page", cursor],
    queryFn: ({ signal }) =>
      get<Page<Campaign>>(`${campaignsPath}${stringifySearch({ cursor, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });

export const campaignCalendarQuery = (fromMs: number, toMs: number) =>
  queryOptions({
    queryKey: ["campaigns", "calendar", fromMs, toMs],
    queryFn: ({ signal }) =>
      get<{ items: Campaign[] }>(`${campaignsPath}/calendar${stringifySearch({ from: fromMs, to: toMs })}`, { signal }),
    placeholderData: keepPreviousData,
  });

export const engagementPolicyPath = "/api/v1/engagement/policy";
export const policyQuery = queryOptions({
  queryKey: ["campaigns", "policy"],
  queryFn: ({ signal }) => get<PolicyInForce>(engagementPolicyPath, { signal }),
});

export const appPath = "/api/v1/engagement/app";
/** Where the maker's app is told. */
export const appQuery = queryOptions({
  queryKey: ["campaigns", "app"],
  queryFn: ({ signal }) => get<MakersApp>(appPath, { signal }),
});

export const campaignQuery = (id: string) =>
  queryOptions({
    queryKey: ["campaigns", "one", id],
    queryFn: ({ signal }) => get<CampaignDetail>(campaignPath(id), { signal }),
    refetchInterval: liveMs,
  });

/** Stores nothing, so that the same campaign has the same estimate for a while. */
export const estimateQuery = (definition: unknown) =>
  queryOptions({
    queryKey: ["campaigns", "estimate", definition],
    queryFn: () => send<CampaignEstimate>("POST", `${campaignsPath}/estimate`, definition),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  });

export const peopleQuery = (id: string, search: { cursor?: string | undefined }) =>
  queryOptions({
    queryKey: ["campaigns", "people", id, search],
    queryFn: ({ signal }) =>
      get<Page<HouseholdForPerson>>(`${campaignPath(id)}/people${stringifySearch({ ...search, limit: 25 })}`, {
        signal,
      }),
    placeholderData: keepPreviousData,
    // As with a recall's: each look at names is in the audit log.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });

export const recallQuery = (id: string, search: { status?: RecallStatus | undefined; cursor?: string | undefined }) =>
  queryOptions({
    queryKey: ["campaigns", "recall", id, search],
    queryFn: ({ signal }) =>
      get<Page<RecallHousehold>>(`${campaignPath(id)}/recall${stringifySearch({ ...search, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
    // It names people, and each look at it is in the audit log: it is looked at again when somebody says so.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });

/** What a campaign may choose from. */
export const campaignItemsQuery = queryOptions({
  queryKey: ["campaigns", "items"],
  queryFn: ({ signal }) => get<Page<ContentSummary>>("/api/v1/content/items?limit=100", { signal }),
});

export const householdDecisionsQuery = (householdId: string) =>
  queryOptions({
    queryKey: ["households", "one", householdId, "decisions"],
    queryFn: ({ signal }) =>
      get<Page<Decision>>(`/api/v1/households/${encodeURIComponent(householdId)}/decisions?limit=20`, { signal }),
    refetchInterval: 10_000,
  });

export const explainDecision = (householdId: string, itemId: string) =>
  send<DecisionExplanation>("POST", "/api/v1/decisions/explain", { householdId, itemId });
