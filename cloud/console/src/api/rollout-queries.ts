import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get, send } from "./client.ts";
import type {
  Freeze,
  Release,
  RolloutDetail,
  RolloutFailure,
  RolloutPreview,
  RolloutStateKind,
  RolloutSummary,
  Schedule,
} from "./rollout-shapes.ts";
import type { Page } from "./shapes.ts";

/** How often what moves by itself is asked for again, and what people move. */
const liveMs = 2_000;
const calmMs = 10_000;

export const rolloutPath = (id: string) => `/api/v1/rollouts/${encodeURIComponent(id)}`;

export const rolloutsPerPage = 20;

export const rolloutsQuery = (search: { state?: RolloutStateKind | undefined; cursor?: string | undefined }) =>
  queryOptions({
    queryKey: ["rollouts", "page", search],
    queryFn: ({ signal }) =>
      get<Page<RolloutSummary>>(`/api/v1/rollouts${stringifySearch({ ...search, limit: rolloutsPerPage })}`, {
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });

export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ["rollouts", "one", id],
    queryFn: ({ signal }) => get<RolloutDetail>(rolloutPath(id), { signal }),
    refetchInterval: liveMs,
  });

export const failuresQuery = (id: string) =>
  queryOptions({
    queryKey: ["rollouts", "failures", id],
    queryFn: ({ signal }) => get<{ items: RolloutFailure[] }>(`${rolloutPath(id)}/failures`, { signal }),
    refetchInterval: calmMs,
  });

/** A dry run of a plan: nothing is kept, so the same plan gives the same answer for a while. */
export const previewQuery = (plan: unknown) =>
  queryOptions({
    queryKey: ["rollouts", "preview", plan],
    queryFn: () => send<RolloutPreview>("POST", "/api/v1/rollouts/preview", plan),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  });

export const scheduleQuery = (fromMs: number, toMs: number) =>
  queryOptions({
    queryKey: ["schedule", fromMs, toMs],
    queryFn: ({ signal }) => get<Schedule>(`/api/v1/schedule?from=${fromMs}&to=${toMs}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const freezesQuery = queryOptions({
  queryKey: ["freezes"],
  queryFn: ({ signal }) => get<{ items: Freeze[] }>("/api/v1/freezes", { signal }),
  refetchInterval: calmMs,
});

/** People by their principal. */
export const namesQuery = queryOptions({
  queryKey: ["names"],
  queryFn: ({ signal }) => get<{ names: Record<string, string> }>("/api/v1/staff/names", { signal }),
  staleTime: 60_000,
});

/** What a target may ask of an appliance. */
export const targetFactsQuery = queryOptions({
  queryKey: ["target-facts"],
  queryFn: ({ signal }) =>
    get<{ facts: { name: string; help: string }[]; examples: { text: string; means: string }[] }>(
      "/api/v1/rollouts/target-facts",
      { signal },
    ),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The newest releases: what a plan chooses from. */
export const publishedQuery = queryOptions({
  queryKey: ["releases", "published"],
  queryFn: ({ signal }) => get<Page<Release>>("/api/v1/firmware/releases?limit=200", { signal }),
  select: ({ items }) => items.filter(({ state }) => state === "published"),
  refetchInterval: calmMs,
});
