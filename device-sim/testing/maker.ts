/** A maker with its keys, and what it signs with them: a TUF repository of its own making, so that the agent is held to the standard and not to Hearth's cloud. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { Key, MetaFile, Metadata, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from "@tufjs/models";
import { Delegations } from "@tufjs/models/dist/delegations.js";
import { DelegatedRole, Role } from "@tufjs/models/dist/role.js";
import { familyPaths, familyRole, type TargetCustom, timestampLifeMs } from "#protocol/update.ts";

const dayMs = 86_400_000;
const specVersion = "1.0.31";

export interface MakerKey {
  key: Key;
  private: KeyObject;
}

export function newMakerKey(): MakerKey {
  const pair = generateKeyPairSync("ed25519");
  const hex = Buffer.from(String(pair.publicKey.export({ format: "jwk" }).x), "base64url").toString("hex");
  return { key: keyNamed(createHash("sha256").update(hex).digest("hex"), hex), private: pair.privateKey };
}

const keyNamed = (keyID: string, hex: string): Key =>
  new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal: { public: hex } });

/** The same key under another name. */
export const renamed = (one: MakerKey): MakerKey => ({
  key: keyNamed(createHash("sha256").update(one.key.keyID).digest("hex"), String(one.key.keyVal["public"])),
  private: one.private,
});

export interface MakerKeys {
  root: MakerKey[];
  targets: MakerKey;
  snapshot: MakerKey;
  timestamp: MakerKey;
  families: Record<string, MakerKey>;
}

export interface Made {
  path: string;
  image: Buffer;
  sha256: string;
  custom: TargetCustom;
}

type SignedPart = Root | Targets | Snapshot | Timestamp;

/** The bytes of metadata that these keys signed. */
export function signedBy(part: SignedPart, keys: readonly MakerKey[]): Buffer {
  const metadata = new Metadata(part);
  for (const { key, private: secret } of keys)
    metadata.sign((bytes) => new Signature({ keyID: key.keyID, sig: sign(null, bytes, secret).toString("hex") }));
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

export interface Lives {
  targets: number;
  timestamp: number;
}

/** Signs releases, and keeps what a server would serve, by name. */
export class Maker {
  readonly files = new Map<string, Buffer>();
  keys: MakerKeys;
  readonly versions: Record<string, number> = { root: 0, targets: 0, snapshot: 0, timestamp: 0 };
  lives: Lives = { targets: 180 * dayMs, timestamp: timestampLifeMs };
  readonly #targets: Record<string, Record<string, TargetFile>> = {};
  readonly #nowMs: () => number;

  constructor(models: readonly string[], nowMs: () => number) {
    this.#nowMs = nowMs;
    this.keys = {
      root: [newMakerKey(), newMakerKey(), newMakerKey()],
      targets: newMakerKey(),
      snapshot: newMakerKey(),
      timestamp: newMakerKey(),
      families: Object.fromEntries(models.map((model) => [model, newMakerKey()])),
    };
    for (const model of models) this.#targets[model] = {};
    this.signRoot(this.keys.root);
    this.publishTargets();
    for (const model of models) this.signFamily(model);
    this.signSnapshot();
    this.signTimestamp();
  }

  /** The root as it is now, as it goes into an appliance that is made today. */
  get root(): string {
    return String(this.file(`${this.versions["root"]}.root.json`));
  }

  file(name: string): Buffer {
    const bytes = this.files.get(name);
    if (bytes === undefined) throw new Error(`the maker has no ${name}`);
    return bytes;
  }

  /** Signs an image and publishes it. */
  release(custom: Partial<TargetCustom> = {}, more: { image?: Buffer; path?: string } = {}): Made {
    const { image = randomBytes(40_000) } = more;
    const whole: TargetCustom = {
      model: "oven-x200",
      hardwareIds: ["x200-r1"],
      version: "2.0.0",
      releaseCounter: 3,
      minCounter: 0,
      ...custom,
    };
    const path = more.path ?? `fw/${whole.model}/${whole.version}-${whole.releaseCounter}.img`;
    const made = { path, image, sha256: createHash("sha256").update(image).digest("hex"), custom: whole };
    this.addTarget(whole.model, made);
    this.publish(whole.model);
    return made;
  }

  /** Puts a target into a family's list, whoever the family is. */
  addTarget(model: string, { path, image, sha256, custom }: Made): void {
    const target = new TargetFile({
      length: image.length,
      path,
      hashes: { sha256 },
      unrecognizedFields: { custom: { ...custom } },
    });
    this.#targets[model] = { ...this.#targets[model], [path]: target };
  }

  publish(model: string): void {
    this.signFamily(model);
    this.signSnapshot();
    this.signTimestamp();
  }

  /** A new root with the keys as they are now, signed by these (the old keys and the new, after a change). */
  signRoot(signers: readonly MakerKey[], threshold = 2): void {
    const { root, targets, snapshot, timestamp } = this.keys;
    const all = [...root, targets, snapshot, timestamp];
    const role = (keys: readonly MakerKey[], needed = 1): Role =>
      new Role({ keyIDs: keys.map(({ key }) => key.keyID), threshold: needed });
    const version = this.#next("root");
    const part = new Root({
      specVersion,
      version,
      expires: this.#expires(365 * dayMs),
      keys: Object.fromEntries(all.map(({ key }) => [key.keyID, key])),
      roles: {
        root: role(root, threshold),
        targets: role([targets]),
        snapshot: role([snapshot]),
        timestamp: role([timestamp]),
      },
      consistentSnapshot: true,
    });
    this.files.set(`${version}.root.json`, signedBy(part, signers));
  }

  publishTargets(signers: readonly MakerKey[] = [this.keys.targets], own: readonly Made[] = []): void {
    const version = this.#next("targets");
    const families = Object.entries(this.keys.families);
    const roles = families.map(([model, { key }]) => [
      familyRole(model),
      new DelegatedRole({
        name: familyRole(model),
        keyIDs: [key.keyID],
        threshold: 1,
        terminating: true,
        paths: [familyPaths(model)],
      }),
    ]);
    const delegations = new Delegations({
      keys: Object.fromEntries(families.map(([, { key }]) => [key.keyID, key])),
      roles: Object.fromEntries(roles),
    });
    const part = new Targets({
      specVersion,
      version,
      expires: this.#expires(this.lives.targets),
      targets: {},
      delegations,
    });
    for (const { path, image, sha256, custom } of own)
      part.addTarget(
        new TargetFile({ length: image.length, path, hashes: { sha256 }, unrecognizedFields: { custom } }),
      );
    this.files.set(`${version}.targets.json`, signedBy(part, signers));
  }

  signFamily(model: string, signers?: readonly MakerKey[]): void {
    const name = familyRole(model);
    const version = this.#next(name);
    const part = new Targets({
      specVersion,
      version,
      expires: this.#expires(this.lives.targets),
      targets: this.#targets[model] ?? {},
    });
    const own = this.keys.families[model];
    this.files.set(`${version}.${name}.json`, signedBy(part, signers ?? (own === undefined ? [] : [own])));
  }

  signSnapshot(signers: readonly MakerKey[] = [this.keys.snapshot]): void {
    const version = this.#next("snapshot");
    const names = ["targets", ...Object.keys(this.keys.families).map(familyRole)];
    const meta = names.map((name) => [`${name}.json`, this.#metaOf(name)]);
    const part = new Snapshot({
      specVersion,
      version,
      expires: this.#expires(this.lives.targets),
      meta: Object.fromEntries(meta),
    });
    this.files.set(`${version}.snapshot.json`, signedBy(part, signers));
  }

  signTimestamp(signers: readonly MakerKey[] = [this.keys.timestamp]): void {
    const version = this.#next("timestamp");
    const snapshotMeta = this.#metaOf("snapshot");
    const part = new Timestamp({ specVersion, version, expires: this.#expires(this.lives.timestamp), snapshotMeta });
    this.files.set("timestamp.json", signedBy(part, signers));
  }

  #metaOf(name: string): MetaFile {
    const version = this.versions[name] ?? 0;
    const bytes = this.file(`${version}.${name}.json`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return new MetaFile({ version, length: bytes.length, hashes: { sha256 } });
  }

  #next(name: string): number {
    const version = (this.versions[name] ?? 0) + 1;
    this.versions[name] = version;
    return version;
  }

  #expires(lifeMs: number): string {
    return new Date(this.#nowMs() + lifeMs).toISOString();
  }
}
