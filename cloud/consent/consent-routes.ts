import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import {
  agreementOnBehalf,
  choices,
  consentReceipt,
  consentText,
  newConsentText,
  partyKey,
  purposes,
  withdrawalOnBehalf,
} from "./core/consent.ts";
import { type Consent } from "./consent.ts";
import { consentProblems } from "./errors.ts";

const tags = ["consents"];
const byId = z.object({ id: z.uuid() });
const cursorParts = z.tuple([z.int().min(1)]);

export const standing = z
  .object({
    purpose: z.enum(choices),
    party: z.string().nullable(),
    isGiven: z.boolean(),
    atMs: z.number(),
    receiptId: z.uuid(),
  })
  .meta({ id: "ConsentStanding" });

/** What holds, as it is told: a party is there or is not. */
export const toStandings = (rows: Awaited<ReturnType<Consent["standings"]>>): z.infer<typeof standing>[] =>
  rows.map((row) => ({ ...row, party: row.party === "" ? null : row.party }));

/** HTTP of the consent slice for staff: the words, what each household agreed to, and what it said elsewhere. */
export function consentRoutes(server: FastifyInstance, consent: Consent): void {
  textRoutes(server, consent);
  householdRoutes(server, consent);
}

function textRoutes(server: FastifyInstance, consent: Consent): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/consents/texts",
    {
      config: { permission: "consents.read" },
      schema: {
        summary: "The words in which households are asked: the newest version of each",
        tags,
        response: { 200: z.object({ items: z.array(consentText) }) },
      },
    },
    async () => ({ items: await consent.texts() }),
  );
  app.get(
    "/api/v1/consents/texts/versions",
    {
      config: { permission: "consents.read" },
      schema: {
        summary: "Every version of one text, newest first",
        tags,
        querystring: z.object({ purpose: z.enum(purposes), party: partyKey.optional(), locale }),
        response: { 200: z.object({ items: z.array(consentText) }) },
      },
    },
    async ({ query }) => ({ items: await consent.versions({ ...query, party: query.party ?? null }) }),
  );
  app.put(
    "/api/v1/consents/texts",
    {
      config: { permission: "consents.texts" },
      schema: {
        summary: "Put a text's next version in force, or make the text",
        description: "Receipts stay as they are: who agreed to older words agreed to those.",
        tags,
        querystring: basedOnQuery,
        body: newConsentText,
        response: { 200: consentText },
      },
    },
    async ({ principal, query, body }) => {
      const outcome = await consent.putText(principal, body, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") throw problem(consentProblems, outcome.rule);
      return outcome.text;
    },
  );
}

function householdRoutes(server: FastifyInstance, consent: Consent): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households/:id/consents",
    {
      config: { permission: "consents.read" },
      schema: {
        summary: "What a household agreed to, with its receipts, newest first",
        tags,
        params: byId,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: {
          200: z.object({
            standings: z.array(standing),
            receipts: z.array(consentReceipt),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    async ({ params, query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorParts);
      if (before === null && query.cursor !== undefined) throw problem(consentProblems, "consent_cursor_invalid");
      const found = await consent.receipts(params.id, before?.[0] ?? null, query.limit);
      if (found === null) throw problem(consentProblems, "consent_household_not_found");
      const standings = toStandings(await consent.standings(params.id));
      const { items, lastSequence } = found;
      const isFull = items.length === query.limit && lastSequence !== null;
      return { standings, receipts: items, nextCursor: isFull ? encodeCursor([lastSequence]) : null };
    },
  );
  app.post(
    "/api/v1/households/:id/consents",
    {
      config: { permission: "consents.write" },
      schema: {
        summary: "Enter that a household agreed, with what shows it",
        description: "Refused for marketing where the household objected: nobody but itself takes that back.",
        tags,
        params: byId,
        body: agreementOnBehalf,
        response: { 201: consentReceipt },
      },
    },
    async (request, reply) => {
      const { locale: textLocale, version, ...said } = request.body;
      const text = { locale: textLocale, version };
      const outcome = await consent.say(request.principal, request.params.id, { ...said, text });
      if (outcome.kind === "refused") throw problem(consentProblems, outcome.rule);
      return reply.code(201).send(outcome.receipt);
    },
  );
  app.post(
    "/api/v1/households/:id/consents/withdrawals",
    {
      config: { permission: "consents.write" },
      schema: {
        summary: "Enter that a household withdrew, with what shows it",
        description: "In force with this answer: the next message is decided without it.",
        tags,
        params: byId,
        body: withdrawalOnBehalf,
        response: { 201: consentReceipt },
      },
    },
    async (request, reply) => {
      const outcome = await consent.say(request.principal, request.params.id, { ...request.body, text: null });
      if (outcome.kind === "refused") throw problem(consentProblems, outcome.rule);
      return reply.code(201).send(outcome.receipt);
    },
  );
}
