import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { metadataBytesMax } from "#protocol/update.ts";
import { problem } from "../platform/problem.ts";
import { firmwareProblems } from "./errors.ts";
import type { Firmware } from "./firmware.ts";
import { asProblem } from "./refused.ts";
import { metadataText } from "./releases-routes.ts";

const tags = ["firmware"];

const repositoryView = z
  .object({
    roles: z.array(
      z.object({
        /** `root`, `targets`, `snapshot`, `timestamp` or `fw-{model}`. */
        role: z.string(),
        version: z.number(),
        expiresAtMs: z.number(),
        keyIds: z.array(z.string()),
        threshold: z.number(),
      }),
    ),
    timestampKey: z.string(),
    problems: z.array(z.string()),
  })
  .meta({ id: "FirmwareRepository" });

const jwk = z.object({
  kty: z.string(),
  crv: z.string(),
  x: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.string(),
});

const uploadFields = {
  targets: metadataText.optional(),
  snapshot: metadataText.optional(),
  /** By model. */
  families: z
    .record(modelKey, metadataText)
    .refine((families) => Object.keys(families).length <= 100, "must name at most 100 families")
    .optional(),
};

/** HTTP of the signed repository and the director's public key. */
export function repositoryRoutes(server: FastifyInstance, firmware: Firmware): void {
  writeRoutes(server, firmware);
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/firmware/repository",
    {
      config: { permission: "firmware.read" },
      schema: { summary: "Where the signed repository stands", tags, response: { 200: repositoryView } },
    },
    async () => firmware.repository.state(),
  );
  app.get(
    "/api/v1/firmware/director.jwks",
    {
      config: { permission: "open" },
      schema: {
        summary: "The director's public key, as a JWK set",
        description: "Appliances are made with it; nothing that comes over the network is believed instead.",
        tags,
        security: [],
        response: { 200: z.object({ keys: z.array(jwk) }) },
      },
    },
    async () => firmware.director.jwks(),
  );
  app.get(
    "/files/repository/:name",
    {
      config: { permission: "open" },
      schema: {
        summary: "Fetch signed metadata, as TUF's clients do",
        description: "timestamp.json, {n}.root.json, {n}.snapshot.json, {n}.targets.json, {n}.fw-{model}.json.",
        tags,
        security: [],
        params: z.object({ name: z.string().max(100) }),
      },
    },
    async (request, reply) => {
      const file = await firmware.repository.file(request.params.name);
      if (file === null) throw problem(firmwareProblems, "repository_file_not_found");
      return reply
        .header("cache-control", file.isFinal ? "public, max-age=31536000, immutable" : "no-cache")
        .type("application/json")
        .send(Buffer.from(file.content));
    },
  );
}

function writeRoutes(server: FastifyInstance, firmware: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const bodyLimit = 4 * metadataBytesMax;
  const answer = z.object({ roles: repositoryView.shape.roles });
  app.post(
    "/api/v1/firmware/repository/root",
    {
      config: { permission: "firmware.keys" },
      bodyLimit,
      schema: {
        summary: "Register the first root, or the next one",
        description: "The next one is signed by enough keys of the one before. What it makes necessary comes with it.",
        tags,
        body: z.strictObject({ root: metadataText, ...uploadFields }),
        response: { 200: answer },
      },
    },
    async (request) => {
      const outcome = await firmware.publishing.applyMetadata(request.principal, request.body);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return firmware.repository.state();
    },
  );
  app.post(
    "/api/v1/firmware/repository/metadata",
    {
      config: { permission: "firmware.write" },
      bodyLimit,
      schema: {
        summary: "Send metadata that publishes nothing new: later expiries, another family, an image less",
        description: "Each the next version, with the snapshot that names them. All of it is taken, or nothing.",
        tags,
        body: z.strictObject(uploadFields),
        response: { 200: answer },
      },
    },
    async (request) => {
      const outcome = await firmware.publishing.applyMetadata(request.principal, request.body);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return firmware.repository.state();
    },
  );
}
