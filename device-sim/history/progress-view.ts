import { progressBar } from "../demo/core/bars.ts";
import { fit, paint, piece } from "../demo/core/line.ts";
import type { BackfillProgress } from "./backfill.ts";

const count = (value: number): string => value.toLocaleString("en-GB");

/** How far a back-fill is, as one line of a terminal. */
export function progressLine(progress: BackfillProgress, tookMs: number, columns: number, colour: boolean): string {
  const { share, readings } = progress;
  const rate = tookMs > 0 ? Math.round((readings * 1_000) / tookMs) : 0;
  const line = [
    ...progressBar(share, 1, Math.max(8, Math.min(40, columns - 60))),
    piece(` ${String(Math.floor(share * 100)).padStart(3)} %  `, "strong"),
    piece(`${count(readings)} readings, ${count(rate)} a second`),
  ];
  return paint(fit(line, columns), colour);
}

/** The same for whoever is no terminal. */
export const progressJson = (state: "running" | "done", progress: BackfillProgress, tookMs: number): string =>
  JSON.stringify({
    state,
    share: Math.round(progress.share * 1_000) / 1_000,
    devices: progress.devices,
    devices_done: progress.devicesDone,
    readings: progress.readings,
    events: progress.events,
    took_ms: Math.round(tookMs),
  });
