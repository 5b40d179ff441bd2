import { type DeviceRecord, deviceRecord, type SlotName } from "./device-record.ts";
import { type Flash, FolderFlash, isFull } from "./flash.ts";
import type { IdentityStore } from "./own-certificate.ts";
import { readJson } from "./read-json.ts";
import { type StoredIdentity, storedIdentity } from "./stored-identity.ts";
import { type TrustedSet, trustedSet } from "./trusted-set.ts";

/**
 * What an appliance keeps: a record that is replaced whole, the metadata that it trusts, a partly downloaded image, and two slots.
 *
 * It is synchronous on purpose: a step counts as saved when the call returns.
 */
export interface DeviceStore extends IdentityStore {
  load(): DeviceRecord | null;
  save(record: DeviceRecord): void;
  /** The metadata that was verified last, whole or not at all; null where there is none, or it is torn. */
  loadTrusted(): TrustedSet | null;
  saveTrusted(set: TrustedSet): void;
  partialBytes(): number;
  /** Safe only after `syncPartial`. */
  appendPartial(bytes: Uint8Array): void;
  syncPartial(): void;
  readPartial(): Uint8Array;
  clearPartial(): void;
  /** Writes an image into a slot, whole or not at all. */
  writeSlot(name: SlotName, image: Uint8Array): void;
  readSlot(name: SlotName): Uint8Array | null;
}

/** Memory that lives as long as the process. */
export class MemoryDeviceStore implements DeviceStore {
  #record: DeviceRecord | null = null;
  #trusted: TrustedSet | null = null;
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

  loadTrusted(): TrustedSet | null {
    return this.#trusted;
  }

  saveTrusted(set: TrustedSet): void {
    this.#trusted = set;
  }

  partialBytes(): number {
    return this.#partial.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  appendPartial(bytes: Uint8Array): void {
    this.#partial.push(Uint8Array.from(bytes));
  }

  syncPartial(): void {}

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

const recordFile = "record.json";
const trustedFile = "trusted.json";
const identityFile = "identity.json";
const partialFile = "image.partial";
const slotFile = (name: SlotName): string => `slot-${name}.image`;

/** Memory on flash. What cannot be read as a record counts as a factory reset. */
export class FlashDeviceStore implements DeviceStore {
  readonly #flash: Flash;

  constructor(flash: Flash) {
    this.#flash = flash;
  }

  load(): DeviceRecord | null {
    return deviceRecord.safeParse(this.#readJson(recordFile)).data ?? null;
  }

  save(record: DeviceRecord): void {
    this.#replace(recordFile, bytesOf(record));
  }

  loadIdentity(): StoredIdentity | null {
    return storedIdentity.safeParse(this.#readJson(identityFile)).data ?? null;
  }

  /** On disk when it returns, and readable by this user alone: it holds the private key. */
  saveIdentity(identity: StoredIdentity): void {
    this.#replace(identityFile, bytesOf(identity));
  }

  loadTrusted(): TrustedSet | null {
    return trustedSet.safeParse(this.#readJson(trustedFile)).data ?? null;
  }

  saveTrusted(set: TrustedSet): void {
    this.#replace(trustedFile, bytesOf(set));
  }

  partialBytes(): number {
    return this.#flash.size(partialFile);
  }

  appendPartial(bytes: Uint8Array): void {
    this.#flash.append(partialFile, bytes);
  }

  syncPartial(): void {
    this.#flash.sync(partialFile);
    this.#flash.syncFolder();
  }

  readPartial(): Uint8Array {
    return this.#flash.read(partialFile) ?? new Uint8Array();
  }

  clearPartial(): void {
    this.#flash.remove(partialFile);
  }

  writeSlot(name: SlotName, image: Uint8Array): void {
    this.#replace(slotFile(name), image);
  }

  readSlot(name: SlotName): Uint8Array | null {
    return this.#flash.read(slotFile(name));
  }

  #readJson(name: string): unknown {
    const bytes = this.#flash.read(name);
    return bytes === null ? undefined : readJson(bytes);
  }

  /**
   * Whole or not at all, and safe when it returns. The bytes are made safe before the rename: a name that reaches the disk before what it
   * names would leave an empty file in the place of a good one.
   */
  #replace(name: string, bytes: Uint8Array): void {
    const next = `${name}.new`;
    try {
      this.#flash.write(next, bytes);
      this.#flash.sync(next);
    } catch (error) {
      // What did not fit takes no room from what comes after it.
      if (isFull(error)) this.#flash.remove(next);
      throw error;
    }
    this.#flash.rename(next, name);
    this.#flash.syncFolder();
  }
}

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** Flash in a folder. */
export class FolderDeviceStore extends FlashDeviceStore {
  constructor(folder: string) {
    super(new FolderFlash(folder));
  }
}
