import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { quarantineReasons } from "#protocol/errors.ts";
import { deviceId } from "#protocol/ids.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import type { Ingest } from "./ingest.ts";

const reasons = z.enum(Object.keys(quarantineReasons));

const quarantined = z
  .object({
    id: z.string(),
    deviceId: z.string(),
    channel: z.string(),
    receivedAtMs: z.number(),
    reason: z.string(),
    detail: z.string(),
    payloadBase64: z.string(),
    /** The payload as text, where it is UTF-8. */
    payloadText: z.string().nullable(),
  })
  .meta({ id: "Quarantined" });

const textOf = (payload: Buffer) => {
  const text = payload.toString("utf8");
  return Buffer.from(text).equals(payload) ? text : null;
};

/** HTTP of what was set aside. */
export function ingestRoutes(server: FastifyInstance, ingest: Ingest): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/quarantine",
    {
      config: { permission: "quarantine.read" },
      schema: {
        summary: "What appliances sent that could not be taken, whole, newest first",
        description: Object.entries(quarantineReasons)
          .map(([code, sentence]) => `- \`${code}\` ${sentence}`)
          .join("\n"),
        tags: ["ingest"],
        querystring: z.object({
          device: deviceId.optional(),
          reason: reasons.optional(),
          cursor: cursorParam(z.tuple([z.uuid()])).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: {
          200: z.object({
            items: z.array(quarantined),
            nextCursor: z.string().nullable(),
            counts: z.record(z.string(), z.number()),
          }),
        },
      },
    },
    async ({ query }) => {
      const rows = await ingest.quarantine({
        deviceId: query.device ?? null,
        reason: query.reason ?? null,
        beforeId: query.cursor?.[0] ?? null,
        limit: query.limit,
      });
      const last = rows.at(-1);
      return {
        items: rows.map(({ payload, ...row }) => ({
          ...row,
          payloadBase64: payload.toString("base64"),
          payloadText: textOf(payload),
        })),
        nextCursor: rows.length === query.limit && last !== undefined ? encodeCursor([last.id]) : null,
        counts: await ingest.quarantineCounts(),
      };
    },
  );
}
