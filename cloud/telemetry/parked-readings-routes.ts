import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import type { ParkedReadings } from "./parked-readings.ts";
import { parkReasons } from "./points-sink.ts";

/** What the routes need of devices. */
interface KnownDevices {
  find(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>>;
}

const parkedReading = z
  .object({
    id: z.string(),
    deviceId: z.string(),
    atMs: z.number(),
    receivedAtMs: z.number(),
    metrics: z.record(z.string(), z.union([z.number(), z.boolean()])),
    reason: z.string(),
    /** In the store's own words. */
    detail: z.string(),
    parkedAtMs: z.number(),
  })
  .meta({ id: "ParkedReading" });

/** HTTP of readings that their store refuses for good. */
export function parkedReadingsRoutes(server: FastifyInstance, parked: ParkedReadings, devices: KnownDevices): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/parked-readings",
    {
      config: { permission: "quarantine.read" },
      schema: {
        summary: "Readings that InfluxDB refuses for good, newest first",
        description: `Only where InfluxDB keeps the readings. The newest 100,000 are kept.\n${Object.entries(
          parkReasons,
        )
          .map(([code, sentence]) => `- \`${code}\` ${sentence}`)
          .join("\n")}`,
        tags: ["ingest"],
        querystring: z.object({
          device: deviceId.optional(),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: {
          200: z.object({
            items: z.array(parkedReading),
            nextCursor: z.string().nullable(),
            counts: z.record(z.string(), z.number()),
          }),
        },
      },
    },
    async ({ query }) => {
      const { device, cursor, limit } = query;
      const counts = await parked.counts();
      const wanted = device === undefined ? null : (await devices.find([device])).get(device);
      if (wanted === undefined) return { items: [], nextCursor: null, counts };
      const rows = await parked.list({ deviceKey: wanted?.key ?? null, beforeId: cursor?.[0] ?? null, limit });
      const refs = await devices.refsByKey([...new Set(rows.map(({ deviceKey }) => deviceKey))]);
      const last = rows.at(-1);
      return {
        items: rows.map(({ deviceKey, ...row }) => ({ ...row, deviceId: refs.get(deviceKey)?.id ?? "" })),
        nextCursor: rows.length === limit && last !== undefined ? encodeCursor([last.id]) : null,
        counts,
      };
    },
  );
}
