/** The folder with the team's private keys, which never leave it, and what the team last knew of the repository. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Key } from "@tufjs/models";
import { type RoleKey, roleKey } from "../../firmware/core/tuf-keys.ts";
import { writeWhole } from "../../platform/storage.ts";
import { CommandError } from "./command.ts";

/** Names of key files, without `.key`, beside `targets`, `snapshot` and `fw-{model}`. */
export const rootNames = ["root-1", "root-2", "root-3"] as const;

/** Rights of the group and of everybody. */
const othersMask = 0o077;

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

const readIfThere = (path: string): Promise<string | null> =>
  readFile(path, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

/** Refuses what others than its owner can read. Windows has no such modes. */
async function needPrivate(path: string, mode: string): Promise<void> {
  if (process.platform === "win32") return;
  const found = await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (found === null || (found.mode & othersMask) === 0) return;
  const has = (found.mode & 0o777).toString(8);
  throw new CommandError("keys", `${path} can be read by others (mode ${has}): run \`chmod ${mode} ${path}\` first.`);
}

export class KeyFolder {
  readonly dir: string;
  readonly #passphrase: string | undefined;

  /** @param passphrase with which the keys are encrypted in their files; none: they are not */
  private constructor(dir: string, passphrase: string | undefined) {
    this.dir = dir;
    this.#passphrase = passphrase;
  }

  /** Refuses a folder that others can read. It need not be there yet. */
  static async open(dir: string, passphrase: string | undefined): Promise<KeyFolder> {
    await needPrivate(dir, "700");
    return new KeyFolder(dir, passphrase);
  }

  path(name: string): string {
    return join(this.dir, `${name}.key`);
  }

  /** The key of this name, or null where it is kept elsewhere. */
  find(name: string): Promise<RoleKey | null> {
    return this.#read(this.path(name));
  }

  async #read(path: string): Promise<RoleKey | null> {
    const pem = await readIfThere(path);
    if (pem === null) return null;
    await needPrivate(path, "600");
    let key: KeyObject;
    try {
      key = createPrivateKey({ key: pem, ...(this.#passphrase === undefined ? {} : { passphrase: this.#passphrase }) });
    } catch {
      const why = pem.includes("ENCRYPTED")
        ? "is encrypted: set HEARTH_RELEASE_PASSPHRASE to its passphrase."
        : "holds no private key.";
      throw new CommandError("keys", `${path} ${why}`);
    }
    if (key.asymmetricKeyType !== "ed25519") throw new CommandError("keys", `${path} is no Ed25519 key.`);
    return roleKey(key);
  }

  async need(name: string): Promise<RoleKey> {
    const key = await this.find(name);
    if (key !== null) return key;
    throw new CommandError(
      "keys",
      `There is no ${this.path(name)}: bring it from where it is kept, or name the folder that has it with --keys.`,
    );
  }

  /** The key of a role, which must be one of those that the repository knows for it. */
  async needFor(name: string, known: readonly Key[]): Promise<RoleKey> {
    const found = await this.need(name);
    if (known.some((key) => key.equals(found.key))) return found;
    throw new CommandError("keys", `${this.path(name)} is not the key that the signed repository names for it.`);
  }

  /** Those of the root's keys that are here and still count. */
  async roots(known: readonly Key[]): Promise<{ name: string; key: RoleKey }[]> {
    const found: { name: string; key: RoleKey }[] = [];
    for (const name of rootNames) {
      const key = await this.find(name);
      if (key !== null && known.some((one) => one.equals(key.key))) found.push({ name, key });
    }
    return found;
  }

  /** The key of this name, made and written where there is none. */
  async findOrMake(name: string): Promise<RoleKey> {
    return (await this.find(name)) ?? this.#make(this.path(name));
  }

  /** The key that is to take the place of one, written to `{name}.next`: it is safe before anybody believes it. */
  async next(name: string): Promise<RoleKey> {
    const path = join(this.dir, `${name}.next`);
    return (await this.#read(path)) ?? this.#make(path);
  }

  /** Puts the next key in its place. The one before is kept beside it as `{name}.retired-{n}`. */
  async takeNext(name: string): Promise<void> {
    if ((await readIfThere(this.path(name))) !== null) {
      let at = 1;
      while ((await readIfThere(join(this.dir, `${name}.retired-${at}`))) !== null) at += 1;
      await rename(this.path(name), join(this.dir, `${name}.retired-${at}`));
    }
    await rename(join(this.dir, `${name}.next`), this.path(name));
  }

  /** Ends a rotation that was cut off after the service had taken it: the names of the keys that took their places. */
  async settle(known: readonly Key[]): Promise<string[]> {
    const files = await readdir(this.dir).catch(() => []);
    const settled: string[] = [];
    for (const file of files.filter((one) => one.endsWith(".next"))) {
      const name = file.slice(0, -".next".length);
      const key = await this.#read(join(this.dir, file));
      if (key === null || !known.some((one) => one.equals(key.key))) continue;
      await this.takeNext(name);
      settled.push(name);
    }
    return settled;
  }

  /** Writes a new key: 0600, and never over one that is there. */
  async #make(path: string): Promise<RoleKey> {
    const { privateKey } = generateKeyPairSync("ed25519");
    const cipher = this.#passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase: this.#passphrase };
    const pem = privateKey.export({ format: "pem", type: "pkcs8", ...cipher });
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await writeFile(path, pem, { mode: 0o600, flag: "wx", flush: true });
    return roleKey(privateKey);
  }

  /** What the team last knew of a role's metadata; null where nothing. */
  known(role: string): Promise<string | null> {
    return readIfThere(join(this.dir, "repository", `${role}.json`));
  }

  async remember(role: string, content: string): Promise<void> {
    await mkdir(join(this.dir, "repository"), { recursive: true, mode: 0o700 });
    await writeWhole(join(this.dir, "repository", `${role}.json`), content, 0o644);
  }

  /** A public file beside the keys, or null. */
  read(name: string): Promise<string | null> {
    return readIfThere(join(this.dir, name));
  }

  /** Writes a public file beside the keys: what appliances are made with. */
  async publish(name: string, content: string): Promise<string> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const path = join(this.dir, name);
    await writeWhole(path, content, 0o644);
    return path;
  }
}
