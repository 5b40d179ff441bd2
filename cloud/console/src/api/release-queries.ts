import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type { Release } from "./rollout-shapes.ts";
import type { Page } from "./shapes.ts";

const calmMs = 10_000;

export const releasesQuery = (search: { model?: string | undefined; cursor?: string | undefined }) =>
  queryOptions({
    queryKey: ["releases", "page", search],
    queryFn: ({ signal }) =>
      get<Page<Release>>(`/api/v1/firmware/releases${stringifySearch({ ...search, limit: 20 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

/** What a release, or an appliance that reports it, holds of a component. */
interface Held {
  releaseId: string;
  model: string;
  version: string;
  component: { name: string; version: string | null };
  /** False where the component's version has no place among versions: then it may be the one that is asked for. */
  certain: boolean;
}

export interface AffectedDevice extends Held {
  deviceId: string;
}

export interface Affected {
  items: AffectedDevice[];
  /** On the first page alone: the releases, with how many appliances report each. */
  releases: (Held & { devices: number })[] | null;
  nextCursor: string | null;
}

export const componentsQuery = (name: string, below: string, cursor: string | undefined) =>
  queryOptions({
    queryKey: ["releases", "components", name, below, cursor],
    queryFn: ({ signal }) =>
      get<Affected>(`/api/v1/firmware/components/devices${stringifySearch({ name, below, cursor, limit: 50 })}`, {
        signal,
      }),
    placeholderData: keepPreviousData,
    enabled: name !== "" && below !== "",
  });
