import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, newSigner } from "../testing/parts.ts";
import { isImageOf, trustedKey, verifyManifest } from "./verify-manifest.ts";

const signer = newSigner();
const manifest = {
  model: "oven-x200",
  hardwareIds: ["x200-r1", "x200-r2"],
  version: "2.0.0",
  releaseCounter: 7,
  length: 5,
  sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
};
const device = { model: "oven-x200", hardwareId: "x200-r2", releaseCounter: 6 };
const check = (signed = signer.sign(manifest), facts = device, keys = [signer.trusted]) =>
  verifyManifest(signed, keys, facts);

test("a newer release for this hardware, signed by a trusted key, is accepted", () => {
  expect(check()).toEqual({ kind: "accepted", manifest });
});

test.each([
  ["unknown_key", () => check(newSigner().sign(manifest))],
  ["bad_signature", () => check({ ...newSigner().sign(manifest), keyId: signer.trusted.keyId })],
  ["wrong_model", () => check(undefined, { ...device, model: "oven-s80" })],
  ["wrong_hardware", () => check(undefined, { ...device, hardwareId: "x200-r9" })],
  ["not_newer", () => check(undefined, { ...device, releaseCounter: 7 })],
  ["not_newer", () => check(undefined, { ...device, releaseCounter: 8 })],
  ["bad_manifest", () => check(signer.sign({ ...manifest, length: 0 }))],
] as const)("%s is refused by name", (rule, refusal) => {
  expect(refusal()).toEqual({ kind: "refused", rule });
});

test("whatever is signed or sent as a signature, only the exact bytes of a trusted key pass", () => {
  fc.assert(
    fc.property(
      fc.base64String({ maxLength: 200 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (payload, signature) => {
        const forged = {
          keyId: signer.trusted.keyId,
          payload,
          signature: Buffer.from(signature).toString("base64url"),
        };
        expect(check(forged)).toEqual({ kind: "refused", rule: "bad_signature" });
      },
    ),
  );
});

test("an image counts only with the length and the hash that were signed", () => {
  expect(isImageOf(manifest, bytesOf("hello"))).toBe(true);
  expect(isImageOf(manifest, bytesOf("hellO"))).toBe(false);
  expect(isImageOf({ ...manifest, length: 6 }, bytesOf("hello"))).toBe(false);
});

test("a key that is no 32 bytes is refused", () => {
  expect(() => trustedKey("AAAA")).toThrow("32 bytes");
});
