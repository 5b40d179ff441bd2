import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { access, constants, mkdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "./config.ts";
import { readSigningKey } from "./signing-key.ts";

/** In the data folder: who was erased, since a backup of the database brings them back. */
export const erasedFileName = "erased.jsonl";

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

/**
 * Writes a file beside its place and moves it there, so that a kill or a full disk leaves the old one or the new one and never a part.
 */
export async function writeWhole(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, data, { mode, flag: "wx", flush: true });
  await rename(`${path}.new`, path);
}

/** A file; null where there is none. One that cannot be read for another reason is an error: nobody must take it for missing. */
export const readIfThere = (path: string): Promise<Buffer | null> =>
  readFile(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });

const secretBytes = 32;

/**
 * A secret of this installation, kept in a file that its owner alone can read; made at the first start.
 */
export async function secretFile(dataDir: string, name: string): Promise<Buffer> {
  const path = join(dataDir, name);
  const known = await readIfThere(path);
  if (known !== null && known.length >= secretBytes) return known;
  const secret = randomBytes(secretBytes);
  await writeWhole(path, secret, 0o600);
  return secret;
}

/**
 * A key with which this installation signs, kept in a file that its owner alone can read; made at the first start.
 *
 * @throws StartError where the file is there and holds no such key: one that cannot be read must not be replaced
 */
export async function signingKeyFile(dataDir: string, name: string): Promise<KeyObject> {
  const path = join(dataDir, name);
  const known = await readIfThere(path);
  if (known !== null) {
    const key = readSigningKey(known.toString());
    if (key === null) throw new StartError(`${path} holds no Ed25519 private key: put back the one that was there.`);
    return key;
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeWhole(path, privateKey.export({ format: "pem", type: "pkcs8" }), 0o600);
  return privateKey;
}
