import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { basedOnQuery } from "../platform/based-on.ts";
import { knownActs } from "./core/act-catalogue.ts";
import { momentFacts } from "./core/compiled-rule.ts";
import { actOrigins, loyaltyDefinition, loyaltyKey, loyaltyRule } from "./core/rule.ts";
import { transferKinds } from "./core/transfer.ts";
import { loyaltyProblems, refusedDefinition } from "./errors.ts";
import { grantView, toGrantView } from "./offers-routes.ts";
import { redemptionView } from "./program-routes.ts";
import { deviceIdOf, eventIdOf, type LedgerEntry, type Loyalty } from "./loyalty.ts";

const tags = ["loyalty"];
const byId = z.object({ id: z.uuid() });
const cursorParts = z.tuple([z.int().min(1)]);

export const ledgerEntry = z
  .object({
    id: z.string(),
    kind: z.enum(transferKinds),
    /** What it is for, in words. */
    title: z.string(),
    /** Negative where points left the household. */
    points: z.number(),
    /** What became of it: whatever is no earning is always `active`. */
    state: z.enum(["pending", "active", "reversed"]),
    rule: z.string(),
    ruleVersion: z.number(),
    /** The appliance and its event; null where none saw it. */
    deviceId: z.string().nullable(),
    eventId: z.string().nullable(),
    /** The earning whose points moved. */
    lot: z.string(),
    /** The redemption, order or merge that moved them. */
    cause: z.string().nullable(),
    day: z.string(),
    atMs: z.number(),
    activeAtMs: z.number(),
    recordedAtMs: z.number(),
    reverses: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: "LedgerEntry" });

export function toEntryView(entry: LedgerEntry): z.infer<typeof ledgerEntry> {
  const { points, source, isGain } = entry;
  return {
    ...entry,
    points: isGain ? points : -points,
    deviceId: deviceIdOf(source),
    eventId: eventIdOf(source),
  };
}

const tierView = z.object({ key: z.string(), title: z.string(), benefits: z.string() });

/** What a household holds, and its tier. */
export const standingView = z
  .object({
    balance: z.object({ active: z.number(), pending: z.number() }),
    tier: tierView.extend({ rank: z.number(), untilMs: z.number().nullable() }),
    /** Points of the last period: what counts for a tier. */
    pointsInPeriod: z.number(),
    next: tierView.extend({ fromPoints: z.number(), pointsMissing: z.number() }).nullable(),
  })
  .meta({ id: "PointsStanding" });

/** HTTP of rules and ledger for staff. */
export function loyaltyRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  ruleRoutes(server, loyalty);
  dryRunRoutes(server, loyalty);
  vocabularyRoutes(server);
  householdRoutes(server, loyalty);
  ledgerRoutes(server, loyalty);
}

function dryRunRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/rules/:key/versions",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "List the versions of an earning rule, oldest first",
        tags,
        params: z.object({ key: loyaltyKey }),
        response: { 200: z.object({ items: z.array(loyaltyRule) }) },
      },
    },
    async ({ params }) => {
      const items = loyalty.rules.versions(params.key);
      if (items.length === 0) throw problem(loyaltyProblems, "loyalty_rule_not_found");
      return { items };
    },
  );
  app.post(
    "/api/v1/loyalty/rules/dry-run",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Try an earning rule on what households did in the last days",
        description: "Tells what it would have given, and stores nothing. Of a large fleet, on part of it.",
        tags,
        body: z.strictObject({
          definition: loyaltyDefinition,
          /** Left out: all households. */
          householdId: z.uuid().optional(),
          days: z.int().min(1).max(400).default(30),
        }),
        response: {
          200: z.object({
            fromMs: z.number(),
            toMs: z.number(),
            acts: z.number(),
            isCut: z.boolean(),
            households: z.number(),
            earnings: z.number(),
            points: z.number(),
            refused: z.number(),
            returns: z.number(),
            /** Points of each day on which some would have been given. */
            days: z.array(z.object({ day: z.string(), points: z.number() })),
            /** Points of one household in all: the middle one's of those who would have got some, and the most. */
            perHousehold: z.object({ median: z.number(), max: z.number() }),
            effects: z.array(
              z.object({
                householdId: z.string(),
                atMs: z.number(),
                source: z.string(),
                points: z.number(),
                effectIndex: z.number(),
                day: z.string(),
              }),
            ),
          }),
        },
      },
    },
    async ({ body }) => {
      const over = { householdId: body.householdId ?? null, days: body.days };
      const outcome = await loyalty.dryRun(body.definition, over);
      if (outcome.kind === "refused") throw refusedDefinition(outcome, "/definition");
      return outcome;
    },
  );
  app.post(
    "/api/v1/loyalty/conditions/check",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Whether a condition of an earning rule can be used, while somebody writes it",
        description: "Stores nothing. One that cannot be used is answered with what is wrong, and where.",
        tags,
        body: z.strictObject({
          when: loyaltyDefinition.shape.when.unwrap().unwrap(),
          /** The facts of the act's data that it may read, beside those that every rule has. */
          facts: loyaltyDefinition.shape.facts,
        }),
        response: { 200: checkedCondition },
      },
    },
    async ({ body }) => {
      const checked = loyalty.rules.checkCondition(body.when, body.facts);
      return checked.kind === "ok" ? { kind: "ok" as const } : checked;
    },
  );
}

const checkedCondition = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ok") }),
  z.object({
    kind: z.literal("refused"),
    detail: z.string(),
    /** Characters from the beginning of the condition, 0 the first; `to` is the first behind it. */
    place: z.object({ from: z.number(), to: z.number() }).nullable(),
  }),
]);

function ruleRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/loyalty/rules",
    {
      config: { permission: "loyalty.read" },
      schema: { summary: "List earning rules", tags, response: { 200: z.object({ items: z.array(loyaltyRule) }) } },
    },
    async () => ({ items: loyalty.rules.list() }),
  );
  app.put(
    "/api/v1/loyalty/rules/:key",
    {
      config: { permission: "loyalty.rules" },
      schema: {
        summary: "Put an earning rule's next version in force, or make the rule",
        description:
          "A condition that reads facts of the household is judged once, by what was known when the act was told. What was earned stays as it is: an act never earns twice, nor another amount. What happened before the new version goes by the one before it, however late it is told.",
        tags,
        params: z.object({ key: loyaltyKey }),
        querystring: basedOnQuery,
        body: loyaltyDefinition,
        response: { 200: loyaltyRule },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await loyalty.rules.put(principal, params.key, body, query.basedOn);
      if ("kind" in outcome) throw refusedDefinition(outcome);
      return outcome;
    },
  );
}

function vocabularyRoutes(server: FastifyInstance): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const fact = z.object({
    name: z.string(),
    type: z.string(),
    help: z.string(),
    /** Before `is at least 5`. */
    words: z.string(),
  });
  app.get(
    "/api/v1/loyalty/vocabulary",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "What rules are written with: acts with the facts of their data, and facts of every act",
        description:
          "Conditions read the facts of the household too, which segments see: GET /api/v1/segments/facts lists those.",
        tags,
        response: {
          200: z.object({
            acts: z.array(
              z.object({
                type: z.string(),
                from: z.array(z.enum(actOrigins)),
                facts: z.array(fact),
              }),
            ),
            facts: z.array(fact),
          }),
        },
      },
    },
    async () => ({
      acts: knownActs.map(({ facts, ...act }) => ({ ...act, facts: named(facts) })),
      facts: named(momentFacts),
    }),
  );
}

const named = (facts: Readonly<Record<string, { type: string; help: string; words: string }>>) =>
  Object.entries(facts).map(([name, { type, help, words }]) => ({ name, type, help, words }));

function householdRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = typed(server);
  standingRoutes(app, loyalty);
  app.get(
    "/api/v1/households/:id/ledger",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Read a household's ledger, newest first",
        tags,
        params: byId,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(ledgerEntry), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorParts);
      if (before === null && query.cursor !== undefined) throw problem(loyaltyProblems, "ledger_cursor_invalid");
      const found = await loyalty.ledger(params.id, before?.[0] ?? null, query.limit);
      if (found === null) throw problem(loyaltyProblems, "loyalty_household_not_found");
      const { entries, lastSequence } = found;
      const isFull = entries.length === query.limit && lastSequence !== null;
      return { items: entries.map(toEntryView), nextCursor: isFull ? encodeCursor([lastSequence]) : null };
    },
  );
  app.get(
    "/api/v1/households/:id/balance",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Read what a household holds",
        tags,
        params: byId,
        response: { 200: z.object({ active: z.number(), pending: z.number() }) },
      },
    },
    async ({ params }) => {
      const balance = await loyalty.balance(params.id);
      if (balance === null) throw problem(loyaltyProblems, "loyalty_household_not_found");
      return balance;
    },
  );
}

function standingRoutes(app: ReturnType<typeof typed>, loyalty: Loyalty): void {
  app.get(
    "/api/v1/households/:id/points",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Read a household's points, tier and lots, what it put aside, and its offers",
        tags,
        params: byId,
        response: {
          200: standingView.extend({
            lots: z.array(
              z.object({
                lot: z.string(),
                rule: z.string(),
                title: z.string(),
                points: z.number(),
                left: z.number(),
                activeAtMs: z.number(),
                expiresAtMs: z.number().nullable(),
              }),
            ),
            redemptions: z.array(redemptionView),
            offers: z.array(grantView),
          }),
        },
      },
    },
    async ({ params }) => {
      const standing = await loyalty.standing(params.id);
      if (standing === null) throw problem(loyaltyProblems, "loyalty_household_not_found");
      const [lots, redemptions, offers] = await Promise.all([
        loyalty.lots(params.id),
        loyalty.rewards.mine(params.id),
        loyalty.offers.mine(params.id),
      ]);
      return { ...standing, lots, redemptions, offers: offers.map(toGrantView) };
    },
  );
}

const typed = (server: FastifyInstance) => server.withTypeProvider<ZodTypeProvider>();

function ledgerRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/loyalty/transfers/:id/reverse",
    {
      config: { permission: "loyalty.reverse" },
      schema: {
        summary: "Take an earning back",
        description: "By a new transfer that points at it; at most once.",
        tags,
        params: byId,
        body: z.strictObject({ reason: safeText(500).trim().min(1) }),
        response: { 201: ledgerEntry },
      },
    },
    async (request, reply) => {
      const outcome = await loyalty.reverse(request.principal, request.params.id, request.body.reason);
      if ("rule" in outcome && outcome.kind === "refused") throw problem(loyaltyProblems, outcome.rule);
      return reply.code(201).send(toEntryView(outcome));
    },
  );
  app.get(
    "/api/v1/loyalty/check",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Recompute every invariant of the ledger",
        description: "With `replay` all that is kept of what households did is told again, and taken back.",
        tags,
        querystring: z.object({ replay: z.enum(["true", "false"]).optional() }),
        response: {
          200: z.object({
            ok: z.boolean(),
            transfers: z.number(),
            accounts: z.number(),
            held: z.number(),
            reserved: z.number(),
            refusals: z.record(z.string(), z.number()),
            broken: z.array(z.object({ rule: z.string(), detail: z.string(), householdIds: z.array(z.string()) })),
            /** Where it was asked for: what telling everything again would earn, which is nothing. */
            replay: z
              .object({
                acts: z.number(),
                isCut: z.boolean(),
                missing: z.array(
                  z.object({ source: z.string(), rule: z.string(), points: z.number(), householdId: z.string() }),
                ),
              })
              .optional(),
          }),
        },
      },
    },
    async ({ query }) => loyalty.check({ replay: query.replay === "true" }),
  );
}
