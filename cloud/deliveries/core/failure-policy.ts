import type { DeliveryKind } from "#protocol/delivery.ts";
import type { UpdateFailure } from "#protocol/update.ts";
import { retryPauseMs } from "./step-table.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Whether another attempt may help after a failure, and the pause before the first one; each further pause is twice as long. */
export type FailurePolicy = { retry: false } | { retry: true; pauseMs: number };

const never: FailurePolicy = { retry: false };
const again = (pauseMs: number): FailurePolicy => ({ retry: true, pauseMs });

/**
 * Where the link or the server was bad, another hour may be better. Where the image or its papers do not fit the appliance, they will not
 * fit it tomorrow either, and where the new firmware did not come up, trying once more would only reboot a kitchen once more.
 */
const updatePolicies: Readonly<Partial<Record<UpdateFailure, FailurePolicy>>> = {
  metadata_unreachable: again(minuteMs),
  metadata_too_slow: again(10 * minuteMs),
  metadata_incomplete: again(10 * minuteMs),
  metadata_expired: again(hourMs),
  statement_unreachable: again(minuteMs),
  statement_too_slow: again(10 * minuteMs),
  statement_expired: again(minuteMs),
  statement_refused: never,
  download_unreachable: again(minuteMs),
  download_too_slow: again(10 * minuteMs),
  download_ended_early: again(minuteMs),
  download_range_wrong: again(minuteMs),
  download_http_3xx: never,
  download_http_4xx: again(minuteMs),
  download_http_5xx: again(10 * minuteMs),
  image_hash_wrong: again(minuteMs),
  image_lost: again(minuteMs),
  offer_changed: again(minuteMs),
  disk_full: again(6 * hourMs),
  update_under_way: again(hourMs),
  health_check_failed: never,
  metadata_malformed: never,
  metadata_not_signed: never,
  metadata_rolled_back: never,
  metadata_too_long: never,
  mix_and_match: never,
  target_unknown: never,
  statement_malformed: never,
  statement_not_signed: never,
  statement_too_long: never,
  statement_for_another: never,
  statement_replayed: never,
  image_signature_wrong: never,
  wrong_model: never,
  wrong_hardware: never,
  not_newer: never,
  below_min_counter: never,
  image_too_large: never,
  image_too_long: never,
  no_factory_root: never,
  link_not_allowed: never,
  declined_by_owner: never,
  superseded: never,
};

/** What to do after a failure that the device gave a reason for. A reason that is not known is tried again: it may pass. */
export function failurePolicy(kind: DeliveryKind, reason: string | null): FailurePolicy {
  const policies: Readonly<Record<string, FailurePolicy>> = updatePolicies;
  const known =
    kind === "firmware" && reason !== null && Object.hasOwn(policies, reason) ? policies[reason] : undefined;
  return known ?? again(retryPauseMs);
}

/** Whether somebody who asks for it may have an update tried again after it failed for a reason, or after silence. */
export const mayRetryUpdate = (reason: string): boolean =>
  reason !== "rolled_back" && failurePolicy("firmware", reason).retry;
