/** What a command works with, and how it moves the signed repository on. */
import { z } from "zod";
import type { RoleKey } from "../../firmware/core/tuf-keys.ts";
import { systemClock } from "../../platform/clock.ts";
import { Api } from "./api.ts";
import { CommandError, type CommonOptions, Speaker } from "./command.ts";
import { KeyFolder } from "./key-folder.ts";
import { rememberCopy, type TrustedCopy, trustedCopy } from "./trusted-copy.ts";

/** Others publish too. Whoever meets them so often in one command has another trouble. */
const attemptsMax = 5;

export interface Session {
  options: CommonOptions;
  api: Api;
  folder: KeyFolder;
  speaker: Speaker;
}

export const openSession = async (options: CommonOptions): Promise<Session> => ({
  options,
  api: new Api(options),
  folder: await KeyFolder.open(options.keys, options.passphrase),
  speaker: new Speaker(options),
});

/** By whom something is signed, now. */
export const signing = (...by: readonly RoleKey[]) => ({ by, nowMs: systemClock.nowMs() });

/** What the service answers to metadata. */
export const movedRoles = z.object({
  roles: z.array(z.object({ role: z.string(), version: z.number(), expiresAtMs: z.number() })),
});

/**
 * Does `work` on top of what the repository is now, verified; once more where somebody else moved it meanwhile. The folder remembers what it saw
 * before and after, unless nothing is to change.
 */
export async function onTop<T>(session: Session, work: (copy: TrustedCopy) => Promise<T>): Promise<T> {
  const { api, folder, speaker, options } = session;
  for (let attempt = 1; ; attempt += 1) {
    const copy = await trustedCopy(api, folder);
    if (options.dryRun) return work(copy);
    await rememberCopy(folder, copy);
    try {
      const done = await work(copy);
      await rememberCopy(folder, await trustedCopy(api, folder));
      return done;
    } catch (error) {
      const isMoved = error instanceof CommandError && error.code === "moved";
      if (!isMoved || attempt === attemptsMax) throw error;
      speaker.say("Somebody else moved the repository meanwhile: signing again on top of that.");
    }
  }
}
