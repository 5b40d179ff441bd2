import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { model as modelSchema } from "#protocol/model.ts";
import { epochMs, jsonObject, safeText } from "#protocol/text.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { credentialRoutes } from "./credential-routes.ts";
import { labelRoutes } from "./label-routes.ts";
import { country, tag, tags } from "./core/labels.ts";
import { reportedValues } from "./core/reported-state.ts";
import type { Devices } from "./devices.ts";
import type { DeviceRow } from "./devices-store.ts";
import { deviceProblems } from "./errors.ts";

const deviceView = z
  .object({
    id: z.string(),
    model: z.string(),
    serial: z.string(),
    householdId: z.string().nullable(),
    soldAtMs: z.number().nullable(),
    warrantyUntilMs: z.number().nullable(),
    createdAtMs: z.number(),
    online: z.boolean(),
    /** When the device last came or went. */
    presenceAtMs: z.number().nullable(),
    /** While it says more than a limit allows, and is read no faster than that. The limit by its name in metrics, and what it allows. */
    held: z.object({ sinceMs: z.number(), reason: z.string(), limit: z.number().nullable() }).nullable(),
    blockedAtMs: z.number().nullable(),
    /** ISO 3166-1 alpha-2. */
    country: z.string().nullable(),
    tags: z.array(z.string()),
    reported: z.record(z.string(), z.unknown()),
    desired: z.record(z.string(), z.unknown()),
    desiredVersion: z.number(),
  })
  .meta({ id: "Device" });

/** One device with what it can log in with: enough to see whether a rotation arrived, and nothing to log in with. */
const deviceWithCredentials = deviceView
  .extend({
    credentials: z.object({
      tokens: z.array(z.object({ createdAtMs: z.number(), validUntilMs: z.number().nullable() })),
    }),
  })
  .meta({ id: "DeviceWithCredentials" });

const view = (row: DeviceRow): z.infer<typeof deviceView> => ({
  id: row.id,
  model: row.model,
  serial: row.serial,
  householdId: row.household_id,
  soldAtMs: row.sold_at_ms,
  warrantyUntilMs: row.warranty_until_ms,
  createdAtMs: row.created_at_ms,
  online: row.online,
  presenceAtMs: row.presence_at_ms,
  held:
    row.held_since_ms === null
      ? null
      : { sinceMs: row.held_since_ms, reason: row.held_reason ?? "", limit: row.held_limit },
  blockedAtMs: row.blocked_at_ms,
  country: row.country,
  tags: row.tags,
  reported: reportedValues(row.reported),
  desired: row.desired,
  desiredVersion: row.desired_version,
});

const registration = z.strictObject({
  id: deviceId,
  model: modelKey,
  serial: safeText(64).min(1).optional(),
  householdId: z.uuid().optional(),
  soldAtMs: epochMs.optional(),
  warrantyUntilMs: epochMs.optional(),
  country: country.optional(),
  tags: tags.optional(),
});

const idParams = z.object({ id: deviceId });

/** HTTP of the models. */
export function modelsRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/models",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "List the newest version of every model",
        tags: ["models"],
        response: { 200: z.object({ items: z.array(modelSchema) }) },
      },
    },
    async () => ({ items: await devices.models() }),
  );
  app.get(
    "/api/v1/models/:model",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "Read a model",
        tags: ["models"],
        params: z.object({ model: modelKey }),
        response: { 200: modelSchema },
      },
    },
    async ({ params }) => {
      const found = await devices.model(params.model);
      if (found === null) throw problem(deviceProblems, "model_not_found");
      return found;
    },
  );
  app.put(
    "/api/v1/models/:model",
    {
      config: { permission: "models.write" },
      schema: {
        summary: "Put a model's next version",
        description:
          "The first version may carry any number; each later one is the version before plus one. The same document again changes nothing.",
        tags: ["models"],
        params: z.object({ model: modelKey }),
        body: modelSchema,
        response: { 200: z.object({ kind: z.enum(["stored", "unchanged"]) }) },
      },
    },
    async (request) => {
      const outcome = await devices.putModel(request.principal, { ...request.body, key: request.params.model });
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule, outcome.detail);
      return { kind: outcome.kind };
    },
  );
}

const listQuery = z.object({
  q: safeText(64).optional().describe("Part of an id or serial number"),
  model: modelKey.optional(),
  online: z.enum(["true", "false"]).optional(),
  household: z.uuid().optional(),
  tag: tag.optional(),
  country: country.optional(),
  version: safeText(64).optional().describe("The firmware that it reports"),
  cursor: cursorParam(z.tuple([deviceId])).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

/** HTTP of the registry. */
export function devicesRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/devices",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "List appliances in the order of their ids",
        tags: ["devices"],
        querystring: listQuery,
        response: { 200: z.object({ items: z.array(deviceView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const rows = await devices.page({
        q: query.q ?? null,
        model: query.model ?? null,
        online: query.online === undefined ? null : query.online === "true",
        householdId: query.household ?? null,
        tag: query.tag ?? null,
        country: query.country ?? null,
        version: query.version ?? null,
        afterId: query.cursor?.[0] ?? null,
        limit: query.limit,
      });
      const items = rows.slice(0, query.limit).map(view);
      const last = items.at(-1);
      return { items, nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/devices/:id",
    {
      config: { permission: "fleet.read" },
      schema: {
        summary: "Read an appliance",
        description:
          "`credentials.tokens` are the tokens that work now, newest first: their age and the end of their grace after a rotation, null for the one in force.",
        tags: ["devices"],
        params: idParams,
        response: { 200: deviceWithCredentials },
      },
    },
    async ({ params }) => {
      const row = await devices.get(params.id);
      if (row === null) throw problem(deviceProblems, "device_not_found");
      return { ...view(row), credentials: { tokens: await devices.tokens.list(row.key) } };
    },
  );
  registrationRoutes(server, devices);
  credentialRoutes(server, devices);
  labelRoutes(server, devices);
  stateRoutes(server, devices);
}

function registrationRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/devices",
    {
      config: { permission: "devices.register" },
      schema: {
        summary: "Register an appliance",
        description:
          "The token is in this answer and nowhere else: only its hash is kept. User name and client id are the device id.",
        tags: ["devices"],
        body: registration,
        response: { 201: z.object({ device: deviceView, token: z.string() }) },
      },
    },
    async (request, reply) => {
      const outcome = await devices.register(request.principal, [request.body]);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule, outcome.detail);
      const row = await devices.get(request.body.id);
      if (row === null) throw problem(deviceProblems, "device_not_found");
      return reply.code(201).send({ device: view(row), token: outcome.tokens.get(row.id) ?? "" });
    },
  );
  app.post(
    "/api/v1/devices/batch",
    {
      config: { permission: "devices.register" },
      schema: {
        summary: "Register up to 1,000 appliances, all or none",
        tags: ["devices"],
        body: z.strictObject({ devices: z.array(registration).min(1).max(1_000) }),
        response: { 201: z.object({ items: z.array(z.object({ id: z.string(), token: z.string() })) }) },
      },
    },
    async (request, reply) => {
      const outcome = await devices.register(request.principal, request.body.devices);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule, outcome.detail);
      return reply.code(201).send({ items: [...outcome.tokens].map(([id, token]) => ({ id, token })) });
    },
  );
}

function stateRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  for (const blocked of [true, false]) {
    app.post(
      blocked ? "/api/v1/devices/:id/block" : "/api/v1/devices/:id/unblock",
      {
        config: { permission: "devices.write" },
        schema: {
          summary: blocked ? "Block an appliance and end its connection now" : "Let a blocked appliance connect again",
          tags: ["devices"],
          params: idParams,
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const outcome = await devices.setBlocked(request.principal, request.params.id, blocked);
        if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule);
        return reply.code(204).send(null);
      },
    );
  }
  app.put(
    "/api/v1/devices/:id/desired",
    {
      config: { permission: "devices.write" },
      schema: {
        summary: "Set the state that is wanted of an appliance, whole",
        tags: ["devices"],
        params: idParams,
        querystring: basedOnQuery,
        body: z.strictObject({ state: jsonObject }),
        response: { 200: z.object({ version: z.number() }) },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await devices.setDesired(principal, params.id, body.state, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule);
      return { version: outcome.version };
    },
  );
}
