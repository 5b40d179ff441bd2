import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { contentClasses } from "#protocol/content.ts";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { feeds } from "#protocol/topics.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { Problem } from "../platform/problem.ts";
import { versionStates } from "./core/version-life.ts";
import type { Content, Refused } from "./content.ts";
import { contentDraft, contentKinds } from "./content-shapes.ts";
import { contentProblems } from "./errors.ts";

const summaryShape = {
  id: z.uuid(),
  kind: z.enum(contentKinds),
  class: z.enum(contentClasses),
  isShareable: z.boolean().describe("Whether a household may pass it on."),
  topics: z.array(z.string()),
  models: z.array(z.string()).nullable().describe("The models that it is for; null for all."),
  version: z.number(),
  state: z.enum(versionStates).describe("Of the newest version."),
  title: z.string(),
  locales: z.array(z.string()),
  publishedTo: z.array(z.string()).describe("Models on whose feed the item is."),
  createdAtMs: z.number(),
  createdBy: z.string(),
};

const summaryView = z.object(summaryShape).meta({ id: "ContentSummary" });

const versionView = z.object({
  version: z.number(),
  state: z.enum(versionStates),
  locales: z.record(z.string(), z.record(z.string(), z.unknown())),
  createdAtMs: z.number(),
  createdBy: z.string(),
});

const detailView = z
  .object({ ...summaryShape, versions: z.array(versionView).describe("From the newest down, at most 50.") })
  .meta({ id: "ContentDetail" });

const byId = z.object({ id: z.uuid() });

const refuse = ({ rule, detail, fields }: Refused<keyof typeof contentProblems>) =>
  new Problem(rule, contentProblems[rule], detail, fields);

/** HTTP of the content slice. */
export function contentRoutes(server: FastifyInstance, content: Content): void {
  writingRoutes(server, content);
  reachRoutes(server, content);
}

function writingRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/content/items",
    {
      config: { permission: "content.read" },
      schema: {
        summary: "List content items, newest first",
        tags: ["content"],
        querystring: z.object({
          kind: z.enum(contentKinds).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(summaryView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { kind = null, limit, cursor } = query;
      const items = await content.list({ kind, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.post(
    "/api/v1/content/items",
    {
      config: { permission: "content.write" },
      schema: {
        summary: "Write a content item, as a draft",
        tags: ["content"],
        body: contentDraft,
        response: { 201: summaryView },
      },
    },
    async (request, reply) => {
      const outcome = await content.create(request.principal, request.body);
      if (outcome.kind === "refused") throw refuse(outcome);
      return reply.code(201).send(outcome.item);
    },
  );
  app.get(
    "/api/v1/content/items/:id",
    {
      config: { permission: "content.read" },
      schema: {
        summary: "One content item with its versions",
        tags: ["content"],
        params: byId,
        response: { 200: detailView },
      },
    },
    async (request) => {
      const found = await content.get(request.params.id);
      if (found === null) throw refuse({ kind: "refused", rule: "content_not_found" });
      return { ...found.item, versions: found.versions };
    },
  );
  app.put(
    "/api/v1/content/items/:id",
    {
      config: { permission: "content.write" },
      schema: {
        summary: "Write a new version, as a draft",
        description: "What is live stays live until the new version is published.",
        tags: ["content"],
        params: byId,
        body: contentDraft,
        response: { 200: summaryView },
      },
    },
    async (request) => {
      const outcome = await content.update(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw refuse(outcome);
      return outcome.item;
    },
  );
}

function reachRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/content/items/:id/publish",
    {
      config: { permission: "content.write" },
      schema: {
        summary: "Put the newest version on a feed",
        description: "The item is then on the feed of exactly these models, in each of its locales.",
        tags: ["content"],
        params: byId,
        body: z.strictObject({ models: z.array(modelKey).min(1).max(100), feed: z.enum(feeds) }),
        response: { 200: summaryView },
      },
    },
    async (request) => {
      const outcome = await content.publish(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw refuse(outcome);
      return outcome.item;
    },
  );
  app.post(
    "/api/v1/content/items/:id/withdraw",
    {
      config: { permission: "content.write" },
      schema: {
        summary: "Take an item off every feed",
        tags: ["content"],
        params: byId,
        response: { 200: summaryView },
      },
    },
    async (request) => {
      const outcome = await content.withdraw(request.principal, request.params.id);
      if (outcome.kind === "refused") throw refuse(outcome);
      return outcome.item;
    },
  );
  app.post(
    "/api/v1/content/items/:id/send",
    {
      config: { permission: "content.write" },
      schema: {
        summary: "Send the newest version to appliances",
        description: "Each gets the locale that suits its household best. Recipes only preload; a person starts them.",
        tags: ["content"],
        params: byId,
        body: z.strictObject({ deviceIds: z.array(deviceId).min(1).max(10_000) }),
        response: { 200: z.object({ deliveries: z.number() }) },
      },
    },
    async (request) => {
      const outcome = await content.send(request.principal, request.params.id, request.body.deviceIds);
      if (outcome.kind === "refused") throw refuse(outcome);
      return { deliveries: outcome.deliveries };
    },
  );
}
