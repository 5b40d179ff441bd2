import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { queuedAlone, triesView } from "../platform/sending-view.ts";
import { refusedUrlFields } from "../platform/webhooks/webhook-sender.ts";
import type { Channel, ChannelRefusal } from "./channels.ts";
import { noticeKinds, noticeSeverities, subscription } from "./core/notice.ts";
import { noticeProblems } from "./errors.ts";
import type { Notices } from "./notices.ts";
import { deliveryStatuses } from "./notices-store.ts";

const tags = ["notices"];
const byId = z.object({ id: z.uuid() });

const name = safeText(100).trim().min(1);
const subscriptions = z.array(subscription).min(1).max(20);
const webhookUrl = safeText(2_000).trim().min(1);
const mailAddress = z.email().max(254);

const newChannel = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("email"), name, address: mailAddress, subscriptions }),
  z.strictObject({ kind: z.literal("webhook"), name, url: webhookUrl, subscriptions }),
]);

const channelView = z
  .object({
    id: z.string(),
    kind: z.enum(["email", "webhook"]),
    name: z.string(),
    /** The e-mail address, or the address that is posted to. */
    target: z.string(),
    subscriptions: z.array(subscription),
    createdAtMs: z.number(),
    createdBy: z.string(),
    disabledAtMs: z.number().nullable(),
    /** `gone` where the receiver answered 410, else who did it. */
    disabledBy: z.string().nullable(),
  })
  .meta({ id: "NoticeChannel" });

const deliveryShape = {
  id: z.string(),
  channelId: z.string(),
  status: z.enum(deliveryStatuses),
  /** How many notices are in it. */
  notices: z.number(),
  createdAtMs: z.number(),
  /** Tried again until then. */
  untilMs: z.number(),
  attempts: z.number(),
  /** Null where it is not tried again. */
  nextAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
};
const deliveryView = z.object(deliveryShape).meta({ id: "NoticeDelivery" });

const deliveryWithAttempts = z
  .object({
    ...deliveryShape,
    tries: triesView,
    items: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(noticeKinds),
        severity: z.enum(noticeSeverities).nullable(),
        level: z.number(),
        reaches: z.string().nullable(),
        subject: z.string(),
        title: z.string(),
        atMs: z.number(),
        data: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: "NoticeDeliveryWithAttempts" });

const viewOf = (channel: Channel): z.infer<typeof channelView> => channel;

/** HTTP of telling staff: channels, and what was sent to them. */
export function noticesRoutes(server: FastifyInstance, notices: Notices): void {
  channelRoutes(server, notices);
  channelActionRoutes(server, notices);
  deliveryRoutes(server, notices);
}

function channelRoutes(server: FastifyInstance, { channels }: Notices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/notices/channels",
    {
      config: { permission: "notices.read" },
      schema: {
        summary: "List where staff are told",
        tags,
        response: { 200: z.object({ items: z.array(channelView) }) },
      },
    },
    async () => ({ items: (await channels.list()).map(viewOf) }),
  );
  app.post(
    "/api/v1/notices/channels",
    {
      config: { permission: "notices.write" },
      schema: {
        summary: "Tell staff by e-mail or webhook",
        description:
          "A channel hears what any of its subscriptions asks for. `reaches` names whom an escalation reaches: `role:support`, `role:admin`, `group:...`, or `staff:...` for cases assigned to somebody. A webhook's messages are signed as Standard Webhooks says; its secret is in this answer and nowhere else.",
        tags,
        body: newChannel,
        response: { 201: z.object({ channel: channelView, secret: z.string().nullable() }) },
      },
    },
    async ({ principal, body }, reply) => {
      const target = body.kind === "email" ? body.address : body.url;
      const outcome = await channels.create(principal, { ...body, target });
      if (outcome.kind === "refused") throw refusedChannel(outcome.rule, target);
      return reply.code(201).send({ channel: viewOf(outcome.channel), secret: outcome.secret });
    },
  );
  app.get(
    "/api/v1/notices/channels/:id",
    {
      config: { permission: "notices.read" },
      schema: { summary: "Read where staff are told", tags, params: byId, response: { 200: channelView } },
    },
    async ({ params }) => {
      const channel = await channels.get(params.id);
      if (channel === null) throw problem(noticeProblems, "notice_channel_not_found");
      return viewOf(channel);
    },
  );
  app.patch(
    "/api/v1/notices/channels/:id",
    {
      config: { permission: "notices.write" },
      schema: {
        summary: "Change where staff are told, or disable it",
        description: "What is left out stays.",
        tags,
        params: byId,
        body: z.strictObject({
          name: name.optional(),
          address: mailAddress.optional(),
          url: webhookUrl.optional(),
          subscriptions: subscriptions.optional(),
          enabled: z.boolean().optional(),
        }),
        response: { 204: z.null() },
      },
    },
    async ({ principal, params, body }, reply) => {
      const { address, url, ...rest } = body;
      const outcome = await channels.change(principal, params.id, { ...rest, address, url });
      if (outcome.kind === "refused") throw refusedChannel(outcome.rule, url);
      return reply.code(204).send(null);
    },
  );
}

function channelActionRoutes(server: FastifyInstance, notices: Notices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { channels } = notices;
  app.delete(
    "/api/v1/notices/channels/:id",
    {
      config: { permission: "notices.write" },
      schema: {
        summary: "Tell nobody there any more",
        description: "What was sent there and was still to be sent is forgotten with it.",
        tags,
        params: byId,
        response: { 204: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await channels.remove(principal, params.id);
      if (outcome.kind === "refused") throw problem(noticeProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.post(
    "/api/v1/notices/channels/:id/secret",
    {
      config: { permission: "notices.write" },
      schema: {
        summary: "Give a webhook another secret",
        description: "It is in this answer and nowhere else, and counts from the next attempt on.",
        tags,
        params: byId,
        response: { 200: z.object({ secret: z.string() }) },
      },
    },
    async ({ principal, params }) => {
      const outcome = await channels.renewSecret(principal, params.id);
      if (outcome.kind === "refused") throw problem(noticeProblems, outcome.rule);
      return { secret: outcome.secret };
    },
  );
  app.post(
    "/api/v1/notices/channels/:id/test",
    {
      config: { permission: "notices.write" },
      schema: { summary: "Send a test message", tags, params: byId, response: { 202: z.null() } },
    },
    async ({ principal, params }, reply) => {
      const outcome = await notices.test(principal, params.id);
      if (outcome.kind === "refused") throw problem(noticeProblems, outcome.rule);
      return reply.code(202).send(null);
    },
  );
}

function deliveryRoutes(server: FastifyInstance, notices: Notices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/notices/deliveries",
    {
      config: { permission: "notices.read" },
      schema: {
        summary: "List messages to staff, newest first",
        tags,
        querystring: z.object({
          channel: z.uuid().optional(),
          status: z.enum(deliveryStatuses).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(deliveryView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { channel = null, status = null, limit, cursor } = query;
      const items = await notices.deliveries({ channelId: channel, status, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      const nextCursor = items.length === limit && last !== undefined ? encodeCursor([last.id]) : null;
      return { items: items.map(queuedAlone), nextCursor };
    },
  );
  app.get(
    "/api/v1/notices/deliveries/:id",
    {
      config: { permission: "notices.read" },
      schema: {
        summary: "Read a message to staff, with every attempt to send it",
        tags,
        params: byId,
        response: { 200: deliveryWithAttempts },
      },
    },
    async ({ params }) => {
      const found = await notices.delivery(params.id);
      if (found === null) throw problem(noticeProblems, "notice_delivery_not_found");
      return { ...queuedAlone(found.delivery), tries: found.attempts, items: found.notices };
    },
  );
  app.post(
    "/api/v1/notices/deliveries/:id/resend",
    {
      config: { permission: "notices.write" },
      schema: {
        summary: "Send a message again",
        description: "Under the id that it had, so that a receiver which got it knows it.",
        tags,
        params: byId,
        response: { 202: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await notices.resend(principal, params.id);
      if (outcome.kind === "refused") throw problem(noticeProblems, outcome.rule);
      return reply.code(202).send(null);
    },
  );
}

/** @param sent the address as it was sent; one that was there before has no field */
function refusedChannel(rule: ChannelRefusal, sent: string | undefined) {
  const isUrl = rule === "webhook_url_invalid" || rule === "webhook_url_private";
  const fields = isUrl && sent !== undefined ? refusedUrlFields(sent, rule === "webhook_url_private") : undefined;
  return problem(noticeProblems, rule, undefined, fields);
}
