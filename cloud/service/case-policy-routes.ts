import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import type { CasePolicies } from "./case-policies.ts";
import { casePolicy } from "./core/case-promise.ts";

const policyVersion = z
  .object({ version: z.number(), policy: casePolicy, createdAtMs: z.number(), createdBy: z.string() })
  .meta({ id: "CasePolicyVersion" });

/** HTTP of what is promised for cases. */
export function casePolicyRoutes(server: FastifyInstance, policies: CasePolicies): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  app.get(
    "/api/v1/cases/policy",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read what is promised for cases, and how they escalate",
        tags,
        response: { 200: policyVersion },
      },
    },
    async () => policies.inForce,
  );
  app.put(
    "/api/v1/cases/policy",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Put the next version of what is promised in force",
        description:
          "For each severity: the time until the first answer and until the solution, and the steps of the escalation, in time after what is due is missed (below zero: before). What was promised already stands.",
        tags,
        querystring: basedOnQuery,
        body: casePolicy,
        response: { 200: policyVersion },
      },
    },
    async ({ principal, query, body }) => {
      const outcome = await policies.change(principal, body, query.basedOn);
      if ("kind" in outcome) throw overtakenProblem(outcome);
      return outcome;
    },
  );
}
