import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import { searchCharactersMax, searchRanks } from "../platform/search-term.ts";
import { searchProblems } from "./errors.ts";
import type { Search } from "./search.ts";

const kinds = ["device", "household", "member", "case", "release", "model"] as const;

const answer = z
  .object({
    items: z.array(
      z.object({
        kind: z.enum(kinds),
        id: z.string(),
        title: z.string(),
        subtitle: z.string().describe("What tells it apart from others of the same title"),
        href: z.string().describe("Its place in the console"),
        rank: z.enum(searchRanks),
      }),
    ),
    incomplete: z.array(z.enum(kinds)).describe("Kinds that took too long, and may hold more"),
    parts: z.boolean().describe("False where the database can look for beginnings and ends of words alone"),
  })
  .meta({ id: "SearchAnswer" });

/** HTTP of search. */
export function searchRoutes(server: FastifyInstance, search: Search): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/search",
    {
      config: { permission: "search.read" },
      schema: {
        summary: "Find appliances, households, people, cases, releases and models",
        description:
          "By part of a serial number or id (dashes and case make no difference), a name, an e-mail address, the beginning of a case's or household's id, words of a case's title. Exact finds come first, then beginnings, ends and parts. Only what the key may read is looked for.",
        tags: ["search"],
        querystring: z.object({
          q: safeText(searchCharactersMax),
          limit: z.coerce.number().int().min(1).max(50).default(20),
        }),
        response: { 200: answer },
      },
    },
    async ({ principal, query }) => {
      const outcome = await search.find(principal, query.q, query.limit);
      if (outcome.kind === "refused") throw problem(searchProblems, outcome.rule);
      const { items, incomplete, parts } = outcome;
      return { items, incomplete, parts };
    },
  );
}
