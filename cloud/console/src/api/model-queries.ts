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

export const retentionQuery = queryOptions({
  queryKey: ["telemetry", "retention"],
  queryFn: ({ signal }) => get<Retention>("/api/v1/telemetry/retention", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const modelMetricsPath = (model: string) => `/api/v1/models/${encodeURIComponent(model)}/metrics`;

export const modelMetricsQuery = (model: string) =>
  queryOptions({
    queryKey: ["models", "metrics", model],
    queryFn: ({ signal }) => get<ModelMetrics>(modelMetricsPath(model), { signal }),
    refetchInterval: 10_000,
  });
