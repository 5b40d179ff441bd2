import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import type { Content } from "./content.ts";
import { accepted, imageView, tags } from "./content-answers.ts";
import { contentProblems } from "./errors.ts";
import { imageBytesMax } from "./media.ts";

const pictureTypes = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"];

/** Pictures in, and out by a signed link. */
export function mediaRoutes(server: FastifyInstance, content: Content): void {
  uploadRoute(server, content);
  server.withTypeProvider<ZodTypeProvider>().get(
    "/files/media/:sha256",
    {
      config: { permission: "open" },
      schema: {
        summary: "Fetch a picture with the link of an item",
        description: "The bytes behind a hash never change: keep them as long as you like.",
        tags,
        security: [],
        params: z.object({ sha256: z.hex().length(64).lowercase() }),
        querystring: z.object({ signature: z.base64url().max(100) }),
      },
    },
    async ({ params, query }, reply) => {
      const { image, bytes } = accepted(await content.media.open(params.sha256, query.signature));
      return reply
        .type(image.mimeType)
        .header("cache-control", "private, max-age=31536000, immutable")
        .header("etag", `"${image.sha256}"`)
        .send(bytes);
    },
  );
}

/** The picture is the body. Its parser lives in a scope of its own: no other route takes raw bytes. */
function uploadRoute(server: FastifyInstance, content: Content): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(pictureTypes, { parseAs: "buffer", bodyLimit: imageBytesMax }, (_request, body, done) =>
      done(null, body),
    );
    scope.withTypeProvider<ZodTypeProvider>().post(
      "/api/v1/content/media",
      {
        config: { permission: "content.write" },
        bodyLimit: imageBytesMax,
        schema: {
          summary: "Add a picture",
          description: "JPEG, PNG or WebP, at most 2 MiB. The same picture twice is one.",
          tags,
          consumes: pictureTypes,
          response: { 201: imageView },
        },
      },
      async (request, reply) => {
        if (!Buffer.isBuffer(request.body)) throw problem(contentProblems, "media_not_a_picture");
        return reply.code(201).send(accepted(await content.media.add(request.principal, request.body)).image);
      },
    );
  });
}
