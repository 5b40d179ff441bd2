import type { Readable } from "node:stream";
import { z } from "zod";
import { type FirmwareManifest, type SignedManifest, signedManifest } from "#protocol/manifest.ts";
import type { Model } from "#protocol/model.ts";
import { deliveriesPerCallMax, deliveryLifeMs, type NewDelivery, type RenderBody } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { checkManifest, keyIdOf, publicKeyBytes } from "./core/manifest-check.ts";
import { checkLink, signLink } from "./core/signed-link.ts";
import type { firmwareProblems } from "./errors.ts";
import * as store from "./firmware-store.ts";
import { ImageFiles, type OpenImage, type ReceivedImage } from "./image-files.ts";

export { firmwareProblems } from "./errors.ts";

/** Uploads under way at once. Each holds a file and a connection. */
const uploadsMax = 4;

/** Firmware goes before recipes and tips, and after a safety notice. */
const firmwarePriority = 5;

export interface Refused<Rule extends keyof typeof firmwareProblems> {
  kind: "refused";
  rule: Rule;
  detail?: string;
}

const refused = <Rule extends keyof typeof firmwareProblems>(rule: Rule, detail?: string): Refused<Rule> => ({
  kind: "refused",
  rule,
  ...(detail === undefined ? {} : { detail }),
});

export interface FirmwareKey {
  keyId: string;
  publicKey: string;
  name: string;
  createdAtMs: number;
  createdBy: string;
}

export interface Release extends FirmwareManifest {
  id: string;
  sha1: string;
  md5: string;
  keyId: string;
  createdAtMs: number;
  createdBy: string;
}

const toKey = (row: store.KeyRow): FirmwareKey => ({
  keyId: row.key_id,
  publicKey: row.public_key.toString("base64url"),
  name: row.name,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

const toRelease = (row: store.ReleaseRow): Release => ({
  id: row.id,
  model: row.model,
  hardwareIds: row.hardware_ids,
  version: row.version,
  releaseCounter: row.release_counter,
  length: row.length,
  sha256: row.sha256,
  sha1: row.sha1,
  md5: row.md5,
  keyId: row.key_id,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

/** What a firmware delivery stores; the link is made when it is sent. */
const storedBody = z.object({ manifest: signedManifest, sha256: z.hex().length(64) });

const imagePath = (sha256: string): string => `/files/firmware/${sha256}`;

/** What firmware needs to know of devices. */
interface Appliances {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
  ofModel(model: string, limit: number): Promise<DeviceRef[]>;
  model(key: string): Promise<Model | null>;
}

/** What firmware needs of deliveries. */
interface DeliveryMaker {
  create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }>;
}

interface FirmwareDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  devices: Appliances;
  deliveries: DeliveryMaker;
  artifactsDir: string;
  /** Signs the links to images. */
  linkSecret: Uint8Array;
  /** Base of every link, without a slash at its end. */
  publicUrl: () => string;
}

type UploadRefusal =
  | "uploads_busy"
  | "signing_key_unknown"
  | "signature_wrong"
  | "manifest_not_valid"
  | "firmware_model_unknown"
  | "hardware_not_of_model"
  | "release_counter_not_newer"
  | "image_length_wrong"
  | "image_hash_wrong";

type SendRefusal =
  | "release_not_found"
  | "firmware_devices_unknown"
  | "firmware_wrong_model"
  | "firmware_too_many_devices";

/** Signed firmware: whom to trust, the images, and sending them to appliances. */
export class Firmware {
  readonly #deps: FirmwareDeps;
  readonly #images: ImageFiles;
  #uploads = 0;

  constructor(deps: FirmwareDeps) {
    this.#deps = deps;
    this.#images = new ImageFiles(deps.artifactsDir, deps.ids);
  }

  /** Prepares the folder of images. Before anything else. */
  async load(): Promise<void> {
    await this.#images.prepare();
  }

  // Keys

  /** Trusts a public key (raw, 32 bytes) from now on. */
  async addKey(
    by: Principal,
    publicKey: Uint8Array,
    name: string,
  ): Promise<{ kind: "added"; key: FirmwareKey } | Refused<"signing_key_not_valid" | "signing_key_exists">> {
    if (publicKey.length !== publicKeyBytes) return refused("signing_key_not_valid");
    const row: store.KeyRow = {
      key_id: keyIdOf(publicKey),
      public_key: Buffer.from(publicKey),
      name,
      created_at_ms: this.#deps.clock.nowMs(),
      created_by: principalText(by),
    };
    return transaction(this.#deps.db, async (tx) => {
      if (!(await store.insertKey(tx, row))) return refused("signing_key_exists");
      const key = toKey(row);
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "firmware_key.added",
        subject: `firmware_key:${key.keyId}`,
        after: key,
      });
      return { kind: "added", key };
    });
  }

  async keys(): Promise<FirmwareKey[]> {
    return (await store.listKeys(this.#deps.db)).map(toKey);
  }

  // Releases

  async releases(query: { model: string | null; beforeId: string | null; limit: number }): Promise<Release[]> {
    return (await store.listReleases(this.#deps.db, query)).map(toRelease);
  }

  /**
   * Takes in a signed image. What does not fit its manifest, or breaks off, is refused and leaves neither file nor row.
   *
   * @param declaredLength what the sender says before it sends, where it says so
   */
  async upload(
    by: Principal,
    signed: SignedManifest,
    image: Readable,
    declaredLength: number | null,
  ): Promise<{ kind: "uploaded"; release: Release } | Refused<UploadRefusal>> {
    const acceptable = await this.#acceptable(signed);
    if (acceptable.kind === "refused") return acceptable;
    const { manifest } = acceptable;
    if (declaredLength !== null && declaredLength !== manifest.length) {
      return refused(
        "image_length_wrong",
        `The manifest says ${manifest.length} bytes, the request ${declaredLength}.`,
      );
    }
    if (this.#uploads >= uploadsMax) return refused("uploads_busy");
    this.#uploads += 1;
    try {
      return await this.#receive(by, signed, manifest, image);
    } finally {
      this.#uploads -= 1;
    }
  }

  /** Everything that can be said before the image is read. */
  async #acceptable(
    signed: SignedManifest,
  ): Promise<{ kind: "valid"; manifest: FirmwareManifest } | Refused<UploadRefusal>> {
    const keys = (await store.listKeys(this.#deps.db)).map((row) => ({ keyId: row.key_id, publicKey: row.public_key }));
    const checked = checkManifest(signed, keys);
    if (checked.kind === "refused") return checked;
    const { manifest } = checked;
    const model = await this.#deps.devices.model(manifest.model);
    if (model === null) return refused("firmware_model_unknown", `There is no model ${manifest.model}.`);
    const foreign = manifest.hardwareIds.filter((id) => !model.hardwareIds.includes(id));
    if (foreign.length > 0) return refused("hardware_not_of_model", `${model.key} has no ${foreign.join(", ")}.`);
    if (manifest.releaseCounter <= (await store.highestCounter(this.#deps.db, manifest.model))) {
      return refused("release_counter_not_newer");
    }
    return checked;
  }

  async #receive(
    by: Principal,
    signed: SignedManifest,
    manifest: FirmwareManifest,
    stream: Readable,
  ): Promise<{ kind: "uploaded"; release: Release } | Refused<UploadRefusal>> {
    const image = await this.#images.receive(stream, manifest.length);
    if (image === null) return refused("image_length_wrong", `It is longer than ${manifest.length} bytes.`);
    try {
      if (image.length !== manifest.length) {
        return refused("image_length_wrong", `It has ${image.length} bytes instead of ${manifest.length}.`);
      }
      if (image.sha256 !== manifest.sha256) return refused("image_hash_wrong");
      return await this.#keep(by, signed, manifest, image);
    } finally {
      // Moved away by now where it was kept.
      await this.#images.discard(image.path);
    }
  }

  /** Row and file, or neither. */
  async #keep(
    by: Principal,
    signed: SignedManifest,
    manifest: FirmwareManifest,
    image: ReceivedImage,
  ): Promise<{ kind: "uploaded"; release: Release } | Refused<"release_counter_not_newer">> {
    const { clock, ids, db } = this.#deps;
    const row: store.ReleaseRow = {
      id: ids.next(),
      model: manifest.model,
      hardware_ids: manifest.hardwareIds,
      version: manifest.version,
      release_counter: manifest.releaseCounter,
      length: image.length,
      sha256: image.sha256,
      sha1: image.sha1,
      md5: image.md5,
      key_id: signed.keyId,
      payload: signed.payload,
      signature: signed.signature,
      created_at_ms: clock.nowMs(),
      created_by: principalText(by),
    };
    try {
      return await transaction(db, async (tx) => {
        await store.lockImages(tx);
        if (row.release_counter <= (await store.highestCounter(tx, row.model)))
          return refused("release_counter_not_newer");
        await store.insertRelease(tx, row);
        await this.#noteUpload(tx, by, row);
        // Last, so that only the commit itself can still fail after it.
        await this.#images.keep(image);
        return { kind: "uploaded", release: toRelease(row) };
      });
    } catch (error) {
      await this.#forget(image.sha256);
      throw error;
    }
  }

  async #noteUpload(tx: Db, by: Principal, row: store.ReleaseRow): Promise<void> {
    const { model, version, release_counter: releaseCounter, sha256, key_id: keyId } = row;
    const after = { model, version, releaseCounter, sha256, keyId };
    await this.#deps.outbox.add(tx, [
      { type: "hearth.release.uploaded", subject: `release:${row.id}`, atMs: row.created_at_ms, data: after },
    ]);
    await this.#deps.audit.record(tx, {
      principal: by,
      action: "release.uploaded",
      subject: `release:${row.id}`,
      after,
    });
  }

  /** Removes an image that no release names. */
  async #forget(sha256: string): Promise<void> {
    await transaction(this.#deps.db, async (tx) => {
      await store.lockImages(tx);
      if (!(await store.hasImage(tx, sha256))) await this.#images.remove(sha256);
    });
  }

  // Sending

  /** Creates a delivery for each appliance: those named, or all of the release's model. */
  async send(
    by: Principal,
    releaseId: string,
    to: { deviceIds: string[] } | { model: string },
  ): Promise<{ kind: "sent"; deliveries: number } | Refused<SendRefusal>> {
    const row = await store.findRelease(this.#deps.db, releaseId);
    if (row === null) return refused("release_not_found");
    const targets = "model" in to ? await this.#ofModel(row, to.model) : await this.#named(row, to.deviceIds);
    if (targets.kind === "refused") return targets;
    const manifest: SignedManifest = { keyId: row.key_id, payload: row.payload, signature: row.signature };
    const body = { manifest, sha256: row.sha256 };
    const expiresAtMs = this.#deps.clock.nowMs() + deliveryLifeMs("firmware");
    const shared = { kind: "firmware", subject: "firmware", label: row.version, body, expiresAtMs } as const;
    const { afterCommit } = await transaction(this.#deps.db, async (tx) => {
      const created = await this.#deps.deliveries.create(
        tx,
        targets.devices.map((device) => ({ device, priority: firmwarePriority, ...shared })),
      );
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "release.sent",
        subject: `release:${row.id}`,
        after: { ...to, deliveries: created.ids.length },
      });
      return created;
    });
    afterCommit();
    return { kind: "sent", deliveries: targets.devices.length };
  }

  async #ofModel(
    row: store.ReleaseRow,
    model: string,
  ): Promise<{ kind: "found"; devices: DeviceRef[] } | Refused<SendRefusal>> {
    if (model !== row.model) return refused("firmware_wrong_model", `It is for ${row.model}.`);
    const devices = await this.#deps.devices.ofModel(model, deliveriesPerCallMax + 1);
    return devices.length > deliveriesPerCallMax ? refused("firmware_too_many_devices") : { kind: "found", devices };
  }

  async #named(
    row: store.ReleaseRow,
    deviceIds: string[],
  ): Promise<{ kind: "found"; devices: DeviceRef[] } | Refused<SendRefusal>> {
    const ids = [...new Set(deviceIds)];
    const found = await this.#deps.devices.find(ids);
    const unknown = ids.filter((id) => !found.has(id));
    if (unknown.length > 0) return refused("firmware_devices_unknown", named(unknown));
    const devices = [...found.values()];
    const others = devices.filter(({ model }) => model !== row.model).map(({ id }) => id);
    return others.length > 0 ? refused("firmware_wrong_model", named(others)) : { kind: "found", devices };
  }

  /** The wire's body of a firmware delivery, with a link that works until the delivery expires. For the dispatcher. */
  readonly renderBody: RenderBody = ({ deviceId, body, expiresAtMs }) => {
    const { manifest, sha256 } = storedBody.parse(body);
    return { manifest, href: this.signHref(deviceId, sha256, expiresAtMs) };
  };

  // Links

  /** The absolute address of an image, for one device until a time. */
  signHref(device: string, sha256: string, expiresAtMs: number): string {
    const path = imagePath(sha256);
    const signature = signLink(this.#deps.linkSecret, { path, device, expiresAtMs });
    return `${this.#deps.publicUrl()}${path}?device=${encodeURIComponent(device)}&expires=${expiresAtMs}&signature=${signature}`;
  }

  /** Opens the image that a link names. The caller closes the file. */
  async openImage(link: {
    sha256: string;
    device: string;
    expiresAtMs: number;
    signature: string;
  }): Promise<{ kind: "opened"; image: OpenImage } | Refused<"link_not_valid" | "link_expired" | "image_not_found">> {
    const terms = { path: imagePath(link.sha256), device: link.device, expiresAtMs: link.expiresAtMs };
    const verdict = checkLink(this.#deps.linkSecret, terms, link.signature, this.#deps.clock.nowMs());
    if (verdict !== "valid") return refused(verdict);
    const image = await this.#images.open(link.sha256);
    return image === null ? refused("image_not_found") : { kind: "opened", image };
  }
}

/** The first few of a list, for a sentence. */
const named = (ids: readonly string[]): string =>
  `${ids.slice(0, 10).join(", ")}${ids.length > 10 ? `, and ${ids.length - 10} more` : ""}.`;
