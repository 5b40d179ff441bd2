/** Everything that Prometheus may ask for, in a registry of its own. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import type { GatewayStatus } from "#protocol/link/messages.ts";
import type { Ingest, IngestCounters, PointsReader } from "../ingest/ingest.ts";
import { countAtScrape, gaugeAtScrape } from "./at-scrape.ts";
import { gatewayMetrics, pubackHistogram } from "./gateway-metrics.ts";

export interface MetricsDeps {
  gateway: {
    /** The gateway's last word about itself, or null before the first. */
    status: () => GatewayStatus | null;
    isListening: () => boolean;
  };
  ingest: Pick<Ingest, "counters" | "onCommitted">;
  /** The reader of readings, where they have a store of their own. */
  points: Pick<PointsReader, "counters" | "waitingFor"> | null;
}

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const lagBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600];

const ingestCounters: readonly [keyof IngestCounters, string, string][] = [
  ["readingsCommitted", "readings_committed", "Readings committed to the database."],
  ["recordsCommitted", "ingest_records_committed", "Records of the up road committed, of whatever kind."],
  ["batchesCommitted", "ingest_batches_committed", "Batches committed, a transaction each."],
  ["quarantined", "ingest_records_quarantined", "Records set aside whole, with their reason."],
  ["retries", "ingest_retries", "Attempts to commit that failed because the database was away or busy."],
];

/** Of readings that are stored in InfluxDB, and come there by a reader of their own. */
function pointsMetrics(registry: Registry, points: NonNullable<MetricsDeps["points"]>, status: StatusOf): void {
  const counts = [
    ["stored", "points_stored", "Readings stored in InfluxDB."],
    ["parked", "points_parked", "Readings that InfluxDB refuses for good, or parts of them."],
    ["retries", "points_retries", "Attempts to store readings that failed because InfluxDB was away or busy."],
  ] as const;
  for (const [counter, name, help] of counts) {
    countAtScrape(registry, { name: `hearth_${name}_total`, help }, () => points.counters[counter]);
  }
  const gauges = [
    ["points_waiting", "1 while InfluxDB takes no readings.", () => (points.waitingFor === null ? 0 : 1)],
    ["points_behind_records", "Records whose readings wait for it.", () => status()?.behind.points?.records ?? 0],
    ["points_oldest_age_seconds", "Age of the oldest.", () => (status()?.behind.points?.oldestMs ?? 0) / 1_000],
  ] as const;
  for (const [name, help, read] of gauges) gaugeAtScrape(registry, { name: `hearth_${name}`, help }, read);
}

type StatusOf = MetricsDeps["gateway"]["status"];

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #gatewayStatus: () => GatewayStatus | null;
  readonly #requests: Counter<"method" | "route" | "status">;
  readonly #requestSeconds: Histogram<"method" | "route">;

  constructor({ gateway, ingest, points }: MetricsDeps) {
    const registers = [this.#registry];
    this.#gatewayStatus = gateway.status;
    const up = { name: "hearth_gateway_up", help: "1 while the gateway listens." };
    gaugeAtScrape(this.#registry, up, () => (gateway.isListening() ? 1 : 0));
    gatewayMetrics(this.#registry, gateway.status);
    for (const [counter, name, help] of ingestCounters) {
      countAtScrape(this.#registry, { name: `hearth_${name}_total`, help }, () => ingest.counters[counter]);
    }
    if (points !== null) pointsMetrics(this.#registry, points, gateway.status);
    const lag = new Histogram({
      name: "hearth_ingest_lag_seconds",
      help: "From the arrival of a batch's oldest record at the gateway to its commit in the database.",
      buckets: lagBuckets,
      registers,
    });
    ingest.onCommitted = (lagMs) => lag.observe(lagMs / 1_000);
    this.#requests = new Counter({
      name: "hearth_http_requests_total",
      help: "HTTP requests answered, by route and status.",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: "hearth_http_request_duration_seconds",
      help: "How long they took, by route; streams are left out.",
      labelNames: ["method", "route"],
      buckets: requestBuckets,
      registers,
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  /** @param route as it is registered, so that its values are few: ids are no part of it */
  answered(method: string, route: string, status: number, elapsedMs: number, isStream: boolean): void {
    this.#requests.inc({ method, route, status: String(status) });
    if (!isStream) this.#requestSeconds.observe({ method, route }, elapsedMs / 1_000);
  }

  /** All of it, in Prometheus' text format (0.0.4). */
  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${pubackHistogram(this.#gatewayStatus())}`;
  }
}
