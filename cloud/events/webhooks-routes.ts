import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { epochMs, safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { queuedAlone, triesView } from "../platform/sending-view.ts";
import { refusedUrlFields } from "../platform/webhooks/webhook-sender.ts";
import { disabledReasons, typeFilter, webhookStatuses } from "./core/webhook.ts";
import { eventProblems } from "./errors.ts";
import type { EndpointRefusal, WebhookEndpoint } from "./webhook-endpoints.ts";
import { resentMax, type Webhooks } from "./webhooks.ts";

const tags = ["webhooks"];
const byId = z.object({ id: z.uuid() });
const byDelivery = z.object({ id: z.uuid(), deliveryId: z.uuid() });

const name = safeText(100).trim().min(1);
const url = safeText(2_000).trim().min(1);
const types = z.array(typeFilter).min(1).max(50);

const endpointView = z
  .object({
    id: z.string(),
    name: z.string(),
    url: z.string(),
    types: z.array(z.string()),
    createdAtMs: z.number(),
    createdBy: z.string(),
    disabledAtMs: z.number().nullable(),
    /** `gone`: it answered 410; `failing`: nothing arrived there for five days; `staff`: somebody disabled it. */
    disabledReason: z.enum(disabledReasons).nullable(),
    /** Since when nothing has arrived; null while things do. */
    failingSinceMs: z.number().nullable(),
    /** When it was found that events were no longer kept before it was told of them. */
    missedAtMs: z.number().nullable(),
    /** Until then messages are signed with the former secret too. */
    formerSecretUntilMs: z.number().nullable(),
  })
  .meta({ id: "Webhook" });

export const listedEndpoint = endpointView
  .extend({ waiting: z.number(), failed: z.number() })
  .meta({ id: "ListedWebhook" });

const deliveryView = z
  .object({
    id: z.string(),
    /** The message's `webhook-id`, and the event's id. */
    eventId: z.string(),
    type: z.string(),
    subject: z.string(),
    status: z.enum(webhookStatuses),
    attempts: z.number(),
    createdAtMs: z.number(),
    /** Null where it is not tried again. */
    nextAtMs: z.number().nullable(),
    endedAtMs: z.number().nullable(),
  })
  .meta({ id: "WebhookDelivery" });

export const deliveryWithTries = deliveryView
  .extend({
    tries: triesView,
    /** The message as it would be sent now; null where the event is kept no longer. */
    body: z.string().nullable(),
  })
  .meta({ id: "WebhookDeliveryWithTries" });

const viewOf = (endpoint: WebhookEndpoint): z.infer<typeof endpointView> => endpoint;

/** HTTP of events out: endpoints, and what was sent to them. */
export function webhooksRoutes(server: FastifyInstance, webhooks: Webhooks): void {
  endpointRoutes(server, webhooks);
  endpointActionRoutes(server, webhooks);
  deliveryRoutes(server, webhooks);
}

function endpointRoutes(server: FastifyInstance, webhooks: Webhooks): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { endpoints } = webhooks;
  app.get(
    "/api/v1/webhooks",
    {
      config: { permission: "webhooks.read" },
      schema: {
        summary: "List webhooks",
        tags,
        response: { 200: z.object({ items: z.array(listedEndpoint) }) },
      },
    },
    async () => ({ items: await webhooks.list() }),
  );
  app.post(
    "/api/v1/webhooks",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Send events to an address of the web",
        description:
          "Every event of the outbox whose type is asked for, from now on, as a CloudEvent 1.0 in structured JSON, signed as Standard Webhooks says. `types` holds types (`hearth.points.earned`), beginnings of types (`hearth.points.*`) or `*`. A message comes at least once and always under the same `webhook-id`; events of one subject come one after the other, but one that failed is overtaken while it waits: `sequence` orders them as text. Answer with 2xx within fifteen seconds. Anything else is tried again, ten times over three days; 410 disables the webhook, and so do five days in which nothing arrives. Redirects are not followed. The secret is in this answer and nowhere else.",
        tags,
        body: z.strictObject({ name, url, types }),
        response: { 201: z.object({ webhook: endpointView, secret: z.string() }) },
      },
    },
    async ({ principal, body }, reply) => {
      const outcome = await endpoints.create(principal, body);
      if (outcome.kind === "refused") throw refusedEndpoint(outcome.rule, body.url);
      return reply.code(201).send({ webhook: viewOf(outcome.endpoint), secret: outcome.secret });
    },
  );
  app.get(
    "/api/v1/webhooks/:id",
    {
      config: { permission: "webhooks.read" },
      schema: { summary: "Read a webhook", tags, params: byId, response: { 200: endpointView } },
    },
    async ({ params }) => {
      const endpoint = await endpoints.get(params.id);
      if (endpoint === null) throw problem(eventProblems, "webhook_not_found");
      return viewOf(endpoint);
    },
  );
  app.patch(
    "/api/v1/webhooks/:id",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Change a webhook, disable it, or enable it again",
        description:
          "What is left out stays. One that is enabled again goes on where it stopped, as far as events are still kept, and what was tried in vain has all its attempts again.",
        tags,
        params: byId,
        body: z.strictObject({
          name: name.optional(),
          url: url.optional(),
          types: types.optional(),
          enabled: z.boolean().optional(),
        }),
        response: { 204: z.null() },
      },
    },
    async ({ principal, params, body }, reply) => {
      const outcome = await endpoints.change(principal, params.id, body);
      if (outcome.kind === "refused") throw refusedEndpoint(outcome.rule, body.url);
      return reply.code(204).send(null);
    },
  );
}

function endpointActionRoutes(server: FastifyInstance, webhooks: Webhooks): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { endpoints } = webhooks;
  app.delete(
    "/api/v1/webhooks/:id",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Send no more events there",
        description: "What was sent there and was still to be sent is forgotten with it.",
        tags,
        params: byId,
        response: { 204: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await endpoints.remove(principal, params.id);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.post(
    "/api/v1/webhooks/:id/secret",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Give a webhook another secret",
        description:
          "It is in this answer and nowhere else. For a day messages have a signature by each of the two, so that the receiver changes over when it suits; with `keepFormer: false` the former counts no longer at once.",
        tags,
        params: byId,
        body: z.strictObject({ keepFormer: z.boolean().default(true) }),
        response: { 200: z.object({ secret: z.string(), formerUntilMs: z.number().nullable() }) },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await endpoints.renewSecret(principal, params.id, body.keepFormer);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      const { secret, formerUntilMs } = outcome;
      return { secret, formerUntilMs };
    },
  );
  app.post(
    "/api/v1/webhooks/:id/test",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Send a test event",
        description: "`hearth.webhook.tested`, to this webhook alone, whatever types it asks for.",
        tags,
        params: byId,
        response: { 202: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await webhooks.test(principal, params.id);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      return reply.code(202).send(null);
    },
  );
  app.post(
    "/api/v1/webhooks/:id/resend",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Send a range of events again",
        description: `What was queued from \`fromMs\` until \`toMs\` and ended so, the oldest ${resentMax} of it; each under the id that it had.`,
        tags,
        params: byId,
        body: z
          .strictObject({
            fromMs: epochMs,
            toMs: epochMs,
            statuses: z
              .array(z.enum(["delivered", "failed", "dropped"]))
              .min(1)
              .max(3)
              .default(["failed"]),
          })
          .refine(({ fromMs, toMs }) => fromMs < toMs, { path: ["toMs"], message: "must be after fromMs" }),
        response: { 202: z.object({ count: z.number() }) },
      },
    },
    async ({ principal, params, body }, reply) => {
      const outcome = await webhooks.resendRange(principal, params.id, body);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      return reply.code(202).send({ count: outcome.count });
    },
  );
}

function deliveryRoutes(server: FastifyInstance, webhooks: Webhooks): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/webhooks/:id/deliveries",
    {
      config: { permission: "webhooks.read" },
      schema: {
        summary: "List what was sent to a webhook, newest first",
        description: "Kept for 30 days.",
        tags,
        params: byId,
        querystring: z.object({
          status: z.enum(webhookStatuses).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(deliveryView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const { status = null, limit, cursor } = query;
      if ((await webhooks.endpoints.get(params.id)) === null) throw problem(eventProblems, "webhook_not_found");
      const filter = { endpointId: params.id, status, beforeId: cursor?.[0] ?? null, limit };
      const items = await webhooks.deliveries(filter);
      const last = items.at(-1);
      const nextCursor = items.length === limit && last !== undefined ? encodeCursor([last.id]) : null;
      return { items: items.map(queuedAlone), nextCursor };
    },
  );
  app.get(
    "/api/v1/webhooks/:id/deliveries/:deliveryId",
    {
      config: { permission: "webhooks.read" },
      schema: {
        summary: "Read what was sent to a webhook, with every attempt",
        tags,
        params: byDelivery,
        response: { 200: deliveryWithTries },
      },
    },
    async ({ params }) => {
      const found = await webhooks.delivery(params.id, params.deliveryId);
      if (found === null) throw problem(eventProblems, "webhook_delivery_not_found");
      return { ...queuedAlone(found.delivery), tries: found.attempts, body: found.body };
    },
  );
  app.post(
    "/api/v1/webhooks/:id/deliveries/:deliveryId/resend",
    {
      config: { permission: "webhooks.write" },
      schema: {
        summary: "Send an event again",
        description: "Under the id that it had, so that a receiver which got it knows it.",
        tags,
        params: byDelivery,
        response: { 202: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await webhooks.resend(principal, params.id, params.deliveryId);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      return reply.code(202).send(null);
    },
  );
}

/** @param sent the address as it was sent; one that was there before has no field */
function refusedEndpoint(rule: EndpointRefusal, sent: string | undefined) {
  const isUrl = rule === "event_webhook_url_invalid" || rule === "event_webhook_url_private";
  const fields = isUrl && sent !== undefined ? refusedUrlFields(sent, rule === "event_webhook_url_private") : undefined;
  return problem(eventProblems, rule, undefined, fields);
}
