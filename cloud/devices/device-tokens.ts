import { createHash } from "node:crypto";
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SharedLookUp } from "../platform/shared-look-up.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { type TokenAge, TokensStore } from "./tokens-store.ts";

/** How long the tokens before a rotation still work: as the caller says, within these. */
export const graceMsDefault = 86_400_000;
export const graceMsMax = 2_592_000_000;
/** Tokens of one device that work at once. */
const tokensMax = 5;

/** A token is checked against its hash: 256 random bits need no slow one. */
const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");

export interface DeviceTokensDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  /** After the commit. */
  changed: (deviceId: string, disconnect: boolean) => void;
}

/** The tokens that devices log in with: made, rotated with a grace for the one before, revoked. Each is told once and never kept. */
export class DeviceTokens {
  readonly #deps: DeviceTokensDeps;
  readonly #store = new TokensStore();
  readonly #identities: SharedLookUp<DeviceIdentity>;

  constructor(deps: DeviceTokensDeps) {
    this.#deps = deps;
    this.#identities = new SharedLookUp((ids) => this.#store.identities(deps.db, ids, deps.clock.nowMs()));
  }

  /** Makes the first token of devices that were just inserted. @returns the tokens by device id */
  async issue(tx: Db, deviceIds: readonly string[]): Promise<Map<string, string>> {
    const tokens = new Map(deviceIds.map((id) => [id, this.#deps.ids.secret()]));
    const rows = [...tokens].map(([id, token]) => ({ id, sha256: sha256(token) }));
    await this.#store.insert(tx, rows, this.#deps.clock.nowMs());
    return tokens;
  }

  /** What the gateway may know, or null where the device must not connect. */
  identity(deviceId: string): Promise<DeviceIdentity | null> {
    return this.#identities.ask(deviceId);
  }

  /** Whether a token opens for a device now. None does for one that is blocked, or that does not exist. */
  async fits(deviceId: string, token: string): Promise<boolean> {
    const identity = await this.identity(deviceId);
    const nowMs = this.#deps.clock.nowMs();
    const given = sha256(token);
    // What is compared is a hash of what was given: its bytes tell nobody how near a guess was.
    return (
      identity?.tokens.some((one) => one.sha256 === given && (one.validUntilMs === null || nowMs < one.validUntilMs)) ??
      false
    );
  }

  /** The tokens of a device that work now, the newest first. */
  list(deviceKey: number): Promise<TokenAge[]> {
    return this.#store.valid(this.#deps.db, deviceKey, this.#deps.clock.nowMs());
  }

  /**
   * Gives a device a new token.
   *
   * @param graceMs how long those before still work; 0 ends them now, and the device's connection with them
   */
  async rotate(
    by: Principal,
    deviceId: string,
    graceMs: number,
  ): Promise<
    | { kind: "rotated"; token: string; graceEndsAtMs: number | null }
    | Refused<"device_not_found">
    | Refused<"too_many_tokens">
  > {
    const { db, clock, ids, audit, changed } = this.#deps;
    const token = ids.secret();
    const outcome = await transaction(db, async (tx) => {
      const key = await this.#store.lock(tx, deviceId);
      if (key === null) return refused("device_not_found");
      const nowMs = clock.nowMs();
      const before = await this.#store.valid(tx, key, nowMs);
      // Ending one of them for room would end, without a word, the one that the appliance still uses.
      if (graceMs > 0 && before.length >= tokensMax) return refused("too_many_tokens");
      if (graceMs > 0) await this.#store.endAt(tx, key, nowMs + graceMs);
      else await this.#store.removeAll(tx, key);
      await this.#store.insert(tx, [{ id: deviceId, sha256: sha256(token) }], nowMs);
      const graceEndsAtMs = graceMs > 0 && before.length > 0 ? nowMs + graceMs : null;
      await audit.record(tx, {
        principal: by,
        action: "device.token_rotated",
        subject: `device:${deviceId}`,
        after: { graceEndsAtMs },
      });
      return { kind: "rotated" as const, token, graceEndsAtMs };
    });
    if (outcome.kind === "rotated") changed(deviceId, graceMs === 0);
    return outcome;
  }

  /** Ends every token of a device, and its connection. It comes back with a new one, or with another kind of credential. */
  async revokeAll(by: Principal, deviceId: string): Promise<{ kind: "revoked" } | Refused<"device_not_found">> {
    const { db, audit, changed } = this.#deps;
    const found = await transaction(db, async (tx) => {
      const key = await this.#store.lock(tx, deviceId);
      if (key === null) return false;
      const count = await this.#store.removeAll(tx, key);
      await audit.record(tx, {
        principal: by,
        action: "device.tokens_revoked",
        subject: `device:${deviceId}`,
        after: { count },
      });
      return true;
    });
    if (!found) return refused("device_not_found");
    changed(deviceId, true);
    return { kind: "revoked" };
  }

  /** Forgets tokens whose grace is over. */
  async tick(): Promise<void> {
    await this.#store.removeEnded(this.#deps.db, this.#deps.clock.nowMs());
  }
}
