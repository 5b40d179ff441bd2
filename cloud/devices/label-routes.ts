import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { epochMs } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import { country, tags } from "./core/labels.ts";
import type { Devices } from "./devices.ts";
import { deviceProblems } from "./errors.ts";

/** HTTP of what people say of appliances. */
export function labelRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.patch(
    "/api/v1/devices/:id",
    {
      config: { permission: "devices.write" },
      schema: {
        summary: "Say where an appliance stands, tag it, and say when it was sold and its warranty ends",
        description:
          "What is left out stays. Rollouts choose by country and tags; the tag `internal` is for the maker's own.",
        tags: ["devices"],
        params: z.object({ id: deviceId }),
        body: z.strictObject({
          country: country.nullable().optional(),
          tags: tags.optional(),
          soldAtMs: epochMs.nullable().optional(),
          warrantyUntilMs: epochMs.nullable().optional(),
        }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await devices.labels.set(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule, outcome.detail);
      return reply.code(204).send(null);
    },
  );
  app.post(
    "/api/v1/devices/tags",
    {
      config: { permission: "devices.write" },
      schema: {
        summary: "Tag up to 10,000 appliances, or take tags away, all or none",
        tags: ["devices"],
        body: z.strictObject({
          deviceIds: z.array(deviceId).min(1).max(10_000),
          add: tags.default([]),
          remove: tags.default([]),
        }),
        response: { 200: z.object({ changed: z.number() }) },
      },
    },
    async (request) => {
      const { deviceIds, add, remove } = request.body;
      const outcome = await devices.labels.tag(request.principal, deviceIds, { add, remove });
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule, outcome.detail);
      return { changed: outcome.changed };
    },
  );
}
