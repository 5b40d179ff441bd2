import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/**
 * All that an appliance does to its flash memory, operation by operation, so that a test can take the power away at each one.
 *
 * What a file system promises, and no more: bytes are safe after `sync` of their file; names (made, renamed, removed) are safe after
 * `syncFolder`; a rename is whole or not at all. Everything else may be lost, or half there, after a power cut.
 */
export interface Flash {
  read(name: string): Uint8Array | null;
  size(name: string): number;
  /** Makes a file anew with these bytes, readable by this user alone. */
  write(name: string, bytes: Uint8Array): void;
  append(name: string, bytes: Uint8Array): void;
  sync(name: string): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
  syncFolder(): void;
}

/** Flash in a folder of this machine. */
export class FolderFlash implements Flash {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  read(name: string): Uint8Array | null {
    try {
      return readFileSync(this.#path(name));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  size(name: string): number {
    return statSync(this.#path(name), { throwIfNoEntry: false })?.size ?? 0;
  }

  write(name: string, bytes: Uint8Array): void {
    // Anew, so that the mode is this one whatever lay there.
    this.remove(name);
    this.#put(name, "wx", bytes);
  }

  append(name: string, bytes: Uint8Array): void {
    this.#put(name, "a", bytes);
  }

  sync(name: string): void {
    const file = openSync(this.#path(name), "r+");
    try {
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  rename(from: string, to: string): void {
    renameSync(this.#path(from), this.#path(to));
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  syncFolder(): void {
    const folder = openSync(this.#folder, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #put(name: string, flags: "wx" | "a", bytes: Uint8Array): void {
    const file = openSync(this.#path(name), flags, 0o600);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(file, bytes, written);
    } finally {
      closeSync(file);
    }
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);
const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT";

/** Whether an operation failed for want of room. */
export const isFull = (error: unknown): boolean => codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";
