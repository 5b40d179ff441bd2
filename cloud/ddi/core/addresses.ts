import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * The one tenant, as links have it. Zephyr looks for the capitals in the address of an image, and takes at most 199 characters from
 * there on; so what makes the address work without a token is kept short.
 */
const base = (device: string): string => `/DEFAULT/controller/v1/${device}`;

export const isTenant = (text: string): boolean => text.toUpperCase() === "DEFAULT";

export const addressOf = {
  deployment: (device: string, actionId: number) => `${base(device)}/deploymentBase/${actionId}`,
  cancel: (device: string, actionId: number) => `${base(device)}/cancelAction/${actionId}`,
  confirmation: (device: string, actionId: number) => `${base(device)}/confirmationBase/${actionId}`,
  attributes: (device: string) => `${base(device)}/configData`,
  autoConfirm: (device: string, on: boolean) =>
    `${base(device)}/confirmationBase/${on ? "activateAutoConfirm" : "deactivateAutoConfirm"}`,
  artifact: (device: string, actionId: number, file: string) =>
    `${base(device)}/softwaremodules/${actionId}/artifacts/${file}`,
} as const;

/** 128 bits: enough for an address that works for one appliance and one file until the delivery ends. */
const signatureLength = 22;

const sign = (secret: Uint8Array, path: string, expires: string): string =>
  createHmac("sha256", secret).update(`ddi\n${path}\n${expires}`).digest("base64url").slice(0, signatureLength);

/** The query that makes a path work without a token until a time. */
export function signedQuery(secret: Uint8Array, path: string, expiresAtMs: number): string {
  const expires = expiresAtMs.toString(36);
  return `?e=${expires}&s=${sign(secret, path, expires)}`;
}

/** Whether a query opens a path now. */
export function isSigned(
  secret: Uint8Array,
  path: string,
  { e: expires, s: signature }: { e?: string | undefined; s?: string | undefined },
  nowMs: number,
): boolean {
  if (expires === undefined || signature === undefined || !/^[0-9a-z]{1,11}$/.test(expires)) return false;
  const [given, wanted] = [Buffer.from(signature), Buffer.from(sign(secret, path, expires))];
  return given.length === wanted.length && timingSafeEqual(given, wanted) && nowMs < Number.parseInt(expires, 36);
}

/** How long a client is to wait, as `HH:MM:SS`. */
export function sleepText(ms: number): string {
  const seconds = Math.max(1, Math.min(86_399, Math.round(ms / 1_000)));
  return [Math.trunc(seconds / 3_600), Math.trunc(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
