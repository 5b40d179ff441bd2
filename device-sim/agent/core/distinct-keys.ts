import { createPublicKey } from "node:crypto";
import { z } from "zod";

const key = z.object({
  keytype: z.literal("ed25519"),
  scheme: z.literal("ed25519"),
  keyval: z.object({ public: z.string() }),
});
const keys = z.record(z.string(), key);
const naming = z.object({
  signed: z.object({ keys: keys.optional(), delegations: z.object({ keys }).optional() }),
});

/** An Ed25519 key in DER is this and its 32 bytes (RFC 8410, section 4). */
const derPrefix = "302a300506032b6570032100";

/**
 * Whether metadata names each key once, and only kinds of keys that this appliance knows. tuf-js counts key ids towards a threshold,
 * so that one key under two ids would count as two people.
 */
export function namesDistinctKeys(json: unknown): boolean {
  const named = naming.safeParse(json).data?.signed;
  if (named === undefined) return false;
  return [named.keys ?? {}, named.delegations?.keys ?? {}].every((some) => {
    const bytes = Object.values(some).map((one) => derOf(one.keyval.public));
    return bytes.every((der) => der !== null) && new Set(bytes).size === bytes.length;
  });
}

function derOf(text: string): string | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return derPrefix + text.toLowerCase();
  try {
    return createPublicKey(text).export({ format: "der", type: "spki" }).toString("hex");
  } catch {
    return null;
  }
}
