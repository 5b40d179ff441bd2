/** The folder with the team's private keys, which never leave it, and what the team last knew of the repository. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RoleKey, roleKey } from "../../firmware/core/tuf-keys.ts";
import { writeWhole } from "../../platform/storage.ts";
import { CommandError } from "./command.ts";

/** Names of key files, without `.key`: `root-1`, `targets`, `snapshot`, `fw-{model}`. */
export const rootNames = ["root-1", "root-2", "root-3"] as const;

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

const readIfThere = (path: string): Promise<string | null> =>
  readFile(path, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

export class KeyFolder {
  readonly dir: string;
  readonly #passphrase: string | undefined;

  /** @param passphrase with which the keys are encrypted in their files; none: they are not */
  constructor(dir: string, passphrase: string | undefined) {
    this.dir = dir;
    this.#passphrase = passphrase;
  }

  #keyPath(name: string): string {
    return join(this.dir, `${name}.key`);
  }

  /** The names of the keys that are here. */
  async names(): Promise<string[]> {
    const files = await readdir(this.dir).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return files
      .filter((file) => file.endsWith(".key"))
      .map((file) => file.slice(0, -".key".length))
      .toSorted();
  }

  /** The key of this name, or null where it is kept elsewhere. */
  async find(name: string): Promise<RoleKey | null> {
    const pem = await readIfThere(this.#keyPath(name));
    if (pem === null) return null;
    let key: KeyObject;
    try {
      key = createPrivateKey({ key: pem, ...(this.#passphrase === undefined ? {} : { passphrase: this.#passphrase }) });
    } catch {
      const hint = pem.includes("ENCRYPTED")
        ? "It is encrypted: set HEARTH_RELEASE_PASSPHRASE to its passphrase."
        : "It holds no private key.";
      throw new CommandError("keys", `${this.#keyPath(name)} cannot be read. ${hint}`);
    }
    if (key.asymmetricKeyType !== "ed25519")
      throw new CommandError("keys", `${this.#keyPath(name)} is no Ed25519 key.`);
    return roleKey(key);
  }

  async need(name: string): Promise<RoleKey> {
    const key = await this.find(name);
    if (key !== null) return key;
    throw new CommandError(
      "keys",
      `There is no ${this.#keyPath(name)}. Name the folder with the team's keys with --keys, or in HEARTH_RELEASE_KEYS.`,
    );
  }

  /** The root's keys that are here. */
  async roots(): Promise<{ name: string; key: RoleKey }[]> {
    const found: { name: string; key: RoleKey }[] = [];
    for (const name of await this.names()) {
      if (!name.startsWith("root-")) continue;
      found.push({ name, key: await this.need(name) });
    }
    return found;
  }

  newKey(): RoleKey {
    return roleKey(generateKeyPairSync("ed25519").privateKey);
  }

  /** Writes a key that is new; 0600, and never over one that is there. */
  add(name: string, key: RoleKey): Promise<void> {
    return this.#write(this.#keyPath(name), key);
  }

  async #write(path: string, { privateKey }: RoleKey): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const cipher = this.#passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase: this.#passphrase };
    const pem = privateKey.export({ format: "pem", type: "pkcs8", ...cipher });
    await writeFile(path, pem, { mode: 0o600, flag: "wx", flush: true });
  }

  /**
   * Has `move` make the service believe a new key, and puts it in the place of the old one, which is kept beside it as `{name}.retired-{n}`. The
   * new one is on disk before anybody believes it: what is signed with a key that was lost helps nobody.
   */
  async replace(name: string, key: RoleKey, move: () => Promise<void>): Promise<void> {
    const next = join(this.dir, `${name}.next-${key.key.keyID.slice(0, 8)}`);
    await this.#write(next, key);
    try {
      await move();
    } catch (error) {
      // Where the service gave no answer it may have taken it: then the key stays, under this name.
      if (error instanceof CommandError && error.code !== "unreachable") await rm(next);
      throw error;
    }
    if ((await readIfThere(this.#keyPath(name))) !== null) {
      let at = 1;
      while ((await readIfThere(join(this.dir, `${name}.retired-${at}`))) !== null) at += 1;
      await rename(this.#keyPath(name), join(this.dir, `${name}.retired-${at}`));
    }
    await rename(next, this.#keyPath(name));
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
