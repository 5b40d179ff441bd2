import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { isSecurityKind, securityKinds, sentence, severities } from "./core/security-kinds.ts";
import type { Security, SecurityEvent } from "./security.ts";

const kind = z.enum(Object.keys(securityKinds).filter(isSecurityKind));

const securityEvent = z
  .object({
    id: z.uuid(),
    kind,
    severity: z.enum(severities),
    /** One sentence, for people. */
    title: z.string(),
    reason: z.string(),
    atMs: z.number(),
    /** When it was last told: what goes on is one event. */
    lastAtMs: z.number(),
    count: z.number(),
    /** An IPv4 address, or the /64 of an IPv6 one; kept as long as the event. */
    address: z.string().nullable(),
    /** The name that somebody gave. Nothing says that they are it. */
    name: z.string().nullable(),
    /** The appliance of that name, where there is one. */
    deviceId: z.string().nullable(),
    /** Who did it, where they have proved it. */
    by: z.string().nullable(),
  })
  .meta({ id: "SecurityEvent" });

const orNull = (text: string) => (text === "" ? null : text);

const view = (event: SecurityEvent): z.infer<typeof securityEvent> => ({
  id: event.id,
  kind: event.kind,
  severity: event.severity,
  title: sentence(event.kind, event.reason),
  reason: event.reason,
  atMs: event.atMs,
  lastAtMs: event.lastAtMs,
  count: event.count,
  address: orNull(event.address),
  name: orNull(event.name),
  deviceId: event.deviceId,
  by: event.principal,
});

/** HTTP of the security events. */
export function securityRoutes(server: FastifyInstance, security: Security): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/security/events",
    {
      config: { permission: "security.read" },
      schema: {
        summary: "What was refused, guessed at, taken over and revoked; newest first",
        description:
          "Refusals are gathered: one event for each kind, reason, address and name, whose `count` and `lastAtMs` grow while it goes on. Events and the addresses in them are kept for 90 days, and at most a million of them.",
        tags: ["security"],
        querystring: z.object({
          kind: kind.optional(),
          severity: z.enum(severities).optional(),
          device: deviceId.optional(),
          address: safeText(64).optional().describe("As an event shows it"),
          since: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe("Only what went on at or after this time, in epoch milliseconds"),
          cursor: cursorParam(z.tuple([z.int(), z.uuid()])).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: { 200: z.object({ items: z.array(securityEvent), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const rows = await security.page({
        kind: query.kind ?? null,
        severity: query.severity ?? null,
        deviceId: query.device ?? null,
        address: query.address ?? null,
        sinceMs: query.since ?? null,
        after: query.cursor ?? null,
        limit: query.limit + 1,
      });
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      const isMore = rows.length > query.limit && last !== undefined;
      return { items: page.map(view), nextCursor: isMore ? encodeCursor([last.atMs, last.id]) : null };
    },
  );
}
