import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";

const health = z
  .object({
    status: z.enum(["ok", "degraded"]),
    /** What is wrong, in a sentence each; empty when nothing is. */
    problems: z.array(z.string()),
    database: z.object({ up: z.boolean(), embedded: z.boolean() }),
    gateway: z.object({
      up: z.boolean(),
      connections: z.number(),
      spoolRecords: z.number(),
      spoolBytes: z.number(),
      spoolBytesMax: z.number(),
      spoolFull: z.boolean(),
      held: z.number(),
      connectsWaiting: z.number(),
      counters: z.record(z.string(), z.number()),
    }),
    upRoad: z.object({
      /** Records that are durable at the gateway and not committed yet, and the age of the oldest. */
      behindRecords: z.number(),
      behindMs: z.number(),
      waitingFor: z.string().nullable(),
      recordsCommitted: z.number(),
      readingsCommitted: z.number(),
      quarantined: z.number(),
      /** Ranges of records that never came. */
      gaps: z.array(
        z.object({
          gatewayId: z.string(),
          spoolEpoch: z.string(),
          fromSequence: z.number(),
          toSequence: z.number().nullable(),
          reason: z.string(),
          foundAtMs: z.number(),
        }),
      ),
    }),
    telemetry: z.object({
      store: z.enum(["postgres", "influx"]),
      up: z.boolean(),
      /** Why the store took no readings at the last attempt. */
      waitingFor: z.string().nullable(),
      /** Records whose readings are not stored yet, and the age of the oldest. */
      behindRecords: z.number(),
      behindMs: z.number(),
      /** Readings that the store refuses for good: GET /api/v1/parked-readings lists them. */
      parked: z.number(),
      /** Spans that are to be erased, and that the store has not deleted. */
      erasuresWaiting: z.number(),
      /** Hours of appliances whose rollups should have been made by now, and for how long the oldest has waited. */
      rollups: z.object({ hoursBehind: z.number(), behindMs: z.number() }),
    }),
    process: z.object({ uptimeMs: z.number(), rssBytes: z.number(), openFilesMax: z.number().nullable() }),
  })
  .meta({ id: "Health" });
export type Health = z.infer<typeof health>;

/** Open to everybody who watches: what is up, what is not, and how far behind. */
export function healthRoutes(server: FastifyInstance, read: () => Promise<Health>): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/health",
    {
      config: { permission: "open" },
      schema: {
        summary: "What is up, what is not, and how far behind",
        description: "503 while something is not as it should be. Needs no key.",
        tags: ["health"],
        security: [],
        response: { 200: health, 503: health },
      },
    },
    async (_request, reply) => {
      const now = await read();
      return reply.code(now.status === "ok" ? 200 : 503).send(now);
    },
  );
}
