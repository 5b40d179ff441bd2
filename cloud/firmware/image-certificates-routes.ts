import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import type { Firmware } from "./firmware.ts";
import { asProblem } from "./refused.ts";

const tags = ["firmware"];

const imageCertificate = z
  .object({
    fingerprint: z.string(),
    subject: z.string(),
    validFromMs: z.number(),
    validToMs: z.number(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "ImageCertificate" });
const items = z.object({ items: z.array(imageCertificate) });

/** HTTP of the certificates by which images for SWUpdate may be signed. */
export function imageCertificatesRoutes(server: FastifyInstance, { imageCertificates }: Firmware): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/firmware/image-certificates",
    {
      config: { permission: "firmware.read" },
      schema: { summary: "By whom images for SWUpdate may be signed", tags, response: { 200: items } },
    },
    async () => ({ items: await imageCertificates.list() }),
  );
  app.put(
    "/api/v1/firmware/image-certificates",
    {
      config: { permission: "firmware.keys" },
      schema: {
        summary: "Say by whom images for SWUpdate may be signed",
        description:
          "All of them, as PEM: the signers' own certificates, or those of the authority that certified them. The same that the appliances have. Those before that are not among them are trusted no more; releases that are there stay.",
        tags,
        body: z.strictObject({ pem: safeText(200_000) }),
        response: { 200: items },
      },
    },
    async (request) => {
      const outcome = await imageCertificates.put(request.principal, request.body.pem);
      if (outcome.kind === "refused") throw asProblem(outcome);
      return { items: outcome.certificates };
    },
  );
}
