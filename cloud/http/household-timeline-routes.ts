import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { DeviceRef } from "../devices/devices.ts";
import { householdProblems } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import {
  type HouseholdEntry,
  type HouseholdEntryKind,
  householdEntryKinds,
  type TimelineEntry,
  type TimelinePage,
} from "../platform/timeline.ts";
import { mergePage } from "./timeline-routes.ts";

/** One slice's part of a household's timeline, newest first. */
export type HouseholdSource = (householdId: string, page: TimelinePage) => Promise<HouseholdEntry[]>;

const entry = z
  .object({
    atMs: z.number(),
    kind: z.enum(householdEntryKinds),
    id: z.string(),
    title: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "HouseholdEntry" });

/** Of how many appliances of one household the events are shown; those of the others are on their own pages. */
const appliancesShown = 10;

/** What the appliances of a household tell, each since it is theirs. */
export const ofAppliances =
  (
    devicesOf: (householdId: string) => Promise<DeviceRef[]>,
    source: (device: DeviceRef, page: TimelinePage) => Promise<TimelineEntry[]>,
    kind: HouseholdEntryKind,
  ): HouseholdSource =>
  async (householdId, page) => {
    const devices = (await devicesOf(householdId)).slice(0, appliancesShown);
    const parts = await Promise.all(
      devices.map(async (device) => {
        const owner = { householdId, sinceMs: device.householdSinceMs ?? 0 };
        const entries = await source(device, { ...page, owner });
        return entries.map((one) => ({ ...one, kind, data: { ...one.data, deviceId: device.id } }));
      }),
    );
    return parts
      .flat()
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, page.limit);
  };

export interface HouseholdTimelineDeps {
  clock: Clock;
  exists: (householdId: string) => Promise<boolean>;
  sources: Partial<Record<HouseholdEntryKind, HouseholdSource>>;
}

/** Everything that a household did and that was done for it, from every slice, in one list. */
export function householdTimelineRoutes(server: FastifyInstance, deps: HouseholdTimelineDeps): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/households/:id/timeline",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "Everything that a household did and that was done for it, newest first",
        tags: ["households"],
        params: z.object({ id: z.uuid() }),
        querystring: z.object({
          before: z.coerce.number().int().min(0).optional().describe("Only what happened before this time"),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          kinds: z
            .string()
            .max(200)
            .transform((text) => text.split(","))
            .pipe(z.array(z.enum(householdEntryKinds)).min(1))
            .optional()
            .describe("Only these kinds, divided by commas"),
        }),
        response: { 200: z.object({ items: z.array(entry), nextBeforeMs: z.number().nullable() }) },
      },
    },
    async ({ params, query }) => {
      if (!(await deps.exists(params.id))) throw problem(householdProblems, "household_not_found");
      // A clock that runs ahead is shown too: nothing that happened is left out.
      const page = { beforeMs: query.before ?? deps.clock.nowMs() + 86_400_000, limit: query.limit };
      const kinds = query.kinds ?? householdEntryKinds;
      const parts = await Promise.all(kinds.map(async (kind) => (await deps.sources[kind]?.(params.id, page)) ?? []));
      return mergePage(parts, query.limit);
    },
  );
}
