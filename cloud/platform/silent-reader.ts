import type { ServerResponse } from "node:http";

/** A reader who takes nothing for so long is cut off: it holds a connection and a part of what it reads. */
const silenceMsMax = 60_000;

/** Ends an answer whose reader takes nothing of it for a minute. */
export function cutSilentReader(response: ServerResponse): void {
  response.setTimeout(silenceMsMax, () => response.destroy());
}
