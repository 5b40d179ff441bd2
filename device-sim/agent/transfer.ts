import type { UpdateFailure } from "#protocol/update.ts";
import type { Timers } from "../platform/timers.ts";
import type { DeviceStore } from "./device-store.ts";
import { isFull } from "./flash.ts";
import { asTheyAre } from "./limited-fetch.ts";
import { type TransferLimits, watchRate } from "./rate-watch.ts";

export interface TransferRequest {
  href: string;
  /** The signed length: not one byte more is taken. */
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
  /** All of it is there, and safe. */
  | { kind: "whole" }
  /** Another try may help; what arrived is kept. */
  | { kind: "cut"; reason: UpdateFailure }
  /** Another try now would end the same way. */
  | { kind: "wrong"; reason: "image_too_long" | "disk_full" };

const cut = (reason: UpdateFailure): TransferOutcome => ({ kind: "cut", reason });

/** The flash failed, not the network. */
class FlashFault extends Error {}

/**
 * Fetches an image into the partial file, going on where it was cut (RFC 9110, sections 13.1.5 and 14): Range with If-Range, so that
 * a changed image comes whole again and two images are never glued together. Redirects are not followed: the link was signed as it is.
 *
 * @throws where the flash fails for another reason than want of room
 */
export async function transfer(request: TransferRequest): Promise<TransferOutcome> {
  const { store, length, signal, timers, limits } = request;
  if (store.partialBytes() > length || request.etag === null) store.clearPartial();
  const have = store.partialBytes();
  if (have === length) return whole(store);
  const stopper = new AbortController();
  const watch = watchRate(timers, limits, () => {
    stopper.abort(new Error("too slow"));
  });
  try {
    const range = have > 0 && request.etag !== null ? { range: `bytes=${have}-`, "if-range": request.etag } : {};
    const response = await request.fetch(request.href, {
      headers: { ...asTheyAre, ...range },
      redirect: "manual",
      signal: AbortSignal.any([signal, stopper.signal]),
    });
    return await keepBody(response, request, have, watch.heard);
  } catch (error) {
    if (error instanceof FlashFault) {
      if (isFull(error.cause)) return { kind: "wrong", reason: "disk_full" };
      throw error;
    }
    return cut(stopper.signal.aborted ? "download_too_slow" : "download_unreachable");
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
  const turnedDown = refusalOf(response, have);
  if (turnedDown !== null) {
    await response.body?.cancel();
    if (turnedDown === "download_range_wrong") onFlash(() => store.clearPartial());
    return cut(turnedDown);
  }
  if (response.status === 200)
    onFlash(() => {
      store.clearPartial();
      request.onStart(strongEtag(response.headers.get("etag")));
    });
  let bytes = store.partialBytes();
  for await (const piece of response.body ?? []) {
    heard(piece.length);
    bytes += piece.length;
    if (bytes > length) {
      onFlash(() => store.clearPartial());
      return { kind: "wrong", reason: "image_too_long" };
    }
    onFlash(() => {
      store.appendPartial(piece);
      request.onProgress(bytes);
    });
  }
  return bytes === length ? onFlash(() => whole(store)) : cut("download_ended_early");
}

function refusalOf({ status, headers }: Response, have: number): UpdateFailure | null {
  if (status === 200) return null;
  if (status === 206) return startsAt(headers.get("content-range"), have) ? null : "download_range_wrong";
  if (status === 416) return "download_range_wrong";
  if (status >= 500) return "download_http_5xx";
  return status >= 400 ? "download_http_4xx" : "download_http_3xx";
}

/** What is said to be there must be there after a power cut too. */
function whole(store: DeviceStore): TransferOutcome {
  store.syncPartial();
  return { kind: "whole" };
}

/** A network that ends is met with another try; a flash that ends is not. */
function onFlash<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new FlashFault("the flash failed", { cause });
  }
}

const startsAt = (contentRange: string | null, have: number): boolean =>
  contentRange !== null && contentRange.startsWith(`bytes ${have}-`);

/** A weak tag promises no equal bytes, so nothing can be resumed by it. */
const strongEtag = (etag: string | null): string | null =>
  etag === null || etag.startsWith("W/") || etag.length > 200 ? null : etag;
