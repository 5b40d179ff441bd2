import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { epochMs } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { predicateProblems } from "../platform/predicate/predicate.ts";
import { Problem, type ProblemCatalogue } from "../platform/problem.ts";
import { memberStates } from "./core/plan.ts";
import { rolloutStates } from "./core/rollout.ts";
import { targetExamples, targetFacts } from "./core/target-facts.ts";
import { rolloutProblems } from "./errors.ts";
import type { Refused } from "./ports.ts";
import type { Rollouts } from "./rollouts.ts";
import {
  failureView,
  historyEntry,
  memberView,
  planBody,
  planPatch,
  previewView,
  reason,
  rolloutDetail,
  rolloutSummary,
} from "./rollout-shapes.ts";

const byId = z.object({ id: z.uuid() });
const read = { config: { permission: "rollouts.read" as const } };
const write = { config: { permission: "rollouts.write" as const } };
const tags = ["rollouts"];

const catalogue: ProblemCatalogue = { ...predicateProblems, ...rolloutProblems };

/** A refusal as the problem that it is at the edge. */
export function refuse({ rule, detail }: Refused): Problem {
  const entry = catalogue[rule];
  if (entry === undefined) throw new TypeError(`no problem ${rule}`);
  return new Problem(rule, entry, detail);
}

const notFound = () => refuse({ kind: "refused", rule: "rollout_not_found" });

/** What a person may do with a rollout that answers with the rollout. */
type Changed = Awaited<ReturnType<Rollouts["submit"]>>;
const changed = (outcome: Changed) => {
  if (outcome.kind === "refused") throw refuse(outcome);
  return outcome.rollout;
};

/** HTTP of rollouts. */
export function rolloutsRoutes(server: FastifyInstance, rollouts: Rollouts): void {
  planRoutes(server, rollouts);
  actRoutes(server, rollouts);
  memberRoutes(server, rollouts);
}

function planRoutes(server: FastifyInstance, rollouts: Rollouts): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/rollouts",
    {
      ...read,
      schema: {
        summary: "List rollouts, newest first",
        tags,
        querystring: z.object({
          model: modelKey.optional(),
          releaseId: z.uuid().optional(),
          state: z.enum(rolloutStates).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(rolloutSummary), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { model = null, releaseId = null, state = null, limit, cursor } = query;
      const items = await rollouts.list({ model, releaseId, state, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.post(
    "/api/v1/rollouts",
    {
      ...write,
      schema: {
        summary: "Write a rollout, as a draft",
        description:
          "Refused by name where it could not be carried out: an empty or claimed target, stages that do not add up, a window that never opens, a gate that could never trip.",
        tags,
        body: planBody,
        response: { 201: rolloutDetail },
      },
    },
    async (request, reply) => {
      const outcome = await rollouts.create(request.principal, request.body);
      if (outcome.kind === "refused") throw refuse(outcome);
      return reply.code(201).send(outcome.rollout);
    },
  );
  app.post(
    "/api/v1/rollouts/preview",
    {
      ...write,
      schema: {
        summary: "A dry run: who would get it, who not and why, and when it would end",
        tags,
        body: planBody.extend({ exceptId: z.uuid().optional().describe("The draft that is being changed.") }),
        response: { 200: previewView },
      },
    },
    async ({ body: { exceptId = null, ...plan } }) => rollouts.preview(plan, exceptId),
  );
  app.get(
    "/api/v1/rollouts/target-facts",
    {
      ...read,
      schema: {
        summary: "What a target may ask of an appliance",
        tags,
        response: {
          200: z.object({
            facts: z.array(z.object({ name: z.string(), type: z.string(), help: z.string() })),
            examples: z.array(z.object({ text: z.string(), means: z.string() })),
          }),
        },
      },
    },
    async () => ({
      facts: Object.entries(targetFacts).map(([name, fact]) => ({ name, ...fact })),
      examples: targetExamples.map((example) => ({ ...example })),
    }),
  );
  app.get(
    "/api/v1/rollouts/:id",
    { ...read, schema: { summary: "One rollout as it stands", tags, params: byId, response: { 200: rolloutDetail } } },
    async ({ params }) => {
      const found = await rollouts.get(params.id);
      if (found === null) throw notFound();
      return found;
    },
  );
  app.patch(
    "/api/v1/rollouts/:id",
    {
      ...write,
      schema: {
        summary: "Change a draft",
        tags,
        params: byId,
        body: planPatch,
        response: { 200: rolloutDetail },
      },
    },
    // What was not sent is not there at all: it keeps what the draft has.
    async ({ principal, params, body }) => {
      const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
      return changed(await rollouts.change(principal, params.id, given));
    },
  );
}

function actRoutes(server: FastifyInstance, rollouts: Rollouts): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const bare: {
    verb: "submit" | "approve" | "start" | "resume";
    summary: string;
    description: string;
  }[] = [
    {
      verb: "submit",
      summary: "Hand a draft in",
      description: "To a second person where its plan asks for one; otherwise it is scheduled.",
    },
    {
      verb: "approve",
      summary: "Approve a rollout, or its next stage",
      description: "By somebody else than its author.",
    },
    {
      verb: "start",
      summary: "Start a scheduled rollout now",
      description: "Appliances are assigned to its stages at this moment.",
    },
    { verb: "resume", summary: "Go on with a paused rollout", description: "At the stage where it was paused." },
  ];
  for (const { verb, summary, description } of bare) {
    app.post(
      `/api/v1/rollouts/:id/${verb}`,
      { ...write, schema: { summary, description, tags, params: byId, response: { 200: rolloutDetail } } },
      async ({ principal, params }) => changed(await rollouts[verb](principal, params.id)),
    );
  }
  const reasoned: { verb: "pause" | "abort" | "promote"; summary: string; description: string }[] = [
    {
      verb: "pause",
      summary: "Pause a rollout",
      description: "Nothing more starts. What has begun goes on, and its gates are watched.",
    },
    {
      verb: "abort",
      summary: "Abort a rollout",
      description:
        "For good. What is done stays, what has begun goes on, offers that have not begun are called back, nobody else gets it: `abortEffect` has the numbers.",
    },
    {
      verb: "promote",
      summary: "End the current stage early",
      description:
        "Before its minimum sample and soak time; after the last stage the rollout is finished. A gate that has tripped is not skipped.",
    },
  ];
  for (const { verb, summary, description } of reasoned) {
    app.post(
      `/api/v1/rollouts/:id/${verb}`,
      {
        ...write,
        schema: {
          summary,
          description,
          tags,
          params: byId,
          body: z.strictObject({ reason }),
          response: { 200: rolloutDetail },
        },
      },
      async ({ principal, params, body }) => changed(await rollouts[verb](principal, params.id, body.reason)),
    );
  }
  app.post(
    "/api/v1/rollouts/:id/schedule",
    {
      ...write,
      schema: {
        summary: "Say when a scheduled rollout begins",
        tags,
        params: byId,
        body: z.strictObject({ startAtMs: epochMs.nullable().describe("null: a person starts it.") }),
        response: { 200: rolloutDetail },
      },
    },
    async ({ principal, params, body }) => changed(await rollouts.setStart(principal, params.id, body.startAtMs)),
  );
  app.post(
    "/api/v1/rollouts/:id/retry-failed",
    {
      ...write,
      schema: {
        summary: "Have appliances try again that failed",
        description: "Those whose reason may pass; with `force` all that failed or fell silent.",
        tags,
        params: byId,
        body: z.strictObject({ force: z.boolean().default(false) }),
        response: { 200: rolloutDetail },
      },
    },
    async ({ principal, params, body }) => changed(await rollouts.retryFailed(principal, params.id, body.force)),
  );
}

function memberRoutes(server: FastifyInstance, rollouts: Rollouts): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/rollouts/:id/devices",
    {
      ...read,
      schema: {
        summary: "Where each appliance stands",
        tags,
        params: byId,
        querystring: z.object({
          state: z.enum(memberStates).optional(),
          stage: z.coerce.number().int().min(0).max(100).optional(),
          reason: z.string().max(200).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: cursorParam(z.tuple([z.int().min(0)])).optional(),
        }),
        response: { 200: z.object({ items: z.array(memberView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const { state = null, stage = null, reason: why = null, limit, cursor } = query;
      const afterKey = cursor?.[0] ?? 0;
      const rows = await rollouts.members(params.id, { state, stage, reason: why, afterKey, limit });
      if (rows === null) throw notFound();
      const last = rows.at(-1);
      const items = rows.map((row) => ({
        deviceId: row.device_id,
        stage: row.stage,
        state: row.state,
        reason: row.reason,
        deliveryId: row.delivery_id,
        offeredAtMs: row.offered_at_ms,
        startedAtMs: row.started_at_ms,
        endedAtMs: row.ended_at_ms,
        timeZone: row.time_zone,
        country: row.country,
      }));
      return {
        items,
        nextCursor: rows.length === limit && last !== undefined ? encodeCursor([last.device_key]) : null,
      };
    },
  );
  app.get(
    "/api/v1/rollouts/:id/failures",
    {
      ...read,
      schema: {
        summary: "Failures by reason, the most frequent first",
        tags,
        params: byId,
        response: { 200: z.object({ items: z.array(failureView) }) },
      },
    },
    async ({ params }) => {
      const items = await rollouts.failures(params.id);
      if (items === null) throw notFound();
      return { items };
    },
  );
  app.get(
    "/api/v1/rollouts/:id/history",
    {
      ...read,
      schema: {
        summary: "Who did what, and what it did by itself, newest first",
        tags,
        params: byId,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: cursorParam(z.tuple([z.int().min(0)])).optional(),
        }),
        response: { 200: z.object({ items: z.array(historyEntry), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const { limit, cursor } = query;
      const items = await rollouts.history(params.id, { beforeId: cursor?.[0] ?? null, limit });
      if (items === null) throw notFound();
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
}
