import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { owner } from "../staff/staff.ts";
import { type Consent } from "./consent.ts";
import { standing, toStandings } from "./consent-routes.ts";
import { agreement, consentReceipt, consentText, withdrawal } from "./core/consent.ts";
import { consentProblems } from "./errors.ts";

const tags = ["my"];

/** HTTP of what a household agrees to, for its own people. One request gives, one request withdraws. */
export function myConsentsRoutes(server: FastifyInstance, consent: Consent): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/consents",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "What you agreed to, what you may agree to, and what you get for it",
        description: "`texts` are the words of each purpose in every language; `receipts` what you said so far.",
        tags,
        response: {
          200: z.object({
            standings: z.array(standing),
            texts: z.array(consentText),
            receipts: z.array(consentReceipt),
          }),
        },
      },
    },
    async ({ principal }) => {
      const { householdId } = owner(principal);
      const [rows, texts, found] = await Promise.all([
        consent.standings(householdId),
        consent.texts(),
        consent.receipts(householdId, null, 500),
      ]);
      return { standings: toStandings(rows), texts, receipts: found?.items ?? [] };
    },
  );
  app.post(
    "/api/v1/my/consents",
    {
      config: { permission: "my.consents" },
      schema: {
        summary: "Agree",
        description: "To the words that you read, by their language and version.",
        tags,
        body: agreement,
        response: { 201: consentReceipt },
      },
    },
    async (request, reply) => {
      const by = owner(request.principal);
      const { purpose, party, locale, version } = request.body;
      const said = { purpose, party, text: { locale, version }, channel: "app", evidence: null };
      const outcome = await consent.say(by, by.householdId, said);
      if (outcome.kind === "refused") throw problem(consentProblems, outcome.rule);
      return reply.code(201).send(outcome.receipt);
    },
  );
  app.post(
    "/api/v1/my/consents/withdrawals",
    {
      config: { permission: "my.consents" },
      schema: {
        summary: "Withdraw, or object to marketing",
        description: "No reason is asked for. In force with this answer.",
        tags,
        body: withdrawal,
        response: { 201: consentReceipt },
      },
    },
    async (request, reply) => {
      const by = owner(request.principal);
      const said = { ...request.body, text: null, channel: "app", evidence: null };
      const outcome = await consent.say(by, by.householdId, said);
      if (outcome.kind === "refused") throw problem(consentProblems, outcome.rule);
      return reply.code(201).send(outcome.receipt);
    },
  );
}
