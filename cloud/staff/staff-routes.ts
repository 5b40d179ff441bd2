import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Db } from "../platform/database.ts";
import { problem } from "../platform/problem.ts";
import { staffProblems } from "./errors.ts";
import { type Staff, staffRoles } from "./staff.ts";

const staffKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    role: z.enum(staffRoles),
    createdAtMs: z.number(),
    createdBy: z.string(),
    revokedAtMs: z.number().nullable(),
  })
  .meta({ id: "StaffKey" });

const auditLine = z
  .object({
    sequence: z.number(),
    atMs: z.number(),
    principal: z.string(),
    action: z.string(),
    subject: z.string(),
    before: z.string().nullable(),
    after: z.string().nullable(),
  })
  .meta({ id: "AuditLine" });

/** HTTP of the staff slice: who am I, keys, and the audit log. */
export function staffRoutes(server: FastifyInstance, staff: Staff, db: Db): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/me",
    {
      config: { permission: "anyone" },
      schema: {
        summary: "Who this key belongs to",
        tags: ["staff"],
        response: { 200: z.object({ kind: z.string(), name: z.string(), role: z.string() }) },
      },
    },
    async ({ principal }) =>
      principal.kind === "staff"
        ? { kind: "staff", name: principal.name, role: principal.role }
        : { kind: principal.kind, name: "", role: principal.kind === "owner" ? principal.role : "" },
  );
  app.get(
    "/api/v1/staff/names",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "What the people are called who did things",
        description: "By their principal, as histories and lists name it; revoked ones too.",
        tags: ["staff"],
        response: { 200: z.object({ names: z.record(z.string(), z.string()) }) },
      },
    },
    async () => ({
      names: Object.fromEntries((await staff.keys()).map(({ id, name }) => [`staff:${id}`, name])),
    }),
  );
  app.get(
    "/api/v1/staff/keys",
    {
      config: { permission: "staff.keys" },
      schema: {
        summary: "List staff keys",
        tags: ["staff"],
        response: { 200: z.object({ items: z.array(staffKey) }) },
      },
    },
    async () => ({ items: await staff.keys() }),
  );
  app.post(
    "/api/v1/staff/keys",
    {
      config: { permission: "staff.keys" },
      schema: {
        summary: "Make a staff key",
        description: "The secret is in this answer and nowhere else: only its hash is kept.",
        tags: ["staff"],
        body: z.strictObject({ name: z.string().trim().min(1).max(100), role: z.enum(staffRoles) }),
        response: { 201: z.object({ key: staffKey, secret: z.string() }) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await staff.createKey(request.principal, request.body.name, request.body.role)),
  );
  app.delete(
    "/api/v1/staff/keys/:id",
    {
      config: { permission: "staff.keys" },
      schema: {
        summary: "End a staff key at once",
        tags: ["staff"],
        params: z.object({ id: z.uuid() }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await staff.revokeKey(request.principal, request.params.id);
      if (outcome.kind === "refused") throw problem(staffProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.get(
    "/api/v1/audit",
    {
      config: { permission: "audit.read" },
      schema: {
        summary: "Read the audit log, newest first",
        tags: ["staff"],
        querystring: z.object({
          cursor: z.coerce.number().int().min(1).optional(),
          subject: z.string().max(200).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: { 200: z.object({ items: z.array(auditLine), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const items = await staff.audit.list(db, {
        before: query.cursor ?? null,
        subject: query.subject ?? null,
        limit: query.limit,
      });
      const last = items.at(-1);
      return { items, nextCursor: items.length === query.limit && last !== undefined ? String(last.sequence) : null };
    },
  );
  app.get(
    "/api/v1/audit/verify",
    {
      config: { permission: "audit.read" },
      schema: {
        summary: "Check the audit log's chain",
        tags: ["staff"],
        response: { 200: z.object({ lines: z.number(), brokenAt: z.number().nullable() }) },
      },
    },
    async () => staff.audit.verify(db),
  );
}
