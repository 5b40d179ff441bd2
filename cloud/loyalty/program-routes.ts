import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import { basedOnQuery } from "../platform/based-on.ts";
import { program, programDefinition } from "./core/program.ts";
import { redemptionStates, reward, rewardDefinition } from "./core/reward.ts";
import { loyaltyKey } from "./core/rule.ts";
import { loyaltyProblems, refusedDefinition } from "./errors.ts";
import type { Loyalty } from "./loyalty.ts";

const tags = ["loyalty"];
const dayMs = 86_400_000;
/** By when expiring points are counted. */
const horizonsDays = [30, 90, 365];

export const redemptionView = z
  .object({
    id: z.string(),
    householdId: z.string(),
    reward: z.string(),
    title: z.string(),
    points: z.number(),
    state: z.enum(redemptionStates),
    reservedAtMs: z.number(),
    untilMs: z.number(),
    settledAtMs: z.number().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: "Redemption" });

/** HTTP of the program for staff: tiers, rewards, and what is owed. */
export function programRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  settingsRoutes(server, loyalty);
  rewardRoutes(server, loyalty);
}

function settingsRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/program",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Read tiers, expiry and returns, and how many households have each tier",
        tags,
        response: { 200: program.extend({ households: z.record(z.string(), z.number()) }) },
      },
    },
    async () => ({ ...loyalty.tierBook.program, households: Object.fromEntries(await loyalty.tierBook.counts()) }),
  );
  app.put(
    "/api/v1/loyalty/program",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Put the program's next version in force",
        description: "Tiers that households have stay until their end; points that were earned keep their expiry.",
        tags,
        querystring: basedOnQuery,
        body: programDefinition,
        response: { 200: program },
      },
    },
    async ({ principal, query, body }) => {
      const outcome = await loyalty.tierBook.put(principal, body, query.basedOn);
      if ("kind" in outcome) throw refusedDefinition(outcome);
      return outcome;
    },
  );
  app.get(
    "/api/v1/loyalty/liability",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "What the program owes: points outstanding, and those that expire soon",
        tags,
        response: {
          200: z.object({
            households: z.number(),
            active: z.number(),
            pending: z.number(),
            /** Points that households owe. */
            owed: z.number(),
            expiring: z.array(z.object({ days: z.number(), points: z.number() })),
          }),
        },
      },
    },
    async () => {
      const nowMs = loyalty.nowMs();
      const { expiring, ...rest } = await loyalty.liability(horizonsDays.map((days) => nowMs + days * dayMs));
      return { ...rest, expiring: horizonsDays.map((days, at) => ({ days, points: expiring[at] ?? 0 })) };
    },
  );
}

function rewardRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/rewards",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "List rewards, with how many of each are taken",
        tags,
        response: { 200: z.object({ items: z.array(reward.extend({ taken: z.number() })) }) },
      },
    },
    async () => ({ items: await loyalty.rewards.list() }),
  );
  app.put(
    "/api/v1/loyalty/rewards/:key",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Make or change a reward",
        description: "What households put aside before keeps its price.",
        tags,
        params: z.object({ key: loyaltyKey }),
        querystring: basedOnQuery,
        body: rewardDefinition,
        response: { 200: reward },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await loyalty.rewards.put(principal, params.key, body, query.basedOn);
      if ("kind" in outcome) throw refusedDefinition(outcome);
      return outcome;
    },
  );
  app.get(
    "/api/v1/loyalty/redemptions",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "What households put aside and redeemed, newest first",
        tags,
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
        response: { 200: z.object({ items: z.array(redemptionView) }) },
      },
    },
    async ({ query }) => ({ items: await loyalty.rewards.recent(query.limit) }),
  );
  app.post(
    "/api/v1/households/:id/redemptions",
    {
      config: { permission: "loyalty.redeem" },
      schema: {
        summary: "Redeem a reward for a household that asks for it",
        tags,
        params: z.object({ id: z.uuid() }),
        body: z.strictObject({ reward: loyaltyKey }),
        response: { 201: redemptionView },
      },
    },
    async ({ principal, params, body }, reply) => {
      const outcome = await loyalty.rewards.redeemFor(principal, params.id, body.reward);
      if (outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
      return reply.code(201).send(outcome.redemption);
    },
  );
  app.post(
    "/api/v1/loyalty/redemptions/:id/refund",
    {
      config: { permission: "loyalty.reverse" },
      schema: {
        summary: "Give back what a redeemed reward cost",
        description: "The points go back to the lots that they came from, and expire when they would have.",
        tags,
        params: z.object({ id: z.uuid() }),
        body: z.strictObject({ reason: safeText(500).trim().min(1) }),
        response: { 200: redemptionView },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await loyalty.rewards.refund(principal, params.id, body.reason);
      if (outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
      return outcome.redemption;
    },
  );
}
