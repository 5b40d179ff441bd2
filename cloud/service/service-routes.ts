import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { casePolicyRoutes } from "./case-policy-routes.ts";
import { caseRoutes } from "./case-routes.ts";
import { caseWorkRoutes } from "./case-work-routes.ts";
import { documentRoutes } from "./document-routes.ts";
import { ruleDefinition, serviceRule } from "./core/rule.ts";
import { serviceProblems } from "./errors.ts";
import type { Service } from "./service.ts";

const byId = z.object({ id: z.uuid() });
/** HTTP of the service slice: rules and cases. */
export function serviceRoutes(server: FastifyInstance, service: Service): void {
  ruleRoutes(server, service);
  caseRoutes(server, service.desk, service.answers);
  caseWorkRoutes(server, service.desk);
  casePolicyRoutes(server, service.policies);
  documentRoutes(server, { causes: service.causes, answers: service.answerTemplates });
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
