import { sign } from "node:crypto";
import { type Authority, signer } from "./authority.ts";
import { type RevocationListContent, revocationListBody, signedRevocationList } from "./core/revocation-list.ts";
import { signingKey } from "./keys.ts";

/** The list of what an authority signed and no longer stands for, in DER. Quick for tens of thousands of entries. */
export async function signCrl(authority: Authority, content: RevocationListContent): Promise<Buffer> {
  const { subject, keyId } = await signer(authority);
  const { key, scheme } = signingKey(authority.privateKey);
  const algorithm = scheme.identifier;
  const issuer = { name: Buffer.from(subject.toArrayBuffer()), keyId: Buffer.from(keyId, "hex"), algorithm };
  const body = revocationListBody(issuer, content);
  return signedRevocationList(body, algorithm, sign(scheme.digest, body, key));
}
