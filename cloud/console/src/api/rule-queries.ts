import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type { Backtest, BacktestDevice, RuleFiring, RuleLateLine, ServiceRule, StandingRule } from "./rule-shapes.ts";
import type { Page } from "./shapes.ts";

const liveMs = 2_000;
const calmMs = 10_000;

export const rulePath = (id: string) => `/api/v1/service/rules/${encodeURIComponent(id)}`;

export const rulesQuery = queryOptions({
  queryKey: ["rules", "list"],
  queryFn: ({ signal }) => get<{ items: StandingRule[] }>("/api/v1/service/rules", { signal }),
  refetchInterval: calmMs,
});

export const ruleQuery = (id: string) =>
  queryOptions({
    queryKey: ["rules", "one", id],
    queryFn: ({ signal }) => get<{ rule: ServiceRule; versions: ServiceRule[] }>(rulePath(id), { signal }),
    refetchInterval: calmMs,
  });

/** From whom something came too late for a rule. */
export const lateQuery = (id: string) =>
  queryOptions({
    queryKey: ["rules", "late", id],
    queryFn: ({ signal }) => get<{ items: RuleLateLine[] }>(`${rulePath(id)}/late`, { signal }),
    refetchInterval: calmMs,
  });

/** The API's page; of a week with more, what was found last. */
const firingsMax = 500;

/** What rules found last, of one or of all. */
export const firingsQuery = (ruleId: string | undefined) =>
  queryOptions({
    queryKey: ["rules", "firings", ruleId],
    queryFn: ({ signal }) =>
      get<Page<RuleFiring>>(`/api/v1/service/firings${stringifySearch({ rule: ruleId, limit: firingsMax })}`, {
        signal,
      }),
    refetchInterval: calmMs,
  });

export const backtestsQuery = queryOptions({
  queryKey: ["backtests", "list"],
  queryFn: ({ signal }) => get<{ items: Backtest[] }>("/api/v1/service/backtests", { signal }),
  refetchInterval: liveMs,
});

export const backtestPath = (id: string) => `/api/v1/service/backtests/${encodeURIComponent(id)}`;

/** One back-test, asked for until it is over. */
export const backtestQuery = (id: string) =>
  queryOptions({
    queryKey: ["backtests", "one", id],
    queryFn: ({ signal }) => get<Backtest>(backtestPath(id), { signal }),
    refetchInterval: ({ state }) => (state.data?.status === "running" || state.data === undefined ? 700 : false),
  });

export const backtestDevicesQuery = (
  id: string,
  search: { verdict: BacktestDevice["verdict"]; cursor: string | undefined },
) =>
  queryOptions({
    queryKey: ["backtests", "devices", id, search],
    queryFn: ({ signal }) =>
      get<Page<BacktestDevice>>(`${backtestPath(id)}/devices${stringifySearch({ ...search, limit: 50 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });
