import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { TelemetryStore } from "../telemetry/telemetry.ts";
import { appliancesOf } from "./case-appliances.ts";
import type { EventsOf, KnownAppliances } from "./answers.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import type { CaseEntriesStore } from "./case-entries-store.ts";
import type { ServiceCase } from "./case-row.ts";
import {
  evidenceEventsMax,
  evidencePoints,
  evidenceRetryMs,
  evidenceSpan,
  keyMetrics,
  nextEvidenceAtMs,
  retryEvidenceAtMs,
} from "./core/evidence-plan.ts";
import { type EvidenceSnapshot, EvidenceStore, type RelatedCase } from "./evidence-store.ts";

export interface EvidenceDeps {
  db: Db;
  clock: Clock;
  appliances: ServiceAppliances & KnownAppliances;
  eventsOf: EventsOf;
  entries: CaseEntriesStore;
  /** Asked anew each time: the store may be another one by then. */
  readings: () => Pick<TelemetryStore, "range">;
  /** Where evidence could not be taken; it is tried again. */
  onError: (error: unknown, caseId: string) => void;
}

const atOnceMax = 20;
const relatedMax = 20;
/** Causes that other appliances had within this time are like this one's. */
const similarWithinMs = 30 * 86_400_000;

/** Of an appliance, what staff look at first: what it is, and until when it is whose to mend. */
export interface ApplianceDates {
  serial: string;
  firmware: string | null;
  hardware: string | null;
  soldAtMs: number | null;
  warrantyUntilMs: number | null;
  /** Of its model. */
  endOfSupportMs: number | null;
}

/** What speaks for a case: taken after the commit that opened it, so that no reading waits for it. */
export class Evidence {
  readonly #deps: EvidenceDeps;
  readonly #store = new EvidenceStore();

  constructor(deps: EvidenceDeps) {
    this.#deps = deps;
  }

  /** Takes what is due. A store of readings that is away delays it, and nothing else. */
  async tick(): Promise<void> {
    const { db, clock, onError } = this.#deps;
    for (;;) {
      const nowMs = clock.nowMs();
      const due = await this.#store.claim(db, nowMs, nowMs + evidenceRetryMs, atOnceMax);
      for (const serviceCase of due) {
        try {
          await this.#take(serviceCase, nowMs);
        } catch (error) {
          onError(error, serviceCase.id);
          await this.#store.retryAt(db, serviceCase.id, retryEvidenceAtMs(serviceCase.knownAtMs, nowMs));
        }
      }
      if (due.length < atOnceMax) return;
    }
  }

  snapshot(caseId: string): Promise<EvidenceSnapshot | null> {
    return this.#store.get(this.#deps.db, caseId);
  }

  async dates(deviceId: string, modelKey: string): Promise<ApplianceDates | null> {
    const { appliances } = this.#deps;
    const [row, model] = await Promise.all([appliances.get(deviceId), appliances.model(modelKey)]);
    if (row === null) return null;
    return {
      serial: row.serial,
      firmware: row.firmware_version,
      hardware: row.hardware,
      soldAtMs: row.sold_at_ms,
      warrantyUntilMs: row.warranty_until_ms,
      endOfSupportMs: model?.endOfSupportMs ?? null,
    };
  }

  /** Other cases of this appliance, and other appliances with this cause. */
  async related(serviceCase: ServiceCase) {
    const { db } = this.#deps;
    const sinceMs = serviceCase.openedAtMs - similarWithinMs;
    const [past, similar, counts] = await Promise.all([
      this.#store.past(db, serviceCase, relatedMax),
      this.#store.similar(db, serviceCase, sinceMs, relatedMax),
      this.#store.similarCounts(db, serviceCase, sinceMs),
    ]);
    return { past: await this.#named(past), similar: { ...counts, sinceMs, cases: await this.#named(similar) } };
  }

  async #named(cases: readonly RelatedCase[]) {
    if (cases.length === 0) return [];
    const refs = await this.#deps.appliances.refsByKey([...new Set(cases.map(({ deviceKey }) => deviceKey))]);
    return cases.map(({ deviceKey, ...one }) => ({ ...one, deviceId: refs.get(deviceKey)?.id ?? "" }));
  }

  async #take(serviceCase: ServiceCase, nowMs: number): Promise<void> {
    const { db, appliances, eventsOf, entries, readings } = this.#deps;
    const { id, openedAtMs, model } = serviceCase;
    const device = (await appliancesOf(appliances, [serviceCase]))(serviceCase);
    if (device === undefined) return this.#store.retryAt(db, id, null);
    const span = evidenceSpan(openedAtMs, device.householdSinceMs);
    const [before, row, declared, [opened]] = await Promise.all([
      this.#store.get(db, id),
      appliances.get(device.id),
      appliances.model(model),
      entries.first(db, id),
    ]);
    const metrics = keyMetrics(opened?.data ?? {}, declared?.metrics.map(({ name }) => name) ?? []);
    const declarationOf = (metric: string) => declared?.metrics.find(({ name }) => name === metric);
    const ask = { devices: [{ device, sinceMs: span.fromMs }], metrics, ...span, points: evidencePoints };
    const [range, events] = await Promise.all([
      metrics.length === 0 ? { bucketMs: 0, series: [] } : readings().range(ask),
      eventsOf(device, { beforeMs: span.toMs, limit: evidenceEventsMax }),
    ]);
    const nextAtMs = nextEvidenceAtMs(openedAtMs, nowMs);
    const snapshot: EvidenceSnapshot = {
      takenAtMs: nowMs,
      ...span,
      whole: nextAtMs === null,
      // As it was the first time: an update may have come since.
      firmware: before?.firmware ?? {
        version: row?.firmware_version ?? null,
        releaseCounter: row?.release_counter ?? null,
        hardware: row?.hardware ?? null,
      },
      bucketMs: range.bucketMs,
      series: range.series.map(({ metric, buckets }) => ({
        metric,
        label: declarationOf(metric)?.label ?? null,
        unit: declarationOf(metric)?.unit ?? null,
        points: buckets.map(({ atMs, min, mean, max, count }) => [atMs, min, mean, max, count]),
      })),
      events: events
        .filter(({ atMs }) => atMs >= span.fromMs)
        .map(({ atMs, title, data }) => ({ atMs, title, type: String(data["type"]) })),
    };
    await transaction(db, (tx) => this.#store.put(tx, serviceCase, snapshot, nextAtMs));
  }
}
