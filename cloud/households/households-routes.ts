import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { household, householdChange, listedHousehold, member, newHousehold, newMember } from "./core/household.ts";
import { householdProblems } from "./errors.ts";
import type { Households } from "./households.ts";

const tags = ["households"];
const byId = z.object({ id: z.uuid() });
const byDevice = byId.extend({ deviceId });
const cursorParts = z.tuple([z.uuid()]);

const householdWithDevices = household
  .extend({ devices: z.array(z.object({ id: z.string(), model: z.string() })) })
  .meta({ id: "HouseholdWithDevices" });

/** HTTP of the households slice. */
export function householdsRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "List households, newest first",
        description: "Those that became part of another one are not on it.",
        tags,
        querystring: z.object({
          q: safeText(100)
            .trim()
            .min(1)
            .optional()
            .describe("The beginning of its name, or of a member's name or address"),
          kind: z.enum(["prospect", "owner"]).optional().describe("Without an appliance, or with one"),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(listedHousehold), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const after = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorParts);
      if (after === null && query.cursor !== undefined) throw problem(householdProblems, "household_cursor_invalid");
      const { q = null, kind, limit } = query;
      const isProspect = kind === undefined ? null : kind === "prospect";
      const items = await households.list({ q, isProspect, beforeId: after?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === query.limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.post(
    "/api/v1/households",
    {
      config: { permission: "households.write" },
      schema: { summary: "Make a household", tags, body: newHousehold, response: { 201: household } },
    },
    async (request, reply) => reply.code(201).send(await households.create(request.principal, request.body)),
  );
  app.get(
    "/api/v1/households/:id",
    {
      config: { permission: "households.read" },
      schema: {
        summary: "Read a household and its appliances",
        tags,
        params: byId,
        response: { 200: householdWithDevices },
      },
    },
    async ({ params }) => {
      const found = await households.get(params.id);
      if (found === null) throw problem(householdProblems, "household_not_found");
      return { ...found.household, devices: found.devices };
    },
  );
  app.patch(
    "/api/v1/households/:id",
    {
      config: { permission: "households.write" },
      schema: {
        summary: "Change a household's name, locale, time zone or channels",
        tags,
        params: byId,
        body: householdChange,
        response: { 200: household },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await households.change(principal, params.id, body);
      if ("kind" in outcome) throw problem(householdProblems, outcome.rule);
      return outcome;
    },
  );
  app.post(
    "/api/v1/households/:id/members",
    {
      config: { permission: "households.write" },
      schema: { summary: "Add a member", tags, params: byId, body: newMember, response: { 201: member } },
    },
    async (request, reply) => {
      const outcome = await households.addMember(request.principal, request.params.id, request.body);
      if ("kind" in outcome) throw problem(householdProblems, outcome.rule);
      return reply.code(201).send(outcome);
    },
  );
  deviceRoutes(server, households);
}

function deviceRoutes(server: FastifyInstance, households: Households): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.put(
    "/api/v1/households/:id/devices/:deviceId",
    {
      config: { permission: "households.write" },
      schema: { summary: "Give an appliance to a household", tags, params: byDevice, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const outcome = await households.addDevice(request.principal, request.params.id, request.params.deviceId);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.delete(
    "/api/v1/households/:id/devices/:deviceId",
    {
      config: { permission: "households.write" },
      schema: { summary: "Take an appliance out of a household", tags, params: byDevice, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const outcome = await households.removeDevice(request.principal, request.params.id, request.params.deviceId);
      if (outcome.kind === "refused") throw problem(householdProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
}
