import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkManifest, keyIdOf, type TrustedKey } from "./manifest-check.ts";

function keyPair(): { trusted: TrustedKey; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(String(publicKey.export({ format: "jwk" }).x), "base64url");
  return { trusted: { keyId: keyIdOf(raw), publicKey: raw }, privateKey };
}

const { trusted, privateKey } = keyPair();
const manifest = {
  model: "oven-x200",
  hardwareIds: ["x200-a"],
  version: "2.1.0",
  releaseCounter: 7,
  length: 1_000,
  sha256: "ab".repeat(32),
};

function signed(payload: Buffer, key = privateKey, keyId = trusted.keyId) {
  return { keyId, payload: payload.toString("base64url"), signature: sign(null, payload, key).toString("base64url") };
}
const payloadOf = (content: unknown) => Buffer.from(JSON.stringify(content));

test("a manifest signed by a trusted key is what it says", () => {
  expect(checkManifest(signed(payloadOf(manifest)), [trusted])).toEqual({ kind: "valid", manifest });
});

test("a key that is not trusted, or another key under a trusted name, is refused", () => {
  const stranger = keyPair();
  const byStranger = signed(payloadOf(manifest), stranger.privateKey, stranger.trusted.keyId);
  expect(checkManifest(byStranger, [trusted])).toEqual({ kind: "refused", rule: "signing_key_unknown" });
  expect(checkManifest({ ...byStranger, keyId: trusted.keyId }, [trusted])).toEqual({
    kind: "refused",
    rule: "signature_wrong",
  });
});

const flip = (bytes: Buffer, bit: number) => {
  const copy = Buffer.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy.toString("base64url");
};

test("whatever bit of the payload or the signature is flipped, the manifest is refused", () => {
  const payload = payloadOf(manifest);
  const signature = sign(null, payload, privateKey);
  fc.assert(
    fc.property(fc.boolean(), fc.nat(), (inPayload, bit) => {
      const forged = {
        keyId: trusted.keyId,
        payload: inPayload ? flip(payload, bit) : payload.toString("base64url"),
        signature: inPayload ? signature.toString("base64url") : flip(signature, bit),
      };
      expect(checkManifest(forged, [trusted])).toEqual({ kind: "refused", rule: "signature_wrong" });
    }),
  );
});

test("what is well signed but no manifest is refused", () => {
  const refusal = { kind: "refused", rule: "manifest_not_valid" };
  expect(checkManifest(signed(Buffer.from("{")), [trusted])).toEqual(refusal);
  expect(checkManifest(signed(Buffer.from([0xff, 0xfe])), [trusted])).toEqual(refusal);
  expect(checkManifest(signed(payloadOf({ ...manifest, length: 0 })), [trusted])).toEqual(refusal);
});
