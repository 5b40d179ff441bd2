import type { FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";

/** What no route has is one label, however many addresses are tried. */
const noRoute = "none";

/** Prometheus' page, for whoever has a key of the role `monitor` or a greater one; and the count of every answer. */
export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const isStream = String(reply.getHeader("content-type") ?? "").startsWith("text/event-stream");
    const route = request.routeOptions.url ?? noRoute;
    metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime, isStream);
  });
  app.get(
    "/metrics",
    {
      config: { permission: "metrics.read" },
      schema: {
        summary: "Everything that is counted, for Prometheus",
        description:
          "Text format 0.0.4. The key goes into `authorization` of the scrape. A key that was good before is good while the database is away.",
        tags: ["health"],
        produces: ["text/plain"],
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}
