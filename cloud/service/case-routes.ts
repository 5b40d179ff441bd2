import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { CaseDesk, CaseQuery } from "./case-desk.ts";
import { queuePlace } from "./case-queue-store.ts";
import { caseView, viewOf } from "./case-views.ts";
import { caseStatuses } from "./core/case.ts";
import { severities } from "./core/severity.ts";

const wordsMax = 50;

/** `a,b` as a list; nothing where it is left out. */
const listOf = <T extends string>(word: z.ZodType<T, string>) =>
  z
    .string()
    .max(2_000)
    .default("")
    .transform((text) => text.split(",").filter((part) => part !== ""))
    .pipe(z.array(word).max(wordsMax));

const causeKey = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$|^fault:.{1,64}$/u, "must be snake_case, or `fault:` and a code");

const filters = {
  status: listOf(z.enum(caseStatuses)).describe("Any of these, separated by commas"),
  notStatus: listOf(z.enum(caseStatuses)),
  severity: listOf(z.enum(severities)),
  notSeverity: listOf(z.enum(severities)),
  model: listOf(modelKey),
  notModel: listOf(modelKey),
  cause: listOf(causeKey),
  notCause: listOf(causeKey),
  device: deviceId.optional(),
  household: z.uuid().optional(),
  assignee: safeText(100).optional().describe("`me`, `none`, or who, as cases say it"),
  overdue: z.enum(["true", "false"]).optional(),
};
const filterQuery = z.object(filters);

const page = { limit: z.coerce.number().int().min(1).max(500).default(100) };

function toQuery(asked: z.infer<typeof filterQuery>, me: Principal): CaseQuery {
  const { assignee, overdue } = asked;
  return {
    status: { is: asked.status, isNot: asked.notStatus },
    severity: { is: asked.severity, isNot: asked.notSeverity },
    model: { is: asked.model, isNot: asked.notModel },
    cause: { is: asked.cause, isNot: asked.notCause },
    deviceId: asked.device ?? null,
    householdId: asked.household ?? null,
    assignee: assignee === "me" ? principalText(me) : (assignee ?? null),
    overdue: overdue === undefined ? null : overdue === "true",
  };
}

const listed = z.object({ items: z.array(caseView), nextCursor: z.string().nullable() });
const place = z.tuple([z.int().min(0).max(9), z.int().min(0), z.int().min(0), z.uuid()]);

/** HTTP of looking at cases. */
export function caseRoutes(server: FastifyInstance, desk: CaseDesk): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  app.get(
    "/api/v1/cases",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List cases, open and closed, newest first",
        tags,
        querystring: z.object({ ...filters, ...page, cursor: cursorParam(z.tuple([z.uuid()])).optional() }),
        response: { 200: listed },
      },
    },
    async ({ query, principal }) => {
      const { limit, cursor } = query;
      const found = await desk.newest(toQuery(query, principal), { beforeId: cursor?.[0] ?? null, limit });
      const items = found.map(viewOf);
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/cases/queue",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List open cases in the order in which they want to be worked on",
        description: "By severity, then by what is due first, then by age. Filters take lists separated by commas.",
        tags,
        querystring: z.object({ ...filters, ...page, cursor: cursorParam(place).optional() }),
        response: { 200: listed },
      },
    },
    async ({ query, principal }) => {
      const { limit, cursor } = query;
      const found = await desk.queue(toQuery(query, principal), { after: cursor ?? null, limit });
      const last = found.at(-1);
      const nextCursor =
        found.length === limit && last !== undefined ? encodeCursor([...queuePlace(last.serviceCase)]) : null;
      return { items: found.map(viewOf), nextCursor };
    },
  );
  app.get(
    "/api/v1/cases/assignees",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List whom a case or an incident can be given to",
        description: "Staff whose keys may work on cases and were not revoked, by name.",
        tags,
        response: { 200: z.object({ items: z.array(z.object({ principal: z.string(), name: z.string() })) }) },
      },
    },
    async () => ({ items: await desk.assignees() }),
  );
  app.get(
    "/api/v1/cases/queue/counts",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Count the open cases that a filter leaves",
        tags,
        querystring: filterQuery,
        response: {
          200: z.object({
            open: z.number(),
            mine: z.number(),
            unassigned: z.number(),
            overdue: z.number(),
            escalated: z.number(),
            bySeverity: z.record(z.enum(severities), z.number()),
            byStatus: z.partialRecord(z.enum(caseStatuses), z.number()),
          }),
        },
      },
    },
    async ({ query, principal }) => desk.queueCounts(toQuery(query, principal), principal),
  );
}
