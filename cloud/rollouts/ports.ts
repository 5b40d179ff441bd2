/** What rollouts need of their neighbours, and how they refuse. */
import type { RawBuilder } from "kysely";
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import type { Model } from "#protocol/model.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { predicateProblems } from "../platform/predicate/predicate.ts";
import type { Audit } from "../staff/staff.ts";
import type { MeasuredMetric } from "./core/gates.ts";
import type { MetricLine } from "./core/plan.ts";
import type { ReleaseFit } from "./eligibility.ts";
import type { rolloutProblems } from "./errors.ts";

/** A release, as far as rollouts look into it. */
export interface RolloutRelease extends ReleaseFit {
  id: string;
  kind: "security" | "feature";
  state: "draft" | "signed" | "published" | "withdrawn";
}

export interface OfferTerms {
  rolloutId: string;
  consent: "automatic" | "ask";
  notBeforeMs: number | null;
  postponeUntilMsMax: number | null;
  windows: MaintenanceWindow[];
}

/** The firmware slice. */
export interface Releases<R extends RolloutRelease = RolloutRelease> {
  release(id: string): Promise<R | null>;
  passThroughs(model: string): Promise<{ releaseCounter: number; version: string }[]>;
  /** From then on nothing of the release changes. */
  markOffered(tx: Db, releaseId: string, atMs: number): Promise<unknown>;
  offerBody(release: R, terms: OfferTerms): Record<string, unknown>;
}

/** One side of a comparison: appliances, each from a time on. */
export interface MetricSide {
  deviceKey: number;
  sinceMs: number;
}

/** The telemetry slice's one port for gates. */
export interface GateMetrics {
  gateMetric(
    what: { model: string; source: MetricLine["source"] },
    sides: { treated: readonly MetricSide[]; untreated: readonly MetricSide[] },
    toMs: number,
  ): Promise<MeasuredMetric>;
}

/** Tells households that an update is coming, in the caller's transaction. */
export interface Notices {
  /** @param devices a statement that yields `(device_key int, device_id text, online boolean)` */
  tellBefore(
    tx: Db,
    notice: { devices: RawBuilder<unknown>; version: string; security: boolean; beginsAtMs: number },
  ): Promise<void>;
}

export interface RolloutsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  models: { model(key: string): Promise<Model | null> };
  deliveries: Pick<Deliveries, "createForSet" | "cancelForSet" | "onMoved">;
  firmware: Releases;
  telemetry: GateMetrics;
  notices: Notices;
  /** A rollout that could not be carried on this time. The others are. */
  onError: (error: unknown, rolloutId: string) => void;
}

export type RolloutRule = keyof typeof rolloutProblems | keyof typeof predicateProblems;

export interface Refused {
  kind: "refused";
  rule: RolloutRule;
  detail?: string | undefined;
}

export const refused = (rule: RolloutRule, detail?: string): Refused => ({ kind: "refused", rule, detail });
