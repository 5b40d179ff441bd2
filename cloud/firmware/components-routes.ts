import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { sbomBytesMax } from "./core/sbom.ts";
import { firmwareProblems } from "./errors.ts";
import type { Firmware } from "./firmware.ts";
import { asProblem } from "./refused.ts";
import { releaseView } from "./releases-routes.ts";

const tags = ["firmware"];
const byId = z.object({ id: z.uuid() });
const cycloneDx = "application/vnd.cyclonedx+json";

const held = {
  releaseId: z.uuid(),
  model: z.string(),
  version: z.string(),
  component: z.object({ name: z.string(), version: z.string().nullable() }),
  /** False where the component's version has no place among versions: then it may be the one that is asked for. */
  certain: z.boolean(),
};

interface HeldRow {
  release_id: string;
  model: string;
  version: string;
  name: string;
  component_version: string | null;
  certain: boolean;
}

const hold = (row: HeldRow) => ({
  releaseId: row.release_id,
  model: row.model,
  version: row.version,
  component: { name: row.name, version: row.component_version },
  certain: row.certain,
});

/** HTTP of SBOMs and of who runs what. */
export function componentsRoutes(server: FastifyInstance, firmware: Firmware): void {
  sbomRoutes(server, firmware);
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/firmware/components/devices",
    {
      config: { permission: "firmware.read" },
      schema: {
        summary: "Which appliances run a component, below a version",
        description:
          "By the SBOM of the release that they report. The first page also names the releases, with how many appliances report each.",
        tags,
        querystring: z.object({
          name: safeText(500).trim().min(1),
          below: safeText(200).trim().min(1).optional(),
          limit: z.coerce.number().int().min(1).max(1_000).default(100),
          cursor: cursorParam(z.tuple([z.int().min(1)])).optional(),
        }),
        response: {
          200: z.object({
            items: z.array(z.object({ deviceId: z.string(), hardware: z.string().nullable(), ...held })),
            releases: z.array(z.object({ devices: z.number(), ...held })).nullable(),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query }) => {
      const { name, below = null, limit, cursor } = query;
      const found = await firmware.components.devices({ name, below }, { afterKey: cursor?.[0] ?? 0, limit });
      if (found.kind === "refused") throw asProblem(found);
      const last = found.devices.at(-1);
      return {
        items: found.devices.map((row) => ({ deviceId: row.device_id, hardware: row.hardware, ...hold(row) })),
        releases: found.releases?.map((row) => ({ devices: row.devices, ...hold(row) })) ?? null,
        nextCursor: found.devices.length === limit && last !== undefined ? encodeCursor([last.key]) : null,
      };
    },
  );
}

/** The document is kept as it stands, so it is read as text; its parser lives in a scope of its own. */
function sbomRoutes(server: FastifyInstance, firmware: Firmware): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([cycloneDx, "application/json"], { parseAs: "string" }, (_request, body, done) =>
      done(null, body),
    );
    const app = scope.withTypeProvider<ZodTypeProvider>();
    app.put(
      "/api/v1/firmware/releases/:id/sbom",
      {
        config: { permission: "firmware.write" },
        bodyLimit: sbomBytesMax,
        schema: {
          summary: "Send the SBOM of a release",
          description: "CycloneDX 1.4 to 1.6 in JSON. It is replaced only until an appliance was offered the release.",
          tags,
          consumes: [cycloneDx, "application/json"],
          params: byId,
          response: { 200: releaseView },
        },
      },
      async (request) => {
        const document = typeof request.body === "string" ? request.body : "";
        const outcome = await firmware.components.put(request.principal, request.params.id, document);
        if (outcome.kind === "refused") throw asProblem(outcome);
        return outcome.release;
      },
    );
    app.get(
      "/api/v1/firmware/releases/:id/sbom",
      {
        config: { permission: "firmware.read" },
        schema: { summary: "The SBOM of a release, as it was sent", tags, params: byId },
      },
      async (request, reply) => {
        if ((await firmware.release(request.params.id)) === null) throw problem(firmwareProblems, "release_not_found");
        const document = await firmware.components.sbom(request.params.id);
        if (document === null) throw problem(firmwareProblems, "sbom_not_found");
        return reply.type(cycloneDx).send(document);
      },
    );
  });
}
