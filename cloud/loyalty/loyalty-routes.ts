import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { loyaltyDefinition, loyaltyKey, loyaltyRule } from "./core/rule.ts";
import { transferKinds } from "./core/transfer.ts";
import { loyaltyProblems } from "./errors.ts";
import { deviceIdOf, eventIdOf, type LedgerEntry, type Loyalty } from "./loyalty.ts";

const tags = ["loyalty"];
const byId = z.object({ id: z.uuid() });
const cursorParts = z.tuple([z.int().min(1)]);

const ledgerEntry = z
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

function toView(entry: LedgerEntry): z.infer<typeof ledgerEntry> {
  const { points, source, isGain } = entry;
  return {
    ...entry,
    points: isGain ? points : -points,
    deviceId: deviceIdOf(source),
    eventId: eventIdOf(source),
  };
}

/** HTTP of the loyalty slice. */
export function loyaltyRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  ruleRoutes(server, loyalty);
  householdRoutes(server, loyalty);
  ledgerRoutes(server, loyalty);
}

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
          "What was earned stays as it is: an act never earns twice, nor another amount. What happened before the new version goes by the one before it, however late it is told.",
        tags,
        params: z.object({ key: loyaltyKey }),
        body: loyaltyDefinition,
        response: { 200: loyaltyRule },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await loyalty.rules.put(principal, params.key, body);
      if ("kind" in outcome)
        throw problem(loyaltyProblems, outcome.rule, "detail" in outcome ? outcome.detail : undefined);
      return outcome;
    },
  );
}

function householdRoutes(server: FastifyInstance, loyalty: Loyalty): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
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
      return { items: entries.map(toView), nextCursor: isFull ? encodeCursor([lastSequence]) : null };
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
      return reply.code(201).send(toView(outcome));
    },
  );
  app.get(
    "/api/v1/loyalty/check",
    {
      config: { permission: "loyalty.read" },
      schema: {
        summary: "Recompute every invariant of the ledger",
        tags,
        response: {
          200: z.object({
            ok: z.boolean(),
            transfers: z.number(),
            accounts: z.number(),
            held: z.number(),
            reserved: z.number(),
            refusals: z.record(z.string(), z.number()),
            broken: z.array(z.object({ rule: z.string(), detail: z.string() })),
          }),
        },
      },
    },
    async () => loyalty.check(),
  );
}
