import { agoText } from "./time.ts";
/** Certificates as people read them. */

const dayMs = 86_400_000;
/** How long before its end a certificate should have been renewed: appliances begin in the last third of its life. */
const soonMs = 30 * dayMs;

export type CertificateState = "good" | "soon" | "expired" | "revoked";

export function certificateState(
  { notAfterMs, revokedAtMs }: { notAfterMs: number; revokedAtMs: number | null },
  nowMs: number,
): CertificateState {
  if (revokedAtMs !== null) return "revoked";
  if (notAfterMs <= nowMs) return "expired";
  return notAfterMs - nowMs <= soonMs ? "soon" : "good";
}

/** `in 12 days`, `4 days ago`; from two days down as `agoText` has it. */
export function untilText(atMs: number, nowMs: number): string {
  const days = Math.floor(Math.abs(atMs - nowMs) / dayMs);
  if (days < 2) return agoText(atMs, nowMs);
  return atMs > nowMs ? `in ${days} days` : `${days} days ago`;
}

/** Why a certificate is revoked (RFC 5280, 5.3.1), in the order of the dialog. */
export const revocationWords = {
  key_compromise: "Its key may be in other hands",
  superseded: "Another one took its place",
  cessation_of_operation: "The appliance is out of use",
  privilege_withdrawn: "The appliance may no longer connect",
  unspecified: "Another reason",
} as const satisfies Record<string, string>;

const words: Readonly<Record<string, string>> = revocationWords;

export const revocationText = (reason: string): string =>
  Object.hasOwn(words, reason) ? (words[reason] ?? reason) : reason.replaceAll("_", " ");
