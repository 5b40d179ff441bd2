import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { overtakenProblem } from "../platform/based-on.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { predicateProblems } from "../platform/predicate/predicate.ts";
import { Problem, problem, type ProblemCatalogue } from "../platform/problem.ts";
import { expressionText, segmentDefinition, segmentId } from "./core/segment.ts";
import { segmentProblems } from "./errors.ts";
import * as shapes from "./segment-shapes.ts";
import { type ExpressionRefused, householdFactViews, type Segment, type Segments } from "./segments.ts";

const tags = ["segments"];
const read = { config: { permission: "segments.read" as const } };
const write = { config: { permission: "segments.write" as const } };
const byId = z.object({ id: segmentId });
const trendDays = 30;
const sampleSize = 10;

const notFound = () => problem(segmentProblems, "segment_not_found");

/** An expression that is refused, with the words that it is about. */
function expressionProblem({ rule, detail, place }: ExpressionRefused, expression: string): Problem {
  const catalogue: ProblemCatalogue = predicateProblems;
  const entry = catalogue[rule];
  if (entry === undefined) throw new TypeError(`no problem ${rule}`);
  const words = place === null ? "" : expression.slice(place.from, place.to).slice(0, 40);
  const where = place === null ? "" : `${words === "" ? "" : `\`${words}\` `}at character ${place.from + 1}: `;
  const message = `${where}${detail}`;
  return new Problem(rule, entry, message, [{ pointer: "/expression", message }]);
}

const toView = ({ definition, ...segment }: Segment, trend: { day: string; members: number }[]) => ({
  ...definition,
  ...segment,
  trend,
});

/** HTTP of segments. */
export function segmentsRoutes(server: FastifyInstance, segments: Segments): void {
  listRoutes(server, segments);
  changeRoutes(server, segments);
  askRoutes(server, segments);
}

function listRoutes(server: FastifyInstance, segments: Segments): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/segments",
    {
      ...read,
      schema: {
        summary: "List segments, with their sizes",
        tags,
        response: { 200: z.object({ items: z.array(shapes.segmentView) }) },
      },
    },
    async () => {
      const [items, trends] = await Promise.all([segments.list(), segments.trends(trendDays)]);
      return { items: items.map((segment) => toView(segment, trends.get(segment.id) ?? [])) };
    },
  );
  app.get(
    "/api/v1/segments/facts",
    {
      ...read,
      schema: {
        summary: "What a segment may ask of a household",
        description:
          "A fact that is not known, or that the household's consents do not cover, is missing: nothing is true of it.",
        tags,
        response: { 200: z.object({ items: z.array(shapes.factView) }) },
      },
    },
    async () => ({ items: householdFactViews }),
  );
  app.get(
    "/api/v1/segments/:id",
    { ...read, schema: { summary: "Read a segment", tags, params: byId, response: { 200: shapes.segmentView } } },
    async ({ params }) => {
      const [found, trends] = await Promise.all([segments.get(params.id), segments.trends(trendDays)]);
      if (found === null) throw notFound();
      return toView(found, trends.get(params.id) ?? []);
    },
  );
  app.get(
    "/api/v1/segments/:id/versions",
    {
      ...read,
      schema: {
        summary: "The last 50 versions of a segment, newest first",
        tags,
        params: byId,
        response: { 200: z.object({ items: z.array(shapes.versionView) }) },
      },
    },
    async ({ params }) => {
      const versions = await segments.versions(params.id);
      if (versions === null) throw notFound();
      return {
        items: versions.map(({ changed_at_ms, changed_by, ...version }) => ({
          ...version,
          changedAtMs: changed_at_ms,
          changedBy: changed_by,
        })),
      };
    },
  );
}

function changeRoutes(server: FastifyInstance, segments: Segments): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.put(
    "/api/v1/segments/:id",
    {
      ...write,
      schema: {
        summary: "Put a segment's next version in force, or make the segment",
        description: "Households are looked at anew where the expression changed, in steps that `isFilling` tells of.",
        tags,
        params: byId,
        body: segmentDefinition.extend({
          ifVersion: z
            .int()
            .min(0)
            .optional()
            .describe("The version that was changed, 0 for a new one: refused where there is another."),
        }),
        response: { 200: shapes.segmentView },
      },
    },
    async ({ principal, params, body: { ifVersion = null, ...definition } }) => {
      const outcome = await segments.put(principal, params.id, definition, ifVersion);
      if (outcome.kind === "expression_refused") throw expressionProblem(outcome, definition.expression);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") throw problem(segmentProblems, outcome.rule, outcome.detail);
      const found = await segments.get(params.id);
      if (found === null) throw notFound();
      return toView(found, []);
    },
  );
  app.delete(
    "/api/v1/segments/:id",
    {
      ...write,
      schema: { summary: "Delete a segment that nothing uses", tags, params: byId, response: { 204: z.null() } },
    },
    async ({ principal, params }, reply) => {
      const outcome = await segments.delete(principal, params.id);
      if (outcome.kind === "refused") throw problem(segmentProblems, outcome.rule, outcome.detail);
      return reply.code(204).send(null);
    },
  );
}

function askRoutes(server: FastifyInstance, segments: Segments): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/segments/preview",
    {
      ...write,
      schema: {
        summary: "How many households an expression means, and some of them",
        description: "Stores nothing. One that cannot be used is answered with what is wrong, and where.",
        tags,
        body: z.strictObject({ expression: expressionText }),
        response: { 200: shapes.previewView },
      },
    },
    async ({ body }) => {
      const outcome = await segments.preview(body.expression, sampleSize);
      return outcome.kind === "ok" ? outcome : { ...outcome, kind: "refused" as const };
    },
  );
  app.post(
    "/api/v1/segments/test",
    {
      ...write,
      schema: {
        summary: "Whether an expression means a household, and why",
        tags,
        body: z.strictObject({ expression: expressionText, householdId: z.uuid() }),
        response: { 200: shapes.explainedView },
      },
    },
    async ({ body }) => {
      const outcome = await segments.test(body.expression, body.householdId);
      if (outcome.kind === "expression_refused") throw expressionProblem(outcome, body.expression);
      if (outcome.kind === "refused") throw problem(segmentProblems, outcome.rule);
      return outcome;
    },
  );
  app.get(
    "/api/v1/segments/:id/households/:householdId",
    {
      ...read,
      schema: {
        summary: "Whether a household is in a segment, and why",
        tags,
        params: byId.extend({ householdId: z.uuid() }),
        response: { 200: shapes.explainedView },
      },
    },
    async ({ params }) => {
      const found = await segments.get(params.id);
      if (found === null) throw notFound();
      const outcome = await segments.test(found.definition.expression, params.householdId);
      if (outcome.kind !== "ok") throw problem(segmentProblems, "segment_household_not_found");
      return outcome;
    },
  );
  app.get(
    "/api/v1/segments/:id/members",
    {
      ...read,
      schema: {
        summary: "List the households of a segment",
        tags,
        params: byId,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(shapes.memberView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const items = await segments.membersPage(params.id, query.cursor?.[0] ?? null, query.limit);
      if (items === null) throw notFound();
      const last = items.at(-1);
      const isFull = items.length === query.limit && last !== undefined;
      return { items, nextCursor: isFull ? encodeCursor([last.householdId]) : null };
    },
  );
  app.get(
    "/api/v1/households/:id/segments",
    {
      ...read,
      schema: {
        summary: "What segments see of a household, and those that it is in",
        tags,
        params: z.object({ id: z.uuid() }),
        response: { 200: shapes.householdSegments },
      },
    },
    async ({ params }) => {
      const found = await segments.household(params.id);
      if (found === null) throw problem(segmentProblems, "segment_household_not_found");
      return found;
    },
  );
}
