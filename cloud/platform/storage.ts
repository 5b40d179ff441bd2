import { randomBytes } from "node:crypto";
import { access, constants, mkdir, readFile, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "./config.ts";

/** Below this much free disk Hearth does not start: the database and the spool would fail in the middle of their work. */
const freeBytesMin = 268_435_456;

/**
 * Makes the data folder usable.
 *
 * @throws StartError where it cannot be made, written to, or has no room
 */
export async function openDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new StartError(
      `HEARTH_DATA_DIR ${dataDir} cannot be written to (${why}): set HEARTH_DATA_DIR to a folder that this user can write to.`,
    );
  }
  const { bavail, bsize } = await statfs(dataDir);
  if (bavail * bsize < freeBytesMin) {
    throw new StartError(
      `HEARTH_DATA_DIR ${dataDir} has less than ${freeBytesMin / 1_048_576} MiB of free disk: make room, or set HEARTH_DATA_DIR to another disk.`,
    );
  }
}

/** A secret of this installation, kept in a file that its owner alone can read; made at the first start. */
export async function secretFile(dataDir: string, name: string): Promise<Buffer> {
  const path = join(dataDir, name);
  try {
    return await readFile(path);
  } catch {
    const secret = randomBytes(32);
    await writeFile(path, secret, { mode: 0o600, flag: "wx" });
    return secret;
  }
}
