import { z } from "zod";
import { type Api, request } from "../api.ts";

/** As much of the API's answers as the demo reads. */
const overview = z.object({
  devices: z.object({
    total: z.number(),
    online: z.number(),
    models: z.array(z.object({ model: z.string(), total: z.number(), online: z.number() })),
  }),
  readingsCommitted: z.number(),
  deliveries: z.record(z.string(), z.number()),
  firmwareConfirmed: z.number(),
  cases: z.record(z.string(), z.number()),
  points: z.number(),
});
export type Overview = z.infer<typeof overview>;

const rollout = z.object({
  id: z.string(),
  name: z.string(),
  state: z.object({
    kind: z.string(),
    progress: z.object({ kind: z.string(), stage: z.number() }).optional(),
  }),
  stages: z.union([z.number(), z.array(z.unknown()).transform((all) => all.length)]),
  members: z.number(),
  funnel: z.object({
    waiting: z.number(),
    offered: z.number(),
    started: z.number(),
    done: z.number(),
    failed: z.number(),
    timed_out: z.number(),
    declined: z.number(),
    skipped: z.number(),
    cancelled: z.number(),
  }),
});
export type RolloutSeen = z.infer<typeof rollout>;
const rollouts = z.object({ items: z.array(rollout) });

const made = z.object({ id: z.string() });
const sent = z.object({ deliveries: z.number() });
const health = z.object({ upRoad: z.object({ behindRecords: z.number() }) });
const deliveries = z.object({
  items: z.array(z.object({ id: z.string(), deviceId: z.string(), phase: z.string(), step: z.string().nullable() })),
});
const cases = z.object({
  items: z.array(
    // A case may be of a household alone: no appliance is what it is about.
    z.object({
      id: z.string(),
      deviceId: z.string().nullable(),
      cause: z.string(),
      title: z.string(),
      status: z.string(),
    }),
  ),
});
export type CaseSeen = z.infer<typeof cases>["items"][number];
const balance = z.object({ active: z.number() });

export const readOverview = async (api: Api): Promise<Overview> =>
  overview.parse(await request(api, "GET", "/overview"));

export const readRollout = async (api: Api, id: string): Promise<RolloutSeen> =>
  rollout.parse(await request(api, "GET", `/rollouts/${id}`));

/** The newest first. */
export const readRollouts = async (api: Api): Promise<RolloutSeen[]> =>
  rollouts.parse(await request(api, "GET", "/rollouts?limit=10")).items;

/** Records that are acknowledged and not committed yet. */
export const readBacklog = async (api: Api): Promise<number> =>
  health.parse(await request(api, "GET", "/health")).upRoad.behindRecords;

/** The newest deliveries of a kind, at most 500. */
export async function readDeliveries(api: Api, query: Record<string, string>) {
  const text = new URLSearchParams({ limit: "500", ...query }).toString();
  return deliveries.parse(await request(api, "GET", `/deliveries?${text}`)).items;
}

export const readCases = async (api: Api): Promise<CaseSeen[]> =>
  cases.parse(await request(api, "GET", "/cases?limit=100")).items;

export const readBalance = async (api: Api, householdId: string): Promise<number> =>
  balance.parse(await request(api, "GET", `/households/${householdId}/balance`)).active;

/** Makes something. @returns its id */
export const make = async (api: Api, path: string, body: unknown): Promise<string> =>
  made.parse(await request(api, "POST", path, body)).id;

/** Sends a release or an item. @returns to how many appliances */
export const send = async (api: Api, path: string, body: unknown): Promise<number> =>
  sent.parse(await request(api, "POST", path, body)).deliveries;
