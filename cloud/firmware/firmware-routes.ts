import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, id } from "#protocol/ids.ts";
import { readRange } from "../platform/byte-range.ts";
import { cutSilentReader } from "../platform/silent-reader.ts";
import type { Firmware } from "./firmware.ts";
import type { OpenImage } from "./image-files.ts";
import { componentsRoutes } from "./components-routes.ts";
import { imageCertificatesRoutes } from "./image-certificates-routes.ts";
import { asProblem } from "./refused.ts";
import { releasesRoutes } from "./releases-routes.ts";
import { repositoryRoutes } from "./repository-routes.ts";

/** HTTP of the firmware slice. */
export function firmwareRoutes(server: FastifyInstance, firmware: Firmware): void {
  releasesRoutes(server, firmware);
  repositoryRoutes(server, firmware);
  componentsRoutes(server, firmware);
  imageCertificatesRoutes(server, firmware);
  imageRoute(server, firmware);
  statementRoute(server, firmware);
}

const linkQuery = z.object({
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
      querystring: linkQuery,
    },
    handler: async (request, reply) => {
      const { sha256 } = request.params;
      const { device, expires, signature } = request.query;
      const opened = await firmware.openImage({ sha256, device, expiresAtMs: expires, signature });
      if (opened.kind === "refused") throw asProblem(opened);
      return sendImage(request, reply, sha256, opened.image);
    },
  });
}

/** Statements for appliances, by a link of the same kind. */
function statementRoute(server: FastifyInstance, firmware: Firmware): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/files/statements/:deliveryId",
    {
      config: { permission: "open" },
      schema: {
        summary: "Fetch the director's statement with the link of a delivery",
        description:
          "A compact JWS with the claims of UpdateStatement, made afresh each time. None once the delivery is closed.",
        tags: ["firmware"],
        security: [],
        params: z.object({ deliveryId: id }),
        querystring: linkQuery,
      },
    },
    async (request, reply) => {
      const { device, expires, signature } = request.query;
      const { deliveryId } = request.params;
      const outcome = await firmware.statement({ deliveryId, device, expiresAtMs: expires, signature });
      if (outcome.kind === "refused") throw asProblem(outcome);
      return reply.header("cache-control", "no-store").type("text/plain; charset=utf-8").send(outcome.statement);
    },
  );
}

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
  cutSilentReader(reply.raw);
  return reply.send(image.read({ first, last }));
}
