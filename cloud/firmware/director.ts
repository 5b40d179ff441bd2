import type { KeyObject } from "node:crypto";
import type { DeliveryKind } from "#protocol/delivery.ts";
import type { Clock } from "../platform/clock.ts";
import { type DeliveryPhase, isOpenPhase } from "../deliveries/deliveries.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type DirectorJwk, directorJwk, signStatement } from "./core/statement.ts";
import * as store from "./firmware-store.ts";
import { refused, type Refused } from "./refused.ts";
import { storedOffer } from "./release-shapes.ts";

/** What the director needs of deliveries. */
export interface DeliveryLookup {
  get(id: string): Promise<{
    delivery: { deviceId: string; kind: DeliveryKind; phase: DeliveryPhase };
    body: Record<string, unknown>;
  } | null>;
}

interface DirectorDeps {
  db: Db;
  clock: Clock;
  deliveries: DeliveryLookup;
  directorKey: KeyObject;
}

/** Says to one appliance at a time which of the signed images it is to have. Its key is another than the repository's. */
export class Director {
  readonly #deps: DirectorDeps;
  readonly #jwk: Promise<DirectorJwk>;

  constructor(deps: DirectorDeps) {
    this.#deps = deps;
    this.#jwk = directorJwk(deps.directorKey);
    // Whoever asks for it is told; until then nobody listens.
    this.#jwk.catch(() => {});
  }

  /** The public key, as a JWK set. */
  async jwks(): Promise<{ keys: DirectorJwk[] }> {
    return { keys: [await this.#jwk] };
  }

  /** A statement for the device of an open firmware delivery, with a number above all that this device has had. */
  async statement(deliveryId: string, deviceId: string): Promise<{ kind: "stated"; statement: string } | Refused> {
    const { db, clock, deliveries, directorKey } = this.#deps;
    const found = await deliveries.get(deliveryId);
    if (found === null || found.delivery.kind !== "firmware" || found.delivery.deviceId !== deviceId) {
      return refused("statement_not_found");
    }
    if (!isOpenPhase(found.delivery.phase)) return refused("delivery_closed");
    const { releaseId, path, sha256, length, releaseCounter, rolloutId } = storedOffer.parse(found.body);
    const seq = await transaction(db, async (tx) => {
      const release = (await store.findRelease(tx, releaseId))?.release;
      return release?.state === "published" ? store.nextSequence(tx, deviceId) : null;
    });
    if (seq === null) return refused("release_withdrawn");
    const iat = Math.floor(clock.nowMs() / 1_000);
    const claims = { deviceId, deliveryId, path, sha256, length, releaseCounter, rolloutId, seq, iat };
    return { kind: "stated", statement: await signStatement(claims, directorKey, (await this.#jwk).kid) };
  }
}
