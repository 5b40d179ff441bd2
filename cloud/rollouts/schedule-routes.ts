import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { earliestAtMs, latestAtMs } from "#protocol/text.ts";
import { calendarLimits } from "./core/calendar.ts";
import { toFreezeView } from "./rollout-views.ts";
import type { Rollouts } from "./rollouts.ts";
import { refuse } from "./rollouts-routes.ts";
import { freezeBody, freezeView, scheduleView } from "./rollout-shapes.ts";

const dayMs = 86_400_000;
const tags = ["rollouts"];
const timeMs = z.coerce.number().int().min(earliestAtMs).max(latestAtMs);

/** HTTP of the schedule and of the times in which nothing begins. */
export function scheduleRoutes(server: FastifyInstance, rollouts: Rollouts): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/schedule",
    {
      config: { permission: "rollouts.read" },
      schema: {
        summary: "Every window, rollout and freeze between two times, and what is in each other's way",
        tags,
        querystring: z.object({ from: timeMs, to: timeMs }),
        response: { 200: scheduleView },
      },
    },
    async ({ query: { from, to } }) => {
      if (to <= from || to - from > calendarLimits.daysMax * dayMs)
        throw refuse({ kind: "refused", rule: "schedule_range_too_long" });
      return rollouts.schedule({ fromMs: from, toMs: to });
    },
  );
  app.get(
    "/api/v1/freezes",
    {
      config: { permission: "rollouts.read" },
      schema: {
        summary: "Freezes, in the order in which they begin",
        tags,
        querystring: z.object({
          endsAfterMs: timeMs.optional().describe("Leaves out those that are over by then. Left out: all."),
        }),
        response: { 200: z.object({ items: z.array(freezeView) }) },
      },
    },
    async ({ query }) => ({ items: (await rollouts.freezes.list(query.endsAfterMs ?? 0)).map(toFreezeView) }),
  );
  app.post(
    "/api/v1/freezes",
    {
      config: { permission: "rollouts.write" },
      schema: {
        summary: "Let no update begin for a time",
        description: "What has begun goes on. A security release may override it in its rollout, with a reason.",
        tags,
        body: freezeBody,
        response: { 201: freezeView },
      },
    },
    async (request, reply) =>
      reply.code(201).send(toFreezeView(await rollouts.freezes.add(request.principal, request.body))),
  );
  app.delete(
    "/api/v1/freezes/:id",
    {
      config: { permission: "rollouts.write" },
      schema: { summary: "End a freeze", tags, params: z.object({ id: z.uuid() }), response: { 204: z.null() } },
    },
    async (request, reply) => {
      const outcome = await rollouts.freezes.remove(request.principal, request.params.id);
      if (outcome.kind === "refused") throw refuse(outcome);
      return reply.code(204).send(null);
    },
  );
}
