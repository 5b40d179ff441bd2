import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { firmwareManifest, imageBytesMax, signedManifest } from "#protocol/manifest.ts";
import { safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { readRange } from "./core/byte-range.ts";
import { firmwareProblems } from "./errors.ts";
import type { Firmware, Refused } from "./firmware.ts";
import type { OpenImage } from "./image-files.ts";

const keyView = z
  .object({
    keyId: z.string(),
    publicKey: z.string(),
    name: z.string(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "FirmwareKey" });

const releaseView = z
  .object({
    id: z.uuid(),
    ...firmwareManifest.shape,
    sha1: z.string(),
    md5: z.string(),
    keyId: z.string(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "Release" });

const refuse = ({ rule, detail }: Refused<keyof typeof firmwareProblems>) => problem(firmwareProblems, rule, detail);

/** HTTP of the firmware slice. */
export function firmwareRoutes(server: FastifyInstance, firmware: Firmware): void {
  keyRoutes(server, firmware);
  releaseRoutes(server, firmware);
  uploadRoute(server, firmware);
  imageRoute(server, firmware);
}

function keyRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/firmware/keys",
    {
      config: { permission: "firmware.read" },
      schema: {
        summary: "The keys whose signatures are trusted",
        tags: ["firmware"],
        response: { 200: z.object({ items: z.array(keyView) }) },
      },
    },
    async () => ({ items: await firmware.keys() }),
  );
  app.post(
    "/api/v1/firmware/keys",
    {
      config: { permission: "firmware.keys" },
      schema: {
        summary: "Trust a key",
        description: "An Ed25519 public key: its raw 32 bytes as base64url. The private key never comes here.",
        tags: ["firmware"],
        body: z.strictObject({
          publicKey: z.base64url().max(100),
          name: safeText(100).trim().min(1),
        }),
        response: { 201: keyView },
      },
    },
    async (request, reply) => {
      const publicKey = Buffer.from(request.body.publicKey, "base64url");
      const outcome = await firmware.addKey(request.principal, publicKey, request.body.name);
      if (outcome.kind === "refused") throw refuse(outcome);
      return reply.code(201).send(outcome.key);
    },
  );
}

function releaseRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/firmware/releases",
    {
      config: { permission: "firmware.read" },
      schema: {
        summary: "List releases, newest first",
        tags: ["firmware"],
        querystring: z.object({
          model: modelKey.optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
        }),
        response: { 200: z.object({ items: z.array(releaseView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { model = null, limit, cursor } = query;
      const items = await firmware.releases({ model, beforeId: cursor?.[0] ?? null, limit });
      const last = items.at(-1);
      return { items, nextCursor: items.length === limit && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
  app.post(
    "/api/v1/firmware/releases/:id/send",
    {
      config: { permission: "firmware.write" },
      schema: {
        summary: "Send a release to appliances",
        description: "To those named, or to all of the release's model: at most 10,000 at once.",
        tags: ["firmware"],
        params: z.object({ id: z.uuid() }),
        body: z.union([
          z.strictObject({ deviceIds: z.array(deviceId).min(1).max(10_000) }),
          z.strictObject({ model: modelKey }),
        ]),
        response: { 200: z.object({ deliveries: z.number() }) },
      },
    },
    async (request) => {
      const outcome = await firmware.send(request.principal, request.params.id, request.body);
      if (outcome.kind === "refused") throw refuse(outcome);
      return { deliveries: outcome.deliveries };
    },
  );
}

/** The image is the body, and streams to disk. Its parser lives in a scope of its own: no other route takes raw bytes. */
function uploadRoute(server: FastifyInstance, firmware: Firmware): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
    scope.withTypeProvider<ZodTypeProvider>().post(
      "/api/v1/firmware/releases",
      {
        config: { permission: "firmware.write" },
        bodyLimit: imageBytesMax,
        schema: {
          summary: "Upload a signed image",
          description:
            "The body is the image (application/octet-stream); the query is its signed manifest. Checked before anything is kept.",
          tags: ["firmware"],
          consumes: ["application/octet-stream"],
          // A named schema is a reference in the description, and parameters cannot be one.
          querystring: z.object(signedManifest.shape),
          response: { 201: releaseView },
        },
      },
      async (request, reply) => {
        const image = request.body instanceof Readable ? request.body : Readable.from([]);
        const declared = request.headers["content-length"];
        const declaredLength = declared === undefined ? null : Number(declared);
        const outcome = await firmware.upload(request.principal, request.query, image, declaredLength);
        if (outcome.kind === "refused") {
          // What was not read of the body must not be taken for the next request.
          if (!image.readableEnded) reply.header("connection", "close");
          throw refuse(outcome);
        }
        return reply.code(201).send(outcome.release);
      },
    );
  });
}

const imageQuery = z.object({
  device: deviceId,
  expires: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  signature: z.base64url().max(100),
});

/** Images for appliances: no key, but a link that was signed for one device until a time. */
function imageRoute(server: FastifyInstance, firmware: Firmware): void {
  server.withTypeProvider<ZodTypeProvider>().route({
    method: ["GET", "HEAD"],
    url: "/files/firmware/:sha256",
    config: { permission: "open" },
    schema: {
      summary: "Fetch an image with the link of a delivery",
      description: "Range with one range, If-Range and ETag, so that a broken download goes on where it ended.",
      tags: ["firmware"],
      security: [],
      params: z.object({ sha256: z.hex().length(64).lowercase() }),
      querystring: imageQuery,
    },
    handler: async (request, reply) => {
      const { sha256 } = request.params;
      const { device, expires, signature } = request.query;
      const opened = await firmware.openImage({ sha256, device, expiresAtMs: expires, signature });
      if (opened.kind === "refused") throw refuse(opened);
      return sendImage(request, reply, sha256, opened.image);
    },
  });
}

/** A reader who takes nothing for so long is cut off: it holds a connection and a part of the image. */
const silenceMsMax = 60_000;

async function sendImage(
  request: FastifyRequest,
  reply: FastifyReply,
  sha256: string,
  image: OpenImage,
): Promise<FastifyReply> {
  const etag = `"${sha256}"`;
  const ifRange = request.headers["if-range"];
  // Another version's remainder would not fit what the device already holds: then it gets the whole. Range means GET alone.
  const isRanged = request.method === "GET" && (ifRange === undefined || ifRange === etag);
  const range = readRange(isRanged ? request.headers.range : undefined, image.length);
  reply
    .header("accept-ranges", "bytes")
    .header("etag", etag)
    .header("cache-control", "private, max-age=31536000, immutable")
    .type("application/octet-stream");
  if (range.kind === "unsatisfiable") {
    await image.close();
    return reply.code(416).header("content-range", `bytes */${image.length}`).header("content-length", 0).send();
  }
  const { first, last } = range.kind === "part" ? range : { first: 0, last: image.length - 1 };
  if (range.kind === "part") reply.code(206).header("content-range", `bytes ${first}-${last}/${image.length}`);
  reply.header("content-length", last - first + 1);
  if (request.method === "HEAD") {
    await image.close();
    return reply.send();
  }
  const cut = () => reply.raw.destroy();
  reply.raw.setTimeout(silenceMsMax, cut);
  return reply.send(image.read({ first, last }));
}
