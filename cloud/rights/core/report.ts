/** What an erasure did, store by store, and what a scan found after it. */
import { z } from "zod";

export const storeStates = ["removed", "waiting", "nothing_held"] as const;

const storeLine = z.object({
  /** `database: members`, `telemetry store`, `spool`. */
  store: z.string(),
  describes: z.string(),
  /** Rows, events, spans or files; null where that cannot be counted. */
  removed: z.number().nullable(),
  /** `waiting`: it is being removed. */
  state: z.enum(storeStates),
  /** What stays without the person, and why. */
  keeps: z.string().nullable(),
});
export type StoreLine = z.infer<typeof storeLine>;

const scan = z.object({
  atMs: z.number(),
  /** How many tables were looked through for the household's id, its people's ids and their e-mail addresses. */
  tables: z.number(),
  /** Tables that were too large to be looked through in time. */
  notLookedThrough: z.array(z.string()),
  found: z.array(z.object({ table: z.string(), rows: z.number() })),
  /** Outside the database: how much was found in each place; null where it was too large to be looked through. */
  elsewhere: z.array(z.object({ place: z.string(), found: z.number().nullable() })).default([]),
});
export type Scan = z.infer<typeof scan>;

export const erasureReport = z
  .object({
    stores: z.array(storeLine),
    scan: scan.nullable(),
    /** Set where a backup had brought the household back: when it was erased first. */
    again: z.object({ firstAtMs: z.number() }).nullable().default(null),
  })
  .meta({ id: "ErasureReport" });
export type ErasureReport = z.infer<typeof erasureReport>;

/** Everything is gone and a scan says so. */
export const isComplete = ({ stores, scan: last }: ErasureReport): boolean =>
  stores.every(({ state }) => state !== "waiting") &&
  last !== null &&
  last.found.length === 0 &&
  last.elsewhere.every(({ found }) => found === 0 || found === null);
