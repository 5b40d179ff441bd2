import type { Timers } from "../platform/timers.ts";
import type { DeviceStore } from "./device-store.ts";

export interface TransferLimits {
  /** Longest silence between two pieces, and before the first. */
  silenceMs: number;
  /** After this long the average must be at least `bytesPerSMin`: slower is a link that somebody holds open. */
  rateAfterMs: number;
  bytesPerSMin: number;
}

export const transferLimits: TransferLimits = { silenceMs: 30_000, rateAfterMs: 15_000, bytesPerSMin: 1_024 };

export interface TransferRequest {
  href: string;
  /** The manifest's length: not one byte more is taken. */
  length: number;
  /** Strong ETag of the bytes that are already there, or null where none was named. */
  etag: string | null;
  store: DeviceStore;
  fetch: typeof fetch;
  timers: Timers;
  signal: AbortSignal;
  limits: TransferLimits;
  /** Called before the first byte is kept, with the ETag of the bytes that follow. */
  onStart: (etag: string | null) => void;
  onProgress: (bytes: number) => void;
}

export type TransferOutcome =
  | { kind: "whole" }
  /** Another try may help; what arrived is kept. */
  | { kind: "cut"; reason: string }
  /** The server sends something else than what the manifest describes. */
  | { kind: "wrong"; reason: "image_too_long" };

const cut = (reason: string): TransferOutcome => ({ kind: "cut", reason });

/**
 * Fetches an image into the partial file, going on where it was cut (RFC 9110, sections 13.1.5 and 14): Range with If-Range, so that
 * a changed image comes whole again and two images are never glued together. Redirects are not followed: the link was signed as it is.
 */
export async function transfer(request: TransferRequest): Promise<TransferOutcome> {
  const { store, length, signal, timers, limits } = request;
  if (store.partialBytes() > length || request.etag === null) store.clearPartial();
  const have = store.partialBytes();
  if (have === length) return { kind: "whole" };
  const stopper = new AbortController();
  const watch = watchRate(timers, limits, () => {
    stopper.abort(new Error("too slow"));
  });
  try {
    const response = await request.fetch(request.href, {
      headers: have > 0 && request.etag !== null ? { range: `bytes=${have}-`, "if-range": request.etag } : {},
      redirect: "error",
      signal: AbortSignal.any([signal, stopper.signal]),
    });
    return await keepBody(response, request, have, watch.heard);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return cut(stopper.signal.aborted ? "too_slow" : cause.slice(0, 200));
  } finally {
    watch.end();
  }
}

async function keepBody(
  response: Response,
  request: TransferRequest,
  have: number,
  heard: (bytes: number) => void,
): Promise<TransferOutcome> {
  const { store, length } = request;
  if (response.status === 416) {
    await response.body?.cancel();
    store.clearPartial();
    return cut("range_refused");
  }
  if (response.status === 206) {
    if (!startsAt(response.headers.get("content-range"), have)) {
      await response.body?.cancel();
      store.clearPartial();
      return cut("wrong_range");
    }
  } else if (response.status === 200) {
    store.clearPartial();
    request.onStart(strongEtag(response.headers.get("etag")));
  } else {
    await response.body?.cancel();
    return cut(`http_${response.status}`);
  }
  if (response.body === null) return cut("no_body");
  let bytes = store.partialBytes();
  for await (const piece of response.body) {
    heard(piece.length);
    bytes += piece.length;
    if (bytes > length) {
      store.clearPartial();
      return { kind: "wrong", reason: "image_too_long" };
    }
    store.appendPartial(piece);
    request.onProgress(bytes);
  }
  return bytes === length ? { kind: "whole" } : cut("ended_early");
}

const startsAt = (contentRange: string | null, have: number): boolean =>
  contentRange !== null && contentRange.startsWith(`bytes ${have}-`);

/** A weak tag promises no equal bytes, so nothing can be resumed by it. */
const strongEtag = (etag: string | null): string | null =>
  etag === null || etag.startsWith("W/") || etag.length > 200 ? null : etag;

/** Calls `tooSlow` on silence and on a trickle. */
function watchRate(
  timers: Timers,
  limits: TransferLimits,
  tooSlow: () => void,
): { heard: (bytes: number) => void; end: () => void } {
  let bytes = 0;
  let bytesBefore = 0;
  let endSilence = timers.after(limits.silenceMs, tooSlow);
  const endRate = timers.every(limits.rateAfterMs, () => {
    if (((bytes - bytesBefore) * 1_000) / limits.rateAfterMs < limits.bytesPerSMin) tooSlow();
    bytesBefore = bytes;
  });
  return {
    heard(more) {
      bytes += more;
      endSilence();
      endSilence = timers.after(limits.silenceMs, tooSlow);
    },
    end() {
      endSilence();
      endRate();
    },
  };
}
