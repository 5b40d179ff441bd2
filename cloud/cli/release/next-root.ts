import type { Key } from "@tufjs/models";
import { newRoot, rootLifeMs, rootThreshold } from "../../firmware/core/tuf-build.ts";
import type { RoleKey } from "../../firmware/core/tuf-keys.ts";
import { delegation } from "../../firmware/core/tuf-parse.ts";
import { systemClock } from "../../platform/clock.ts";
import { CommandError } from "./command.ts";
import type { KeyFolder } from "./key-folder.ts";
import type { TrustedCopy } from "./trusted-copy.ts";

/** The keys of the roles that change; the others keep theirs. */
export interface RootChange {
  root?: Key[];
  targets?: Key[];
  snapshot?: Key[];
  timestamp?: Key[];
  /** The new ones among the root's own keys: they sign as well. */
  added?: readonly RoleKey[];
}

/** Those of the root's keys that are here. @throws CommandError where they are fewer than must sign */
export async function needRoots(folder: KeyFolder, { metadata }: TrustedCopy["root"]): Promise<RoleKey[]> {
  const here = await folder.roots(delegation(metadata, "root")?.keys ?? []);
  if (here.length >= rootThreshold) return here.map(({ key }) => key);
  throw new CommandError(
    "keys",
    `${folder.dir} holds ${here.length} of the root's keys, and ${rootThreshold} must sign: bring root-1.key, root-2.key or root-3.key together for this.`,
  );
}

/** The next root, signed by the keys of the one before that are here, and by its own new ones. */
export async function nextRoot(folder: KeyFolder, root: TrustedCopy["root"], change: RootChange): Promise<string> {
  const { added = [], ...changed } = change;
  const now = (role: string): Key[] => delegation(root.metadata, role)?.keys ?? [];
  const keys = {
    root: now("root"),
    targets: now("targets"),
    snapshot: now("snapshot"),
    timestamp: now("timestamp"),
    ...changed,
  };
  const when = { version: root.version + 1, expiresAtMs: systemClock.nowMs() + rootLifeMs };
  return newRoot(keys, when, [...(await needRoots(folder, root)), ...added]);
}
