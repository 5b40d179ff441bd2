import { z } from "zod";
import type { Position } from "./position.ts";

/** One row of the outbox. */
export interface OutboxEvent {
  position: Position;
  eventId: string;
  type: string;
  subject: string;
  atMs: number;
  data: Record<string, unknown>;
}

/** CloudEvents 1.0, structured mode in JSON. `id` is unique for ever: a reader that sees it twice may drop the second. */
export const cloudEvent = z
  .object({
    specversion: z.literal("1.0"),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time: z.iso.datetime(),
    datacontenttype: z.literal("application/json"),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "CloudEvent" });
export type CloudEvent = z.infer<typeof cloudEvent>;

export const toCloudEvent = (event: OutboxEvent): CloudEvent => ({
  specversion: "1.0",
  id: event.eventId,
  source: "/hearth",
  type: event.type,
  subject: event.subject,
  time: new Date(event.atMs).toISOString(),
  datacontenttype: "application/json",
  data: event.data,
});
