import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";

const overview = z
  .object({
    atMs: z.number(),
    devices: z.object({
      total: z.number(),
      online: z.number(),
      models: z.array(z.object({ model: z.string(), total: z.number(), online: z.number() })),
    }),
    /** Readings committed since the service began: the difference of two answers is a rate. */
    readingsCommitted: z.number(),
    deliveries: z.record(z.string(), z.number()),
    firmwareConfirmed: z.number(),
    cases: z.record(z.string(), z.number()),
    /** Active points of all households. */
    points: z.number(),
    quarantined: z.number(),
  })
  .meta({ id: "Overview" });
export type Overview = z.infer<typeof overview>;

/** The fleet in numbers. */
export function overviewRoutes(server: FastifyInstance, read: () => Promise<Overview>): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/overview",
    {
      config: { permission: "fleet.read" },
      schema: { summary: "The fleet in numbers", tags: ["fleet"], response: { 200: overview } },
    },
    read,
  );
}
