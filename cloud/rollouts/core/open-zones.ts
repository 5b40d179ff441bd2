import { type MaintenanceWindow, windowState } from "#protocol/maintenance-window.ts";
import { zoneClocks } from "./zone-clocks.ts";

/** Where an update may begin now. It stays true until `nextChangeMs`. */
export interface OpenZones {
  open: string[];
  closed: string[];
  /** When the first of the closed zones opens; null where none does within the eight days that are looked at. */
  nextOpenMs: number | null;
  /** When the first zone of either kind opens or closes. */
  nextChangeMs: number | null;
}

const daysLookedAt = 9;

/** Sorts zones by whether windows are open where they are. Each name comes back as it was given, once. */
export function openZones(
  windows: readonly MaintenanceWindow[],
  zonesPresent: readonly string[],
  nowMs: number,
): OpenZones {
  const result: OpenZones = { open: [], closed: [], nextOpenMs: null, nextChangeMs: null };
  const range = { fromMs: nowMs, toMs: nowMs + daysLookedAt * 86_400_000 };
  for (const { zone, zones } of zoneClocks(zonesPresent, range)) {
    const { open, changesAtMs } = windowState(windows, zone, nowMs);
    (open ? result.open : result.closed).push(...zones);
    result.nextChangeMs = earlier(result.nextChangeMs, changesAtMs);
    if (!open) result.nextOpenMs = earlier(result.nextOpenMs, changesAtMs);
  }
  return result;
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);
