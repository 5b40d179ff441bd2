import type { Flash } from "../agent/flash.ts";

/** A file: the bytes that are safe, and those that were written. */
interface File {
  safe: Uint8Array;
  now: Uint8Array;
}

/**
 * What a power cut leaves of what was not made safe. All four have been seen of real file systems:
 * `lost` nothing of it; `kept` all of it; `names_first` the names (made, renamed, removed) but not the bytes; `zeroed` names and lengths, with zeros
 * for bytes.
 */
export const leavings = ["lost", "kept", "names_first", "zeroed"] as const;
export type Leavings = (typeof leavings)[number];

export interface Cut {
  /** Counted from 1. */
  atOperation: number;
  /** Whether that operation is half done, or not at all. */
  halfDone: boolean;
  leaves: Leavings;
}

/** What is on the chip, power or not. */
export class Disk {
  safeNames = new Map<string, File>();
  names = new Map<string, File>();

  /** The power is gone. */
  settle(leaves: Leavings): void {
    if (leaves === "lost") this.names = new Map(this.safeNames);
    for (const file of new Set(this.names.values())) {
      if (leaves === "lost" || leaves === "names_first") file.now = file.safe;
      if (leaves === "zeroed") file.now = zeroedAfter(file.safe, file.now.length);
      file.safe = file.now;
    }
    this.safeNames = new Map(this.names);
  }
}

function zeroedAfter(safe: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(length, safe.length));
  bytes.set(safe);
  return bytes;
}

const nothing = new Uint8Array();

/** A disk of which the power goes at one operation; from then on nothing works. */
export class PowerCutFlash implements Flash {
  readonly #disk: Disk;
  readonly #cut: Cut | null;
  operations = 0;
  dead = false;

  constructor(disk: Disk, cut: Cut | null = null) {
    this.#disk = disk;
    this.#cut = cut;
  }

  read(name: string): Uint8Array | null {
    this.#mustHavePower();
    return this.#disk.names.get(name)?.now ?? null;
  }

  size(name: string): number {
    this.#mustHavePower();
    return this.#disk.names.get(name)?.now.length ?? 0;
  }

  write(name: string, bytes: Uint8Array): void {
    const put = (some: Uint8Array): void => {
      this.#disk.names.set(name, { safe: nothing, now: Uint8Array.from(some) });
    };
    this.#do(
      () => put(bytes),
      () => put(half(bytes)),
    );
  }

  append(name: string, bytes: Uint8Array): void {
    const put = (some: Uint8Array): void => {
      const file = this.#disk.names.get(name) ?? { safe: nothing, now: nothing };
      file.now = Buffer.concat([file.now, some]);
      this.#disk.names.set(name, file);
    };
    this.#do(
      () => put(bytes),
      () => put(half(bytes)),
    );
  }

  sync(name: string): void {
    const file = this.#disk.names.get(name);
    if (file === undefined) throw new Error(`there is no ${name} to make safe`);
    this.#do(
      () => {
        file.safe = file.now;
      },
      () => {
        file.safe = file.now.slice(0, Math.ceil((file.safe.length + file.now.length) / 2));
      },
    );
  }

  rename(from: string, to: string): void {
    const move = (): void => {
      const file = this.#disk.names.get(from);
      if (file === undefined) throw new Error(`there is no ${from} to rename`);
      this.#disk.names.set(to, file);
      this.#disk.names.delete(from);
    };
    // Whole or not at all: that is what a rename is for.
    this.#do(move, move);
  }

  remove(name: string): void {
    const gone = (): void => {
      this.#disk.names.delete(name);
    };
    this.#do(gone, gone);
  }

  syncFolder(): void {
    this.#do(
      () => {
        this.#disk.safeNames = new Map(this.#disk.names);
      },
      () => {},
    );
  }

  #do(whole: () => void, torn: () => void): void {
    this.#mustHavePower();
    this.operations += 1;
    if (this.operations !== this.#cut?.atOperation) {
      whole();
      return;
    }
    if (this.#cut.halfDone) torn();
    this.#disk.settle(this.#cut.leaves);
    this.dead = true;
    this.#mustHavePower();
  }

  #mustHavePower(): void {
    if (this.dead) throw new Error("no power");
  }
}

const half = (bytes: Uint8Array): Uint8Array => bytes.slice(0, Math.floor(bytes.length / 2));
