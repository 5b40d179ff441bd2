import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { DevicesStore } from "./devices-store.ts";
import type { DevicesCame } from "./tenure.ts";
import { TokensStore } from "./tokens-store.ts";

/** What decides whether a certificate may be given to a device that is in the registry. */
export interface Standing {
  model: string;
  isBlocked: boolean;
  /** It can log in with a token. */
  hasToken: boolean;
}

export interface CertifiedDevicesDeps {
  clock: Clock;
  /** After the commit. */
  changed: (deviceId: string, disconnect: boolean) => void;
  came: DevicesCame;
}

/** The registry as the one sees it who gives devices certificates. */
export class CertifiedDevices {
  readonly #deps: CertifiedDevicesDeps;
  readonly #store = new DevicesStore();
  readonly #tokens = new TokensStore();

  constructor(deps: CertifiedDevicesDeps) {
    this.#deps = deps;
  }

  /** null where there is no such device. */
  async standing(db: Db, id: string): Promise<Standing | null> {
    const row = await this.#store.find(db, id);
    if (row === null) return null;
    const tokens = await this.#tokens.valid(db, row.key, this.#deps.clock.nowMs());
    return { model: row.model, isBlocked: row.blocked_at_ms !== null, hasToken: tokens.length > 0 };
  }

  /**
   * Registers a device that has no token: its id is its serial number, and a certificate is all it proves itself with.
   *
   * @throws where there is one of that id, which `standing` had said before
   */
  async admit(
    tx: Db,
    device: { id: string; model: string; country: string | null; tags: readonly string[] },
  ): Promise<void> {
    const row = { ...device, serial: device.id, householdId: null, soldAtMs: null };
    const inserted = await this.#store.insert(tx, [row], this.#deps.clock.nowMs());
    if (inserted.length === 0)
      throw new Error(`device ${device.id} was registered by somebody else at the same moment`);
    await this.#deps.came(tx, inserted);
  }

  /** Ends every token of a device. Call `credentialsEnded` once that is committed. */
  async endTokens(tx: Db, id: string): Promise<void> {
    const key = await this.#tokens.lock(tx, id);
    if (key !== null) await this.#tokens.removeAll(tx, key);
  }

  /** The gateway forgets the device and ends its connection. */
  credentialsEnded(id: string): void {
    this.#deps.changed(id, true);
  }
}
