import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { epochMs } from "#protocol/text.ts";
import { revocationReasons } from "../pki/pki.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import type { Certificate } from "./certificates-store.ts";
import { provisioningProblems } from "./errors.ts";
import type { Provisioning } from "./provisioning.ts";

const reasonNames = Object.keys(revocationReasons).filter((name): name is keyof typeof revocationReasons =>
  Object.hasOwn(revocationReasons, name),
);
const reason = z.enum(reasonNames).describe("Of RFC 5280, chapter 5.3.1");
const fingerprint = z.hex().length(64).lowercase();

const certificateView = z
  .object({
    /** Lower-case hex SHA-256 of the DER. */
    fingerprint: z.string(),
    deviceId: z.string(),
    serialNumber: z.string(),
    notBeforeMs: z.number(),
    notAfterMs: z.number(),
    issuedAtMs: z.number(),
    /** The batch whose claim credential it was asked for with; null where the device was in already. */
    batch: z.string().nullable(),
    revokedAtMs: z.number().nullable(),
    revokedReason: z.string().nullable(),
  })
  .meta({ id: "Certificate" });

const view = (one: Certificate): z.infer<typeof certificateView> => ({
  fingerprint: one.fingerprint,
  deviceId: one.deviceId,
  serialNumber: one.serialNumber,
  notBeforeMs: one.notBeforeMs,
  notAfterMs: one.notAfterMs,
  issuedAtMs: one.issuedAtMs,
  batch: one.batch,
  revokedAtMs: one.revokedAtMs,
  revokedReason: one.revokedReason,
});

const idParams = z.object({ id: deviceId });
const tags = ["provisioning"];

/** HTTP of the devices' certificates. */
export function certificatesRoutes(server: FastifyInstance, provisioning: Provisioning): void {
  listRoutes(server, provisioning);
  revokingRoutes(server, provisioning);
  revocationListRoute(server, provisioning);
}

function listRoutes(server: FastifyInstance, provisioning: Provisioning): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/certificates",
    {
      config: { permission: "provisioning.read" },
      schema: {
        summary: "List the devices' certificates in the order in which they end",
        tags,
        querystring: z.object({
          device: deviceId.optional(),
          expiringBeforeMs: z.coerce
            .number()
            .pipe(epochMs)
            .optional()
            .describe("Those that count now and end before this time"),
          revoked: z.enum(["true", "false"]).optional(),
          cursor: cursorParam(z.tuple([z.int(), fingerprint])).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ items: z.array(certificateView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const rows = await provisioning.certificates.page({
        deviceId: query.device ?? null,
        expiringBeforeMs: query.expiringBeforeMs ?? null,
        revoked: query.revoked === undefined ? null : query.revoked === "true",
        after: query.cursor ?? null,
        limit: query.limit + 1,
      });
      const items = rows.slice(0, query.limit).map(view);
      const last = items.at(-1);
      const isMore = rows.length > query.limit && last !== undefined;
      return { items, nextCursor: isMore ? encodeCursor([last.notAfterMs, last.fingerprint]) : null };
    },
  );
  app.get(
    "/api/v1/devices/:id/certificates",
    {
      config: { permission: "provisioning.read" },
      schema: {
        summary: "List an appliance's certificates, newest first",
        tags,
        params: idParams,
        response: { 200: z.object({ items: z.array(certificateView) }) },
      },
    },
    async ({ params }) => {
      const items = await provisioning.certificatesOf(params.id);
      if (items === null) throw problem(provisioningProblems, "provisioned_device_not_found");
      return { items: items.map(view) };
    },
  );
}

function revokingRoutes(server: FastifyInstance, provisioning: Provisioning): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/certificates/:fingerprint/revoke",
    {
      config: { permission: "provisioning.write" },
      schema: {
        summary: "Revoke a certificate, for ever, and end the connection that it let in",
        description: "The appliance gets another one only after POST /api/v1/devices/{id}/re-provision.",
        tags,
        params: z.object({ fingerprint }),
        body: z.strictObject({ reason: reason.default("unspecified") }),
        response: { 200: certificateView },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await provisioning.certificates.revoke(principal, params.fingerprint, body.reason);
      if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
      return view(outcome.certificate);
    },
  );
  app.post(
    "/api/v1/devices/:id/re-provision",
    {
      config: { permission: "provisioning.write" },
      schema: {
        summary: "Let an appliance with a new board be enrolled once more",
        description:
          "Revokes its certificates and tokens, ends its connection, and sets its serial number back to manufactured. Its history and its household stay.",
        tags,
        params: idParams,
        response: { 200: z.object({ revoked: z.array(z.string()) }) },
      },
    },
    async ({ principal, params }) => {
      const outcome = await provisioning.reProvision(principal, params.id);
      if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
      return { revoked: outcome.revoked };
    },
  );
}

/** Whoever fetches it asks again after this long; the gateways have a quicker way. */
const listCachedS = 300;

function revocationListRoute(server: FastifyInstance, { certificates }: Provisioning): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/pki/fleet.crl",
    {
      config: { permission: "open" },
      schema: {
        summary: "The list of revoked device certificates",
        description: "An X.509 CRL (RFC 5280) in DER, signed by the fleet CA.",
        tags,
        security: [],
      },
    },
    async (_request, reply) => {
      const der = await certificates.revocationList();
      return reply.type("application/pkix-crl").header("cache-control", `public, max-age=${listCachedS}`).send(der);
    },
  );
}
