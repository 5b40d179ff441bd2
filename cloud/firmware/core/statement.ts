import { createPublicKey, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, SignJWT } from "jose";
import { statementType, type UpdateStatement } from "#protocol/update.ts";

/** How long a statement counts. An appliance asks again for each attempt. */
export const statementLifeS = 3_600;

export interface DirectorJwk {
  kty: "OKP";
  crv: "Ed25519";
  x: string;
  kid: string;
  alg: "EdDSA";
  use: "sig";
}

/** The director's public key as a JWK, under its thumbprint (RFC 7638). */
export async function directorJwk(privateKey: KeyObject): Promise<DirectorJwk> {
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: "jwk" });
  if (kty !== "OKP" || crv !== "Ed25519" || x === undefined) throw new TypeError("not an Ed25519 key");
  const kid = await calculateJwkThumbprint({ kty, crv, x });
  return { kty, crv, x, kid, alg: "EdDSA", use: "sig" };
}

/** The statement as a compact JWS. */
export async function signStatement(
  claims: Omit<UpdateStatement, "exp">,
  privateKey: KeyObject,
  kid: string,
): Promise<string> {
  const statement: UpdateStatement = { ...claims, exp: claims.iat + statementLifeS };
  return new SignJWT({ ...statement }).setProtectedHeader({ alg: "EdDSA", typ: statementType, kid }).sign(privateKey);
}
