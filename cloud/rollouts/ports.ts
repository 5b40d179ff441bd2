/** What rollouts need of their neighbours, and how they refuse. */
import type { Model } from "#protocol/model.ts";
import type { Deliveries, UpdateNotices } from "../deliveries/deliveries.ts";
import type { Outbox } from "../events/events.ts";
import type { Firmware } from "../firmware/firmware.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { predicateProblems } from "../platform/predicate/predicate.ts";
import type { Audit } from "../staff/staff.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { rolloutProblems } from "./errors.ts";

export interface RolloutsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  models: { model(key: string): Promise<Model | null> };
  deliveries: Pick<Deliveries, "createForSet" | "cancelForSet" | "onMoved">;
  firmware: Pick<Firmware, "release" | "passThroughs" | "markOffered">;
  telemetry: Pick<Telemetry, "gateMetric">;
  /** Tells households that an update is coming. */
  notices: Pick<UpdateNotices, "tellBefore">;
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
