import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { problem } from "../platform/problem.ts";
import { type AnswerTemplate, answerTemplate } from "./core/answer-template.ts";
import { type CauseDefinition, causeDefinition } from "./core/cause-article.ts";
import { serviceProblems } from "./errors.ts";
import type { ServiceDocuments } from "./service-documents.ts";

const key = z
  .string()
  .regex(
    /^(fault:[A-Za-z0-9_.-]{1,64}|[a-z][a-z0-9_]{0,63})$/,
    "must be snake_case, or `fault:` and a code of letters and digits",
  );

/** HTTP of what staff write about causes, and of the answers that they keep. */
export function documentRoutes(
  server: FastifyInstance,
  documents: { causes: ServiceDocuments<CauseDefinition>; answers: ServiceDocuments<AnswerTemplate> },
): void {
  routesOf(server, {
    path: "/api/v1/causes",
    name: "Cause",
    what: "what is known of a cause",
    many: "what is known of causes",
    missing: "cause_not_found",
    documents: documents.causes,
    schema: causeDefinition,
  });
  routesOf(server, {
    path: "/api/v1/answers",
    name: "AnswerTemplate",
    what: "an answer template",
    many: "answer templates",
    missing: "answer_not_found",
    documents: documents.answers,
    schema: answerTemplate,
  });
}

interface Kind<T> {
  path: string;
  name: string;
  what: string;
  many: string;
  missing: "cause_not_found" | "answer_not_found";
  documents: ServiceDocuments<T>;
  schema: z.ZodType<T>;
}

function routesOf<T>(server: FastifyInstance, kind: Kind<T>): void {
  const { path, what, missing, documents, schema } = kind;
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  const params = z.object({ key });
  const querystring = z.object({ model: modelKey.optional().describe("For this model alone") });
  const heading = {
    key: z.string(),
    model: z.string().nullable(),
    version: z.number(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  };
  const document = z.object({ ...heading, definition: schema }).meta({ id: `${kind.name}Document` });
  const version = z.object({ ...heading, definition: schema.nullable() }).meta({ id: `${kind.name}Version` });
  app.get(
    path,
    {
      config: { permission: "service.read" },
      schema: { summary: `List ${kind.many}`, tags, response: { 200: z.object({ items: z.array(document) }) } },
    },
    async () => ({ items: await documents.list() }),
  );
  app.get(
    `${path}/:key`,
    {
      config: { permission: "service.read" },
      schema: { summary: `Read ${what}`, tags, params, querystring, response: { 200: document } },
    },
    async (request) => {
      const found = await documents.find(request.params.key, request.query.model ?? null);
      if (found === null) throw problem(serviceProblems, missing);
      return found;
    },
  );
  app.get(
    `${path}/:key/versions`,
    {
      config: { permission: "service.read" },
      schema: {
        summary: `Read every version of ${what}, newest first`,
        tags,
        params,
        querystring,
        response: { 200: z.object({ items: z.array(version) }) },
      },
    },
    async (request) => {
      const items = await documents.versions(request.params.key, request.query.model ?? null);
      if (items.length === 0) throw problem(serviceProblems, missing);
      return { items };
    },
  );
  app.put(
    `${path}/:key`,
    {
      config: { permission: "causes.write" },
      schema: {
        summary: `Put the next version of ${what} in force`,
        description: "With `model` for that model alone, where it then counts before the one for all.",
        tags,
        params,
        querystring: querystring.extend(basedOnQuery.shape),
        body: schema,
        response: { 200: document },
      },
    },
    async ({ principal, ...request }) => {
      const { params: named, query } = request;
      // The same schema again, since a generic body has no type of its own.
      const definition = schema.parse(request.body);
      const outcome = await documents.put(principal, named.key, query.model ?? null, definition, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return outcome.document;
    },
  );
  app.delete(
    `${path}/:key`,
    {
      config: { permission: "causes.write" },
      schema: {
        summary: `Withdraw ${what}`,
        tags,
        params,
        querystring: querystring.extend(basedOnQuery.shape),
        response: { 204: z.null() },
      },
    },
    async ({ principal, ...request }, reply) => {
      const { params: named, query } = request;
      const outcome = await documents.withdraw(principal, named.key, query.model ?? null, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") throw problem(serviceProblems, missing);
      return reply.code(204).send(null);
    },
  );
}
