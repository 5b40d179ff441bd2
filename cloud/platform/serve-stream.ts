import type { SSEMessage } from "@fastify/sse";
import type { FastifyReply, FastifyRequest } from "fastify";
import { every } from "./clock.ts";

/** How often a stream asks whether its reader may still read it. */
const recheckMsUsual = 5_000;

export interface ServedStream {
  messages: AsyncIterable<SSEMessage>;
  /** Ends it at once, when its reader may no longer read it. */
  cut: () => void;
  /** Whether the reader may go on, besides having a key that is good for the route. */
  stillTheirs?: () => Promise<boolean>;
  recheckMs?: number;
}

/**
 * Writes a stream of server-sent events until it ends, its reader is gone, or may no longer read it: a key that was revoked is asked about
 * every few seconds.
 */
export async function serveStream(request: FastifyRequest, reply: FastifyReply, stream: ServedStream): Promise<void> {
  // A write that waits for a reader who then disappears is never settled, so the reader's end counts as well.
  const gone = new Promise<void>((resolve) => reply.sse.onClose(resolve));
  if (reply.raw.destroyed) return;
  // The reader hears that it is connected before there is anything to say.
  reply.sse.sendHeaders();
  reply.raw.flushHeaders();
  const recheck = every(
    stream.recheckMs ?? recheckMsUsual,
    async () => {
      if (!(await request.stillAllowed()) || (await stream.stillTheirs?.()) === false) stream.cut();
    },
    // Whoever cannot be asked about is not thrown out: the next time says more.
    (error) => request.log.warn({ event: "stream.recheck_failed", error: String(error) }),
  );
  try {
    await Promise.race([reply.sse.send(stream.messages), gone]);
  } catch (error) {
    request.log.warn({ event: "stream.failed", url: request.routeOptions.url, error: String(error) });
  } finally {
    await recheck.stop();
  }
}
