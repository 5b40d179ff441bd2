import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { epochMs } from "#protocol/text.ts";
import { overtakenProblem } from "../platform/based-on.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { causeWords } from "./core/cause-words.ts";
import { lifecycleDefinition, stages } from "./core/definition.ts";
import { type Risk, riskKinds } from "./core/risk.ts";
import type { Cause } from "./core/stage.ts";
import { lifecycleProblems } from "./errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type Period, periodDaysMax } from "./lifecycle-desk.ts";

const tags = ["lifecycle"];
const dayMs = 86_400_000;
const stage = z.enum(stages);

/** What a fact says in words, and what it is made of. */
const causeView = z
  .looseObject({ kind: z.string(), atMs: z.number().nullable(), text: z.string() })
  .meta({ id: "LifecycleCause" });
const toCause = (cause: Cause): z.infer<typeof causeView> => ({ ...cause, text: causeWords(cause) });

const riskView = z
  .object({ kind: z.enum(riskKinds), weight: z.number(), causes: z.array(causeView) })
  .meta({ id: "LifecycleRisk" });
const toRisk = ({ kind, weight, causes }: Risk) => ({ kind, weight, causes: causes.map(toCause) });

const versionView = z
  .object({ version: z.number(), definition: lifecycleDefinition, inForceFromMs: z.number(), createdBy: z.string() })
  .meta({ id: "LifecycleDefinitionVersion" });

const counts = z.record(stage, z.number()).meta({ id: "StageCounts" });
const flow = z
  .object({
    /** Null: not known at the beginning. */
    from: stage.nullable(),
    to: stage,
    households: z.number(),
  })
  .meta({ id: "StageFlow" });

const periodQuery = { fromMs: z.coerce.number().pipe(epochMs), toMs: z.coerce.number().pipe(epochMs) };

function periodOf({ fromMs, toMs }: Period): Period {
  if (fromMs >= toMs || toMs - fromMs > periodDaysMax * dayMs)
    throw problem(lifecycleProblems, "lifecycle_period_wrong");
  return { fromMs, toMs };
}

/** HTTP of the lifecycle slice. */
export function lifecycleRoutes(server: FastifyInstance, lifecycle: Lifecycle): void {
  definitionRoutes(server, lifecycle);
  flowRoutes(server, lifecycle);
  householdRoutes(server, lifecycle);
}

function definitionRoutes(server: FastifyInstance, { definitions, desk }: Lifecycle): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/lifecycle/definition",
    {
      config: { permission: "lifecycle.read" },
      schema: { summary: "Read what the stages are", tags, response: { 200: versionView } },
    },
    async () => definitions.inForce,
  );
  app.get(
    "/api/v1/lifecycle/definition/versions",
    {
      config: { permission: "lifecycle.read" },
      schema: {
        summary: "Read every version of what the stages are, newest first",
        tags,
        response: { 200: z.object({ items: z.array(versionView) }) },
      },
    },
    async () => ({ items: definitions.versions.toReversed() }),
  );
  app.put(
    "/api/v1/lifecycle/definition",
    {
      config: { permission: "lifecycle.write" },
      schema: {
        summary: "Put the next version of the stages in force",
        description:
          "From now on: what was before stays as it was judged then. Households move within seconds to minutes.",
        tags,
        body: z.strictObject({ basedOn: z.int().min(1), definition: lifecycleDefinition }),
        response: { 200: versionView },
      },
    },
    async ({ principal, body }) => {
      const outcome = await definitions.change(principal, body.basedOn, body.definition);
      if ("kind" in outcome) throw overtakenProblem(outcome);
      return outcome;
    },
  );
  app.post(
    "/api/v1/lifecycle/definition/preview",
    {
      config: { permission: "lifecycle.write" },
      schema: {
        summary: "See how many households another definition would move",
        description: "Judges households as they are now. Nothing is stored.",
        tags,
        body: z.strictObject({ definition: lifecycleDefinition }),
        response: {
          200: z.object({
            households: z.number(),
            /** There are more, of whom nothing is said. */
            isSample: z.boolean(),
            moved: z.number(),
            flows: z.array(flow),
            before: counts,
            after: counts,
          }),
        },
      },
    },
    async ({ body }) => desk.preview(body.definition),
  );
}

function flowRoutes(server: FastifyInstance, { desk }: Lifecycle): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/lifecycle/counts",
    {
      config: { permission: "lifecycle.read" },
      schema: {
        summary: "Count the households of each stage, over a period",
        description: "At `parts + 1` moments: the first at its beginning, the last at its end.",
        tags,
        querystring: z.object({ ...periodQuery, parts: z.coerce.number().int().min(1).max(366).default(30) }),
        response: { 200: z.object({ items: z.array(z.object({ atMs: z.number(), counts })) }) },
      },
    },
    async ({ query }) => ({ items: await desk.counts(periodOf(query), query.parts) }),
  );
  app.get(
    "/api/v1/lifecycle/flows",
    {
      config: { permission: "lifecycle.read" },
      schema: {
        summary: "Read where households moved between the two ends of a period",
        description:
          "`flows` has those who stayed too; `changes` has each change that happened meanwhile, and how fast.",
        tags,
        querystring: z.object(periodQuery),
        response: {
          200: z.object({
            before: counts,
            after: counts,
            flows: z.array(flow),
            changes: z.array(z.object({ from: stage, to: stage, changes: z.number(), daysMedian: z.number() })),
          }),
        },
      },
    },
    async ({ query }) => desk.flows(periodOf(query)),
  );
  app.get(
    "/api/v1/lifecycle/at-risk",
    {
      config: { permission: "lifecycle.read" },
      schema: {
        summary: "List the households at risk this week, the most endangered first",
        description: "The first page has also who was lost within the last seven days.",
        tags,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: z.string().max(200).optional(),
        }),
        response: {
          200: z.object({
            households: z.number(),
            /** The most frequent first; a household counts at each of its causes. */
            byKind: z.array(z.object({ kind: z.enum(riskKinds), households: z.number() })),
            items: z.array(
              z
                .object({
                  householdId: z.string(),
                  name: z.string().nullable(),
                  stage,
                  sinceMs: z.number(),
                  risk: z.number(),
                  risks: z.array(riskView),
                  lostAtMs: z.number().nullable(),
                })
                .meta({ id: "HouseholdAtRisk" }),
            ),
            lost: z.array(
              z
                .object({
                  householdId: z.string(),
                  name: z.string().nullable(),
                  from: stage.nullable(),
                  atMs: z.number(),
                  causes: z.array(causeView),
                })
                .meta({ id: "HouseholdLost" }),
            ),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query }) => {
      const after = query.cursor === undefined ? null : decodeCursor(query.cursor, z.tuple([z.number(), z.uuid()]));
      if (after === null && query.cursor !== undefined) throw problem(lifecycleProblems, "lifecycle_cursor_invalid");
      const place = after === null ? null : { risk: after[0], householdId: after[1] };
      const found = await desk.atRisk(place, query.limit);
      const last = found.items.length === query.limit ? found.items.at(-1) : undefined;
      return {
        ...found,
        items: found.items.map((one) => ({ ...one, risks: one.risks.map(toRisk) })),
        lost: found.lost.map((one) => ({ ...one, causes: one.causes.map(toCause) })),
        nextCursor: last === undefined ? null : encodeCursor([last.risk, last.householdId]),
      };
    },
  );
}

function householdRoutes(server: FastifyInstance, { desk }: Lifecycle): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households/:id/lifecycle",
    {
      config: { permission: "lifecycle.read" },
      schema: {
        summary: "Read a household's stage and how it came there, newest first",
        tags,
        params: z.object({ id: z.uuid() }),
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(50),
          /** `place` of the last line of the page before. */
          before: z.coerce.number().int().min(1).optional(),
        }),
        response: {
          200: z.object({
            stage,
            sinceMs: z.number().nullable(),
            facts: z.object({
              knownSinceMs: z.number().nullable(),
              pairedAtMs: z.number().nullable(),
              programs: z.number(),
              usualGapDays: z.number(),
              lastUseMs: z.number().nullable(),
              openCases: z.number(),
              feedback: z.object({ rating: z.number(), atMs: z.number() }).nullable(),
            }),
            risks: z.array(riskView),
            /** When the stage may change although nothing happens. */
            nextTurnMs: z.number().nullable(),
            /** What was told more than 400 days late, and changed no stage any more. */
            tooLate: z.object({ count: z.number(), newestMs: z.number() }).nullable(),
            changes: z.array(
              z
                .object({
                  place: z.number(),
                  atMs: z.number(),
                  from: stage.nullable(),
                  to: stage,
                  causes: z.array(causeView),
                  /** Since the change before. */
                  days: z.number().nullable(),
                  /** What others took who changed alike; null where there were too few. */
                  daysMedian: z.number().nullable(),
                })
                .meta({ id: "StageChange" }),
            ),
          }),
        },
      },
    },
    async ({ params, query }) => {
      const found = await desk.household(params.id, query.before ?? null, query.limit);
      if (found === null) throw problem(lifecycleProblems, "lifecycle_household_not_found");
      return {
        ...found,
        risks: found.risks.map(toRisk),
        changes: found.changes.map((change) => ({ ...change, causes: change.causes.map(toCause) })),
      };
    },
  );
}
