import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { owner } from "../staff/staff.ts";
import { topicChoice } from "./chosen-topics.ts";
import type { Engagement } from "./engagement.ts";
import { engagementProblems } from "./errors.ts";

export const chosenTopics = z.object({ topics: z.array(z.string()) }).meta({ id: "ChosenTopics" });

/** HTTP of the topics that a household chooses. */
export function topicsRoutes(server: FastifyInstance, { topics }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/topics",
    {
      config: { permission: "my.read" },
      schema: { summary: "What you chose to hear of", tags: ["my"], response: { 200: chosenTopics } },
    },
    async ({ principal }) => ({ topics: await topics.of(owner(principal).householdId) }),
  );
  app.put(
    "/api/v1/my/topics",
    {
      config: { permission: "my.write" },
      schema: {
        summary: "Choose what you want to hear of",
        description:
          "In place of what you chose before. It counts while your household agrees to `personalise`, and never decides alone.",
        tags: ["my"],
        body: topicChoice,
        response: { 200: chosenTopics },
      },
    },
    async ({ principal, body }) => {
      const outcome = await topics.choose(principal, owner(principal).householdId, body.topics);
      if ("kind" in outcome) throw problem(engagementProblems, outcome.rule);
      return { topics: outcome };
    },
  );
  app.get(
    "/api/v1/households/:id/topics",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "What a household chose to hear of",
        tags: ["households"],
        params: z.object({ id: z.uuid() }),
        response: { 200: chosenTopics },
      },
    },
    async ({ params: { id } }) => {
      const found = await topics.ofKnown(id);
      if (found === null) throw problem(engagementProblems, "decision_household_not_found");
      return { topics: found };
    },
  );
}
