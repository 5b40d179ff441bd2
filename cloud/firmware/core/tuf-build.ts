/** Metadata of the signed repository, made and signed: what the team does offline, and the cloud for its timestamp. */
import { createHash } from "node:crypto";
import {
  type Key,
  Metadata,
  MetadataKind,
  MetaFile,
  Root,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from "@tufjs/models";
import { Delegations } from "@tufjs/models/dist/delegations.js";
import { DelegatedRole, Role } from "@tufjs/models/dist/role.js";
import { familyPaths, familyRole, type TargetCustom } from "#protocol/update.ts";
import { type RoleKey, signer } from "./tuf-keys.ts";

const dayMs = 86_400_000;
export const rootLifeMs = 365 * dayMs;
/** Of targets, families and snapshot. */
export const offlineLifeMs = 180 * dayMs;
/** Two of the root's keys must agree. */
export const rootThreshold = 2;

/** What all metadata has. */
export interface Edition {
  version: number;
  expiresAtMs: number;
}

/** TUF's form of a time (4.2.2): UTC, whole seconds. */
export const tufTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const edition = ({ version, expiresAtMs }: Edition) => ({
  version,
  specVersion: "1.0.31",
  expires: tufTime(expiresAtMs),
});

const text = (metadata: { toJSON(): unknown }): string => JSON.stringify(metadata.toJSON());

/** The text of metadata, signed by all of `keys`, in place of whoever signed it before. */
function signedText(signed: Root | Targets | Snapshot | Timestamp, keys: readonly RoleKey[]): string {
  const metadata = new Metadata(signed);
  for (const key of keys) metadata.sign(signer(key));
  return text(metadata);
}

/** Which keys speak for each of the top-level roles. */
export interface RootKeys {
  root: Key[];
  targets: Key[];
  snapshot: Key[];
  timestamp: Key[];
}

const roleOf = (of: readonly Key[], threshold = 1): Role =>
  new Role({ keyIDs: of.map(({ keyID }) => keyID), threshold });

export function newRoot(keys: RootKeys, when: Edition, by: readonly RoleKey[]): string {
  const root = new Root({
    ...edition(when),
    consistentSnapshot: true,
    keys: Object.fromEntries(
      Object.values(keys)
        .flat()
        .map((key: Key) => [key.keyID, key]),
    ),
    roles: {
      [MetadataKind.Root]: roleOf(keys.root, rootThreshold),
      [MetadataKind.Targets]: roleOf(keys.targets),
      [MetadataKind.Snapshot]: roleOf(keys.snapshot),
      [MetadataKind.Timestamp]: roleOf(keys.timestamp),
    },
  });
  return signedText(root, by);
}

/** The keys of a family: whoever has them says what runs on a model. */
export interface Family {
  model: string;
  keys: Key[];
}

/** The top-level targets: which keys sign for which family, and nothing else. */
export function newTargets(families: readonly Family[], when: Edition, by: readonly RoleKey[]): string {
  const roles = families.map(({ model, keys }) => {
    const keyIDs = keys.map(({ keyID }) => keyID);
    const name = familyRole(model);
    return new DelegatedRole({ name, keyIDs, threshold: 1, terminating: true, paths: [familyPaths(model)] });
  });
  const delegations = new Delegations({
    keys: Object.fromEntries(families.flatMap(({ keys }) => keys.map((key) => [key.keyID, key]))),
    roles: Object.fromEntries(roles.map((role) => [role.name, role])),
  });
  return signedText(new Targets({ ...edition(when), delegations }), by);
}

/** An image as a family signs it. */
export interface SignedImage {
  path: string;
  length: number;
  sha256: string;
  custom: TargetCustom;
}

export const targetFile = ({ path, length, sha256, custom }: SignedImage): TargetFile =>
  new TargetFile({ path, length, hashes: { sha256 }, unrecognizedFields: { custom } });

export function newFamily(images: readonly TargetFile[], when: Edition, by: readonly RoleKey[]): string {
  const targets = Object.fromEntries(images.map((image) => [image.path, image]));
  return signedText(new Targets({ ...edition(when), targets }), by);
}

const metaFile = (version: number, content: string): MetaFile =>
  new MetaFile({
    version,
    length: Buffer.byteLength(content),
    hashes: { sha256: createHash("sha256").update(content).digest("hex") },
  });

/** One state of all targets metadata, by role. */
export function newSnapshot(
  files: Readonly<Record<string, { version: number; content: string } | MetaFile>>,
  when: Edition,
  by: readonly RoleKey[],
): string {
  const meta = Object.entries(files).map(([role, file]): [string, MetaFile] => [
    `${role}.json`,
    file instanceof MetaFile ? file : metaFile(file.version, file.content),
  ]);
  return signedText(new Snapshot({ ...edition(when), meta: Object.fromEntries(meta) }), by);
}

export const newTimestamp = (
  snapshot: { version: number; content: string },
  when: Edition,
  by: readonly RoleKey[],
): string =>
  signedText(new Timestamp({ ...edition(when), snapshotMeta: metaFile(snapshot.version, snapshot.content) }), by);
