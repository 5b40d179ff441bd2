import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { CompactSign, type JSONWebKeySet } from "jose";
import { statementType, type UpdateStatement } from "#protocol/update.ts";
import type { Made } from "./maker.ts";

export interface DirectorKey {
  kid: string;
  public: KeyObject;
  private: KeyObject;
}

export function newDirectorKey(kid: string): DirectorKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { kid, public: publicKey, private: privateKey };
}

/** Says which appliance is to have which image. */
export class Director {
  key = newDirectorKey("director-1");
  readonly #nowMs: () => number;
  #seq = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get keys(): JSONWebKeySet {
    const { kty = "", ...jwk } = this.key.public.export({ format: "jwk" });
    return { keys: [{ kty, ...jwk, kid: this.key.kid, alg: "EdDSA", use: "sig" }] };
  }

  claims({ path, sha256, image, custom }: Made, to: { deviceId: string; deliveryId: string }): UpdateStatement {
    const iat = Math.floor(this.#nowMs() / 1_000);
    const { releaseCounter } = custom;
    const about = { path, sha256, length: image.length, releaseCounter, rolloutId: null };
    return { ...to, ...about, seq: (this.#seq += 1), iat, exp: iat + 3_600 };
  }

  sign(claims: UpdateStatement, header: Record<string, unknown> = {}, key = this.key): Promise<string> {
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "EdDSA", typ: statementType, kid: key.kid, ...header })
      .sign(key.private);
  }
}
