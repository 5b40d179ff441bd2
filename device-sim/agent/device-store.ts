import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type DeviceRecord, deviceRecord, type SlotName } from "./device-record.ts";
import type { IdentityStore } from "./own-certificate.ts";
import { type StoredIdentity, storedIdentity } from "./stored-identity.ts";

/**
 * An appliance's flash memory: a record that is replaced whole, a partly downloaded image, and two slots.
 *
 * It is synchronous on purpose: a step counts as saved when the call returns.
 */
export interface DeviceStore extends IdentityStore {
  load(): DeviceRecord | null;
  save(record: DeviceRecord): void;
  partialBytes(): number;
  appendPartial(bytes: Uint8Array): void;
  readPartial(): Uint8Array;
  clearPartial(): void;
  /** Writes an image into a slot, whole or not at all. */
  writeSlot(name: SlotName, image: Uint8Array): void;
  readSlot(name: SlotName): Uint8Array | null;
}

/** Flash that lives as long as the process. */
export class MemoryDeviceStore implements DeviceStore {
  #record: DeviceRecord | null = null;
  #partial: Uint8Array[] = [];
  readonly #slots = new Map<SlotName, Uint8Array>();
  #identity: StoredIdentity | null = null;

  loadIdentity(): StoredIdentity | null {
    return this.#identity;
  }

  saveIdentity(identity: StoredIdentity): void {
    this.#identity = identity;
  }

  load(): DeviceRecord | null {
    return this.#record;
  }

  save(record: DeviceRecord): void {
    this.#record = record;
  }

  partialBytes(): number {
    return this.#partial.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  appendPartial(bytes: Uint8Array): void {
    this.#partial.push(Uint8Array.from(bytes));
  }

  readPartial(): Uint8Array {
    const whole = Buffer.concat(this.#partial);
    this.#partial = [whole];
    return whole;
  }

  clearPartial(): void {
    this.#partial = [];
  }

  writeSlot(name: SlotName, image: Uint8Array): void {
    this.#slots.set(name, image);
  }

  readSlot(name: SlotName): Uint8Array | null {
    return this.#slots.get(name) ?? null;
  }
}

/** Flash in a folder. What cannot be read as a record counts as a factory reset. */
export class FolderDeviceStore implements DeviceStore {
  readonly #folder: string;
  readonly #recordPath: string;
  readonly #partialPath: string;
  readonly #identityPath: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#recordPath = join(folder, "record.json");
    this.#partialPath = join(folder, "image.partial");
    this.#identityPath = join(folder, "identity.json");
    mkdirSync(folder, { recursive: true });
  }

  load(): DeviceRecord | null {
    return deviceRecord.safeParse(this.#read(this.#recordPath)).data ?? null;
  }

  loadIdentity(): StoredIdentity | null {
    return storedIdentity.safeParse(this.#read(this.#identityPath)).data ?? null;
  }

  /** On disk when it returns, and readable by this user alone: it holds the private key. */
  saveIdentity(identity: StoredIdentity): void {
    const path = `${this.#identityPath}.new`;
    rmSync(path, { force: true });
    writeFileSync(path, JSON.stringify(identity), { mode: 0o600, flag: "wx", flush: true });
    renameSync(path, this.#identityPath);
    const folder = openSync(this.#folder, "r");
    fsyncSync(folder);
    closeSync(folder);
  }

  save(record: DeviceRecord): void {
    this.#replace(this.#recordPath, JSON.stringify(record));
  }

  partialBytes(): number {
    return statSync(this.#partialPath, { throwIfNoEntry: false })?.size ?? 0;
  }

  appendPartial(bytes: Uint8Array): void {
    appendFileSync(this.#partialPath, bytes);
  }

  readPartial(): Uint8Array {
    return existsSync(this.#partialPath) ? readFileSync(this.#partialPath) : new Uint8Array();
  }

  clearPartial(): void {
    rmSync(this.#partialPath, { force: true });
  }

  writeSlot(name: SlotName, image: Uint8Array): void {
    this.#replace(this.#slotPath(name), image);
  }

  readSlot(name: SlotName): Uint8Array | null {
    return existsSync(this.#slotPath(name)) ? readFileSync(this.#slotPath(name)) : null;
  }

  #read(path: string): unknown {
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch {
      return undefined;
    }
  }

  #slotPath(name: SlotName): string {
    return join(this.#folder, `slot-${name}.image`);
  }

  /** A rename is whole or not at all, which a write is not. */
  #replace(path: string, content: string | Uint8Array): void {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  }
}
