import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { readRange } from "../platform/byte-range.ts";
import { problem } from "../platform/problem.ts";
import { cutSilentReader } from "../platform/silent-reader.ts";
import type { Artifact } from "./core/deployment.ts";
import type { Ddi } from "./ddi.ts";
import { actionNumber, clientOf, ddiBase, ofClients, target } from "./client-request.ts";
import { ddiProblems } from "./errors.ts";

const ofModule = z.object({ ...target, moduleId: actionNumber });
const ofFile = z.object({ ...ofModule.shape, file: z.string().max(150) });

const md5Suffix = ".MD5SUM";

/** The files of an update: their list, each of them, and its MD5 as `md5sum` writes it. */
export function downloadRoutes(scope: FastifyInstance, ddi: Ddi): void {
  scope.get<{ Params: z.infer<typeof ofModule> }>(
    `${ddiBase}/softwaremodules/:moduleId/artifacts`,
    { config: { permission: "open" }, schema: { ...ofClients("The files of an update"), params: ofModule } },
    async (request) => {
      const files = await ddi.downloads.list(clientOf(request), request.params.moduleId);
      if (files === null) throw problem(ddiProblems, "ddi_artifact_not_found");
      return files;
    },
  );
  scope.route<{ Params: z.infer<typeof ofFile> }>({
    method: ["GET", "HEAD"],
    url: `${ddiBase}/softwaremodules/:moduleId/artifacts/:file`,
    config: { permission: "open" },
    schema: {
      ...ofClients(
        "Fetch a file of an update",
        "With the client's token or by the address as the deployment has it. Takes Range with one range, If-Range and If-Match.",
      ),
      params: ofFile,
      querystring: z.object({ e: z.string().max(20).optional(), s: z.string().max(50).optional() }),
    },
    handler: (request, reply) => (request.params.file.endsWith(md5Suffix) ? sum : file)(request, reply, ddi),
  });
}

type FileRequest = FastifyRequest<{ Params: z.infer<typeof ofFile> }>;

async function sum(request: FileRequest, reply: FastifyReply, ddi: Ddi): Promise<FastifyReply> {
  const { moduleId: actionId, file: name } = request.params;
  const found = await ddi.downloads.artifact(clientOf(request), actionId, name.slice(0, -md5Suffix.length));
  if (found === null) throw problem(ddiProblems, "ddi_artifact_not_found");
  const { md5, filename } = found.artifact;
  return reply
    .type("text/plain; charset=utf-8")
    .header("content-disposition", `attachment; filename="${filename}${md5Suffix}"`)
    .send(`${md5}  ${filename}`);
}

async function file(request: FileRequest, reply: FastifyReply, ddi: Ddi): Promise<FastifyReply> {
  const client = clientOf(request);
  const { moduleId: actionId, file: name } = request.params;
  const found = await ddi.downloads.artifact(client, actionId, name);
  if (found === null) throw problem(ddiProblems, "ddi_artifact_not_found");
  const { artifact } = found;
  const part = choose(request, artifact);
  if (part.kind === "changed") throw problem(ddiProblems, "ddi_artifact_changed");
  reply
    .header("accept-ranges", "bytes")
    .header("etag", etagOf(artifact))
    .header("content-disposition", `attachment; filename="${artifact.filename}"`)
    .header("cache-control", "private, max-age=31536000, immutable")
    .type("application/octet-stream");
  if (part.kind === "unsatisfiable")
    return reply.code(416).header("content-range", `bytes */${artifact.length}`).header("content-length", 0).send();
  const { first, last } = part.kind === "part" ? part : { first: 0, last: artifact.length - 1 };
  if (part.kind === "part") reply.code(206).header("content-range", `bytes ${first}-${last}/${artifact.length}`);
  reply.header("content-length", last - first + 1);
  if (request.method === "HEAD") return reply.send();
  const image = await ddi.downloads.openImage(found.releaseId);
  if (image === null) throw problem(ddiProblems, "ddi_artifact_not_found");
  await ddi.downloads.note(client, actionId, "downloading").catch(async (error: unknown) => {
    await image.close();
    throw error;
  });
  if (last === artifact.length - 1) {
    // Written whole to the socket, and not merely begun: a client that goes away in the middle has not got it.
    reply.raw.once("finish", () => {
      ddi.downloads
        .note(client, actionId, "downloaded")
        .catch((error: unknown) => request.log.warn({ event: "ddi.note_failed", error: String(error) }));
    });
  }
  cutSilentReader(reply.raw);
  return reply.send(image.read({ first, last }));
}

const etagOf = ({ sha256 }: Artifact): string => `"${sha256}"`;

/** Which bytes a request is for (RFC 9110, 13.1.1, 13.1.5 and 14.2). */
function choose(request: FileRequest, artifact: Artifact) {
  const etag = etagOf(artifact);
  const { range, "if-range": ifRange, "if-match": ifMatch } = request.headers;
  if (ifMatch !== undefined && ifMatch !== "*" && !ifMatch.split(",").some((one) => one.trim() === etag))
    return { kind: "changed" as const };
  // Another version's remainder would not fit what the client already holds: then it gets the whole. Range means GET alone.
  const isRanged = request.method === "GET" && (ifRange === undefined || ifRange === etag);
  return readRange(isRanged ? range : undefined, artifact.length);
}
