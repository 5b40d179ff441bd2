/**
 * The repository as the service hands it out, verified by the team's own root before anything is signed on top of it: a service that was taken over
 * must not get its own image signed, nor an older state of things.
 */
import type { Metadata, Root, Snapshot, Targets, Timestamp } from "@tufjs/models";
import {
  delegation,
  MetadataError,
  type Parsed,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  signatures,
} from "../../firmware/core/tuf-parse.ts";
import type { Api } from "./api.ts";
import { CommandError } from "./command.ts";
import type { KeyFolder } from "./key-folder.ts";

const rootsMax = 1_000;

/** The signed repository as it stands. */
export interface TrustedCopy {
  root: Parsed<Root>;
  targets: Parsed<Targets>;
  snapshot: Parsed<Snapshot>;
  /** By role: `fw-{model}`. */
  families: Map<string, Parsed<Targets>>;
}

const distrust = (why: string): never => {
  throw new CommandError("refused", `The service hands out what is not to be trusted, and nothing was signed: ${why}`);
};

function needSigned(
  delegator: Metadata<Root> | Metadata<Targets>,
  file: Parsed<Root> | Parsed<Targets> | Parsed<Snapshot> | Parsed<Timestamp>,
): void {
  const found = delegation(delegator, file.role);
  const count = found === null ? 0 : signatures(found.keys, file.metadata);
  if (found === null || count < found.role.threshold) distrust(`${file.role} is not signed by the keys of its role.`);
}

/** Fetches and verifies. Expiry is not looked at: what has expired is signed again on top of itself. */
export async function trustedCopy(api: Api, folder: KeyFolder): Promise<TrustedCopy> {
  try {
    return await verifiedCopy(api, folder);
  } catch (error) {
    if (error instanceof MetadataError) return distrust(`${error.message}.`);
    throw error;
  }
}

/** Keeps it in the folder: nothing older is believed from now on, and `sign` works on top of it without a network. */
export async function rememberCopy(
  folder: KeyFolder,
  { root, targets, snapshot, families }: TrustedCopy,
): Promise<void> {
  for (const file of [root, targets, snapshot, ...families.values()]) await folder.remember(file.role, file.content);
}

async function verifiedCopy(api: Api, folder: KeyFolder): Promise<TrustedCopy> {
  const known = await folder.known("root");
  if (known === null) {
    throw new CommandError(
      "keys",
      `${folder.dir} has no repository/root.json: name the team's folder with --keys, or make it with \`npm run release -- keygen\`.`,
    );
  }
  let root = parseRoot(known);
  for (let at = 0; at < rootsMax; at += 1) {
    const next = await api.file(`/files/repository/${root.version + 1}.root.json`);
    if (next === null) break;
    const parsed = parseRoot(next);
    if (parsed.version !== root.version + 1) distrust("a root skips a version.");
    needSigned(root.metadata, parsed);
    needSigned(parsed.metadata, parsed);
    root = parsed;
  }
  const timestamp = parseTimestamp(await need(api, "timestamp.json"));
  needSigned(root.metadata, timestamp);
  const snapshot = parseSnapshot(await need(api, `${timestamp.metadata.signed.snapshotMeta.version}.snapshot.json`));
  needSigned(root.metadata, snapshot);
  await needNoOlder(folder, snapshot, (content) => parseSnapshot(content).version);
  const part = async (role: string): Promise<Parsed<Targets>> => {
    const entry = snapshot.metadata.signed.meta[`${role}.json`];
    const content = await need(api, `${entry?.version ?? 0}.${role}.json`);
    try {
      entry?.verify(Buffer.from(content));
    } catch {
      distrust(`${role} is not what the snapshot names.`);
    }
    const parsed = parseTargets(role, content);
    await needNoOlder(folder, parsed, (before) => parseTargets(role, before).version);
    return parsed;
  };
  const targets = await part("targets");
  needSigned(root.metadata, targets);
  const families = new Map<string, Parsed<Targets>>();
  for (const name of Object.keys(snapshot.metadata.signed.meta)) {
    const role = name.replace(/\.json$/, "");
    if (role === "targets") continue;
    const family = await part(role);
    needSigned(targets.metadata, family);
    families.set(role, family);
  }
  return { root, targets, snapshot, families };
}

async function need(api: Api, name: string): Promise<string> {
  const content = await api.file(`/files/repository/${name}`);
  if (content !== null) return content;
  throw new CommandError(
    "refused",
    `The service has no ${name}: an admin registers the first root with \`npm run release -- keygen\`.`,
  );
}

async function needNoOlder(
  folder: KeyFolder,
  file: Parsed<Targets> | Parsed<Snapshot>,
  versionOf: (content: string) => number,
): Promise<void> {
  const known = await folder.known(file.role);
  if (known !== null && versionOf(known) > file.version) {
    distrust(`${file.role} has version ${file.version}, and this folder has seen ${versionOf(known)}.`);
  }
}
