import { absoluteText, agoText } from "../core/time.ts";
import { localZone, useNow } from "./now.ts";

/** How long ago, with the whole date and zone for who rests the pointer on it. */
export function Ago({ atMs, timeZone = localZone }: { atMs: number; timeZone?: string }) {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={absoluteText(atMs, timeZone)} className="numbers">
      {agoText(atMs, useNow())}
    </time>
  );
}
