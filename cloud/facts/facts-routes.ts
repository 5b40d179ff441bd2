import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { batchMax, factOutcome, outsideFact } from "./core/fact.ts";
import { factProblems } from "./errors.ts";
import type { Facts } from "./facts.ts";

const tags = ["facts"];
const cursorParts = z.tuple([z.int(), z.int()]);

const storedFact = z
  .object({
    source: z.string(),
    id: z.string(),
    type: z.string(),
    atMs: z.number(),
    receivedAtMs: z.number(),
    by: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "StoredFact" });

/** HTTP of the facts slice. */
export function factsRoutes(server: FastifyInstance, facts: Facts): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/facts",
    {
      config: { permission: "facts.write" },
      schema: {
        summary: "Report what households did outside their appliances",
        description:
          "Each fact has an outcome of its own, in the order sent: what is wrong with one does not concern the others. An id counts once within its source, for ever; with other content it is refused. Points, stage, segments and decisions follow from a fact as from an event of an appliance.",
        tags,
        // Anything is let in here and read one by one, so that one bad fact does not hold up its neighbours.
        body: z.strictObject({
          facts: z
            .array(z.union([outsideFact, z.unknown()]))
            .min(1)
            .max(batchMax),
        }),
        response: { 200: z.object({ items: z.array(factOutcome) }) },
      },
    },
    async ({ principal, body }) => ({ items: await facts.receive(principal, body.facts) }),
  );
  app.get(
    "/api/v1/households/:id/facts",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "What others reported of a household, newest first",
        tags,
        params: z.object({ id: z.uuid() }),
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(storedFact), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorParts);
      if (before === null && query.cursor !== undefined) throw problem(factProblems, "fact_cursor_invalid");
      const [atMs, sequence] = before ?? [];
      const after = atMs === undefined || sequence === undefined ? null : { atMs, sequence };
      const items = await facts.list(params.id, after, query.limit);
      if (items === null) throw problem(factProblems, "fact_household_not_found");
      const last = items.at(-1);
      const isFull = items.length === query.limit && last !== undefined;
      return { items, nextCursor: isFull ? encodeCursor([last.atMs, last.sequence]) : null };
    },
  );
}
