import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import { namesDistinctKeys } from "./core/distinct-keys.ts";

/** What an appliance is made with, and believes without asking: the first root of the image repository, and the director's keys. */
export interface FactoryTrust {
  /** `root.json`, byte for byte. */
  root: string;
  directorKeys: JSONWebKeySet;
}

const rootFile = z.object({ signed: z.object({ _type: z.literal("root"), version: z.int().min(1) }) });
const directorKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.base64url(),
  kid: z.string().min(1).max(200),
});
const directorFile = z.object({ keys: z.array(directorKey).min(1).max(20) });

/** @throws Error in one sentence, where one of the two is not what it should be */
export function readFactoryTrust(rootText: string, directorText: string): FactoryTrust {
  const root = readJson(rootText);
  if (!rootFile.safeParse(root).success) throw new Error("the factory root is no TUF root");
  if (!namesDistinctKeys(root)) throw new Error("the factory root does not name distinct Ed25519 keys");
  const directorKeys = directorFile.safeParse(readJson(directorText)).data;
  if (directorKeys === undefined) throw new Error("the director's keys are no JWKS of Ed25519 keys that have a kid");
  return { root: rootText, directorKeys };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
