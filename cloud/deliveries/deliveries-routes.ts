import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { commandLifeMs, commandNames } from "#protocol/command.ts";
import { deliveryKinds } from "#protocol/delivery.ts";
import { deviceId } from "#protocol/ids.ts";
import { jsonObject } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { deliveryPhases } from "./core/delivery-life.ts";
import type { Deliveries } from "./deliveries.ts";
import { deliveryProblems } from "./errors.ts";

const deliveryShape = {
  id: z.uuid(),
  deviceId: z.string(),
  kind: z.enum(deliveryKinds),
  subject: z.string(),
  label: z.string(),
  generation: z.number(),
  priority: z.number(),
  phase: z.enum(deliveryPhases),
  step: z.string().nullable(),
  attempt: z.number(),
  cause: z.string().nullable(),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  changedAtMs: z.number(),
};

const deliveryView = z.object(deliveryShape).meta({ id: "DeliveryView" });

const receiptView = z.object({
  attempt: z.number(),
  step: z.string(),
  atMs: z.number(),
  receivedAtMs: z.number(),
  progress: z.number().nullable(),
  reason: z.string().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  refused: z.string().nullable().describe("Why it changed nothing; null where it moved the delivery."),
});

const deliveryDetail = z
  .object({ ...deliveryShape, body: z.record(z.string(), z.unknown()), receipts: z.array(receiptView) })
  .meta({ id: "DeliveryDetail" });

const byId = z.object({ id: z.uuid() });

/** HTTP of the deliveries slice. */
export function deliveriesRoutes(server: FastifyInstance, deliveries: Deliveries): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/deliveries",
    {
      config: { permission: "deliveries.read" },
      schema: {
        summary: "List deliveries, newest first",
        tags: ["deliveries"],
        querystring: z.object({
          device: deviceId.optional(),
          kind: z.enum(deliveryKinds).optional(),
          phase: z.enum(deliveryPhases).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(deliveryView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const items = await deliveries.list({
        deviceId: query.device ?? null,
        kind: query.kind ?? null,
        phase: query.phase ?? null,
        beforeId: query.cursor?.[0] ?? null,
        limit: query.limit,
      });
      const last = items.at(-1);
      return { items, nextCursor: items.length === query.limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/deliveries/:id",
    {
      config: { permission: "deliveries.read" },
      schema: {
        summary: "One delivery, with everything that the appliance said of it",
        tags: ["deliveries"],
        params: byId,
        response: { 200: deliveryDetail },
      },
    },
    async (request) => {
      const found = await deliveries.get(request.params.id);
      if (found === null) throw problem(deliveryProblems, "delivery_not_found");
      // Why a household got it may rest on what was learnt of it: that is for itself, and for whoever may read decisions.
      const { why: _why, ...body } = found.body;
      return { ...found.delivery, body, receipts: found.receipts };
    },
  );
  app.post(
    "/api/v1/deliveries/:id/cancel",
    {
      config: { permission: "deliveries.cancel" },
      schema: {
        summary: "Take a delivery back",
        description: "Firmware can be taken back until the appliance downloads it.",
        tags: ["deliveries"],
        params: byId,
        response: { 200: deliveryView },
      },
    },
    async (request) => {
      const outcome = await deliveries.cancel(request.principal, request.params.id);
      if (outcome.kind === "refused") throw problem(deliveryProblems, outcome.rule);
      return outcome.delivery;
    },
  );
  app.post(
    "/api/v1/devices/:id/commands",
    {
      config: { permission: "devices.command" },
      schema: {
        summary: "Send a command to one appliance",
        description:
          "A closed list, and nothing on it starts heat. Expires after 30 s unless `lifeMs` says otherwise, and is never sent after that.",
        tags: ["deliveries"],
        params: z.object({ id: deviceId }),
        body: z.strictObject({
          name: z.enum(commandNames),
          args: jsonObject.default({}),
          lifeMs: z.int().min(1_000).max(300_000).default(commandLifeMs),
        }),
        response: { 202: z.object({ id: z.uuid() }) },
      },
    },
    async (request, reply) => {
      const outcome = await deliveries.commands.send(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw problem(deliveryProblems, outcome.rule);
      return reply.code(202).send({ id: outcome.id });
    },
  );
}
