import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { serveStream } from "../platform/serve-stream.ts";
import { cloudEvent, toCloudEvent } from "./core/cloud-event.ts";
import { position, positionText } from "./core/position.ts";
import { eventProblems } from "./errors.ts";
import type { EventStream } from "./event-streams.ts";
import type { Events } from "./events.ts";

const tags = ["events"];

/** HTTP of the outbox: CloudEvents 1.0, as pages and as a stream. */
export function eventsRoutes(server: FastifyInstance, events: Events): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/events",
    {
      config: { permission: "events.read" },
      schema: {
        summary: "Read notable facts, oldest first",
        description:
          "`nextCursor` is always the place to go on from, also where the page is not full: more will come. It is null only while there is nothing at all.",
        tags,
        querystring: z.object({
          after: position.optional(),
          limit: z.coerce.number().int().min(1).max(1_000).default(100),
        }),
        response: { 200: z.object({ items: z.array(cloudEvent), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const outcome = await events.page(query.after ?? null, query.limit);
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      const reached = outcome.events.at(-1)?.position ?? query.after;
      return {
        items: outcome.events.map(toCloudEvent),
        nextCursor: reached === undefined ? null : positionText(reached),
      };
    },
  );
  app.get(
    "/api/v1/events/stream",
    {
      config: { permission: "events.read" },
      sse: { kind: "only" },
      schema: {
        summary: "Read notable facts as they happen (server-sent events)",
        description:
          "Each event's `id` is a cursor: a client that sends it back as Last-Event-ID goes on after it, without loss or repeat. Without one the stream begins now. A stream ends after 15 minutes, when its reader does not keep up, or within seconds of its key being revoked; come back with the last id.",
        tags,
        querystring: z.object({ after: position.optional() }),
      },
    },
    async (request, reply) => {
      const last = request.headers["last-event-id"];
      const resumed = last === undefined ? undefined : position.safeParse(last);
      if (resumed?.success === false) throw problem(eventProblems, "event_cursor_invalid");
      const after = resumed?.data ?? request.query.after ?? null;
      const outcome = await events.openStream(after, () => reply.raw.destroy());
      if (outcome.kind === "refused") throw problem(eventProblems, outcome.rule);
      const { stream } = outcome;
      try {
        await serveStream(request, reply, { messages: messages(stream), cut: () => stream.cut() });
      } finally {
        events.closeStream(stream);
      }
    },
  );
}

async function* messages(stream: EventStream) {
  // An id without data tells the reader where the stream begins, so that it can come back even before the first event.
  yield { id: positionText(stream.position), data: undefined };
  for await (const event of stream.events()) {
    yield { id: positionText(event.position), data: toCloudEvent(event) };
  }
}
