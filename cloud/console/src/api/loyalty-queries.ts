import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get, send } from "./client.ts";
import { householdKey, householdPath } from "./household-queries.ts";
import type {
  EarningDefinition,
  EarningRule,
  HouseholdPoints,
  LedgerEntry,
  Liability,
  LoyaltyProgram,
  LoyaltyShop,
  LoyaltyVocabulary,
  Offer,
  OfferDefinition,
  OfferGrant,
  OfferMarket,
  Redemption,
  Reward,
} from "./loyalty-shapes.ts";
import type { CheckedCondition } from "./segment-shapes.ts";
import type { Page } from "./shapes.ts";

const calmMs = 5_000;
const entriesPerPage = 30;

export const loyaltyPath = "/api/v1/loyalty";
/** The beginning of whatever is asked of the program. */
export const loyaltyKey = ["loyalty"] as const;
export const shopPath = `${loyaltyPath}/shop`;
export const rewardPath = (key: string) => `${loyaltyPath}/rewards/${encodeURIComponent(key)}`;
export const offerPath = (key: string) => `${loyaltyPath}/offers/${encodeURIComponent(key)}`;
export const earningRulePath = (key: string) => `${loyaltyPath}/rules/${encodeURIComponent(key)}`;

/** What each market reads of an offer as it stands in a form. */
export const offerMarketsQuery = (definition: OfferDefinition) =>
  queryOptions({
    queryKey: ["loyalty", "markets", definition],
    queryFn: () => send<{ markets: OfferMarket[] }>("POST", `${loyaltyPath}/offers/markets`, definition),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });

const asked = <Answer>(name: string, path: string) =>
  queryOptions({
    queryKey: ["loyalty", name],
    queryFn: ({ signal }) => get<Answer>(`${loyaltyPath}/${path}`, { signal }),
    refetchInterval: calmMs,
  });

export const earningRulesQuery = asked<{ items: EarningRule[] }>("rules", "rules");
export const vocabularyQuery = queryOptions({
  queryKey: ["loyalty", "vocabulary"],
  queryFn: ({ signal }) => get<LoyaltyVocabulary>(`${loyaltyPath}/vocabulary`, { signal }),
  staleTime: Infinity,
});
export const programQuery = asked<LoyaltyProgram>("program", "program");
export const liabilityQuery = asked<Liability>("liability", "liability");
export const rewardsQuery = asked<{ items: Reward[] }>("rewards", "rewards");
export const redemptionsQuery = asked<{ items: Redemption[] }>("redemptions", "redemptions?limit=20");
export const offersQuery = asked<{ items: Offer[] }>("offers", "offers");
export const grantsQuery = asked<{ items: OfferGrant[] }>("grants", "grants?limit=20");

/** Where orders go. */
export const shopQuery = queryOptions({
  queryKey: [...loyaltyKey, "shop"],
  queryFn: ({ signal }) => get<{ shop: LoyaltyShop | null }>(shopPath, { signal }),
});

/** Whether a condition that somebody writes can be used over the facts of an act. */
export const conditionCheckQuery = (when: string, facts: EarningDefinition["facts"]) =>
  queryOptions({
    queryKey: ["loyalty", "condition", when, facts],
    queryFn: () => send<CheckedCondition>("POST", `${loyaltyPath}/conditions/check`, { when, facts }),
    staleTime: Infinity,
  });

export const earningVersionsQuery = (key: string) =>
  queryOptions({
    queryKey: ["loyalty", "versions", key],
    queryFn: ({ signal }) => get<{ items: EarningRule[] }>(`${earningRulePath(key)}/versions`, { signal }),
  });

export const householdPointsQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "points"],
    queryFn: ({ signal }) => get<HouseholdPoints>(`${householdPath(id)}/points`, { signal }),
    refetchInterval: calmMs,
  });

export const householdLedgerQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: [...householdKey(id), "ledger"],
    queryFn: ({ signal, pageParam }) =>
      get<Page<LedgerEntry>>(
        `${householdPath(id)}/ledger${stringifySearch({ cursor: pageParam ?? undefined, limit: entriesPerPage })}`,
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }: Page<LedgerEntry>) => nextCursor,
    refetchInterval: calmMs,
  });
