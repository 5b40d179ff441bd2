import { z } from "zod";
import { epochMs, jsonObject } from "./text.ts";

/**
 * A part of the state that an appliance reports: `firmware`, `hardware`, `locale`, `timeZone`, `operation`, and its model's own keys.
 * Merged key by key; for each key the newest `atMs` wins.
 */
export const reported = z.object({ atMs: epochMs, state: jsonObject }).meta({ id: "Reported" });
export type Reported = z.infer<typeof reported>;

/**
 * The state that the cloud wants, whole, with a version that only grows. A device ignores a version at or below the one it holds.
 *
 * `tenure` counts the households that have had the device and left. Where it is above the one that the device knows, what it holds of
 * people goes: their messages, what they preloaded, how they set it.
 */
export const desired = z
  .object({ version: z.int().min(1), state: jsonObject, tenure: z.int().min(0).default(0) })
  .meta({ id: "Desired" });
export type Desired = z.infer<typeof desired>;
