import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { owner } from "../staff/staff.ts";
import { household, householdChange, joinRequest, member, welcomeCode } from "./core/household.ts";
import { householdProblems } from "./errors.ts";
import type { Households } from "./households.ts";

const tags = ["my"];
const byId = z.object({ id: z.uuid() });

const invitation = z
  .object({ id: z.uuid(), createdAtMs: z.number(), expiresAtMs: z.number() })
  .meta({ id: "Invitation" });

const myHousehold = household
  .omit({ members: true, mergedInto: true })
  .extend({ you: z.object({ memberId: z.uuid(), role: member.shape.role }) })
  .meta({ id: "MyHousehold" });

/** An answer with a secret in it is kept by nobody on the way. */
export const unkept = (reply: FastifyReply): FastifyReply => reply.header("cache-control", "no-store");

/** Tells a refusal, and where it is one of too many tries when to come back. */
export function refuse(
  reply: FastifyReply,
  refusal: { rule: keyof typeof householdProblems; retryAfterMs?: number },
): never {
  if (refusal.retryAfterMs !== undefined) reply.header("retry-after", String(Math.ceil(refusal.retryAfterMs / 1_000)));
  throw problem(householdProblems, refusal.rule);
}

/** HTTP of a household for its own people: itself, who is in it, and their keys. */
export function myRoutes(server: FastifyInstance, households: Households): void {
  householdRoutes(server, households);
  memberRoutes(server, households);
  invitationRoutes(server, households);
  keyRoutes(server, households);
}

function householdRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/household",
    {
      config: { permission: "my.read" },
      schema: { summary: "Read your household, and who you are in it", tags, response: { 200: myHousehold } },
    },
    async (request, reply) => {
      const { householdId, memberId, role } = owner(request.principal);
      const found = await households.get(householdId);
      if (found === null) return refuse(reply, { rule: "household_not_found" });
      return { ...found.household, you: { memberId, role } };
    },
  );
  app.patch(
    "/api/v1/my/household",
    {
      config: { permission: "my.write" },
      schema: {
        summary: "Change your household's name, locale, time zone or channels",
        tags,
        body: householdChange,
        response: { 200: myHousehold },
      },
    },
    async (request, reply) => {
      const by = owner(request.principal);
      const outcome = await households.change(by, by.householdId, request.body);
      if ("kind" in outcome) return refuse(reply, outcome);
      return { ...outcome, you: { memberId: by.memberId, role: by.role } };
    },
  );
}

function memberRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/members",
    {
      config: { permission: "my.read" },
      schema: { summary: "Who is in your household", tags, response: { 200: z.object({ items: z.array(member) }) } },
    },
    async (request, reply) => {
      const found = await households.get(owner(request.principal).householdId);
      if (found === null) return refuse(reply, { rule: "household_not_found" });
      return { items: found.household.members };
    },
  );
  app.delete(
    "/api/v1/my/members/:id",
    {
      config: { permission: "my.write" },
      schema: {
        summary: "Remove a member, or leave",
        description: "The owner removes anybody else, a member only itself. The key of who leaves ends at once.",
        tags,
        params: byId,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await households.members.remove(owner(request.principal), request.params.id);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return reply.code(204).send(null);
    },
  );
  app.post(
    "/api/v1/my/members/:id/owner",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "Make another member the owner",
        description: "You are a member from then on.",
        tags,
        params: byId,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await households.members.makeOwner(owner(request.principal), request.params.id);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return reply.code(204).send(null);
    },
  );
}

function invitationRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/invitations",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "The invitations that are open",
        tags,
        response: { 200: z.object({ items: z.array(invitation) }) },
      },
    },
    async (request) => ({ items: await households.members.invitations(owner(request.principal).householdId) }),
  );
  app.post(
    "/api/v1/my/invitations",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "Invite somebody into your household",
        description:
          "Whoever has the link may join, once, within seven days, as a member. It is in this answer and nowhere else: only its hash is kept.",
        tags,
        response: { 201: z.object({ invitation, link: z.string(), code: z.string() }) },
      },
    },
    async (request, reply) => {
      const outcome = await households.members.invite(owner(request.principal));
      if (outcome.kind === "refused") return refuse(reply, outcome);
      const { invitation: made, link, code } = outcome;
      return unkept(reply).code(201).send({ invitation: made, link, code });
    },
  );
  app.delete(
    "/api/v1/my/invitations/:id",
    {
      config: { permission: "my.manage" },
      schema: { summary: "Withdraw an invitation", tags, params: byId, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const outcome = await households.members.withdraw(owner(request.principal), request.params.id);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return reply.code(204).send(null);
    },
  );
}

function keyRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/my/join",
    {
      config: { permission: "my.join", keyless: true },
      schema: {
        summary: "Join a household by its invitation",
        description: "The key is in this answer and nowhere else: only its hash is kept.",
        tags,
        security: [{}, { key: [] }],
        body: joinRequest,
        response: {
          201: z.object({ household: z.object({ id: z.uuid(), name: z.string() }), member, secret: z.string() }),
        },
      },
    },
    async (request, reply) => {
      const outcome = await households.members.join(request.body, request.ip);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      const { id, name } = outcome.household;
      return unkept(reply).code(201).send({ household: { id, name }, member: outcome.member, secret: outcome.secret });
    },
  );
  app.post(
    "/api/v1/my/welcome",
    {
      config: { permission: "my.write" },
      schema: {
        summary: "Redeem the code that you were sent before you had an appliance",
        description: "What is known of you under it, points among it, is your household's from now on. Good once.",
        tags,
        body: z.strictObject({ code: welcomeCode }),
        response: { 200: z.object({ mergeId: z.uuid() }) },
      },
    },
    async (request, reply) => {
      const outcome = await households.merges.redeem(owner(request.principal), request.body.code, request.ip);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return { mergeId: outcome.merge.id };
    },
  );
  app.post(
    "/api/v1/my/key",
    {
      config: { permission: "my.write" },
      schema: {
        summary: "Give yourself a new key",
        description: "The key that you ask with ends with this answer, which is the only place that the new one is in.",
        tags,
        response: { 200: z.object({ secret: z.string() }) },
      },
    },
    async (request, reply) => {
      const outcome = await households.members.rotateKey(owner(request.principal));
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return unkept(reply).send({ secret: outcome.secret });
    },
  );
}
