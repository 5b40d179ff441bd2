import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { logBytesMax } from "#protocol/help.ts";
import { deviceId } from "#protocol/ids.ts";
import { problem } from "../platform/problem.ts";
import { cutSilentReader } from "../platform/silent-reader.ts";
import { caseId } from "./case-views.ts";
import { removals } from "./core/redact.ts";
import type { DiagnosisDesk } from "./diagnosis.ts";
import { diagnosisProblems } from "./diagnosis-errors.ts";
import { diagnosisKinds, diagnosisStates } from "./diagnosis-store.ts";
import { serviceProblems } from "./errors.ts";

const tags = ["cases"];

const diagnosisView = z
  .object({
    id: z.string(),
    caseId: z.string(),
    kind: z.enum(diagnosisKinds),
    state: z.enum(diagnosisStates),
    reason: z.string().nullable(),
    askedAtMs: z.number(),
    askedBy: z.string(),
    changedAtMs: z.number(),
    untilMs: z.number().describe("Until when its answer, or its log, is waited for"),
    result: z.record(z.string(), z.unknown()).nullable().describe("What the appliance said, in its own words"),
    log: z
      .object({
        bytes: z.number(),
        sha256: z.string(),
        isCut: z.boolean(),
        removals: z.record(z.enum(removals), z.number()).describe("How much was taken out of it, by kind"),
      })
      .nullable(),
  })
  .meta({ id: "Diagnosis" });

const gzipTypes = ["application/gzip", "application/x-gzip"];
const uploadTypes = ["text/plain", ...gzipTypes];

/** HTTP of asking appliances about themselves, and of the logs that they send. */
export function diagnosisRoutes(server: FastifyInstance, desk: DiagnosisDesk): void {
  uploadRoute(server, desk);
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/cases/:id/diagnoses",
    {
      config: { permission: "devices.command" },
      schema: {
        summary: "Ask the appliance of a case about itself",
        description:
          "`self_test`: what it finds wrong with itself, without moving anything; not while a program runs. `send_log`: its log, within 15 minutes, at most 10 MiB, without the secrets and addresses that were in it. An appliance that is away never hears of it: the command expires after 30 s.",
        tags,
        params: caseId,
        body: z.strictObject({ kind: z.enum(diagnosisKinds) }),
        response: { 202: diagnosisView },
      },
    },
    async ({ principal, params, body }, reply) => {
      const outcome = await desk.ask(principal, params.id, body.kind);
      if (outcome.kind === "asked") return reply.code(202).send(outcome.diagnosis);
      if (outcome.rule === "case_not_found" || outcome.rule === "case_merged")
        throw problem(serviceProblems, outcome.rule, outcome.detail);
      throw problem(diagnosisProblems, outcome.rule);
    },
  );
  app.get(
    "/api/v1/cases/:id/diagnoses",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List what the appliance of a case was asked, newest first",
        tags,
        params: caseId,
        response: { 200: z.object({ items: z.array(diagnosisView) }) },
      },
    },
    async ({ params }) => {
      const found = await desk.list(params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return { items: found };
    },
  );
  app.get(
    "/api/v1/diagnoses/:id/log",
    {
      config: { permission: "devices.logs" },
      schema: {
        summary: "Read the log that an appliance sent",
        description: "Text, as it was kept. Who read it is on record.",
        tags,
        params: z.object({ id: z.uuid() }),
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await desk.open(principal, params.id);
      if (outcome.kind === "refused") throw problem(diagnosisProblems, outcome.rule);
      cutSilentReader(reply.raw);
      return reply
        .header("content-disposition", `attachment; filename="${params.id}.log"`)
        .header("cache-control", "no-store")
        .type("text/plain; charset=utf-8")
        .send(outcome.log);
    },
  );
}

/** The log is the body, and streams to disk. Its parser lives in a scope of its own: no other route takes raw bytes. */
function uploadRoute(server: FastifyInstance, desk: DiagnosisDesk): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(uploadTypes, (_request, payload, done) => done(null, payload));
    scope.withTypeProvider<ZodTypeProvider>().put(
      "/files/uploads/:id",
      {
        config: { permission: "open" },
        bodyLimit: logBytesMax,
        schema: {
          summary: "Send the log that was asked for",
          description:
            "The address comes with the command, works once, for the appliance that it was made for, for 15 minutes. What is longer than 10 MiB is cut there.",
          tags,
          security: [],
          consumes: uploadTypes,
          params: z.object({ id: z.uuid() }),
          querystring: z.object({
            device: deviceId,
            expires: z.coerce.number().int().min(0),
            signature: z.string().max(100),
          }),
          response: { 201: z.object({ bytes: z.number(), isCut: z.boolean() }) },
        },
      },
      async (request, reply) => {
        if (Number(request.headers["content-length"] ?? 0) > logBytesMax)
          throw problem(diagnosisProblems, "upload_too_large");
        const { device, expires: expiresAtMs, signature } = request.query;
        const body = request.body instanceof Readable ? request.body : Readable.from([]);
        const isGzip = gzipTypes.includes(
          request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "",
        );
        const outcome = await desk.receive({ id: request.params.id, device, expiresAtMs, signature }, body, isGzip);
        // What was not read of the body must not be taken for the next request.
        if (!body.readableEnded) reply.header("connection", "close");
        if (outcome.kind === "refused") {
          if (outcome.rule === "uploads_busy") reply.header("retry-after", "5");
          throw problem(diagnosisProblems, outcome.rule);
        }
        const { bytes, isCut } = outcome.log;
        return reply.code(201).send({ bytes, isCut });
      },
    );
  });
}
