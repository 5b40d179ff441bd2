import { createHmac, timingSafeEqual } from "node:crypto";

/** A link to a file that works for one device until a time. */
export interface LinkTerms {
  path: string;
  device: string;
  expiresAtMs: number;
}

const mac = (secret: Uint8Array, { path, device, expiresAtMs }: LinkTerms): Buffer =>
  // A line break is in none of the parts, so that no two links share a text.
  createHmac("sha256", secret).update(`${path}\n${device}\n${expiresAtMs}`).digest();

/** HMAC-SHA256 over (path, device, expiry), as base64url. */
export const signLink = (secret: Uint8Array, terms: LinkTerms): string => mac(secret, terms).toString("base64url");

/** Whether a link is ours and still good. The signature is compared in constant time, and before the expiry is believed. */
export function checkLink(
  secret: Uint8Array,
  terms: LinkTerms,
  signature: string,
  nowMs: number,
): "valid" | "link_not_valid" | "link_expired" {
  const given = Buffer.from(signature, "base64url");
  const wanted = mac(secret, terms);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return "link_not_valid";
  return nowMs < terms.expiresAtMs ? "valid" : "link_expired";
}
