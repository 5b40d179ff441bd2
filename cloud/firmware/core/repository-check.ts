import type { Key, Metadata, Root, Snapshot, Targets } from "@tufjs/models";
import { TrustedMetadataStore } from "tuf-js/dist/store.js";
import { familyPaths, familyRole, targetPath } from "#protocol/update.ts";
import {
  delegation,
  MetadataError,
  type Parsed,
  parseRoot,
  parseSnapshot,
  parseTargets,
  signatures,
} from "./tuf-parse.ts";
import { isProperKey } from "./tuf-keys.ts";
import { rootThreshold } from "./tuf-build.ts";

/** Metadata by role: `root`, `targets`, `snapshot`, `timestamp`, `fw-{model}`. Of each role the newest version. */
export type MetadataTexts = ReadonlyMap<string, string>;

export type RepositoryRefusal =
  | "metadata_malformed"
  | "metadata_not_signed"
  | "threshold_not_met"
  | "signature_twice"
  | "metadata_expired"
  | "version_not_next"
  | "repository_has_no_root"
  | "root_not_strict"
  | "same_key_twice"
  | "timestamp_key_not_ours"
  | "delegation_not_allowed"
  | "target_outside_path"
  | "snapshot_missing"
  | "snapshot_incomplete"
  | "other_family_moved"
  | "metadata_hash_wrong"
  | "metadata_would_not_verify";

export interface RefusedMetadata {
  kind: "refused";
  rule: RepositoryRefusal;
  detail: string;
}

/** One piece of metadata that may be stored. */
export interface AcceptedFile {
  role: string;
  version: number;
  content: string;
  expiresAtMs: number;
}

export interface AcceptedUpload {
  kind: "accepted";
  /** With the timestamp that was signed for it. */
  files: AcceptedFile[];
  /** The images that each family of the upload signs, by model. */
  families: ReadonlyMap<string, Targets>;
}

export interface UploadTerms {
  current: MetadataTexts;
  upload: MetadataTexts;
  nowMs: number;
  /** The key with which this installation signs timestamps. */
  timestampKeyId: string;
  /** Signs a timestamp for a snapshot, the next version after the current one. */
  signTimestamp: (snapshot: { version: number; content: string }) => AcceptedFile;
}

class Refusal extends Error {
  readonly rule: RepositoryRefusal;

  constructor(rule: RepositoryRefusal, message: string) {
    super(message);
    this.rule = rule;
  }
}

const refuse = (rule: RepositoryRefusal, detail: string): never => {
  throw new Refusal(rule, detail);
};

/**
 * Whether an upload may take its place in the signed repository: all of it together, as an appliance would take it that followed the
 * repository until now. What an appliance would refuse is refused here first, by name.
 */
export function checkUpload(terms: UploadTerms): AcceptedUpload | RefusedMetadata {
  try {
    return accepted(terms);
  } catch (error) {
    return asRefusal(error);
  }
}

/** The same for a family's metadata alone, before there is a snapshot that names it. */
export function checkFamilyAlone(terms: {
  current: MetadataTexts;
  model: string;
  content: string;
  nowMs: number;
}): { kind: "accepted"; signed: Targets } | RefusedMetadata {
  try {
    const targets = terms.current.get("targets");
    if (targets === undefined) throw new Refusal("repository_has_no_root", "An admin registers the first root.");
    const family = parseTargets(familyRole(terms.model), terms.content);
    checkNext(family, terms.current, terms.nowMs, parseTargets("targets", targets).metadata);
    checkFamily(family);
    return { kind: "accepted", signed: family.metadata.signed };
  } catch (error) {
    return asRefusal(error);
  }
}

function asRefusal(error: unknown): RefusedMetadata {
  if (error instanceof Refusal || error instanceof MetadataError) {
    return { kind: "refused", rule: error.rule, detail: error.message };
  }
  throw error;
}

function accepted(terms: UploadTerms): AcceptedUpload {
  const { current, upload, nowMs } = terms;
  const root = checkRoot(terms);
  const targets = newest("targets", terms, parseTargets);
  const snapshot = newest("snapshot", terms, (_role, content) => parseSnapshot(content));
  const families = new Map<string, Parsed<Targets>>();
  for (const [role, content] of upload) {
    if (role.startsWith("fw-")) families.set(role, parseTargets(role, content));
  }
  // In the order in which an appliance would come to them.
  for (const one of [targets, snapshot]) {
    if (upload.has(one.role)) checkNext(one, current, nowMs, root.metadata);
  }
  if (upload.has("targets")) checkDelegations(targets);
  for (const family of families.values()) {
    checkNext(family, current, nowMs, targets.metadata);
    checkFamily(family);
  }
  if (!upload.has("snapshot") && (upload.has("targets") || families.size > 0)) {
    refuse("snapshot_missing", "What moves must stand in a snapshot that is signed with it.");
  }
  checkSnapshot(terms, snapshot, targets, families);
  const timestamp = terms.signTimestamp(snapshot);
  verifyAsDevice(terms, { root, snapshot, targets: targets.content, timestamp });
  const uploaded = [root, targets, snapshot, ...families.values()].filter(({ role }) => upload.has(role));
  return {
    kind: "accepted",
    files: [
      ...uploaded.map(({ role, version, content, expiresAtMs }) => ({ role, version, content, expiresAtMs })),
      timestamp,
    ],
    families: new Map([...families].map(([role, { metadata }]) => [role.slice(3), metadata.signed])),
  };
}

/** The uploaded one, or else the current one. */
function newest<T>(role: string, { current, upload }: UploadTerms, parse: (role: string, content: string) => T): T {
  const content = upload.get(role) ?? current.get(role);
  if (content === undefined) throw new Refusal("snapshot_incomplete", `There is no ${role}.`);
  return parse(role, content);
}

/** The root that counts: the uploaded one, if the keys of the current one agree to it. */
function checkRoot({ current, upload, nowMs, timestampKeyId }: UploadTerms): Parsed<Root> {
  const [now, next] = [current.get("root"), upload.get("root")];
  const before = now === undefined ? null : parseRoot(now);
  if (next === undefined) {
    if (before === null) throw new Refusal("repository_has_no_root", "An admin registers the first root.");
    return before;
  }
  const root = parseRoot(next);
  if (before !== null) {
    if (root.version !== before.version + 1) {
      refuse("version_not_next", `root has version ${root.version}; the next one is ${before.version + 1}.`);
    }
    checkSigned(before.metadata, root);
  }
  checkSigned(root.metadata, root);
  checkExpiry(root, nowMs);
  checkRootRules(root.metadata.signed, timestampKeyId);
  return root;
}

function checkRootRules(root: Root, timestampKeyId: string): void {
  if (!root.consistentSnapshot) refuse("root_not_strict", "root does not ask for consistent snapshots.");
  const { root: own, timestamp } = root.roles;
  if (own === undefined || own.threshold < rootThreshold || own.keyIDs.length <= own.threshold) {
    refuse("root_not_strict", `root wants at least ${rootThreshold} of its own keys, and one to spare.`);
  }
  checkKeys("root", Object.values(root.keys));
  if (timestamp?.keyIDs.includes(timestampKeyId) !== true || timestamp.threshold !== 1) {
    refuse("timestamp_key_not_ours", `root does not let ${timestampKeyId} sign timestamps.`);
  }
  const offline = ["root", "targets", "snapshot"].filter((name) => root.roles[name]?.keyIDs.includes(timestampKeyId));
  if (offline.length > 0) refuse("root_not_strict", `The online key of timestamps also signs ${offline.join(", ")}.`);
}

function checkKeys(role: string, keys: readonly Key[]): void {
  if (new Set(keys.map((key) => key.keyVal["public"]?.toLowerCase())).size !== keys.length) {
    refuse("same_key_twice", `${role} names one key by two ids.`);
  }
  const odd = keys.find((key) => !isProperKey(key));
  if (odd !== undefined) refuse("root_not_strict", `${role}: key ${odd.keyID} is no Ed25519 key under its own id.`);
}

/** Version, signatures and expiry of something uploaded. */
function checkNext(
  file: Parsed<Targets> | Parsed<Snapshot>,
  current: MetadataTexts,
  nowMs: number,
  delegator: Metadata<Root> | Metadata<Targets>,
): void {
  const before = versionOf(file.role, current);
  if (file.version !== before + 1) {
    refuse("version_not_next", `${file.role} has version ${file.version}; the next one is ${before + 1}.`);
  }
  checkSigned(delegator, file);
  checkExpiry(file, nowMs);
}

/** 0 where there is none. */
function versionOf(role: string, current: MetadataTexts): number {
  const content = current.get(role);
  if (content === undefined) return 0;
  return (role === "snapshot" ? parseSnapshot(content) : parseTargets(role, content)).version;
}

function checkExpiry({ role, expiresAtMs }: { role: string; expiresAtMs: number }, nowMs: number): void {
  if (nowMs >= expiresAtMs) refuse("metadata_expired", `${role} expired at ${new Date(expiresAtMs).toISOString()}.`);
}

function checkSigned(
  delegator: Metadata<Root> | Metadata<Targets>,
  file: Parsed<Root> | Parsed<Targets> | Parsed<Snapshot>,
): void {
  const found = delegation(delegator, file.role);
  if (found === null) throw new Refusal("delegation_not_allowed", `No role named ${file.role} may sign anything.`);
  const count = signatures(found.keys, file.metadata);
  const { threshold } = found.role;
  if (count === 0) refuse("metadata_not_signed", `${file.role} is not signed by any key of its role.`);
  if (count < threshold) {
    refuse("threshold_not_met", `${file.role} is signed by ${count} of its role's keys and wants ${threshold}.`);
  }
}

/** The top-level targets hand each family its own folder and sign nothing themselves. */
function checkDelegations({ metadata: { signed } }: Parsed<Targets>): void {
  if (Object.keys(signed.targets).length > 0) {
    refuse("target_outside_path", "targets itself signs images; only a family may.");
  }
  const { delegations } = signed;
  if (delegations?.succinctRoles !== undefined) refuse("delegation_not_allowed", "targets delegates by hash.");
  const roles = Object.values(delegations?.roles ?? {});
  for (const role of roles) {
    const model = role.name.slice(3);
    const isOwnFolder = role.paths?.length === 1 && role.paths[0] === familyPaths(model);
    if (role.name !== familyRole(model) || !isOwnFolder || !role.terminating || role.pathHashPrefixes !== undefined) {
      refuse("delegation_not_allowed", `${role.name} is not the family of ${familyPaths(model)} alone.`);
    }
  }
  checkKeys("targets", Object.values(delegations?.keys ?? {}));
}

function checkFamily({ role, metadata: { signed } }: Parsed<Targets>): void {
  if (signed.delegations !== undefined) refuse("delegation_not_allowed", `${role} hands on what it may sign.`);
  const folder = `fw/${role.slice(3)}/`;
  const outside = Object.keys(signed.targets).find(
    (path) => !path.startsWith(folder) || !targetPath.safeParse(path).success,
  );
  if (outside !== undefined) refuse("target_outside_path", `${role} may sign ${folder}*, and not ${outside}.`);
}

/** What moves in the snapshot is what was uploaded, and nothing else. */
function checkSnapshot(
  { current, upload }: UploadTerms,
  snapshot: Parsed<Snapshot>,
  targets: Parsed<Targets>,
  families: ReadonlyMap<string, Parsed<Targets>>,
): void {
  const before = current.get("snapshot");
  const old = before === undefined ? {} : parseSnapshot(before).metadata.signed.meta;
  const { meta } = snapshot.metadata.signed;
  const moved = new Map<string, Parsed<Targets>>(families);
  if (upload.has("targets")) moved.set("targets", targets);
  for (const [role, file] of moved) {
    const entry = meta[`${role}.json`];
    if (entry === undefined) throw new Refusal("snapshot_incomplete", `The snapshot does not name ${role}.`);
    if (entry.version !== file.version) {
      refuse("version_not_next", `The snapshot names version ${entry.version} of ${role}, which has ${file.version}.`);
    }
    try {
      entry.verify(Buffer.from(file.content));
    } catch (error) {
      refuse("metadata_hash_wrong", `${role}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const [name, entry] of Object.entries(meta)) {
    const role = name.replace(/\.json$/, "");
    if (moved.has(role)) continue;
    if (old[name]?.equals(entry) !== true) refuse("other_family_moved", `The snapshot moves ${role}, which stayed.`);
  }
  const lost = Object.keys(old).find((name) => meta[name] === undefined);
  if (lost !== undefined) refuse("snapshot_incomplete", `The snapshot no longer names ${lost}.`);
  const unnamed = Object.keys(targets.metadata.signed.delegations?.roles ?? {}).find(
    (role) => meta[`${role}.json`] === undefined,
  );
  if (unnamed !== undefined) refuse("snapshot_incomplete", `The snapshot does not name ${unnamed}.`);
}

const bytes = (content: string): Buffer => Buffer.from(content);

/** The last word: what an appliance's own code says, which has followed the repository until now. */
function verifyAsDevice(
  { current, upload, nowMs }: UploadTerms,
  next: { root: Parsed<Root>; snapshot: Parsed<Snapshot>; targets: string; timestamp: AcceptedFile },
): void {
  try {
    const device = new TrustedMetadataStore(bytes(current.get("root") ?? next.root.content));
    // The library reads the machine's clock where it is made, and the cloud has one clock.
    Reflect.set(device, "referenceTime", new Date(nowMs));
    if (current.has("root") && upload.has("root")) device.updateRoot(bytes(next.root.content));
    remember(() => device.updateTimestamp(bytes(current.get("timestamp") ?? "")));
    device.updateTimestamp(bytes(next.timestamp.content));
    remember(() => device.updateSnapshot(bytes(current.get("snapshot") ?? ""), true));
    device.updateSnapshot(bytes(next.snapshot.content));
    device.updateDelegatedTargets(bytes(next.targets), "targets", "root");
    for (const name of Object.keys(next.snapshot.metadata.signed.meta)) {
      const role = name.replace(/\.json$/, "");
      if (role === "targets") continue;
      device.updateDelegatedTargets(bytes(upload.get(role) ?? current.get(role) ?? ""), role, "targets");
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal("metadata_would_not_verify", `An appliance would refuse it: ${why.slice(0, 300)}`);
  }
}

/** What an appliance holds from before is there to be compared with; that it has expired, or its key is gone, is no refusal. */
function remember(load: () => unknown): void {
  try {
    load();
  } catch {
    // As `Updater` does with what it finds on its disk.
  }
}
