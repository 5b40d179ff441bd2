import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Telemetry } from "./telemetry.ts";

const keptMs = z.number().nullable();

/** HTTP of how long is kept what. */
export function retentionRoutes(server: FastifyInstance, telemetry: Pick<Telemetry, "kept">): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/telemetry/retention",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "Read how long what appliances say is kept",
        description:
          "Readings as they came, their summaries by the minute, hour and day, and events. Null where the store of readings decides by a policy of its own.",
        tags: ["telemetry"],
        response: {
          200: z
            .object({
              store: z.enum(["postgresql", "influxdb"]),
              readingsMs: keptMs,
              minutesMs: keptMs,
              hoursMs: keptMs,
              daysMs: keptMs,
              eventsMs: z.number(),
            })
            .meta({ id: "Retention" }),
        },
      },
    },
    async () => telemetry.kept,
  );
}
