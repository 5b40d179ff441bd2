import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import type { CaseBulk } from "./case-bulk.ts";
import type { CaseDesk } from "./case-desk.ts";
import type { CaseMerges } from "./case-merges.ts";
import { caseId, caseView, caseWithEntries, viewOf } from "./case-views.ts";
import { serviceProblems } from "./errors.ts";

/** Most cases that one request changes. */
const bulkMax = 200;

const note = safeText(4_000).trim().min(1);

const bulkAction = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("give"), staffKeyId: z.uuid() }),
  z.strictObject({ kind: z.literal("release") }),
  z.strictObject({ kind: z.literal("resolve"), note }),
]);

interface CaseMerging {
  desk: CaseDesk;
  merges: CaseMerges;
  bulk: CaseBulk;
}

/** HTTP of what is done to several cases: one goes into another, many are given to somebody. */
export function caseMergeRoutes(server: FastifyInstance, { desk, merges, bulk }: CaseMerging): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  const config = { permission: "cases.write" } as const;
  const answer = async (id: string) => {
    const found = await desk.get(id);
    if (found === null) throw problem(serviceProblems, "case_not_found");
    return { ...viewOf(found), entries: found.entries };
  };
  app.get(
    "/api/v1/cases/:id/merge-targets",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List the open cases that a case can go into",
        description:
          "Those of its household, and of its appliance or of none. The most urgent first, at most 20; none where it is closed.",
        tags,
        params: caseId,
        response: { 200: z.object({ items: z.array(caseView) }) },
      },
    },
    async ({ params }) => {
      const found = await merges.targets(params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return { items: found.map(viewOf) };
    },
  );
  app.post(
    "/api/v1/cases/:id/merge",
    {
      config,
      schema: {
        summary: "Put a case into another one that is the same matter",
        description:
          "What was said, noted and done in it goes along; what was promised in it ends, and where that was sooner it holds in the other. Its owner finds the other under its id. Answers the case that stays.",
        tags,
        params: caseId,
        body: z.strictObject({ into: z.uuid(), note: note.optional().describe("For colleagues: why they are one") }),
        response: { 200: caseWithEntries },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await merges.merge(principal, { from: params.id, into: body.into }, body.note ?? null);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule, outcome.detail);
      return answer(body.into);
    },
  );
  app.post(
    "/api/v1/cases/:id/unmerge",
    {
      config,
      schema: {
        summary: "Take a case out of the one that it went into",
        description:
          "With what came along with it. It is open again, or resolved where the other one is. What the other one took over of its promises stays there.",
        tags,
        params: caseId,
        body: z.strictObject({ note: note.optional().describe("For colleagues: why they are two") }),
        response: { 200: caseWithEntries },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await merges.unmerge(principal, params.id, body.note ?? null);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(params.id);
    },
  );
  app.post(
    "/api/v1/cases/bulk",
    {
      config,
      schema: {
        summary: "Give, put back or resolve many cases at once",
        description:
          "In one transaction. What could not be done is told for each case, and keeps nothing else from being done.",
        tags,
        body: z.strictObject({ ids: z.array(z.uuid()).min(1).max(bulkMax), action: bulkAction }),
        response: {
          200: z.object({
            done: z.array(z.string()),
            refused: z.array(
              z.object({ id: z.string(), code: z.string(), title: z.string(), detail: z.string().optional() }),
            ),
          }),
        },
      },
    },
    async ({ principal, body }) => {
      const outcome = await bulk.act(principal, body.ids, body.action);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return {
        done: outcome.done,
        refused: outcome.refused.map(({ id, rule, ...more }) => ({
          id,
          code: rule,
          title: serviceProblems[rule].title,
          ...more,
        })),
      };
    },
  );
}
