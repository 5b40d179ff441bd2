import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { statusAtMs } from "./cases-store.ts";
import { caseStatuses } from "./core/case.ts";
import { ruleDefinition, serviceRule, severities } from "./core/rule.ts";
import { serviceProblems } from "./errors.ts";
import { type CaseWithDevice, type Service, workingStatuses } from "./service.ts";

const byId = z.object({ id: z.uuid() });
const text = safeText(4_000).trim().min(1);

const caseView = z
  .object({
    id: z.string(),
    deviceId: z.string(),
    model: z.string(),
    householdId: z.string().nullable(),
    ruleId: z.string(),
    cause: z.string(),
    severity: z.enum(severities),
    title: z.string(),
    status: z.enum(caseStatuses),
    openedAtMs: z.number(),
    statusAtMs: z.number(),
    /** `cause` where it cleared by itself, else who resolved it. */
    resolvedBy: z.string().nullable(),
  })
  .meta({ id: "ServiceCase" });

const caseEntry = z.object({
  sequence: z.number(),
  kind: z.enum(["opened", "reopened", "resolved", "status", "note"]),
  atMs: z.number(),
  by: z.string(),
  text: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

const caseWithEntries = caseView.extend({ entries: z.array(caseEntry) }).meta({ id: "ServiceCaseWithEntries" });

const toView = ({ serviceCase, deviceId: id, model }: CaseWithDevice): z.infer<typeof caseView> => ({
  id: serviceCase.id,
  deviceId: id,
  model,
  householdId: serviceCase.householdId,
  ruleId: serviceCase.ruleId,
  cause: serviceCase.cause,
  severity: z.enum(severities).parse(serviceCase.severity),
  title: serviceCase.title,
  status: serviceCase.state.status,
  openedAtMs: serviceCase.openedAtMs,
  statusAtMs: statusAtMs(serviceCase.state),
  resolvedBy: serviceCase.state.status === "resolved" ? serviceCase.state.by : null,
});

/** HTTP of the service slice: rules and cases. */
export function serviceRoutes(server: FastifyInstance, service: Service): void {
  ruleRoutes(server, service);
  caseRoutes(server, service);
  caseWorkRoutes(server, service);
}

function ruleRoutes(server: FastifyInstance, service: Service): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["service"];
  app.get(
    "/api/v1/service/rules",
    {
      config: { permission: "service.read" },
      schema: { summary: "List service rules", tags, response: { 200: z.object({ items: z.array(serviceRule) }) } },
    },
    async () => ({ items: service.rules() }),
  );
  app.post(
    "/api/v1/service/rules",
    {
      config: { permission: "service.rules" },
      schema: { summary: "Make a service rule", tags, body: ruleDefinition, response: { 201: serviceRule } },
    },
    async (request, reply) => {
      const outcome = await service.createRule(request.principal, request.body);
      if ("kind" in outcome) throw problem(serviceProblems, outcome.rule);
      return reply.code(201).send(outcome);
    },
  );
  app.put(
    "/api/v1/service/rules/:id",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Put a rule's next version in force",
        description: "What it watches and the cause it finds stay as they are.",
        tags,
        params: byId,
        body: ruleDefinition,
        response: { 200: serviceRule },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await service.changeRule(principal, params.id, body);
      if ("kind" in outcome) throw problem(serviceProblems, outcome.rule);
      return outcome;
    },
  );
}

function caseRoutes(server: FastifyInstance, service: Service): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  app.get(
    "/api/v1/cases",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List cases, newest first",
        tags,
        querystring: z.object({
          status: z.enum(caseStatuses).optional(),
          device: deviceId.optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(caseView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, z.tuple([z.uuid()]));
      if (before === null && query.cursor !== undefined) throw problem(serviceProblems, "case_cursor_invalid");
      const found = await service.list({
        status: query.status ?? null,
        deviceId: query.device ?? null,
        beforeId: before?.[0] ?? null,
        limit: query.limit,
      });
      const items = found.map(toView);
      const last = items.at(-1);
      return { items, nextCursor: items.length === query.limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/cases/:id",
    {
      config: { permission: "service.read" },
      schema: { summary: "Read a case and its history", tags, params: byId, response: { 200: caseWithEntries } },
    },
    async ({ params }) => {
      const found = await service.get(params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return { ...toView(found), entries: found.entries };
    },
  );
}

function caseWorkRoutes(server: FastifyInstance, service: Service): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  const answer = async (id: string) => {
    const found = await service.get(id);
    if (found === null) throw problem(serviceProblems, "case_not_found");
    return { ...toView(found), entries: found.entries };
  };
  app.post(
    "/api/v1/cases/:id/resolve",
    {
      config: { permission: "cases.write" },
      schema: {
        summary: "Resolve a case",
        description: "Its cause reopens it when it returns within 7 days.",
        tags,
        params: byId,
        body: z.strictObject({ note: text }),
        response: { 200: caseWithEntries },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await service.resolve(principal, params.id, body.note);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(params.id);
    },
  );
  app.post(
    "/api/v1/cases/:id/notes",
    {
      config: { permission: "cases.write" },
      schema: {
        summary: "Add a note to a case, and say whom it waits for",
        tags,
        params: byId,
        body: z.strictObject({ text, status: z.enum(workingStatuses).optional() }),
        response: { 200: caseWithEntries },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await service.note(principal, params.id, body.text, body.status ?? null);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(params.id);
    },
  );
}
