import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { type DeviceRef, deviceProblems, type SeenDevice } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import type { Permission, Principal } from "../staff/staff.ts";

/** One slice's part of a device's timeline, newest first. */
export type TimelineSource = (device: DeviceRef, page: TimelinePage) => Promise<TimelineEntry[]>;

const kinds = [
  "event",
  "presence",
  "delivery",
  "case",
  "firing",
  "points",
  "quarantine",
  "security",
  "rollout",
] as const satisfies TimelineEntry["kind"][];

const entry = z
  .object({
    atMs: z.number(),
    kind: z.enum(kinds),
    id: z.string(),
    title: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "TimelineEntry" });

/** What a household may see: not what its appliance failed to say, nor what was planned for it, which is between the appliance and its maker. */
const ownerKinds = ["event", "presence", "delivery", "case", "points"] as const satisfies TimelineEntry["kind"][];

export interface TimelineDeps {
  clock: Clock;
  seenBy: (principal: Principal, deviceId: string) => Promise<SeenDevice | null>;
  sources: Record<TimelineEntry["kind"], TimelineSource>;
}

/** Everything that happened to one device, from every slice, in one list. */
export function timelineRoutes(server: FastifyInstance, deps: TimelineDeps): void {
  timelineRoute(server, deps, "/api/v1/devices/:id/timeline", "telemetry.read", kinds);
  timelineRoute(server, deps, "/api/v1/my/devices/:id/timeline", "my.read", ownerKinds);
}

function timelineRoute(
  server: FastifyInstance,
  deps: TimelineDeps,
  address: string,
  permission: Permission,
  kindsSeen: typeof kinds | typeof ownerKinds,
): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    address,
    {
      config: { permission },
      schema: {
        summary: "Everything that happened to an appliance, newest first",
        tags: [permission === "my.read" ? "my" : "devices"],
        params: z.object({ id: deviceId }),
        querystring: z.object({
          before: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe("Only what happened before this time, in epoch milliseconds"),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          kinds: z
            .string()
            .max(200)
            .transform((text) => text.split(","))
            .pipe(z.array(z.enum(kindsSeen)).min(1))
            .optional()
            .describe("Only these kinds, divided by commas"),
        }),
        response: { 200: z.object({ items: z.array(entry), nextBeforeMs: z.number().nullable() }) },
      },
    },
    async ({ principal, params, query }) => {
      const seen = await deps.seenBy(principal, params.id);
      if (seen === null) throw problem(deviceProblems, "device_not_found");
      const { device, owner } = seen;
      // A device whose clock runs ahead is shown too: nothing that happened is left out.
      const page = { beforeMs: query.before ?? deps.clock.nowMs() + 86_400_000, limit: query.limit, owner };
      const parts = await Promise.all((query.kinds ?? kindsSeen).map((kind) => deps.sources[kind](device, page)));
      return mergePage(parts, query.limit);
    },
  );
}

/**
 * One page of several lists, newest first. A page that is cut ends between two moments, never within one, because the next page begins
 * before a time: what bears the time of the cut comes whole on the next page. A moment that fills a whole page is cut all the same.
 *
 * @param parts each newest first, and not longer than `limit`
 */
export function mergePage<Entry extends { atMs: number }>(
  parts: readonly Entry[][],
  limit: number,
): { items: Entry[]; nextBeforeMs: number | null } {
  // What bears the same time stays as its source has it: only the source knows which of its entries came first.
  const merged = parts.flat().toSorted((a, b) => b.atMs - a.atMs);
  const isCut = merged.length > limit || parts.some((part) => part.length === limit);
  const cutAtMs = merged[Math.min(merged.length, limit) - 1]?.atMs;
  if (!isCut || cutAtMs === undefined) return { items: merged, nextBeforeMs: null };
  const items = merged.filter(({ atMs }) => atMs > cutAtMs);
  if (items.length > 0) return { items, nextBeforeMs: cutAtMs + 1 };
  return { items: merged.slice(0, limit), nextBeforeMs: cutAtMs };
}
