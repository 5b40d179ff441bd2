import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { owner } from "../staff/staff.ts";
import { rewardKinds } from "./core/reward.ts";
import { loyaltyKey } from "./core/rule.ts";
import { loyaltyProblems } from "./errors.ts";
import type { Loyalty } from "./loyalty.ts";
import { ledgerEntry, standingView, toEntryView } from "./loyalty-routes.ts";
import { grantView, toGrantView } from "./offers-routes.ts";
import { redemptionView } from "./program-routes.ts";

const tags = ["my"];
const byId = z.object({ id: z.uuid() });
const cursorParts = z.tuple([z.int().min(1)]);

/** HTTP of a household's own points: what it holds, what it got, what it can have. */
export function myPointsRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  readRoutes(server, loyalty);
  rewardRoutes(server, loyalty);
  offerRoutes(server, loyalty);
}

function readRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/points",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "What you hold, your tier, and how far it is to the next",
        tags,
        response: { 200: standingView },
      },
    },
    async ({ principal }) => {
      const standing = await loyalty.standing(owner(principal).householdId, { toHousehold: true });
      if (standing === null) throw problem(loyaltyProblems, "loyalty_household_not_found");
      return standing;
    },
  );
  app.get(
    "/api/v1/my/points/entries",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "Your points, entry by entry, newest first",
        tags,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(ledgerEntry), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ principal, query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorParts);
      if (before === null && query.cursor !== undefined) throw problem(loyaltyProblems, "ledger_cursor_invalid");
      const found = await loyalty.ledger(owner(principal).householdId, before?.[0] ?? null, query.limit);
      if (found === null) throw problem(loyaltyProblems, "loyalty_household_not_found");
      const { entries, lastSequence } = found;
      const isFull = entries.length === query.limit && lastSequence !== null;
      return { items: entries.map(toEntryView), nextCursor: isFull ? encodeCursor([lastSequence]) : null };
    },
  );
}

function rewardRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const available = z.object({
    key: z.string(),
    title: z.string(),
    description: z.string(),
    kind: z.enum(rewardKinds),
    pointsCost: z.number(),
    tier: z.string().nullable(),
    left: z.number().nullable(),
  });
  app.get(
    "/api/v1/my/rewards",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "What your points are good for, and what you put aside",
        tags,
        response: { 200: z.object({ items: z.array(available), mine: z.array(redemptionView) }) },
      },
    },
    async ({ principal }) => {
      const { householdId } = owner(principal);
      return {
        items: await loyalty.rewardsFor(householdId),
        mine: await loyalty.rewards.mine(householdId),
      };
    },
  );
  app.post(
    "/api/v1/my/redemptions",
    {
      config: { permission: "my.points" },
      schema: {
        summary: "Put a reward aside",
        description:
          "Its points are put aside with it. Until its time is over you redeem it, or it is released by itself.",
        tags,
        body: z.strictObject({ reward: loyaltyKey }),
        response: { 201: redemptionView },
      },
    },
    async ({ principal, body }, reply) => {
      const outcome = await loyalty.reserveReward(owner(principal).householdId, body.reward);
      if (outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
      return reply.code(201).send(outcome.redemption);
    },
  );
  for (const event of ["redeem", "release"] as const)
    app.post(
      `/api/v1/my/redemptions/:id/${event}`,
      {
        config: { permission: "my.points" },
        schema: {
          summary: event === "redeem" ? "Redeem what you put aside" : "Release what you put aside",
          tags,
          params: byId,
          response: { 200: redemptionView },
        },
      },
      async ({ principal, params }) => {
        const outcome = await loyalty.settleReward(owner(principal).householdId, params.id, event);
        if (outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
        return outcome.redemption;
      },
    );
}

function offerRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/offers",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "What you were offered, with the list price, yours, and why",
        tags,
        response: { 200: z.object({ items: z.array(grantView) }) },
      },
    },
    async ({ principal }) => ({
      items: (await loyalty.offers.mine(owner(principal).householdId)).map(toGrantView),
    }),
  );
  for (const event of ["redeem", "undo"] as const)
    app.post(
      `/api/v1/my/offers/:id/${event}`,
      {
        config: { permission: "my.points" },
        schema: {
          summary: event === "redeem" ? "Redeem an offer" : "Take a redemption back",
          description:
            event === "redeem"
              ? "Once, from whatever place. The shop hears of it when the ten seconds to take it back are over."
              : "Within ten seconds.",
          tags,
          params: byId,
          response: { 200: grantView },
        },
      },
      async ({ principal, params }) => {
        const outcome = await loyalty.touchOffer(owner(principal), params.id, event);
        if (outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
        const mine = await loyalty.offers.mine(owner(principal).householdId);
        const found = mine.find(({ id }) => id === params.id);
        if (found === undefined) throw problem(loyaltyProblems, "offer_grant_not_found");
        return toGrantView(found);
      },
    );
}
