import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { closeReasons } from "#protocol/errors.ts";
import { deviceId } from "#protocol/ids.ts";
import type { WirePacket } from "#protocol/link/wire.ts";
import { type DeviceRef, deviceProblems } from "../devices/devices.ts";
import { problem } from "../platform/problem.ts";
import { serveStream } from "../platform/serve-stream.ts";
import type { Principal } from "../staff/staff.ts";
import { reasonWords } from "./core/security-kinds.ts";
import { securityProblems } from "./errors.ts";
import type { WireStreams, WireWord } from "./wire-streams.ts";

export interface WireRoutesDeps {
  wires: WireStreams;
  findDevices: (ids: readonly string[]) => Promise<Map<string, DeviceRef>>;
  /** Puts on record who looks at whose device. */
  opened: (by: Principal, deviceId: string) => Promise<void>;
}

const ends: Readonly<Record<string, string>> = closeReasons;

/** Why it was refused or ended, in one sentence, or null. */
function sentence({ type, reasons: [reason, why] }: WirePacket): string | null {
  if (reason === undefined) return null;
  if (type !== "closed") return `Refused: ${reasonWords(reason)}.`;
  const end = Object.hasOwn(ends, reason) ? ends[reason] : reasonWords(reason);
  return why === undefined ? `${end}.` : `${end}: ${reasonWords(why)}.`;
}

/** What an event of the stream says. */
export interface WireAnswer {
  packets: (WirePacket & { sentence: string | null })[];
  sentence: string | null;
}

const view = ({ kind, packets, sentence: word }: WireWord): { event: string; data: WireAnswer } => ({
  event: kind,
  data: { packets: packets.map((packet) => ({ ...packet, sentence: sentence(packet) })), sentence: word },
});

/** HTTP of what goes over a device's wire. */
export function wireRoutes(server: FastifyInstance, deps: WireRoutesDeps): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/devices/:id/wire",
    {
      config: { permission: "devices.wire" },
      sse: { kind: "only" },
      schema: {
        summary: "Watch what goes over an appliance's wire (server-sent events)",
        description:
          "First an event `snapshot` with the last 200 packets of both directions, oldest first, those of logins that were refused among them with the reason; then events `packets` with what is new, at most four a second. A packet whose `id` was there before replaces it, and a further `snapshot` replaces all. Payloads and passwords are never shown. Who watches which appliance is on record. A stream ends after 15 minutes, when its reader does not keep up, or within seconds of its key being revoked.",
        tags: ["devices"],
        params: z.object({ id: deviceId }),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await deps.findDevices([id])).has(id)) throw problem(deviceProblems, "device_not_found");
      const stream = deps.wires.open(id, () => reply.raw.destroy());
      if (stream === null) throw problem(securityProblems, "too_many_wires");
      try {
        await deps.opened(request.principal, id);
        await serveStream(request, reply, { messages: messages(stream.words()), cut: () => stream.cut() });
      } finally {
        deps.wires.close(stream);
      }
    },
  );
}

async function* messages(words: AsyncGenerator<WireWord, void, void>) {
  for await (const word of words) yield view(word);
}
