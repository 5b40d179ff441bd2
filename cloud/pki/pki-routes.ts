import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Certificates } from "./certificates.ts";

/** Open to everybody: what a board is given to believe. */
export function pkiRoutes(server: FastifyInstance, certificates: Pick<Certificates, "root">): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/pki/root.pem",
    {
      config: { permission: "open" },
      schema: {
        summary: "The certificate of the root, in PEM",
        description:
          "What an appliance is built to believe. Needs no key. Fetched over a connection that is not trusted yet, it is worth as much as " +
          "its fingerprint: compare that with the one that `npm start -- --lan` prints, or `openssl x509 -noout -fingerprint -sha256`.",
        tags: ["pki"],
        security: [],
        produces: ["application/x-pem-file"],
        response: { 200: z.string() },
      },
    },
    async (_request, reply) => reply.type("application/x-pem-file").send(certificates.root),
  );
}
