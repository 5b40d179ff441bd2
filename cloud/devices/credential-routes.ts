import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { loginKinds, vias } from "#protocol/link/login.ts";
import { safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { closeWords } from "./core/close-words.ts";
import type { ConnectionRow } from "./connections-store.ts";
import { graceMsDefault, graceMsMax } from "./device-tokens.ts";
import type { Devices } from "./devices.ts";
import { deviceProblems } from "./errors.ts";

const idParams = z.object({ id: deviceId });

const connectionView = z
  .object({
    fromMs: z.number(),
    /** Null while it is open, and where nobody could say when it ended. */
    toMs: z.number().nullable(),
    open: z.boolean(),
    /** Kept for 90 days. */
    address: z.string().nullable(),
    via: z.enum(vias).nullable(),
    login: z.enum(loginKinds).nullable(),
    reason: z.string().nullable(),
    /** The reason in plain words; null while it is open. */
    ended: z.string().nullable(),
  })
  .meta({ id: "Connection" });

/** A gateway that is killed says nothing of the connections that end with it. */
const gatewayEnded = "The gateway ended before it could say when.";

function connection(row: ConnectionRow): z.infer<typeof connectionView> {
  const { fromMs, toMs, isOpen: open, address, via, login, reason } = row;
  const ended = open ? null : toMs === null ? gatewayEnded : closeWords(reason ?? "closed");
  return { fromMs, toMs, open, address, via, login, reason, ended };
}

/** HTTP of what devices log in with, and of where they came from. */
export function credentialRoutes(server: FastifyInstance, devices: Devices): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/devices/:id/token",
    {
      config: { permission: "devices.register" },
      schema: {
        summary: "Give an appliance a new token",
        description:
          "The token is in this answer and nowhere else. Those before it work until `graceEndsAtMs`, so that the appliance can fetch the new one; a `graceMs` of 0 ends them now, and the appliance's connection with them.",
        tags: ["devices"],
        params: idParams,
        body: z
          .strictObject({ graceMs: z.int().min(0).max(graceMsMax).default(graceMsDefault) })
          .nullish()
          .describe("Without a body the tokens before work for another day."),
        response: { 200: z.object({ token: z.string(), graceEndsAtMs: z.number().nullable() }) },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await devices.tokens.rotate(principal, params.id, body?.graceMs ?? graceMsDefault);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule);
      return { token: outcome.token, graceEndsAtMs: outcome.graceEndsAtMs };
    },
  );
  app.delete(
    "/api/v1/devices/:id/tokens",
    {
      config: { permission: "devices.write" },
      schema: {
        summary: "Revoke every token of an appliance and end its connection now",
        tags: ["devices"],
        params: idParams,
        response: { 204: z.null() },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await devices.tokens.revokeAll(principal, params.id);
      if (outcome.kind === "refused") throw problem(deviceProblems, outcome.rule);
      return reply.code(204).send(null);
    },
  );
  app.get(
    "/api/v1/devices/:id/connections",
    {
      config: { permission: "devices.connections" },
      schema: {
        summary: "When an appliance was connected, from where, and why each connection ended; newest first",
        description: "Addresses are personal data: they are kept for 90 days.",
        tags: ["devices"],
        params: idParams,
        querystring: z.object({
          cursor: cursorParam(z.tuple([z.int(), safeText(64), z.int()])).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ items: z.array(connectionView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const device = (await devices.find([params.id])).get(params.id);
      if (device === undefined) throw problem(deviceProblems, "device_not_found");
      const rows = await devices.presence.connections(device, query.cursor ?? null, query.limit + 1);
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      const isMore = rows.length > query.limit && last !== undefined;
      return {
        items: page.map(connection),
        nextCursor: isMore ? encodeCursor([last.fromMs, last.bootId, last.connectionId]) : null,
      };
    },
  );
}
