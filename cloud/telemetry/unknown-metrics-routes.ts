import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { metricDeclaration } from "#protocol/model.ts";
import { deviceProblems } from "../devices/devices.ts";
import { problem } from "../platform/problem.ts";
import { telemetryProblems } from "./telemetry-problems.ts";
import type { AdoptingModels, UnknownMetrics } from "./unknown-metrics.ts";

const modelMetrics = z
  .object({
    declared: z.array(metricDeclaration),
    unknown: z.array(
      z.object({
        name: z.string(),
        firstSeenMs: z.number(),
        lastSeenMs: z.number(),
        kind: z.enum(["gauge", "flag"]),
        min: z.number().nullable(),
        max: z.number().nullable(),
        devicesAbout: z.number(),
      }),
    ),
  })
  .meta({ id: "ModelMetrics" });

/** HTTP of the metrics of models: those that are declared, and those that appliances send all the same. */
export function unknownMetricsRoutes(server: FastifyInstance, unknown: UnknownMetrics, models: AdoptingModels): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const params = z.object({ model: modelKey });
  app.get(
    "/api/v1/models/:model/metrics",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "The metrics of a model, and those that its appliances send beside them",
        description:
          "Of a metric that the model does not declare: when it was seen, what its values look like, their range, and roughly how many appliances send it. It is kept and can be asked for like every other.",
        tags: ["models"],
        params,
        response: { 200: modelMetrics },
      },
    },
    async (request) => {
      const model = await models.model(request.params.model);
      if (model === null) throw problem(deviceProblems, "model_not_found");
      return { declared: model.metrics, unknown: await unknown.of(model.key) };
    },
  );
  app.post(
    "/api/v1/models/:model/metrics/adopt",
    {
      config: { permission: "models.write" },
      schema: {
        summary: "Declare a metric that appliances send already",
        description:
          "Makes the model's next version. What was kept of the metric before is one series with what comes from now on.",
        tags: ["models"],
        params,
        body: metricDeclaration,
        response: { 200: z.object({ version: z.number() }) },
      },
    },
    async ({ principal, params: { model }, body }) => {
      const outcome = await unknown.adopt(principal, models, model, body);
      if (outcome.kind === "adopted") return { version: outcome.version };
      const { rule } = outcome;
      throw rule === "model_not_found" || rule === "model_version_not_next"
        ? problem(deviceProblems, rule)
        : problem(telemetryProblems, rule);
    },
  );
}
