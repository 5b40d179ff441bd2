import { isLoopback } from "../platform/loopback.ts";
import type { Timers } from "../platform/timers.ts";
import { type TransferLimits, watchRate } from "./rate-watch.ts";

/** What fetching needs of the world. */
export interface Reach {
  fetch: typeof fetch;
  timers: Timers;
  /** Whether links may lead off this machine. */
  allowRemote: boolean;
  limits: TransferLimits;
}

export type Fetched =
  | { kind: "body"; bytes: Uint8Array }
  | { kind: "status"; status: number }
  | { kind: "failed"; why: "not_allowed" | "unreachable" | "too_slow" | "too_long" };

const failed = (why: Extract<Fetched, { kind: "failed" }>["why"]): Fetched => ({ kind: "failed", why });

export function mayFetch(href: string, allowRemote: boolean): boolean {
  if (!URL.canParse(href)) return false;
  const url = new URL(href);
  return (url.protocol === "http:" || url.protocol === "https:") && (allowRemote || isLoopback(url));
}

/** What every request says: the bytes are counted and hashed as they come, so they come as they are. */
export const asTheyAre = { "accept-encoding": "identity" } as const;

/**
 * Fetches something small, whole: not one byte more than `bytesMax` is kept, silence and a trickle end it, and redirects are not followed.
 */
export async function limitedFetch(
  reach: Reach,
  href: string,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Fetched> {
  if (!mayFetch(href, reach.allowRemote)) return failed("not_allowed");
  const stopper = new AbortController();
  const watch = watchRate(reach.timers, reach.limits, () => {
    stopper.abort();
  });
  try {
    const response = await reach.fetch(href, {
      headers: asTheyAre,
      redirect: "error",
      signal: AbortSignal.any([signal, stopper.signal]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { kind: "status", status: response.status };
    }
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of response.body ?? []) {
      watch.heard(piece.length);
      length += piece.length;
      // Leaving the loop ends the connection.
      if (length > bytesMax) return failed("too_long");
      pieces.push(piece);
    }
    return { kind: "body", bytes: Buffer.concat(pieces) };
  } catch {
    return failed(stopper.signal.aborted ? "too_slow" : "unreachable");
  } finally {
    watch.end();
  }
}
