import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { deviceProblems } from "../devices/devices.ts";
import { householdProblems } from "../households/households.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { owner, type Principal } from "../staff/staff.ts";
import { erasureReport } from "./core/report.ts";
import { rightsProblems } from "./errors.ts";
import type { Rights } from "./rights.ts";

const byId = z.object({ id: z.uuid() });
const problems = { ...householdProblems, ...rightsProblems };
const format = z.enum(["json", "csv"]).default("json");

export const erasureView = z
  .object({
    id: z.string(),
    /** `owner`, who of the staff, or `system` where a backup had brought the household back. */
    askedBy: z.string(),
    atMs: z.number(),
    /** Null until nothing is left and a scan of every table found nothing. */
    doneAtMs: z.number().nullable(),
    report: erasureReport,
  })
  .meta({ id: "Erasure" });

const erasedAnswer = z
  .object({
    id: z.string(),
    /** Reads the report, without a key. In this answer and nowhere else. */
    reportUrl: z.string(),
  })
  .meta({ id: "ErasedHousehold" });

const sheet = z.record(z.string(), z.unknown());

/** HTTP of export and erasure. */
export function rightsRoutes(server: FastifyInstance, rights: Rights): void {
  ownerRoutes(server, rights);
  staffRoutes(server, rights);
  reportRoutes(server, rights);
}

async function sendExport(
  reply: FastifyReply,
  rights: Rights,
  by: Principal,
  householdId: string,
  asked: "json" | "csv",
) {
  const outcome = await rights.export(by, householdId, asked);
  if (outcome.kind === "refused") throw problem(problems, outcome.rule);
  return reply
    .header("content-type", "application/gzip")
    .header("content-disposition", `attachment; filename="hearth-household-${asked}.tar.gz"`)
    .send(outcome.stream);
}

const exportWords =
  "A `.tar.gz`, made as it is read. `data-sheet.json` says what each thing is, in which unit and format, how much of it there is, how long it is kept and how to erase it. `said/` holds what people and appliances said and did, word for word; `derived/` what was computed from it, such as scores. `contents.json` at the end counts the rows of each.";

function ownerRoutes(server: FastifyInstance, rights: Rights): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/export",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "Everything about your household, to take with you",
        description: `${exportWords} Free, and in the quality in which the maker has it.`,
        tags: ["my"],
        querystring: z.object({ format }),
        produces: ["application/gzip"],
      },
    },
    async ({ principal, query }, reply) => {
      const by = owner(principal);
      return sendExport(reply, rights, by, by.householdId, query.format);
    },
  );
  app.get(
    "/api/v1/my/data-sheet",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "What data there is about your household",
        description: "The sheet that lies in the export, made from what the models of your appliances declare.",
        tags: ["my"],
        response: { 200: sheet },
      },
    },
    async ({ principal }) => rights.sheetOf(owner(principal).householdId),
  );
  app.delete(
    "/api/v1/my/household",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "Erase your household",
        description:
          "Every appliance is handed over, every key ends with this answer, and everything about you goes, in every store; also what appliances said before you handed them over. What was earned stays in the ledger's totals, without you. `reportUrl` says store by store what was removed, and what a scan of every table found after it. There is no way back.",
        tags: ["my"],
        response: { 200: erasedAnswer },
      },
    },
    async ({ principal }) => {
      const outcome = await rights.eraseMine(owner(principal));
      if (outcome.kind === "refused") throw problem(problems, outcome.rule);
      return { id: outcome.id, reportUrl: outcome.link };
    },
  );
}

function staffRoutes(server: FastifyInstance, rights: Rights): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households/:id/export",
    {
      config: { permission: "households.export" },
      schema: {
        summary: "Everything about a household, because its people asked for it",
        description: `${exportWords} That it was read is on record.`,
        tags: ["households"],
        params: byId,
        querystring: z.object({ format }),
        produces: ["application/gzip"],
      },
    },
    async ({ principal, params, query }, reply) => sendExport(reply, rights, principal, params.id, query.format),
  );
  app.post(
    "/api/v1/households/:id/erase",
    {
      config: { permission: "households.erase" },
      schema: {
        summary: "Erase a household, because its people asked for it",
        description:
          "As its owner may do it: see DELETE /api/v1/my/household. `confirm` is its name, as it stands there. Give `reportUrl` to the person: it is their proof.",
        tags: ["households"],
        params: byId,
        body: z.strictObject({ confirm: safeText(200) }),
        response: { 200: erasedAnswer },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await rights.eraseFor(principal, params.id, body.confirm);
      if (outcome.kind === "refused") throw problem(problems, outcome.rule);
      return { id: outcome.id, reportUrl: outcome.link };
    },
  );
  app.get(
    "/api/v1/models/:model/data-sheet",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "What data appliances of a model make",
        description: "Made from what the model declares: for whoever has to know before they buy one.",
        tags: ["models"],
        params: z.object({ model: modelKey }),
        response: { 200: sheet },
      },
    },
    async ({ params }) => {
      const made = await rights.modelSheet(params.model);
      if (made === null) throw problem(deviceProblems, "model_not_found");
      return made;
    },
  );
}

function reportRoutes(server: FastifyInstance, rights: Rights): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/erasures",
    {
      config: { permission: "erasures.read" },
      schema: {
        summary: "List erasures, newest first",
        description: "None says whose it was. Whoever knows a household's id finds its report with `household`.",
        tags: ["households"],
        querystring: z.object({
          household: z.uuid().optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(erasureView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { household = null, limit, cursor } = query;
      const items = await rights.erasures({ householdId: household, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/erasures/:id",
    {
      config: { permission: "erasures.read" },
      schema: {
        summary: "Read the report of an erasure",
        tags: ["households"],
        params: byId,
        response: { 200: erasureView },
      },
    },
    async ({ params }) => {
      const found = await rights.erasure(params.id);
      if (found === null) throw problem(rightsProblems, "erasure_not_found");
      return found;
    },
  );
  app.get(
    "/api/v1/erasure-reports/:code",
    {
      config: { permission: "open" },
      schema: {
        summary: "Read the report of your erasure",
        description:
          "The address is in the erasure's answer. It opens without a key, since yours ended with your household.",
        tags: ["my"],
        params: z.object({ code: z.string().regex(/^[\w-]{43}$/, "must be the code of the answer, unchanged") }),
        response: { 200: erasureView },
      },
    },
    async ({ params }) => {
      const found = await rights.erasureByCode(params.code);
      if (found === null) throw problem(rightsProblems, "erasure_not_found");
      return found;
    },
  );
}
