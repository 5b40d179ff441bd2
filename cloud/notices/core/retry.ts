import { fraction } from "../../platform/fraction.ts";

/** How long a message is tried, from when it was made. */
export const tryForMs = 24 * 3_600_000;
const firstWaitMs = 5_000;
const waitMsMax = 3_600_000;

/**
 * How long to wait after an attempt that failed: twice as long each time, up to an hour, less up to half of it, so that receivers that
 * were away together are not called together.
 *
 * @param attempt from 1
 */
export function waitMs(deliveryId: string, attempt: number): number {
  const longest = Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(longest * (1 - fraction(`${deliveryId} ${attempt}`) / 2));
}

/** When to try again; null: it has been tried for long enough. `askedMs` is what the receiver asked to be left alone for. */
export function nextAttemptAtMs(
  delivery: { id: string; untilMs: number },
  attempt: number,
  nowMs: number,
  askedMs = 0,
): number | null {
  const atMs = nowMs + Math.max(waitMs(delivery.id, attempt), Math.min(askedMs, waitMsMax));
  return atMs <= delivery.untilMs ? atMs : null;
}
