import { createHash } from "node:crypto";
import { z } from "zod";
import type { TrustedSet } from "../trusted-set.ts";

/** The version of a role's metadata that was verified, and which keys could sign it. */
export const roleVersion = z.object({ version: z.int().min(1), keys: z.string().max(64) });
export type RoleVersion = z.infer<typeof roleVersion>;
export type RoleVersions = Record<string, RoleVersion>;

/** What a verified set of metadata says beside its targets. */
export interface SetFacts {
  versions: RoleVersions;
  timestampExpiresMs: number | null;
  /** The first expiry among root, snapshot and targets: their keys are kept offline. */
  offlineExpiresMs: number | null;
}

const role = z.object({ keyids: z.array(z.string()), threshold: z.number() });
const expires = z.string().transform((text) => Date.parse(text));
const signed = z.object({ signed: z.object({ version: z.int().min(1), expires }) });
const root = z.object({ signed: z.object({ roles: z.record(z.string(), role) }) });
const delegating = z.object({
  signed: z.object({ delegations: z.object({ roles: z.array(role.extend({ name: z.string() })) }).optional() }),
});

const offlineRoles = new Set(["root", "snapshot", "targets"]);

/** Reads a set that tuf-js has verified; null where it says what no metadata of ours says. */
export function factsOf(set: TrustedSet): SetFacts | null {
  const keys = keysByRole(set);
  if (keys === null) return null;
  const facts: SetFacts = { versions: {}, timestampExpiresMs: null, offlineExpiresMs: null };
  for (const [name, text] of Object.entries(set)) {
    const said = signed.safeParse(JSON.parse(text)).data?.signed;
    if (said === undefined) return null;
    facts.versions[name] = { version: said.version, keys: keys.get(name) ?? "" };
    if (name === "timestamp") facts.timestampExpiresMs = said.expires;
    else if (offlineRoles.has(name))
      facts.offlineExpiresMs = Math.min(said.expires, facts.offlineExpiresMs ?? said.expires);
  }
  return facts;
}

/** A short name for the keys of each role, and how many of them must sign. */
function keysByRole(set: TrustedSet): Map<string, string> | null {
  const top = root.safeParse(JSON.parse(set["root"] ?? "null")).data;
  const delegated = delegating.safeParse(JSON.parse(set["targets"] ?? '{"signed":{}}')).data;
  if (top === undefined || delegated === undefined) return null;
  const families = delegated.signed.delegations?.roles ?? [];
  const roles = [...Object.entries(top.signed.roles), ...families.map((one) => [one.name, one] as const)];
  return new Map(
    roles.map(([name, { keyids, threshold }]) => [
      name,
      createHash("sha256")
        .update(JSON.stringify([threshold, ...keyids.toSorted()]))
        .digest("hex"),
    ]),
  );
}
/**
 * Whether a set is at least as new as all that was verified before: the memory that is left where the set itself was lost.
 *
 * A role is remembered for as long as its keys stay: whoever stole one and signed a version near the end of all numbers is forgotten
 * when a new root takes that key away (TUF 5.3.11). The root itself never goes back.
 */
export function holdsAgainst(remembered: RoleVersions, versions: RoleVersions): boolean {
  return Object.entries(versions).every(([name, { version, keys }]) => {
    const before = remembered[name];
    return before === undefined || version >= before.version || (name !== "root" && keys !== before.keys);
  });
}

/** What is remembered after a set was verified. */
export const remember = (remembered: RoleVersions, versions: RoleVersions): RoleVersions => ({
  ...remembered,
  ...versions,
});
