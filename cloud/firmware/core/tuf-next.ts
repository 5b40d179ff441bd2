/** The next version of what is there, as a team signs it offline: everything else stays as it was. */
import type { Key } from "@tufjs/models";
import { familyRole } from "#protocol/update.ts";
import {
  type Family,
  newFamily,
  newSnapshot,
  newTargets,
  offlineLifeMs,
  type SignedImage,
  targetFile,
} from "./tuf-build.ts";
import type { RoleKey } from "./tuf-keys.ts";
import { delegation, parseSnapshot, parseTargets } from "./tuf-parse.ts";

/** A piece of metadata and its version. */
export interface VersionedText {
  version: number;
  content: string;
}

/** Whole seconds, as TUF writes times. */
const expiry = (nowMs: number, lifeMs: number) => Math.floor((nowMs + lifeMs) / 1_000) * 1_000;

interface Signing {
  by: readonly RoleKey[];
  nowMs: number;
  /** Left out: as long as such metadata usually lives. */
  lifeMs?: number | undefined;
}

/**
 * A family's next metadata.
 *
 * @param current what is there now; null for the first
 */
export function nextFamily(
  terms: Signing & {
    model: string;
    current: string | null;
    add?: SignedImage | undefined;
    /** Paths that go. */
    remove?: readonly string[] | undefined;
  },
): VersionedText {
  const { model, current, add, remove = [], by, nowMs, lifeMs = offlineLifeMs } = terms;
  const before = current === null ? null : parseTargets(familyRole(model), current);
  const kept = Object.values(before?.metadata.signed.targets ?? {}).filter(({ path }) => !remove.includes(path));
  const version = (before?.version ?? 0) + 1;
  const images = add === undefined ? kept : [...kept, targetFile(add)];
  return { version, content: newFamily(images, { version, expiresAtMs: expiry(nowMs, lifeMs) }, by) };
}

/**
 * The next top-level targets.
 *
 * @param families those whose keys change, or that are new; the others keep theirs
 */
export function nextTargets(terms: Signing & { current: string | null; families: readonly Family[] }): VersionedText {
  const { current, families, by, nowMs, lifeMs = offlineLifeMs } = terms;
  const before = current === null ? null : parseTargets("targets", current);
  const known = familiesOf(current).filter(({ model }) => !families.some((one) => one.model === model));
  const version = (before?.version ?? 0) + 1;
  return { version, content: newTargets([...known, ...families], { version, expiresAtMs: expiry(nowMs, lifeMs) }, by) };
}

/** The families that top-level targets name, and who signs for each. */
export function familiesOf(targets: string | null): { model: string; keys: Key[] }[] {
  if (targets === null) return [];
  const { metadata } = parseTargets("targets", targets);
  return Object.keys(metadata.signed.delegations?.roles ?? {}).map((role) => ({
    model: role.slice(familyRole("").length),
    keys: delegation(metadata, role)?.keys ?? [],
  }));
}

/**
 * The next snapshot: the entries of `moved` are new, all others stay as they are.
 *
 * @param moved by role: `targets`, `fw-{model}`
 */
export function nextSnapshot(
  terms: Signing & { current: string | null; moved: Readonly<Record<string, VersionedText>> },
): VersionedText {
  const { current, moved, by, nowMs, lifeMs = offlineLifeMs } = terms;
  const before = current === null ? null : parseSnapshot(current);
  const kept = Object.entries(before?.metadata.signed.meta ?? {}).map(
    ([name, entry]) => [name.replace(/\.json$/, ""), entry] as const,
  );
  const version = (before?.version ?? 0) + 1;
  const files = { ...Object.fromEntries(kept), ...moved };
  return { version, content: newSnapshot(files, { version, expiresAtMs: expiry(nowMs, lifeMs) }, by) };
}
