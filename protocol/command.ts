import { z } from "zod";
import { id } from "./ids.ts";
import { epochMs, jsonObject, safeText } from "./text.ts";

/**
 * Everything that the cloud may order an appliance to do. The list is closed, and nothing on it starts heat: `load_program` only
 * preloads, and a person starts the program at the appliance. `stop` is always allowed.
 */
export const commandNames = ["stop", "identify", "self_test", "send_log", "sample_faster", "load_program"] as const;
export type CommandName = (typeof commandNames)[number];

/** How long a command lives unless its sender says otherwise. After that it is never sent again. */
export const commandLifeMs = 30_000;

export const command = z.object({ name: z.enum(commandNames), args: jsonObject.default({}) }).meta({ id: "Command" });
export type Command = z.infer<typeof command>;

/** The answer to a command. Its identity is the command's delivery id. */
export const reply = z
  .object({
    commandId: id,
    atMs: epochMs,
    ok: z.boolean(),
    result: jsonObject.optional(),
    reason: safeText(500).optional(),
  })
  .meta({ id: "Reply" });
export type Reply = z.infer<typeof reply>;
