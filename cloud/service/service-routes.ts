import type { FastifyInstance } from "fastify";
import { casePolicyRoutes } from "./case-policy-routes.ts";
import { caseMergeRoutes } from "./case-merge-routes.ts";
import { caseReadRoutes } from "./case-read-routes.ts";
import { caseRoutes } from "./case-routes.ts";
import { caseWorkRoutes } from "./case-work-routes.ts";
import { documentRoutes } from "./document-routes.ts";
import { ruleRoutes } from "./rule-routes.ts";
import type { Service } from "./service.ts";

/** HTTP of the service slice: rules and cases. */
export function serviceRoutes(server: FastifyInstance, service: Service): void {
  ruleRoutes(server, service.rules);
  caseRoutes(server, service.desk);
  caseReadRoutes(server, service);
  caseWorkRoutes(server, service.desk);
  caseMergeRoutes(server, service);
  casePolicyRoutes(server, service.policies);
  documentRoutes(server, { causes: service.causes, answers: service.answerTemplates });
}
