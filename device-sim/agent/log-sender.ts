import { gzipSync } from "node:zlib";
import { logBytesMax, type LogUpload } from "#protocol/help.ts";
import type { Clock } from "../platform/clock.ts";
import type { Timers } from "../platform/timers.ts";
import { mayFetch } from "./limited-fetch.ts";

export interface LogSenderDeps {
  fetch: typeof fetch;
  timers: Timers;
  /** What the link's end is held against. */
  deadlines: Clock;
  allowRemote: boolean;
}

export interface LogSenderCounters {
  sent: number;
  refused: number;
  failed: number;
}

/** So long one upload may take. */
const uploadMsMax = 60_000;

/** Sends the log where an order says: once, because the link is good once. */
export class LogSender {
  readonly counters: LogSenderCounters = { sent: 0, refused: 0, failed: 0 };
  readonly #deps: LogSenderDeps;
  #underWay: AbortController | null = null;

  constructor(deps: LogSenderDeps) {
    this.#deps = deps;
  }

  /** @returns why nothing is sent, or null where it is under way */
  send({ href, expiresAtMs, bytesMax }: LogUpload, lines: readonly string[]): string | null {
    const { deadlines, allowRemote } = this.#deps;
    if (!mayFetch(href, allowRemote)) return "upload_not_allowed";
    if (deadlines.nowMs() >= expiresAtMs) return "upload_expired";
    if (this.#underWay !== null) return "upload_under_way";
    const body = gzipSync(newestWithin(lines, Math.min(bytesMax, logBytesMax)));
    void this.#put(href, body);
    return null;
  }

  stop(): void {
    this.#underWay?.abort();
  }

  async #put(href: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const { fetch, timers } = this.#deps;
    const stopper = new AbortController();
    this.#underWay = stopper;
    const endWait = timers.after(uploadMsMax, () => {
      stopper.abort();
    });
    try {
      const headers = { "content-type": "application/gzip" };
      const response = await fetch(href, { method: "PUT", headers, body, redirect: "error", signal: stopper.signal });
      await response.body?.cancel();
      this.counters[response.ok ? "sent" : "refused"] += 1;
    } catch {
      this.counters.failed += 1;
    } finally {
      endWait();
      this.#underWay = null;
    }
  }
}

/** As many of the newest lines as fit, whole. */
function newestWithin(lines: readonly string[], bytesMax: number): string {
  let bytes = 0;
  const from = lines.findLastIndex((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > bytesMax;
  });
  return lines
    .slice(from + 1)
    .map((line) => `${line}\n`)
    .join("");
}
