import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { basedOnQuery, type Overtaken, overtakenProblem } from "../platform/based-on.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import type { CampaignRow } from "./campaigns-store.ts";
import { campaignDefinition, campaignStates } from "./core/campaign.ts";
import type { Engagement } from "./engagement.ts";
import { engagementProblems } from "./errors.ts";
import { peopleColumns } from "./people.ts";
import { lettersColumns } from "./recalls.ts";
import { recallStatuses, unreachableWhys } from "./recalls-store.ts";

const tags = ["campaigns"];
const byId = z.object({ id: z.uuid() });
const counts = z.record(z.string(), z.number());

const campaignShape = {
  id: z.string(),
  kind: z.enum(["campaign", "recall"]),
  state: z.enum(campaignStates),
  definition: campaignDefinition,
  createdAtMs: z.number(),
  createdBy: z.string(),
  editedAtMs: z.number(),
  /** Who changed it last: somebody else approves it. */
  editedBy: z.string(),
  approvedAtMs: z.number().nullable(),
  approvedBy: z.string().nullable(),
  startedAtMs: z.number().nullable(),
  pausedAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
};
export const campaignView = z.object(campaignShape).meta({ id: "Campaign" });

const arm = z.object({ households: z.number(), reached: z.number() });
const lift = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("measured"), difference: z.number(), low: z.number(), high: z.number() }),
  z.object({ kind: z.literal("too_few"), perArmMin: z.number() }),
  z.object({ kind: z.literal("too_soon"), daysMin: z.number() }),
]);
export const funnelView = z
  .object({
    members: z.number(),
    decided: z.number(),
    waiting: counts,
    suppressed: counts,
    human: z.number(),
    queued: z.number(),
    sent: z.number(),
    shown: z.number(),
    acted: z.number(),
    ended: z.number(),
    arms: z.object({ treated: arm, held_out: arm }),
    /** Null where the campaign has no goal, or has not begun. */
    lift: lift.nullable(),
  })
  .meta({ id: "CampaignFunnel" });
const recallCount = z.object({ status: z.enum(recallStatuses), households: z.number(), appliances: z.number() });
export const campaignWhole = z
  .object({
    ...campaignShape,
    funnel: funnelView,
    recall: z.array(recallCount).nullable(),
    recallCountedAtMs: z.number().nullable(),
  })
  .meta({ id: "CampaignWithFunnel" });

export const estimateView = z
  .object({
    households: z.number(),
    looked: z.number(),
    send: counts,
    waiting: counts,
    suppressed: counts,
    human: z.number(),
    appliances: z.number().nullable(),
    neverRegistered: z.number().nullable(),
  })
  .meta({ id: "CampaignEstimate" });

export const recallRow = z
  .object({
    key: z.string(),
    householdId: z.string().nullable(),
    householdName: z.string().nullable(),
    status: z.enum(recallStatuses),
    /** Of whom nothing reaches. */
    why: z.enum(unreachableWhys).nullable(),
    detail: z.string().nullable(),
    appliances: z.array(
      z.object({
        /** Null of what was made and never registered. */
        deviceId: z.string().nullable(),
        serial: z.string(),
        model: z.string(),
        shownAtMs: z.number().nullable(),
        acknowledgedAtMs: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: "RecallHousehold" });

const personRow = z
  .object({
    householdId: z.string(),
    householdName: z.string().nullable(),
    itemId: z.string(),
    title: z.string(),
    decidedAtMs: z.number(),
  })
  .meta({ id: "HouseholdForPerson" });

const viewOf = (row: CampaignRow): z.infer<typeof campaignView> => ({
  id: row.id,
  kind: row.kind,
  state: row.state,
  definition: row.definition,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
  editedAtMs: row.edited_at_ms,
  editedBy: row.edited_by,
  approvedAtMs: row.approved_at_ms,
  approvedBy: row.approved_by,
  startedAtMs: row.started_at_ms,
  pausedAtMs: row.paused_at_ms,
  endedAtMs: row.ended_at_ms,
});

function orProblem<T extends { kind: string }>(
  outcome: T | Overtaken | { kind: "refused"; rule: keyof typeof engagementProblems; detail?: string },
): T {
  if (outcome.kind === "overtaken" && "newest" in outcome) throw overtakenProblem(outcome);
  if (outcome.kind === "refused" && "rule" in outcome) throw problem(engagementProblems, outcome.rule, outcome.detail);
  return outcome as T; // oxlint-disable-line typescript/no-unsafe-type-assertion -- what is no refusal is the other one
}

/** HTTP of campaigns and recalls. */
export function campaignsRoutes(server: FastifyInstance, engagement: Engagement): void {
  listRoutes(server, engagement);
  changeRoutes(server, engagement);
  recallRoutes(server, engagement);
  peopleRoutes(server, engagement);
}

function listRoutes(server: FastifyInstance, { campaigns, recalls }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/campaigns",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary: "List campaigns and recalls, newest first",
        tags,
        querystring: z.object({
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
          limit: z.coerce.number().int().min(1).max(100).default(50),
        }),
        response: { 200: z.object({ items: z.array(campaignView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query: { cursor, limit } }) => {
      const rows = await campaigns.list(cursor?.[0] ?? null, limit);
      const last = rows.at(-1);
      return {
        items: rows.map(viewOf),
        nextCursor: last === undefined || rows.length < limit ? null : encodeCursor([last.id]),
      };
    },
  );
  app.get(
    "/api/v1/campaigns/calendar",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary: "Campaigns and recalls that are approved, go out or went out between two moments",
        description:
          "At most 500, the earliest to begin first. One that is approved may begin at any time until it expires.",
        tags,
        querystring: z.object({ from: z.coerce.number().int().min(0), to: z.coerce.number().int().min(0) }),
        response: { 200: z.object({ items: z.array(campaignView) }) },
      },
    },
    async ({ query }) => ({ items: (await campaigns.calendar(query.from, query.to)).map(viewOf) }),
  );
  app.get(
    "/api/v1/campaigns/:id",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary: "Read a campaign with how far it is",
        tags,
        params: byId,
        response: { 200: campaignWhole },
      },
    },
    async ({ params: { id } }) => {
      const row = await campaigns.get(id);
      if (row === null) throw problem(engagementProblems, "campaign_not_found");
      const recall = row.kind === "recall" ? await recalls.counts(row) : null;
      const counted = { recall: recall?.answer ?? null, recallCountedAtMs: recall?.atMs ?? null };
      return { ...viewOf(row), funnel: await campaigns.funnel(row), ...counted };
    },
  );
  app.post(
    "/api/v1/campaigns/estimate",
    {
      config: { permission: "campaigns.write" },
      schema: {
        summary: "Say what would become of a campaign if it started now",
        description:
          "Decides about up to 4,000 households by chance, with the function that decides when it runs, and stores nothing.",
        tags,
        body: campaignDefinition,
        response: { 200: estimateView },
      },
    },
    async ({ body }) => {
      const outcome = await campaigns.estimate(body);
      if ("kind" in outcome) throw problem(engagementProblems, outcome.rule, outcome.detail);
      return outcome;
    },
  );
}

function changeRoutes(server: FastifyInstance, { campaigns }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/campaigns",
    {
      config: { permission: "campaigns.write" },
      schema: {
        summary: "Draft a campaign or a recall",
        tags,
        body: campaignDefinition,
        response: { 201: campaignView },
      },
    },
    async ({ body, principal }, reply) =>
      reply.code(201).send(viewOf(orProblem(await campaigns.create(principal, body)))),
  );
  app.put(
    "/api/v1/campaigns/:id",
    {
      config: { permission: "campaigns.write" },
      schema: {
        summary: "Change a campaign that has not begun; it is a draft again",
        description: "The version that `basedOn` names is the `editedAtMs` of what was changed.",
        tags,
        params: byId,
        querystring: basedOnQuery,
        body: campaignDefinition,
        response: { 200: campaignView },
      },
    },
    async ({ params: { id }, query, body, principal }) =>
      viewOf(orProblem(await campaigns.change(principal, id, body, query.basedOn))),
  );
  const steps = {
    approve: "Approve a draft, as somebody else than its author",
    start: "Start what was approved",
    pause: "Pause it: nothing more is decided",
    resume: "Let it go on",
    finish: "End it: what waits goes no more",
  } as const;
  for (const step of ["approve", "start", "pause", "resume", "finish"] as const) {
    app.post(
      `/api/v1/campaigns/:id/${step}`,
      {
        config: { permission: step === "approve" ? "campaigns.approve" : "campaigns.write" },
        schema: { summary: steps[step], tags, params: byId, response: { 200: campaignView } },
      },
      async ({ params: { id }, principal }) => viewOf(orProblem(await campaigns[step](principal, id))),
    );
  }
}

function recallRoutes(server: FastifyInstance, { recalls }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/campaigns/:id/recall",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary:
          "List the households of a recall, its appliances that nobody owns, and those that were never registered",
        description: "With the households' names: whoever opens it is in the audit log.",
        tags,
        params: byId,
        querystring: z.object({
          status: z.enum(recallStatuses).optional(),
          cursor: cursorParam(z.tuple([z.string().max(200)])).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: { 200: z.object({ items: z.array(recallRow), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ principal, params: { id }, query: { status, cursor, limit } }) => {
      const rows = await recalls.page(principal, id, { status: status ?? null, afterKey: cursor?.[0] ?? null, limit });
      if (!Array.isArray(rows)) throw problem(engagementProblems, rows.rule);
      const last = rows.at(-1);
      return {
        items: rows.map(({ household_id: householdId, ...row }) => ({ ...row, householdId })),
        nextCursor: last === undefined || rows.length < limit ? null : encodeCursor([last.key]),
      };
    },
  );
  app.get(
    "/api/v1/campaigns/:id/unreachable.csv",
    {
      config: { permission: "campaigns.letters" },
      schema: {
        summary: "Export whom a recall does not reach, for letters",
        description: "CSV. That it was taken is in the audit log.",
        tags,
        params: byId,
        response: {
          200: z.any().meta({ description: `CSV: ${lettersColumns.join(", ")}` }),
        },
      },
    },
    async ({ params: { id }, principal }, reply) => {
      const lines = await recalls.unreachable(principal, id);
      if ("kind" in lines) throw problem(engagementProblems, lines.rule);
      return reply
        .header("content-type", "text/csv; charset=utf-8")
        .header("content-disposition", `attachment; filename="recall-${id}-letters.csv"`)
        .send(Readable.from(lines));
    },
  );
}

function peopleRoutes(server: FastifyInstance, { people }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/campaigns/:id/people",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary: "List the households of a campaign that nothing but a person reaches",
        description:
          "All of them: the first have a case, and those beyond are here alone. With the households' names: whoever opens it is in the audit log.",
        tags,
        params: byId,
        querystring: z.object({
          cursor: cursorParam(z.tuple([z.uuid(), z.uuid()])).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: { 200: z.object({ items: z.array(personRow), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ principal, params: { id }, query: { cursor, limit } }) => {
      const rows = await people.page(principal, id, { after: cursor ?? null, limit });
      if (!Array.isArray(rows)) throw problem(engagementProblems, rows.rule);
      const last = rows.at(-1);
      return {
        items: rows.map((row) => ({
          householdId: row.household_id,
          householdName: row.householdName,
          itemId: row.item_id,
          title: row.title,
          decidedAtMs: row.decided_at_ms,
        })),
        nextCursor: last === undefined || rows.length < limit ? null : encodeCursor([last.household_id, last.item_id]),
      };
    },
  );
  app.get(
    "/api/v1/campaigns/:id/people.csv",
    {
      config: { permission: "campaigns.letters" },
      schema: {
        summary: "Export whom of a campaign nothing but a person reaches",
        description: "CSV. That it was taken is in the audit log.",
        tags,
        params: byId,
        response: { 200: z.any().meta({ description: `CSV: ${peopleColumns.join(", ")}` }) },
      },
    },
    async ({ params: { id }, principal }, reply) => {
      const lines = await people.export(principal, id);
      if ("kind" in lines) throw problem(engagementProblems, lines.rule);
      return reply
        .header("content-type", "text/csv; charset=utf-8")
        .header("content-disposition", `attachment; filename="campaign-${id}-people.csv"`)
        .send(Readable.from(lines));
    },
  );
}
