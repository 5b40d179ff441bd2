import type { Model } from "#protocol/model.ts";
import { infiniteQueryOptions, keepPreviousData, QueryCache, QueryClient, queryOptions } from "@tanstack/react-query";
import type { TimelineKind } from "../core/timeline.ts";
import { type LiveOverview, withAnswer } from "../core/rates.ts";
import {
  type DeviceListSearch,
  type ProvisioningSearch,
  type SecuritySearch,
  stringifySearch,
} from "../core/url-state.ts";
import type { ServiceCase } from "./case-shapes.ts";
import { ApiProblem, get } from "./client.ts";
import { session } from "./session.ts";
import type {
  Batch,
  BatchDetail,
  Certificate,
  Connection,
  Delivery,
  Device,
  DeviceDetail,
  Health,
  LatestValue,
  Me,
  Overview,
  Page,
  SecurityEvent,
  TelemetryRange,
  TimelineAnswer,
  TimelineEntry,
} from "./shapes.ts";

/** How often what is on the screen is asked for again, while somebody can see it. */
const liveMs = 2_000;
const calmMs = 5_000;
const retriesMax = 2;

/** A refusal does not become an agreement by asking again; silence may pass. */
export const mayPass = (error: Error) => !(error instanceof ApiProblem) || error.status === 0 || error.status >= 500;

export const createQueryClient = (): QueryClient =>
  new QueryClient({
    queryCache: new QueryCache({
      onError(error) {
        if (error instanceof ApiProblem && error.status === 401) session.end(true);
      },
    }),
    defaultOptions: {
      queries: {
        retry: (failures, error) => failures < retriesMax && mayPass(error),
        staleTime: 1_000,
        // The service is often on this very machine, which the browser's own idea of being online knows nothing about.
        networkMode: "always",
      },
    },
  });

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get<Me>("/api/v1/me", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

const overviewKey = ["overview"];
export const overviewQuery = queryOptions({
  queryKey: overviewKey,
  queryFn: async ({ signal, client }) => {
    const answer = await get<Overview>("/api/v1/overview", { signal });
    return withAnswer(client.getQueryData<LiveOverview>(overviewKey), answer);
  },
  refetchInterval: liveMs,
  // The rates of the last minutes outlive a look at another page.
  gcTime: 600_000,
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  // 503 is how a service that is not well says so, with the same body.
  queryFn: ({ signal }) => get<Health>("/api/v1/health", { signal, alsoFine: [503] }),
  refetchInterval: calmMs,
});

/** The newest open cases, as many as are read at a glance. */
export const endedBadlyQuery = (phase: "failed" | "rejected") =>
  queryOptions({
    queryKey: ["deliveries", phase],
    queryFn: ({ signal }) => get<Page<Delivery>>(`/api/v1/deliveries?phase=${phase}&limit=5`, { signal }),
    refetchInterval: calmMs,
  });

export const openCasesQuery = queryOptions({
  queryKey: ["cases", "open"],
  queryFn: ({ signal }) => get<Page<ServiceCase>>("/api/v1/cases?status=open&limit=5", { signal }),
  refetchInterval: calmMs,
});

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: ({ signal }) => get<{ items: Model[] }>("/api/v1/models", { signal }),
  staleTime: 60_000,
});

export const devicesPerPage = 50;

export const devicesQuery = (search: DeviceListSearch) =>
  queryOptions({
    queryKey: ["devices", search],
    queryFn: ({ signal }) =>
      get<Page<Device>>(`/api/v1/devices${stringifySearch({ ...search, limit: devicesPerPage })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const devicePath = (id: string) => `/api/v1/devices/${encodeURIComponent(id)}`;

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) => get<DeviceDetail>(devicePath(id), { signal }),
    refetchInterval: liveMs,
  });

export const latestQuery = (id: string) =>
  queryOptions({
    queryKey: ["latest", id],
    queryFn: ({ signal }) => get<{ items: LatestValue[] }>(`${devicePath(id)}/telemetry/latest`, { signal }),
    refetchInterval: liveMs,
  });

/** Which part of an appliance's readings a chart shows. */
export interface ChartWindow {
  metrics: readonly string[];
  /** An appliance that is shown beside it. */
  other: string | undefined;
  /** How many buckets the chart has room for. */
  points: number;
  /** Either the last so many milliseconds, asked for again and again, or a range that stands still. */
  span: { kind: "live"; spanMs: number; refreshMs: number } | { kind: "fixed"; fromMs: number; toMs: number };
}

/**
 * The range to ask for. Buckets of a live range begin at multiples of their length, so that a value keeps its bucket while the range
 * moves on, and lines do not tremble.
 */
function rangeOf({ span, points }: ChartWindow, nowMs: number): { fromMs: number; toMs: number; points: number } {
  if (span.kind === "fixed") return { fromMs: span.fromMs, toMs: span.toMs, points };
  const bucketMs = Math.max(1, Math.ceil(span.spanMs / points));
  const fromMs = Math.floor((nowMs - span.spanMs) / bucketMs) * bucketMs;
  const count = Math.ceil((nowMs - fromMs) / bucketMs) + 1;
  return { fromMs, toMs: fromMs + count * bucketMs, points: count };
}

export function telemetryPath(id: string, window: ChartWindow, nowMs: number): string {
  const search = { metrics: window.metrics.join(","), ...rangeOf(window, nowMs) };
  if (window.other === undefined) return `${devicePath(id)}/telemetry${stringifySearch(search)}`;
  return `/api/v1/telemetry/range${stringifySearch({ devices: `${id},${window.other}`, ...search })}`;
}

/** Raw readings as a file. */
export const exportPath = (
  ids: readonly string[],
  metrics: readonly string[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
  format: "csv" | "ndjson",
): string =>
  `/api/v1/telemetry/export${stringifySearch({
    devices: ids.join(","),
    metrics: metrics.length === 0 ? undefined : metrics.join(","),
    format,
    fromMs: Math.round(fromMs),
    toMs: Math.round(toMs),
  })}`;

/**
 * The readings of a window. Where this appliance is left out of a look at two, since not both of their households agreed to that, it is
 * asked for alone: looking after one household takes no such consent, and whoever wants to compare does not lose what they had.
 */
async function readTelemetry(id: string, window: ChartWindow, signal: AbortSignal): Promise<TelemetryRange> {
  const nowMs = Date.now();
  const answer = await get<TelemetryRange>(telemetryPath(id, window, nowMs), { signal });
  const { leftOut = null } = answer;
  if (leftOut === null || answer.series.some(({ deviceId }) => deviceId === id)) return answer;
  const alone = await get<TelemetryRange>(telemetryPath(id, { ...window, other: undefined }, nowMs), { signal });
  return { ...alone, leftOut };
}

export const telemetryQuery = (id: string, window: ChartWindow) =>
  queryOptions({
    queryKey: ["telemetry", id, window],
    queryFn: ({ signal }) => readTelemetry(id, window, signal),
    enabled: window.metrics.length > 0 && window.points > 0,
    refetchInterval: window.span.kind === "live" ? window.span.refreshMs : false,
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
  });

/** Kinds that the service keeps; readings are marked by the console itself. */
export type StoredKind = TimelineEntry["kind"];
export const isStored = (kind: TimelineKind): kind is StoredKind => kind !== "reading";

export const timelinePath = (
  id: string,
  kinds: readonly StoredKind[],
  beforeMs: number | null,
  limit: number,
): string =>
  `${devicePath(id)}/timeline${stringifySearch({ kinds: kinds.join(","), limit, before: beforeMs ?? undefined })}`;

const entriesPerPage = 100;
/** From so many pages on a timeline is read again less often. */
const pagesMany = 2;

export const timelineQuery = (id: string, kinds: readonly StoredKind[]) =>
  infiniteQueryOptions({
    queryKey: ["timeline", id, kinds],
    queryFn: ({ signal, pageParam }) =>
      get<TimelineAnswer>(timelinePath(id, kinds, pageParam, entriesPerPage), { signal }),
    initialPageParam: null as number | null,
    getNextPageParam: (last: TimelineAnswer) => last.nextBeforeMs,
    enabled: kinds.length > 0,
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > pagesMany ? 6 * calmMs : calmMs),
  });

const hourMs = 3_600_000;

export const securityQuery = (search: SecuritySearch) =>
  queryOptions({
    queryKey: ["security", search],
    queryFn: ({ signal }) =>
      get<Page<SecurityEvent>>(`/api/v1/security/events${stringifySearch({ ...search, limit: 50 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

/** What the chart of the last day counts; of a day with more than the API's page holds, the newest. */
export const securityDayQuery = queryOptions({
  queryKey: ["security", "day"],
  queryFn: ({ signal }) =>
    get<Page<SecurityEvent>>(`/api/v1/security/events?limit=500&since=${Date.now() - 24 * hourMs}`, { signal }),
  refetchInterval: 30_000,
});

/** What somebody should look at now. */
export const alertsQuery = queryOptions({
  queryKey: ["security", "alerts"],
  queryFn: ({ signal }) =>
    get<Page<SecurityEvent>>(`/api/v1/security/events?severity=alert&limit=100&since=${Date.now() - hourMs}`, {
      signal,
    }),
  refetchInterval: 15_000,
});

/** A card for each, and a question for each card. */
const batchesPerPage = 20;

export const batchesQuery = (cursor: string | undefined) =>
  queryOptions({
    queryKey: ["batches", "page", cursor],
    queryFn: ({ signal }) =>
      get<Page<Batch>>(`/api/v1/batches${stringifySearch({ cursor, limit: batchesPerPage })}`, { signal }),
    refetchInterval: calmMs,
  });

export const batchQuery = (key: string) =>
  queryOptions({
    queryKey: ["batches", "one", key],
    queryFn: ({ signal }) => get<BatchDetail>(`/api/v1/batches/${encodeURIComponent(key)}`, { signal }),
    refetchInterval: calmMs,
  });

/** How long before its end a certificate is worth a look. */
export const expiringMs = 30 * 24 * hourMs;

const certificatesPath = ({ device, certificates, cursor }: ProvisioningSearch, limit: number) =>
  `/api/v1/certificates${stringifySearch({
    device,
    cursor,
    limit,
    expiringBeforeMs: certificates === "expiring" ? Date.now() + expiringMs : undefined,
    revoked: certificates === "revoked" ? "true" : undefined,
  })}`;

export const certificatesQuery = (search: ProvisioningSearch) =>
  queryOptions({
    queryKey: ["certificates", search],
    queryFn: ({ signal }) => get<Page<Certificate>>(certificatesPath(search, 50), { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

/** What has to be renewed soon. */
export const expiringQuery = queryOptions({
  queryKey: ["certificates", "soon"],
  queryFn: ({ signal }) => get<Page<Certificate>>(certificatesPath({ certificates: "expiring" }, 100), { signal }),
  refetchInterval: 60_000,
});

export const connectionsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["connections", id],
    queryFn: ({ signal, pageParam }) =>
      get<Page<Connection>>(
        `${devicePath(id)}/connections${stringifySearch({ cursor: pageParam ?? undefined, limit: 50 })}`,
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last: Page<Connection>) => last.nextCursor,
    refetchInterval: calmMs,
  });

export const deviceCertificatesQuery = (id: string) =>
  queryOptions({
    queryKey: ["certificates", "of", id],
    queryFn: ({ signal }) => get<{ items: Certificate[] }>(`${devicePath(id)}/certificates`, { signal }),
    refetchInterval: calmMs,
  });
