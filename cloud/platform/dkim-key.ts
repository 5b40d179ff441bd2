import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Config, StartError, wants } from "./config.ts";
import type { MailSettings } from "./mail-sender.ts";

/** Verifiers take no shorter one (RFC 8301). */
const bitsMin = 1_024;

/** Why a key's file cannot be used; the key where it can. */
async function keyIn(path: string): Promise<KeyObject | string> {
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch (error) {
    return `cannot be read (${error instanceof Error && "code" in error ? String(error.code) : String(error)})`;
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== "rsa") return "is no RSA key";
    return (key.asymmetricKeyDetails?.modulusLength ?? 0) < bitsMin ? `has fewer than ${bitsMin} bits` : key;
  } catch {
    return "is no private key";
  }
}

/**
 * How mail is sent, with the key that signs it read from its file.
 *
 * @throws StartError with a sentence where the key cannot be used
 */
export async function mailWithKey(mail: Config["notices"]["mail"]): Promise<MailSettings | null> {
  if (mail === null) return null;
  const { url, from, dkim } = mail;
  if (dkim === null) return { url, from };
  const key = await keyIn(dkim.keyFile);
  if (typeof key === "string")
    throw new StartError(`HEARTH_DKIM_KEY ${dkim.keyFile} ${key}, but Hearth wants ${wants.HEARTH_DKIM_KEY}.`);
  return { url, from, dkim: { domain: dkim.domain, selector: dkim.selector, key } };
}
