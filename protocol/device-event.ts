import { z } from "zod";
import { sourceId } from "./ids.ts";
import { epochMs, jsonObject } from "./text.ts";

/** Event types that Hearth gives a meaning to. An unknown type is stored all the same, never dropped. */
export const knownEventTypes = [
  "boot",
  "program.started",
  "program.finished",
  "program.aborted",
  "preheat.finished",
  "door.opened",
  "fault.raised",
  "fault.cleared",
  "recipe.started",
  "recipe.step_finished",
  "recipe.finished",
  "content.shown",
  "content.acted",
  "offer.redeemed",
  "feedback.given",
  "help.requested",
  "share.created",
  "pairing.opened",
  "pairing.closed",
  "factory.reset",
  "maintenance.done",
  "network.restored",
  "store.overflowed",
  "update.postponed",
  "update.metadata_stale",
  "update.metadata_fresh",
] as const;

/** Something that happened at the appliance. Identity is (device, id), for ever. */
export const deviceEvent = z
  .object({
    id: sourceId,
    atMs: epochMs,
    type: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/, "must be dotted lower case, at most 64 characters"),
    data: jsonObject.default({}),
  })
  .meta({ id: "DeviceEvent" });
export type DeviceEvent = z.infer<typeof deviceEvent>;
