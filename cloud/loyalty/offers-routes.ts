import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { fallbackSteps } from "../platform/best-locale.ts";
import { problem } from "../platform/problem.ts";
import { refusedUrlFields, webhookSecret } from "../platform/webhooks/webhook-sender.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { grantStates } from "./core/grant-life.ts";
import { money, offer, offerDefinition } from "./core/offer.ts";
import { loyaltyKey } from "./core/rule.ts";
import { loyaltyProblems, refusedDefinition } from "./errors.ts";
import type { Loyalty } from "./loyalty.ts";
import type { Grant } from "./offers-store.ts";

const tags = ["loyalty"];

export const grantView = z
  .object({
    /** Also what the shop knows the order by. */
    offerId: z.string(),
    householdId: z.string(),
    offer: z.string(),
    title: z.string(),
    listPrice: money,
    price: money,
    /** Why the household's price is its own; empty where it is the list price. */
    reason: z.string(),
    pointsCost: z.number().nullable(),
    state: z.enum(grantStates),
    grantedAtMs: z.number(),
    expiresAtMs: z.number(),
    redeemedAtMs: z.number().nullable(),
    /** Until when the touch can be taken back; null where there is none, or the shop has it. */
    undoUntilMs: z.number().nullable(),
    attempts: z.number(),
    settledAtMs: z.number().nullable(),
    /** The shop's last word. */
    detail: z.string().nullable(),
  })
  .meta({ id: "OfferGrant" });

export const toGrantView = (grant: Grant & { title: string }): z.infer<typeof grantView> => ({
  offerId: grant.id,
  householdId: grant.householdId,
  offer: grant.offer,
  title: grant.title,
  listPrice: { amountMinor: grant.listPriceMinor, currency: grant.currency },
  price: { amountMinor: grant.priceMinor, currency: grant.currency },
  reason: grant.reason,
  pointsCost: grant.pointsCost,
  state: grant.state,
  grantedAtMs: grant.grantedAtMs,
  expiresAtMs: grant.expiresAtMs,
  redeemedAtMs: grant.redeemedAtMs,
  undoUntilMs: grant.state === "redeeming" ? grant.undoUntilMs : null,
  attempts: grant.attempts,
  settledAtMs: grant.settledAtMs,
  detail: grant.detail,
});

/** HTTP of offers for staff, and of the shop that takes the orders. */
export function offersRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  definitionRoutes(server, loyalty);
  marketsRoute(server, loyalty);
  grantRoutes(server, loyalty);
  shopRoutes(server, loyalty);
}

function definitionRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/offers",
    {
      config: { permission: "loyalty.read" },
      schema: { summary: "List offers", tags, response: { 200: z.object({ items: z.array(offer) }) } },
    },
    async () => ({ items: await loyalty.offers.list() }),
  );
  app.put(
    "/api/v1/loyalty/offers/:key",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Make an offer, or put its next version in force",
        description:
          "The list price is the same on every channel. No price is below the floor. What was offered already keeps its price.",
        tags,
        params: z.object({ key: loyaltyKey }),
        querystring: basedOnQuery,
        body: offerDefinition,
        response: { 200: offer },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await loyalty.offers.put(principal, params.key, body, query.basedOn);
      if ("kind" in outcome) throw refusedDefinition(outcome);
      return outcome;
    },
  );
}

function marketsRoute(server: FastifyInstance, loyalty: Loyalty): void {
  server.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/loyalty/offers/markets",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Say what each market reads of an offer",
        description: "Stores nothing.",
        tags,
        body: offerDefinition,
        response: {
          200: z.object({
            markets: z.array(
              z.object({
                locale: z.string(),
                models: z.array(z.string()),
                reads: z.string(),
                because: z.enum(fallbackSteps),
              }),
            ),
          }),
        },
      },
    },
    async ({ body }) => ({ markets: await loyalty.offers.markets(body) }),
  );
}

function grantRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/grants",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Offers made to households and what became of them, newest first",
        tags,
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
        response: { 200: z.object({ items: z.array(grantView) }) },
      },
    },
    async ({ query }) => ({ items: (await loyalty.offers.recent(query.limit)).map(toGrantView) }),
  );
  app.post(
    "/api/v1/households/:id/offers",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Make an offer to one household",
        description: "At the price of its tier. It appears among its offers; campaigns bring offers to appliances.",
        tags,
        params: z.object({ id: z.uuid() }),
        body: z.strictObject({ offer: loyaltyKey, expiresAtMs: z.int() }),
        response: {
          201: z.object({
            offerId: z.string(),
            listPrice: money,
            price: money,
            reason: z.string(),
            pointsCost: z.number().optional(),
          }),
        },
      },
    },
    async ({ principal, params, body }, reply) => {
      const outcome = await loyalty.offers.grantBy(principal, { householdId: params.id, ...body });
      if ("kind" in outcome) throw problem(loyaltyProblems, outcome.rule);
      return reply.code(201).send(outcome);
    },
  );
}

export const shopInForce = z
  .object({ url: z.string(), version: z.number(), changedAtMs: z.number(), changedBy: z.string() })
  .meta({ id: "LoyaltyShop" });

function shopRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/shop",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Where orders go; null where there is no shop yet",
        tags,
        response: { 200: z.object({ shop: shopInForce.nullable() }) },
      },
    },
    async () => ({ shop: await loyalty.shop.get() }),
  );
  app.put(
    "/api/v1/loyalty/shop",
    {
      config: { permission: "loyalty.shop" },
      schema: {
        summary: "Say where orders go, and the key that signs them",
        description:
          "Signed as Standard Webhooks. `hearth.offer.order` orders: `webhook-id` and `data.idempotencyKey` are the same however often it is sent. 2xx takes it, 400, 402, 403, 404, 410 and 422 refuse it for good, and anything else (409 too: the same key is being worked on) is tried again for a day. After a day without an answer the points are back, and `hearth.offer.cancel` comes under the same `data.idempotencyKey` with a `webhook-id` of its own: give back what was charged, take no order under that key any more, and answer 2xx also where there was none. It is tried again for a day; where it is refused or never answered a person gets a case.",
        tags,
        querystring: basedOnQuery,
        body: z.strictObject({
          url: z.string().max(2_000),
          secret: webhookSecret,
        }),
        response: { 200: shopInForce },
      },
    },
    async ({ principal, query, body }) => {
      const outcome = await loyalty.shop.put(principal, body, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") {
        const isPrivate = outcome.rule === "webhook_url_private";
        const fields = refusedUrlFields(body.url, isPrivate);
        throw problem(loyaltyProblems, isPrivate ? "shop_address_private" : "shop_address_invalid", undefined, fields);
      }
      const { kind: _kind, ...now } = outcome;
      return now;
    },
  );
}
