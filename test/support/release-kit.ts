/**
 * A team's keys and a signed repository, made in memory, and releases published through the real API: what tests begin with that need
 * firmware which an appliance would take.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { newRoot, type RootKeys, rootLifeMs, type SignedImage } from "../../cloud/firmware/core/tuf-build.ts";
import { type RoleKey, roleKey, tufKey, tufKeyOfHex } from "../../cloud/firmware/core/tuf-keys.ts";
import { nextFamily, nextSnapshot, nextTargets } from "../../cloud/firmware/core/tuf-next.ts";
import { familyRole } from "#protocol/update.ts";

/** The two keys with which an installation signs online. */
export const newFirmwareKeys = (): { timestamp: KeyObject; director: KeyObject } => ({
  timestamp: generateKeyPairSync("ed25519").privateKey,
  director: generateKeyPairSync("ed25519").privateKey,
});

export const newRoleKey = (): RoleKey => roleKey(generateKeyPairSync("ed25519").privateKey);

export interface Sent {
  status: number;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
}

/** One request to the API as somebody who may publish and register roots; a Buffer goes as it is, an object as JSON. */
export type Send = (method: "GET" | "POST" | "PUT", path: string, payload?: object | Buffer) => Promise<Sent>;

/** For a service that listens. */
export const overHttp =
  (base: string, key: string): Send =>
  async (method, path, payload) => {
    const isBytes = Buffer.isBuffer(payload);
    const response = await fetch(base + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(payload === undefined ? {} : { "content-type": isBytes ? "application/octet-stream" : "application/json" }),
      },
      ...(payload === undefined ? {} : { body: isBytes ? new Uint8Array(payload) : JSON.stringify(payload) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };

/** What may be said of a release beside what follows from its image. */
export interface ReleaseOver {
  model?: string;
  hardwareIds?: string[];
  version?: string;
  releaseCounter?: number;
  minCounter?: number;
  passThrough?: boolean;
  kind?: "security" | "feature";
  notes?: string;
  supportEndsAtMs?: number | null;
  path?: string;
}

export interface Description extends Required<ReleaseOver> {
  length: number;
  sha256: string;
}

/** The view of a release, as the API gives it. */
export interface ReleaseView extends Description {
  id: string;
  state: string;
  publishedAtMs: number | null;
}

export class ReleaseKit {
  readonly root: RoleKey[];
  readonly targets = newRoleKey();
  readonly snapshot = newRoleKey();
  readonly families = new Map<string, RoleKey>();
  readonly #send: Send;
  readonly #nowMs: () => number;
  readonly #counters = new Map<string, number>();
  /** The first root, as appliances are made with it. */
  factoryRoot = "";

  private constructor(send: Send, nowMs: () => number, models: readonly string[]) {
    this.#send = send;
    this.#nowMs = nowMs;
    this.root = [newRoleKey(), newRoleKey(), newRoleKey()];
    for (const model of models) this.families.set(model, newRoleKey());
  }

  /** Makes the keys and registers the first root, with an empty family for each model. */
  static async open(send: Send, models: readonly string[], nowMs: () => number = Date.now): Promise<ReleaseKit> {
    const kit = new ReleaseKit(send, nowMs, models);
    const { timestampKey } = await kit.#ask("GET", "/api/v1/firmware/repository");
    const first = kit.firstRepository(tufKeyOfHex(String(timestampKey)));
    await kit.#ask("POST", "/api/v1/firmware/repository/root", first);
    kit.factoryRoot = first.root;
    return kit;
  }

  /** What begins a repository: its root, targets, families and snapshot. */
  firstRepository(timestamp: ReturnType<typeof tufKey>) {
    const nowMs = this.#nowMs();
    const by = (key: RoleKey) => ({ by: [key], nowMs });
    const keys: RootKeys = {
      root: this.root.map(({ key }) => key),
      targets: [this.targets.key],
      snapshot: [this.snapshot.key],
      timestamp: [timestamp],
    };
    const root = newRoot(keys, { version: 1, expiresAtMs: nowMs + rootLifeMs }, this.root.slice(0, 2));
    const named = [...this.families].map(([model, { key }]) => ({ model, keys: [key] }));
    const targets = nextTargets({ current: null, families: named, ...by(this.targets) });
    const families = [...this.families].map(
      ([model, key]) => [model, nextFamily({ model, current: null, ...by(key) })] as const,
    );
    const moved = Object.fromEntries([
      ["targets", targets],
      ...families.map(([model, family]) => [familyRole(model), family] as const),
    ]);
    const snapshot = nextSnapshot({ current: null, moved, ...by(this.snapshot) });
    return {
      root,
      targets: targets.content,
      families: Object.fromEntries(families.map(([model, { content }]) => [model, content])),
      snapshot: snapshot.content,
    };
  }

  /** Describes a release of `image`; its counter and version follow on those of the kit's last one. */
  describe(image: Buffer, over: ReleaseOver = {}): Description {
    const [first = "oven"] = this.families.keys();
    const model = over.model ?? first;
    const releaseCounter = over.releaseCounter ?? (this.#counters.get(model) ?? 0) + 1;
    this.#counters.set(model, releaseCounter);
    const version = over.version ?? `2.${releaseCounter}.0`;
    return {
      hardwareIds: ["h1"],
      minCounter: 0,
      passThrough: false,
      kind: "feature",
      notes: "",
      supportEndsAtMs: null,
      path: `fw/${model}/${version}-${releaseCounter}.img`,
      ...over,
      model,
      version,
      releaseCounter,
      length: image.length,
      sha256: createHash("sha256").update(image).digest("hex"),
    };
  }

  /** Drafts a release and sends its image. */
  async draft(image: Buffer = randomBytes(1_000), over: ReleaseOver = {}): Promise<ReleaseView> {
    const drafted: ReleaseView = await this.#ask("POST", "/api/v1/firmware/releases", this.describe(image, over));
    return this.#ask("PUT", `/api/v1/firmware/releases/${drafted.id}/image`, image);
  }

  /** The family's next metadata with a release's image in it, on top of what is published now. */
  async familyWith(release: Description, over: Partial<SignedImage["custom"]> = {}, key?: RoleKey) {
    const { model, path, length, sha256, hardwareIds, version, releaseCounter, minCounter } = release;
    const custom = { model, hardwareIds, version, releaseCounter, minCounter, ...over };
    const by = [key ?? this.family(model)];
    const current = await this.file(familyRole(model));
    return nextFamily({ model, current, add: { path, length, sha256, custom }, by, nowMs: this.#nowMs() });
  }

  /** The next snapshot with what moved, on top of what is published now. */
  async snapshotWith(moved: Record<string, { version: number; content: string }>, key: RoleKey = this.snapshot) {
    return nextSnapshot({ current: await this.file("snapshot"), moved, by: [key], nowMs: this.#nowMs() });
  }

  family(model: string): RoleKey {
    const key = this.families.get(model);
    if (key === undefined) throw new Error(`the kit has no family ${model}`);
    return key;
  }

  /** Drafts, uploads, signs and publishes. */
  async publish(image: Buffer = randomBytes(1_000), over: ReleaseOver = {}): Promise<ReleaseView> {
    const release = await this.draft(image, over);
    const family = await this.familyWith(release);
    await this.#ask("POST", `/api/v1/firmware/releases/${release.id}/sign`, { family: family.content });
    const snapshot = await this.snapshotWith({ [familyRole(release.model)]: family });
    return this.#ask("POST", `/api/v1/firmware/releases/${release.id}/publish`, { snapshot: snapshot.content });
  }

  /** The newest version of a role as it is handed out; null where there is none. */
  async file(role: string): Promise<string | null> {
    const { roles }: { roles: { role: string; version: number }[] } = await this.#ask(
      "GET",
      "/api/v1/firmware/repository",
    );
    const found = roles.find((one) => one.role === role);
    if (found === undefined) return null;
    const name = role === "timestamp" ? "timestamp.json" : `${found.version}.${role}.json`;
    const body: unknown = await this.#ask("GET", `/files/repository/${name}`);
    return JSON.stringify(body);
  }

  /** Any request, which must be taken. */
  async #ask(method: "GET" | "POST" | "PUT", path: string, payload?: object | Buffer) {
    const { status, body } = await this.#send(method, path, payload);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}
