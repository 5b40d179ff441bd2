import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { imageBytesMax, metadataBytesMax } from "#protocol/update.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { firmwareProblems } from "./errors.ts";
import type { Firmware } from "./firmware.ts";
import { asProblem } from "./refused.ts";
import { releaseDescription, releaseNotes, releaseStates } from "./release-shapes.ts";

const tags = ["firmware"];
const byId = z.object({ id: z.uuid() });
/** Signed metadata as the text that was signed. */
export const metadataText = z.string().min(2).max(metadataBytesMax);

export const releaseView = z
  .object({
    id: z.uuid(),
    state: z.enum(releaseStates),
    ...releaseDescription.shape,
    passThrough: z.boolean(),
    notes: z.string(),
    supportEndsAtMs: z.number().nullable(),
    sha1: z.string().nullable(),
    md5: z.string().nullable(),
    components: z.number().nullable(),
    createdAtMs: z.number(),
    createdBy: z.string(),
    publishedAtMs: z.number().nullable(),
    withdrawnAtMs: z.number().nullable(),
    withdrawnReason: z.string().nullable(),
    offeredAtMs: z.number().nullable(),
  })
  .meta({ id: "Release" });

/** With how many appliances of its model report its version. */
const adoptedView = releaseView.extend({ running: z.number() }).meta({ id: "AdoptedRelease" });

/** HTTP of releases: drafting, uploading, signing, publishing, withdrawing, and sending by hand. */
export function releasesRoutes(server: FastifyInstance, firmware: Firmware): void {
  readRoutes(server, firmware);
  draftRoutes(server, firmware);
  imageUploadRoute(server, firmware);
  publishRoutes(server, firmware);
  sendRoute(server, firmware);
}

function readRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/firmware/releases",
    {
      config: { permission: "firmware.read" },
      schema: {
        summary: "List releases, newest first",
        tags,
        querystring: z.object({
          model: modelKey.optional(),
          state: z.enum(releaseStates).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(adoptedView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { model = null, state = null, limit, cursor } = query;
      const releases = await firmware.releases({ model, state, beforeId: cursor?.[0] ?? null, limit });
      const items = await firmware.adoption(releases);
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.get(
    "/api/v1/firmware/releases/:id",
    {
      config: { permission: "firmware.read" },
      schema: { summary: "One release", tags, params: byId, response: { 200: adoptedView } },
    },
    async ({ params }) => {
      const found = await firmware.release(params.id);
      const [adopted] = found === null ? [] : await firmware.adoption([found]);
      if (adopted === undefined) throw problem(firmwareProblems, "release_not_found");
      return adopted;
    },
  );
}

function draftRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "firmware.write" } as const;
  app.post(
    "/api/v1/firmware/releases",
    {
      config,
      schema: {
        summary: "Draft a release: say what its image will be",
        description:
          "Refused where no appliance could, or should, install it. Then come its image, its signature, its publication.",
        tags,
        body: releaseDescription,
        response: { 201: releaseView },
      },
    },
    async (request, reply) => {
      const outcome = await firmware.releaseDesk.draft(request.principal, request.body);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return reply.code(201).send(outcome.release);
    },
  );
  app.patch(
    "/api/v1/firmware/releases/:id",
    {
      config,
      schema: {
        summary: "Change what goes beside the signed part of a release",
        description: "Until an appliance was offered it.",
        tags,
        params: byId,
        body: releaseNotes.partial(),
        response: { 200: releaseView },
      },
    },
    async (request) => {
      const { kind, passThrough, notes, supportEndsAtMs } = request.body;
      const change = {
        ...(kind === undefined ? {} : { kind }),
        ...(passThrough === undefined ? {} : { passThrough }),
        ...(notes === undefined ? {} : { notes }),
        ...(supportEndsAtMs === undefined ? {} : { supportEndsAtMs }),
      };
      const outcome = await firmware.releaseDesk.change(request.principal, request.params.id, change);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return outcome.release;
    },
  );
  app.delete(
    "/api/v1/firmware/releases/:id",
    {
      config,
      schema: {
        summary: "Remove a release that was never published, with its image",
        tags,
        params: byId,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await firmware.releaseDesk.drop(request.principal, request.params.id);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return reply.code(204).send(null);
    },
  );
}

/** The image is the body, and streams to disk. Its parser lives in a scope of its own: no other route takes raw bytes. */
function imageUploadRoute(server: FastifyInstance, firmware: Firmware): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
    scope.withTypeProvider<ZodTypeProvider>().put(
      "/api/v1/firmware/releases/:id/image",
      {
        config: { permission: "firmware.write" },
        bodyLimit: imageBytesMax,
        schema: {
          summary: "Upload the image of a draft",
          description:
            "The body is the image (application/octet-stream). What is not what the draft says leaves nothing behind.",
          tags,
          consumes: ["application/octet-stream"],
          params: byId,
          response: { 200: releaseView },
        },
      },
      async (request, reply) => {
        const image = request.body instanceof Readable ? request.body : Readable.from([]);
        const declared = request.headers["content-length"];
        const declaredLength = declared === undefined ? null : Number(declared);
        const outcome = await firmware.releaseDesk.receiveImage(
          request.principal,
          request.params.id,
          image,
          declaredLength,
        );
        if (outcome.kind === "refused") {
          // What was not read of the body must not be taken for the next request.
          if (!image.readableEnded) reply.header("connection", "close");
          throw asProblem(outcome);
        }
        return outcome.release;
      },
    );
  });
}

function publishRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "firmware.write" } as const;
  const bodyLimit = 2 * metadataBytesMax;
  app.post(
    "/api/v1/firmware/releases/:id/sign",
    {
      config,
      bodyLimit,
      schema: {
        summary: "Send the family's signed metadata that names the image",
        description:
          "The next version of fw-{model}, with everything that was published before. Nothing is published by it.",
        tags,
        params: byId,
        body: z.strictObject({ family: metadataText }),
        response: { 200: releaseView },
      },
    },
    async (request) => {
      const outcome = await firmware.publishing.sign(request.principal, request.params.id, request.body.family);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return outcome.release;
    },
  );
  app.post(
    "/api/v1/firmware/releases/:id/publish",
    {
      config,
      bodyLimit,
      schema: {
        summary: "Publish a signed release, with the snapshot that names it",
        description: "All of it is verified as an appliance would. What is refused leaves everything as it was.",
        tags,
        params: byId,
        body: z.strictObject({ snapshot: metadataText }),
        response: { 200: releaseView },
      },
    },
    async (request) => {
      const outcome = await firmware.publishing.publish(request.principal, request.params.id, request.body.snapshot);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return outcome.release;
    },
  );
  app.post(
    "/api/v1/firmware/releases/:id/withdraw",
    {
      config,
      schema: {
        summary: "Withdraw a release: it is not offered any more, from now on and for ever",
        description: "npm run release -- withdraw also takes its image out of the signed metadata.",
        tags,
        params: byId,
        body: z.strictObject({ reason: safeText(500).trim().min(1) }),
        response: { 200: releaseView },
      },
    },
    async (request) => {
      const outcome = await firmware.publishing.withdraw(request.principal, request.params.id, request.body.reason);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return outcome.release;
    },
  );
}

function sendRoute(server: FastifyInstance, firmware: Firmware): void {
  server.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/firmware/releases/:id/send",
    {
      config: { permission: "firmware.write" },
      schema: {
        summary: "Send a release to appliances",
        description: "To those named, or to all of the release's model: at most 10,000 at once.",
        tags,
        params: byId,
        body: z.union([
          z.strictObject({ deviceIds: z.array(deviceId).min(1).max(10_000) }),
          z.strictObject({ model: modelKey }),
        ]),
        response: { 200: z.object({ deliveries: z.number() }) },
      },
    },
    async (request) => {
      const outcome = await firmware.sending.send(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return { deliveries: outcome.deliveries };
    },
  );
}
