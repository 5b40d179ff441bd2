import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { householdMerge, mergeRequest, reference, unmergeRequest } from "./core/merge.ts";
import { householdProblems } from "./errors.ts";
import type { Households } from "./households.ts";
import { unkept } from "./my-routes.ts";

const tags = ["households"];
const byId = z.object({ id: z.uuid() });

/** HTTP of prospects: what others call them, and how they become part of the household that they are. */
export function mergesRoutes(server: FastifyInstance, households: Households): void {
  referenceRoutes(server, households);
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/households/:id/welcome",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Make a code for a prospect, to be sent to them",
        description:
          "Whoever pairs an appliance with it shows that the prospect is they. It is in this answer and nowhere else: only its hash is kept.",
        tags,
        params: byId,
        response: { 201: z.object({ code: z.string(), link: z.string(), expiresAtMs: z.number() }) },
      },
    },
    async (request, reply) => {
      const outcome = await households.merges.welcome(request.principal, request.params.id);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      const { code, link, expiresAtMs } = outcome;
      return unkept(reply).code(201).send({ code, link, expiresAtMs });
    },
  );
  app.get(
    "/api/v1/households/:id/merges",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "The merges that a household had a part in, newest first",
        tags,
        params: byId,
        response: { 200: z.object({ items: z.array(householdMerge) }) },
      },
    },
    async ({ params }) => {
      const items = await households.merges.list(params.id);
      if (items === null) throw problem(householdProblems, "household_not_found");
      return { items };
    },
  );
  app.post(
    "/api/v1/households/:id/merges",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Make a prospect part of this household",
        description: "For two households of which staff knows that they are the same people. It can be undone.",
        tags,
        params: byId,
        body: mergeRequest,
        response: { 201: householdMerge },
      },
    },
    async (request, reply) => {
      const { from, reason } = request.body;
      const outcome = await households.merges.merge(request.principal, { from, into: request.params.id }, reason);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return reply.code(201).send(outcome.merge);
    },
  );
  app.post(
    "/api/v1/households/merges/:id/undo",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Take a merge back",
        description: "The prospect is a household of its own again, with what it had and what came for it since.",
        tags,
        params: byId,
        body: unmergeRequest,
        response: { 200: householdMerge },
      },
    },
    async (request) => {
      const outcome = await households.merges.undo(request.principal, request.params.id, request.body.reason);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return outcome.merge;
    },
  );
}

function referenceRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households/:id/references",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "What others call a household",
        tags,
        params: byId,
        response: { 200: z.object({ items: z.array(reference) }) },
      },
    },
    async ({ params }) => {
      const items = await households.prospects.references(params.id);
      if (items === null) throw problem(householdProblems, "household_not_found");
      return { items };
    },
  );
  app.post(
    "/api/v1/households/:id/references",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Say what others call a household",
        description: "Facts that bear the reference are the household's from now on.",
        tags,
        params: byId,
        body: reference,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await households.prospects.addReference(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.delete(
    "/api/v1/households/:id/references",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Forget what others call a household",
        tags,
        params: byId,
        querystring: z.object(reference.shape),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await households.prospects.removeReference(request.principal, request.params.id, request.query);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
}
