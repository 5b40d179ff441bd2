import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { idempotencyHeaders } from "../platform/idempotency.ts";
import { problem } from "../platform/problem.ts";
import { caseId } from "./case-views.ts";
import { conversationProblems } from "./conversation-errors.ts";
import { type Conversations, reaches } from "./conversation.ts";
import { serviceProblems } from "./errors.ts";
import type { Feedback } from "./feedback.ts";

const weeksMax = 104;

const feedbackWeek = z
  .object({
    weekAtMs: z.number(),
    asked: z.number(),
    given: z.number(),
    mean: z.number().nullable(),
    satisfiedShare: z.number().nullable().describe("Of those given, 4 or 5"),
    counts: z.array(z.number()).describe("How many gave 1, 2, 3, 4 and 5"),
  })
  .meta({ id: "FeedbackWeek" });

/** HTTP of the conversation for staff. */
export function conversationRoutes(server: FastifyInstance, conversations: Conversations, feedback: Feedback): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/cases/:id/messages",
    {
      config: { permission: "cases.write" },
      schema: {
        summary: "Answer the owner of a case",
        description:
          "They read it in their app and, where the case is of an appliance, on its display, which it never covers while a program runs. `waitsForOwner` says that the case goes on when they have answered. With an `Idempotency-Key` it may be sent again: it is said once.",
        tags: ["cases"],
        params: caseId,
        headers: idempotencyHeaders,
        body: z.strictObject({ text: safeText(4_000).trim().min(1), waitsForOwner: z.boolean().default(false) }),
        response: { 204: z.null() },
      },
    },
    async ({ principal, params, headers, body }, reply) => {
      const outcome = await conversations.staffAnswers(principal, params.id, body, headers["idempotency-key"]);
      if (outcome.kind === "done") return reply.code(204).send(null);
      if (outcome.rule === "case_without_owner") throw problem(conversationProblems, outcome.rule);
      throw problem(serviceProblems, outcome.rule, outcome.detail);
    },
  );
  app.get(
    "/api/v1/cases/:id/conversation",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read what stands beside a case's messages",
        description: "Whether its owner wants a person, what they chose instead of waiting, how they rated it.",
        tags: ["cases"],
        params: caseId,
        response: {
          200: z.object({
            reach: z.enum(reaches).describe("Where what staff write is read"),
            wantsHuman: z.boolean(),
            automaticAnswerAtMs: z.number().nullable(),
            alternative: z.record(z.string(), z.unknown()).nullable(),
            rating: z.number().nullable(),
            ratedAtMs: z.number().nullable(),
            shown: z
              .array(z.object({ deliveryId: z.string(), shownAtMs: z.number().nullable() }))
              .describe("Which messages were seen on the display"),
          }),
        },
      },
    },
    async ({ params }) => {
      const found = await conversations.beside(params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return found;
    },
  );
  app.get(
    "/api/v1/service/feedback",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "How owners rated closed cases, by week",
        tags: ["cases"],
        querystring: z.object({ weeks: z.coerce.number().int().min(1).max(weeksMax).default(12) }),
        response: { 200: z.object({ items: z.array(feedbackWeek) }) },
      },
    },
    async ({ query }) => ({ items: await feedback.weeks(query.weeks) }),
  );
}
