import type { Ailment } from "./ailments.ts";
import { between, noise } from "./random.ts";

/** How an appliance hears its router: a function of seed, ailment and time, like everything else that it measures. */

const minuteMs = 60_000;
/** People and doors come between, for some minutes. */
const blockMs = 5 * minuteMs;
const dayMs = 86_400_000;
/** Below this the connection does not hold. */
const heardFrom_dbm = -86;
/** Where the router is hardly heard any more. */
const faint_dbm = -80;

/** In whole dBm. */
export function rssi_dbm(seed: number, atMs: number, ailment: Ailment | null): number {
  const usual = between(-66, -42, seed, "router");
  const minute = Math.floor(atMs / minuteMs);
  if (ailment?.name !== "flapping_wifi" || atMs < ailment.sinceMs)
    return Math.round(usual + noise(3, seed, minute, "rssi"));
  // What came between grew within a day.
  const share = Math.min(1, (atMs - ailment.sinceMs) / dayMs);
  const block = noise(6, seed, Math.floor(atMs / blockMs), "block");
  return Math.round(usual + share * (faint_dbm - usual) + block);
}

/** Whether the connection holds. Only an ailing one ever breaks. */
export const isConnected = (seed: number, atMs: number, ailment: Ailment | null): boolean =>
  ailment?.name !== "flapping_wifi" || atMs < ailment.sinceMs || rssi_dbm(seed, atMs, ailment) >= heardFrom_dbm;
