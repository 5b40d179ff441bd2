import type { MetricDeclaration } from "#protocol/model.ts";
import { queryOptions } from "@tanstack/react-query";
import { get } from "./client.ts";
import type { Retention } from "./shapes.ts";

/** A metric that appliances send and their model does not declare. */
export interface UnknownMetric {
  name: string;
  firstSeenMs: number;
  lastSeenMs: number;
  kind: "gauge" | "flag";
  /** Of the values seen; null for a flag. */
  min: number | null;
  max: number | null;
  devicesAbout: number;
}

export interface ModelMetrics {
  declared: MetricDeclaration[];
  unknown: UnknownMetric[];
}

/** A live recipe that asks for what the model cannot or must not do. */
export interface UnfitRecipe {
  id: string;
  version: number;
  title: string;
  why: string[];
}

/** What a model's next version would do to its feed. */
export interface FeedFitChange {
  leaves: UnfitRecipe[];
  comesBack: Omit<UnfitRecipe, "why">[];
}

export const retentionQuery = queryOptions({
  queryKey: ["telemetry", "retention"],
  queryFn: ({ signal }) => get<Retention>("/api/v1/telemetry/retention", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const modelPath = (model: string) => `/api/v1/models/${encodeURIComponent(model)}`;
export const modelFeedPath = (model: string) => `${modelPath(model)}/feed`;
export const modelMetricsPath = (model: string) => `${modelPath(model)}/metrics`;

export const modelFeedQuery = (model: string) =>
  queryOptions({
    queryKey: ["models", "feed", model],
    queryFn: ({ signal }) => get<{ kept: UnfitRecipe[] }>(modelFeedPath(model), { signal }),
  });

export const modelMetricsQuery = (model: string) =>
  queryOptions({
    queryKey: ["models", "metrics", model],
    queryFn: ({ signal }) => get<ModelMetrics>(modelMetricsPath(model), { signal }),
    refetchInterval: 10_000,
  });
