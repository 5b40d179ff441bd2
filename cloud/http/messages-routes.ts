import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { type DeviceRef, deviceProblems } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { DeviceMessage, MessagePage } from "../platform/device-message.ts";
import { problem } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";

const channels = ["telemetry", "events", "reported", "receipts"] as const;

export interface MessagesDeps {
  clock: Clock;
  findDevices: (ids: readonly string[]) => Promise<Map<string, DeviceRef>>;
  /** One channel's part, newest first. */
  sources: Record<(typeof channels)[number], (device: DeviceRef, page: MessagePage) => Promise<DeviceMessage[]>>;
  /** Puts on record who reads what whose device said. */
  read: (by: Principal, deviceId: string) => Promise<void>;
}

const message = z
  .object({
    channel: z.enum(channels),
    atMs: z.number(),
    receivedAtMs: z.number().nullable(),
    payload: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "DeviceMessage" });

const dayMs = 86_400_000;

/** HTTP of what a device said, in its own words. */
export function messagesRoutes(server: FastifyInstance, deps: MessagesDeps): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/devices/:id/messages",
    {
      config: { permission: "telemetry.raw" },
      schema: {
        summary: "What an appliance said lately, in its own words, newest first",
        description:
          "From what is stored, not from the wire: readings of the last day, events, what stands of its reported state, receipts and replies, each in the shape in which an appliance sends it. Repeats are there once, and a reading that came in two parts is one. Pairing codes are taken out; what could not be used is under `/api/v1/quarantine`. To see what comes, watch `/api/v1/telemetry/live`. Who reads which appliance's messages is on record.",
        tags: ["devices"],
        params: z.object({ id: deviceId }),
        querystring: z.object({
          before: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe("Only from before this time, in epoch milliseconds"),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          channels: z
            .string()
            .max(100)
            .transform((text) => text.split(","))
            .pipe(z.array(z.enum(channels)).min(1))
            .optional()
            .describe("Only these channels, divided by commas"),
        }),
        response: { 200: z.object({ items: z.array(message) }) },
      },
    },
    async ({ principal, params, query }) => {
      const device = (await deps.findDevices([params.id])).get(params.id);
      if (device === undefined) throw problem(deviceProblems, "device_not_found");
      await deps.read(principal, device.id);
      // A device whose clock runs ahead is heard too.
      const page = { beforeMs: query.before ?? deps.clock.nowMs() + dayMs, limit: query.limit };
      const wanted = [...new Set(query.channels ?? channels)];
      const parts = await Promise.all(wanted.map((channel) => deps.sources[channel](device, page)));
      const items = parts.flat().toSorted((a, b) => b.atMs - a.atMs);
      return { items: items.slice(0, query.limit) };
    },
  );
}
