import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { contentClasses } from "#protocol/content.ts";
import { deviceId, locale, modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { feeds } from "#protocol/topics.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { isLocalTime, isTimeZone } from "./core/local-window.ts";
import { versionStates } from "./core/version-life.ts";
import type { Content } from "./content.ts";
import {
  accepted,
  byId,
  calendarView,
  checkView,
  detailView,
  diffView,
  refuse,
  summaryView,
  tags,
} from "./content-answers.ts";
import { contentDraft, contentKinds, feedOfKind } from "./content-shapes.ts";
import { feedFitRoutes } from "./feed-fit-routes.ts";
import { mediaRoutes } from "./media-routes.ts";
import { recipeRoutes } from "./recipe-routes.ts";

const read = { config: { permission: "content.read" as const } };
const write = { config: { permission: "content.write" as const } };
const review = { config: { permission: "content.review" as const } };

/** HTTP of the content slice. */
export function contentRoutes(server: FastifyInstance, content: Content): void {
  readingRoutes(server, content);
  writingRoutes(server, content);
  reviewRoutes(server, content);
  reachRoutes(server, content);
  testRoutes(server, content);
  recipeRoutes(server, content);
  feedFitRoutes(server, content);
  mediaRoutes(server, content);
}

function readingRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/content/items",
    {
      ...read,
      schema: {
        summary: "List content items, newest first",
        tags,
        querystring: z.object({
          kind: z.enum(contentKinds).optional(),
          state: z.enum(versionStates).optional().describe("Of the newest version."),
          class: z.enum(contentClasses).optional(),
          locale: locale.optional().describe("Only those that are written in it."),
          q: safeText(100).optional().describe("Part of a title, in any language."),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(summaryView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { kind = null, state = null, limit, cursor, q = null } = query;
      const filter = { kind, state, class: query.class ?? null, locale: query.locale ?? null, title: q };
      const items = await content.library.list({ ...filter, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/content/items/:id",
    {
      ...read,
      schema: {
        summary: "One content item with its versions, and what each market reads of it",
        tags,
        params: byId,
        response: { 200: detailView },
      },
    },
    async (request) => {
      const found = await content.library.get(request.params.id);
      if (found === null) throw refuse({ kind: "refused", rule: "content_not_found" });
      const { image } = found;
      return { ...found, image: image === null ? null : { ...image, href: content.media.href(image.sha256) } };
    },
  );
  const versionNumber = z.coerce.number().int().min(1).max(1_000_000);
  app.get(
    "/api/v1/content/items/:id/diff",
    {
      ...read,
      schema: {
        summary: "What changed from one version to another",
        tags,
        params: byId,
        querystring: z.object({ from: versionNumber, to: versionNumber }),
        response: { 200: diffView },
      },
    },
    async ({ params, query }) => ({
      fields: accepted(await content.library.diff(params.id, query.from, query.to)).fields,
    }),
  );
  app.get(
    "/api/v1/content/calendar",
    {
      ...read,
      schema: {
        summary: "What is planned, live or over between two moments",
        description: "At most 500 items, the earliest first.",
        tags,
        querystring: z.object({ from: z.coerce.number().int().min(0), to: z.coerce.number().int().min(0) }),
        response: { 200: calendarView },
      },
    },
    async ({ query }) => ({ items: await content.calendar(query.from, query.to) }),
  );
}

function writingRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/content/items",
    {
      ...write,
      schema: {
        summary: "Write a content item, as a draft",
        tags,
        body: contentDraft,
        response: { 201: summaryView },
      },
    },
    async (request, reply) =>
      reply.code(201).send(accepted(await content.library.create(request.principal, request.body)).item),
  );
  app.put(
    "/api/v1/content/items/:id",
    {
      ...write,
      schema: {
        summary: "Add a version, as a draft",
        description: "What is live stays live until the new version is published. What is in review is a draft again.",
        tags,
        params: byId,
        querystring: basedOnQuery,
        body: contentDraft,
        response: { 200: summaryView },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await content.library.update(principal, params.id, body, query.basedOn ?? null);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      return accepted(outcome).item;
    },
  );
  app.post(
    "/api/v1/content/check",
    {
      ...write,
      schema: {
        summary: "Try a draft against the contract and against every model",
        description:
          "Stores nothing. Says what is refused by field, what a model cannot do by step, and what each market reads.",
        tags,
        body: z.object({ draft: z.unknown() }),
        response: { 200: checkView },
      },
    },
    async ({ body }) => content.library.check(body.draft),
  );
}

const note = safeText(2_000).trim();

function reviewRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const noted = { tags, params: byId, response: { 200: summaryView } };
  const { publishing } = content;
  app.post(
    "/api/v1/content/items/:id/submit",
    {
      ...write,
      schema: {
        ...noted,
        summary: "Hand the newest version in for review",
        body: z.strictObject({ note: note.optional() }),
      },
    },
    async ({ principal, params, body }) =>
      accepted(await publishing.submit(principal, params.id, body.note ?? null)).item,
  );
  app.post(
    "/api/v1/content/items/:id/approve",
    {
      ...review,
      schema: {
        ...noted,
        summary: "Approve what is in review",
        description: "By somebody else than who wrote any of it since the last approved version.",
        body: z.strictObject({ note: note.optional() }),
      },
    },
    async ({ principal, params, body }) =>
      accepted(await publishing.approve(principal, params.id, body.note ?? null)).item,
  );
  app.post(
    "/api/v1/content/items/:id/send-back",
    {
      ...review,
      schema: {
        ...noted,
        summary: "Send what is in review back to its author",
        body: z.strictObject({ note: note.min(1) }),
      },
    },
    async ({ principal, params, body }) => accepted(await publishing.sendBack(principal, params.id, body.note)).item,
  );
}

const localTime = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/, "must be a local time such as 2026-12-01T08:00")
  .refine(isLocalTime, "must be a day that exists")
  .refine((text) => text >= "2000" && text < "2100", "must lie between 2000 and 2100");

const version = z.int().min(1).max(1_000_000).nullable().default(null).describe("Left out: the newest.");

const scheduleBody = z.strictObject({
  version,
  models: z.array(modelKey).max(100).default([]).describe("On whose feeds; none where it is only sent."),
  from: localTime.nullable().default(null).describe("Left out: at once."),
  until: localTime.nullable().default(null).describe("Left out: until it is withdrawn."),
  zone: z
    .string()
    .max(64)
    .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
    .default("UTC")
    .describe(
      "In which the feeds read these times. What is sent to a household reads them on the household's own clock.",
    ),
});

function reachRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { publishing } = content;
  const ofItem = { tags, params: byId, response: { 200: summaryView } };
  app.post(
    "/api/v1/content/items/:id/schedule",
    {
      ...write,
      schema: {
        ...ofItem,
        summary: "Say where and when a version goes out",
        description:
          "What begins at once is out with this call, and the version before it is withdrawn. What is live may be given another time or other models while a newer version is written.",
        body: scheduleBody,
      },
    },
    async ({ principal, params, body }) => accepted(await publishing.schedule(principal, params.id, body)).item,
  );
  app.post(
    "/api/v1/content/items/:id/publish",
    {
      ...write,
      schema: {
        ...ofItem,
        summary: "Put a version on a feed, now",
        description:
          "The item is then on the feed of exactly these models, in every locale that has a text to fall back to.",
        body: z.strictObject({ version, models: z.array(modelKey).min(1).max(100), feed: z.enum(feeds) }),
      },
    },
    async ({ principal, params, body }) => {
      const found = await content.library.get(params.id);
      const feed = found === null ? null : feedOfKind[found.kind];
      if (found !== null && feed !== null && feed !== body.feed) {
        throw refuse({ kind: "refused", rule: "wrong_feed", detail: `A ${found.kind} goes to ${feed}.` });
      }
      const now = { version: body.version, models: body.models, from: null, until: null, zone: "UTC" };
      return accepted(await publishing.schedule(principal, params.id, now)).item;
    },
  );
  app.post(
    "/api/v1/content/items/:id/unschedule",
    { ...write, schema: { ...ofItem, summary: "Take the schedule back; the version stays approved" } },
    async ({ principal, params }) => accepted(await publishing.unschedule(principal, params.id)).item,
  );
  app.post(
    "/api/v1/content/items/:id/withdraw",
    { ...write, schema: { ...ofItem, summary: "Take an item off every feed, and what was planned with it" } },
    async ({ principal, params }) => accepted(await publishing.withdraw(principal, params.id)).item,
  );
  app.post(
    "/api/v1/content/items/:id/send",
    {
      ...write,
      schema: {
        summary: "Send the newest approved version to appliances",
        description:
          "Each gets the locale that suits its household best. Recipes only preload; a person starts them. What is promotional or about points goes by a campaign.",
        tags,
        params: byId,
        body: z.strictObject({ deviceIds: z.array(deviceId).min(1).max(10_000) }),
        response: { 200: z.object({ deliveries: z.number() }) },
      },
    },
    async ({ principal, params, body }) => {
      const { deliveries } = accepted(await content.send(principal, params.id, body.deviceIds));
      return { deliveries };
    },
  );
}

function testRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { testDevices } = content;
  const mine = z.object({ deviceIds: z.array(z.string()) });
  const byDevice = z.object({ deviceId });
  app.get(
    "/api/v1/content/test-devices",
    { ...read, schema: { summary: "Your own test appliances", tags, response: { 200: mine } } },
    async ({ principal }) => ({ deviceIds: await testDevices.list(principal) }),
  );
  app.put(
    "/api/v1/content/test-devices/:deviceId",
    {
      ...write,
      schema: {
        summary: "Put an appliance on your own list of test appliances",
        tags,
        params: byDevice,
        response: { 200: mine },
      },
    },
    async ({ principal, params }) => {
      const { deviceIds } = accepted(await testDevices.add(principal, params.deviceId));
      return { deviceIds };
    },
  );
  app.delete(
    "/api/v1/content/test-devices/:deviceId",
    {
      ...write,
      schema: { summary: "Take an appliance off your list", tags, params: byDevice, response: { 200: mine } },
    },
    async ({ principal, params }) => {
      const { deviceIds } = accepted(await testDevices.remove(principal, params.deviceId));
      return { deviceIds };
    },
  );
  app.post(
    "/api/v1/content/items/:id/test",
    {
      ...write,
      schema: {
        summary: "Send the newest version, drafts too, to test appliances",
        description:
          "To those on your own list and those with the tag `test`; to no other. An offer goes with made-up terms. Quiet hours of where they stand do not hold it.",
        tags,
        params: byId,
        body: z.strictObject({ deviceIds: z.array(deviceId).min(1).max(20) }),
        response: { 200: z.object({ deliveries: z.number() }) },
      },
    },
    async ({ principal, params, body }) => {
      const { deliveries } = accepted(await testDevices.send(principal, params.id, body.deviceIds));
      return { deliveries };
    },
  );
}
