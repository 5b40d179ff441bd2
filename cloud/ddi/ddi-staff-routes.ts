import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import type { Ddi } from "./ddi.ts";
import { ddiProblems } from "./errors.ts";

const gatewayToken = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAtMs: z.number(),
    createdBy: z.string(),
    revokedAtMs: z.number().nullable(),
  })
  .meta({ id: "GatewayToken" });

const byId = z.object({ id: z.uuid() });

/** What staff does about hawkBit's device API: gateway tokens, and asking an update back. */
export function ddiStaffRoutes(server: FastifyInstance, ddi: Ddi): void {
  gatewayTokenRoutes(server, ddi);
  server.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/deliveries/:id/recall",
    {
      config: { permission: "deliveries.cancel" },
      schema: {
        summary: "Ask an appliance to stop an update that is under way",
        description:
          "Only one that speaks hawkBit's device API and has begun can be asked. It may be too late: the delivery is cancelled when the appliance says that it has stopped, and goes on when it says that it does.",
        tags: ["deliveries"],
        params: byId,
        response: { 202: z.object({ asked: z.literal(true) }) },
      },
    },
    async (request, reply) => {
      const outcome = await ddi.actions.recall(request.principal, request.params.id);
      if (outcome.kind === "refused") throw problem(ddiProblems, outcome.rule);
      return reply.code(202).send({ asked: true as const });
    },
  );
}

function gatewayTokenRoutes(server: FastifyInstance, { gatewayTokens }: Ddi): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/ddi/gateway-tokens",
    {
      config: { permission: "ddi.tokens" },
      schema: {
        summary: "List the gateway tokens of hawkBit's device API",
        tags: ["hawkBit device API"],
        response: { 200: z.object({ items: z.array(gatewayToken) }) },
      },
    },
    async () => ({ items: await gatewayTokens.list() }),
  );
  app.post(
    "/api/v1/ddi/gateway-tokens",
    {
      config: { permission: "ddi.tokens" },
      schema: {
        summary: "Make a gateway token",
        description:
          "Opens hawkBit's device API for every appliance of a model that speaks it. The secret is in this answer and nowhere else.",
        tags: ["hawkBit device API"],
        body: z.strictObject({ name: safeText(80).min(1) }),
        response: { 201: z.object({ token: gatewayToken, secret: z.string() }) },
      },
    },
    async (request, reply) => {
      const outcome = await gatewayTokens.create(request.principal, request.body.name);
      if (outcome.kind === "refused") throw problem(ddiProblems, outcome.rule);
      return reply.code(201).send({ token: outcome.token, secret: outcome.secret });
    },
  );
  app.delete(
    "/api/v1/ddi/gateway-tokens/:id",
    {
      config: { permission: "ddi.tokens" },
      schema: {
        summary: "End a gateway token now",
        tags: ["hawkBit device API"],
        params: byId,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await gatewayTokens.revoke(request.principal, request.params.id);
      if (outcome.kind === "refused") throw problem(ddiProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
}
