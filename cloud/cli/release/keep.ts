/** Commands that publish nothing new: later expiries, other keys, an image less. */
import { z } from "zod";
import type { Key } from "@tufjs/models";
import { familyRole } from "#protocol/update.ts";
import { newRoot, type RootKeys, rootLifeMs, rootThreshold } from "../../firmware/core/tuf-build.ts";
import { type RoleKey, tufKeyOfHex } from "../../firmware/core/tuf-keys.ts";
import { nextFamily, nextSnapshot, nextTargets, type VersionedText } from "../../firmware/core/tuf-next.ts";
import { delegation } from "../../firmware/core/tuf-parse.ts";
import type { MetadataUpload } from "../../firmware/repository.ts";
import { Api } from "./api.ts";
import { CommandError, type CommonOptions, confirm, type Speaker } from "./command.ts";
import type { KeyFolder } from "./key-folder.ts";
import { moveRepository, repositoryState } from "./repository.ts";
import { type TrustedCopy, trustedCopy } from "./trusted-copy.ts";

interface Work<Options extends CommonOptions = CommonOptions> {
  options: Options;
  folder: KeyFolder;
  speaker: Speaker;
  nowMs: number;
}

const dayMs = 86_400_000;

/** Signs again what this folder has keys for, so that it lives on. */
export async function refresh(
  work: Work<CommonOptions & { within?: string | undefined; root: boolean }>,
): Promise<void> {
  const { options, folder, speaker, nowMs } = work;
  const api = new Api(options);
  const copy = await trustedCopy(api, folder);
  const withinDays = options.within === undefined ? null : Number(options.within);
  if (withinDays !== null && !(withinDays > 0)) throw new CommandError("usage", "--within wants a number of days.");
  const isDue = ({ expiresAtMs }: { expiresAtMs: number }) =>
    withinDays === null || expiresAtMs < nowMs + withinDays * dayMs;
  const moved: Record<string, VersionedText> = {};
  const targetsKey = await folder.find("targets");
  if (targetsKey !== null && isDue(copy.targets)) {
    moved["targets"] = nextTargets({ current: copy.targets.content, families: [], by: [targetsKey], nowMs });
  }
  for (const [role, family] of copy.families) {
    const key = await folder.find(role);
    if (key === null || !isDue(family)) continue;
    moved[role] = nextFamily({ model: modelOf(role), current: family.content, by: [key], nowMs });
  }
  const root = options.root && isDue(copy.root) ? await nextRoot(work, copy, {}) : undefined;
  const isQuiet = Object.keys(moved).length === 0 && root === undefined && !isDue(copy.snapshot);
  if (isQuiet) {
    speaker.result({ refreshed: [] }, ["Nothing is due."]);
    return;
  }
  const snapshot = nextSnapshot({ current: copy.snapshot.content, moved, by: [await folder.need("snapshot")], nowMs });
  await move(work, api, { root, moved, snapshot });
  const roles = [...(root === undefined ? [] : ["root"]), ...Object.keys(moved), "snapshot"];
  speaker.result({ refreshed: roles, dryRun: options.dryRun }, [
    `${options.dryRun ? "Would sign" : "Signed"} again: ${roles.join(", ")}.`,
  ]);
}

export const rotatable = ["root", "targets", "snapshot", "timestamp", "family"] as const;
export type Rotatable = (typeof rotatable)[number];

interface RotateOptions extends CommonOptions {
  model?: string | undefined;
  replace: string;
}

/** Puts a new key in the place of one. What the old one signs from then on counts for nothing. */
export async function rotate(work: Work<RotateOptions>, what: Rotatable): Promise<void> {
  const { options, folder, speaker } = work;
  const api = new Api(options);
  const copy = await trustedCopy(api, folder);
  const plan = await rotation(work, api, copy, what);
  await confirm(options, `Replace ${plan.name}? Appliances believe the new one from their next check on.`);
  const moving = () => move(work, api, plan);
  if (plan.key === null || options.dryRun) await moving();
  else await folder.replace(plan.name, plan.key, moving);
  speaker.result({ rotated: plan.name, dryRun: options.dryRun }, [
    `${options.dryRun ? "Would replace" : "Replaced"} ${plan.name}.`,
    ...(plan.key === null || options.dryRun
      ? []
      : [`The old key lies beside the new one, as ${plan.name}.retired-…: destroy it.`]),
  ]);
}

interface Plan {
  /** The key's name in the folder; `timestamp` is the service's own. */
  name: string;
  key: RoleKey | null;
  root?: string | undefined;
  moved: Record<string, VersionedText>;
  snapshot: VersionedText | null;
}

async function rotation(work: Work<RotateOptions>, api: Api, copy: TrustedCopy, what: Rotatable): Promise<Plan> {
  const { options, folder, nowMs } = work;
  const key = folder.newKey();
  const snapshotOf = async (moved: Record<string, VersionedText>, by?: RoleKey) =>
    nextSnapshot({ current: copy.snapshot.content, moved, by: [by ?? (await folder.need("snapshot"))], nowMs });
  switch (what) {
    case "root": {
      const name = `root-${options.replace}`;
      const old = await folder.find(name);
      const oldId = old?.key.keyID ?? (await onlyMissingRoot(folder, copy));
      const root = await nextRoot(work, copy, { replaced: oldId, added: key });
      return { name, key, root, moved: {}, snapshot: null };
    }
    case "targets": {
      const root = await nextRoot(work, copy, { targets: key.key });
      const targets = nextTargets({ current: copy.targets.content, families: [], by: [key], nowMs });
      const moved = { targets };
      return { name: "targets", key, root, moved, snapshot: await snapshotOf(moved) };
    }
    case "snapshot": {
      const root = await nextRoot(work, copy, { snapshot: key.key });
      return { name: "snapshot", key, root, moved: {}, snapshot: await snapshotOf({}, key) };
    }
    case "timestamp": {
      const { timestampKey } = await repositoryState(api);
      const root = await nextRoot(work, copy, { timestamp: tufKeyOfHex(timestampKey) });
      return { name: "timestamp", key: null, root, moved: {}, snapshot: null };
    }
    case "family": {
      const { model } = options;
      if (model === undefined) throw new CommandError("usage", "rotate family wants --model.");
      const role = familyRole(model);
      const current = copy.families.get(role);
      if (current === undefined) throw new CommandError("refused", `There is no family for ${model}.`);
      const families = [{ model, keys: [key.key] }];
      const by = [await folder.need("targets")];
      const moved = {
        targets: nextTargets({ current: copy.targets.content, families, by, nowMs }),
        [role]: nextFamily({ model, current: current.content, by: [key], nowMs }),
      };
      return { name: role, key, moved, snapshot: await snapshotOf(moved) };
    }
  }
}

/** Of a root key whose file is lost: the one that the root names and this folder does not hold. */
async function onlyMissingRoot(folder: KeyFolder, copy: TrustedCopy): Promise<string> {
  const here = new Set((await folder.roots()).map(({ key }) => key.key.keyID));
  const [missing, ...others] = (delegation(copy.root.metadata, "root")?.keys ?? []).filter(
    ({ keyID }) => !here.has(keyID),
  );
  if (missing === undefined || others.length > 0) {
    throw new CommandError(
      "keys",
      "It is not clear which root key is to go: put the two that stay into the folder, under their names.",
    );
  }
  return missing.keyID;
}

interface RootChange {
  targets?: Key | undefined;
  snapshot?: Key | undefined;
  timestamp?: Key | undefined;
  /** The id of a root key that goes, and the one that comes. */
  replaced?: string | undefined;
  added?: RoleKey | undefined;
}

/** The next root, signed by enough of the keys that the one before names and enough of those that it names itself. */
async function nextRoot({ folder, nowMs }: Work, copy: TrustedCopy, change: RootChange): Promise<string> {
  const of = (role: string): Key[] => delegation(copy.root.metadata, role)?.keys ?? [];
  const { replaced, added } = change;
  const kept = of("root").filter(({ keyID }) => keyID !== replaced);
  const keys: RootKeys = {
    root: added === undefined ? kept : [...kept, added.key],
    targets: change.targets === undefined ? of("targets") : [change.targets],
    snapshot: change.snapshot === undefined ? of("snapshot") : [change.snapshot],
    timestamp: change.timestamp === undefined ? of("timestamp") : [change.timestamp],
  };
  const here = (await folder.roots()).map(({ key }) => key);
  const signing = here.filter(({ key }) => kept.some(({ keyID }) => keyID === key.keyID));
  if (signing.length < rootThreshold) {
    throw new CommandError(
      "keys",
      `A new root wants ${rootThreshold} root keys that stay, and ${folder.dir} holds ${signing.length}. Bring them together for this one command.`,
    );
  }
  const version = copy.root.version + 1;
  const by = added === undefined ? signing : [...signing, added];
  return newRoot(keys, { version, expiresAtMs: nowMs + rootLifeMs }, by);
}

const withdrawn = z.looseObject({
  id: z.string(),
  state: z.string(),
  path: z.string(),
  model: z.string(),
  version: z.string(),
});

/** Stops a release at once, and takes its image out of the signed metadata. */
export async function withdraw(work: Work<CommonOptions & { reason: string }>, id: string): Promise<void> {
  const { options, folder, speaker, nowMs } = work;
  const api = new Api(options);
  const before = await api.ask("GET", `/api/v1/firmware/releases/${encodeURIComponent(id)}`, withdrawn);
  await confirm(options, `Withdraw ${before.model} ${before.version} for ever?`);
  if (before.state !== "withdrawn" && !options.dryRun) {
    await api.ask("POST", `/api/v1/firmware/releases/${id}/withdraw`, withdrawn, { reason: options.reason });
    speaker.say(`${before.model} ${before.version} is not offered any more.`);
  }
  const role = familyRole(before.model);
  const [familyKey, snapshotKey] = [await folder.need(role), await folder.need("snapshot")];
  const copy = await trustedCopy(api, folder);
  const current = copy.families.get(role);
  const isSigned = current?.metadata.signed.targets[before.path] !== undefined;
  if (current !== undefined && isSigned) {
    const family = nextFamily({
      model: before.model,
      current: current.content,
      remove: [before.path],
      by: [familyKey],
      nowMs,
    });
    const moved = { [role]: family };
    const snapshot = nextSnapshot({ current: copy.snapshot.content, moved, by: [snapshotKey], nowMs });
    await move(work, api, { moved, snapshot });
  }
  speaker.result({ withdrawn: id, path: before.path, removedFromMetadata: isSigned, dryRun: options.dryRun }, [
    options.dryRun
      ? `Would withdraw ${before.model} ${before.version} and take ${before.path} out of the signed metadata.`
      : `${before.path} is out of the signed metadata: no appliance takes it from anybody once it has seen that.`,
  ]);
}

const modelOf = (role: string): string => role.slice(familyRole("").length);

async function move(
  { options, folder }: Work,
  api: Api,
  plan: { root?: string | undefined; moved: Record<string, VersionedText>; snapshot: VersionedText | null },
): Promise<void> {
  if (options.dryRun) return;
  const { targets, ...families } = plan.moved;
  const upload: MetadataUpload = {
    ...(plan.root === undefined ? {} : { root: plan.root }),
    ...(targets === undefined ? {} : { targets: targets.content }),
    families: Object.fromEntries(Object.entries(families).map(([role, { content }]) => [modelOf(role), content])),
    ...(plan.snapshot === null ? {} : { snapshot: plan.snapshot.content }),
  };
  await moveRepository(api, upload, folder);
}
