import type { KeyObject } from "node:crypto";
import type { FirmwareOffer } from "#protocol/update.ts";
import type { Model } from "#protocol/model.ts";
import type { RenderBody } from "../deliveries/deliveries.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit } from "../staff/staff.ts";
import { countRunning } from "./appliances-store.ts";
import { Components } from "./components.ts";
import { checkLink, signLink } from "../platform/signed-link.ts";
import { roleKey } from "./core/tuf-keys.ts";
import { type DeliveryLookup, Director } from "./director.ts";
import * as store from "./firmware-store.ts";
import { ImageCertificates } from "./image-certificates.ts";
import { ImageFiles, type OpenImage } from "./image-files.ts";
import { Publishing } from "./publishing.ts";
import { refused, type Refused } from "./refused.ts";
import { type Release, storedOffer } from "./release-shapes.ts";
import { Releases } from "./releases.ts";
import { Repository } from "./repository.ts";
import { type Appliances, type DeliveryMaker, Sending } from "./sending.ts";

export { findReleases } from "./release-search.ts";
export { firmwareProblems } from "./errors.ts";
export type { OpenImage } from "./image-files.ts";
export { offerBody, type OfferTerms, type Release, storedOffer, type StoredOffer } from "./release-shapes.ts";

const imagePath = (sha256: string): string => `/files/firmware/${sha256}`;
const statementPath = (deliveryId: string): string => `/files/statements/${deliveryId}`;
const repositoryPath = "/files/repository/";

/** A link as an appliance comes with it. */
interface GivenLink {
  device: string;
  expiresAtMs: number;
  signature: string;
}

interface FirmwareDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  devices: Appliances & { model(key: string): Promise<Model | null> };
  deliveries: DeliveryMaker & DeliveryLookup;
  artifactsDir: string;
  /** Signs the links to images and statements. */
  linkSecret: Uint8Array;
  /** Ed25519: signs timestamps, the only key of the repository that is here. */
  timestampKey: KeyObject;
  /** Ed25519, and another one: signs statements. */
  directorKey: KeyObject;
  /** Base of every link, without a slash at its end. */
  publicUrl: () => string;
}

/** A release that appliances below its counter must have before any that is newer; for the hardware that it lists. */
export interface PassThrough {
  id: string;
  version: string;
  releaseCounter: number;
  hardwareIds: string[];
}

/** Firmware: releases, the signed repository, the director, and the links that lead to them. */
export class Firmware {
  readonly #deps: FirmwareDeps;
  readonly #images: ImageFiles;
  readonly repository: Repository;
  readonly releaseDesk: Releases;
  readonly publishing: Publishing;
  readonly sending: Sending;
  readonly director: Director;
  readonly components: Components;
  readonly imageCertificates: ImageCertificates;

  constructor(deps: FirmwareDeps) {
    this.#deps = deps;
    this.#images = new ImageFiles(deps.artifactsDir, deps.ids);
    this.imageCertificates = new ImageCertificates(deps);
    this.releaseDesk = new Releases({ ...deps, images: this.#images, imageCertificates: this.imageCertificates });
    this.repository = new Repository({ ...deps, timestampKey: roleKey(deps.timestampKey) });
    this.publishing = new Publishing({ ...deps, releases: this.releaseDesk, repository: this.repository });
    this.sending = new Sending(deps);
    this.director = new Director(deps);
    this.components = new Components(deps);
  }

  /** Prepares the folder of images, looks at the repository, and signs anew what ran out while nobody ran. Before anything else. */
  async load(): Promise<void> {
    await this.#images.prepare();
    await this.repository.tick();
  }

  /** Keeps the repository's timestamp fresh. About once a minute. */
  async tick(): Promise<void> {
    await this.repository.tick();
  }

  // For those who bring releases to appliances

  release(id: string): Promise<Release | null> {
    return this.releaseDesk.get(id);
  }

  releases(query: store.ReleaseQuery): Promise<Release[]> {
    return this.releaseDesk.list(query);
  }

  /** The same releases, each with how many appliances of its model report its version. */
  async adoption(releases: readonly Release[]): Promise<(Release & { running: number })[]> {
    const counts = await countRunning(this.#deps.db, releases);
    return releases.map((one) => {
      const found = counts.find(({ model, version }) => model === one.model && version === one.version);
      return { ...one, running: found?.devices ?? 0 };
    });
  }

  /** The published releases of a model that must not be skipped, by counter. */
  async passThroughs(model: string): Promise<PassThrough[]> {
    const all = await store.releasesOfModel(this.#deps.db, model);
    return all
      .filter(({ state, passThrough }) => state === "published" && passThrough)
      .map(({ id, version, releaseCounter, hardwareIds }) => ({ id, version, releaseCounter, hardwareIds }));
  }

  /** The counter of the release of a model that has a version; null where none was ever published with it. */
  counterOf(model: string, version: string): Promise<number | null> {
    return store.counterOfVersion(this.#deps.db, model, version);
  }

  /**
   * Notes, in the caller's transaction, that appliances are offered a release: nothing of it changes from then on.
   *
   * @returns false where it is not published, or no longer: then nothing may be offered
   */
  markOffered(tx: Db, releaseId: string, atMs: number): Promise<boolean> {
    return store.setOffered(tx, releaseId, atMs);
  }

  /** The wire's body of a firmware delivery, with links that work until the delivery expires. For the dispatcher. */
  readonly renderBody: RenderBody = ({ id, deviceId, body, expiresAtMs }) => {
    const { sha256, version, security, notes, consent, notBeforeMs, postponeUntilMsMax, windows } =
      storedOffer.parse(body);
    const offer: FirmwareOffer = {
      version,
      security,
      notes,
      consent,
      notBeforeMs,
      postponeUntilMsMax,
      windows,
      metadataHref: `${this.#deps.publicUrl()}${repositoryPath}`,
      statementHref: this.#sign(statementPath(id), deviceId, expiresAtMs),
      imageHref: this.signHref(deviceId, sha256, expiresAtMs),
    };
    return { ...offer };
  };

  // Links

  /** The absolute address of an image, for one device until a time. */
  signHref(device: string, sha256: string, expiresAtMs: number): string {
    return this.#sign(imagePath(sha256), device, expiresAtMs);
  }

  #sign(path: string, device: string, expiresAtMs: number): string {
    const signature = signLink(this.#deps.linkSecret, { path, device, expiresAtMs });
    return `${this.#deps.publicUrl()}${path}?device=${encodeURIComponent(device)}&expires=${expiresAtMs}&signature=${signature}`;
  }

  #check(
    path: string,
    { device, expiresAtMs, signature }: GivenLink,
  ): Refused<"link_not_valid" | "link_expired"> | null {
    const verdict = checkLink(
      this.#deps.linkSecret,
      { path, device, expiresAtMs },
      signature,
      this.#deps.clock.nowMs(),
    );
    return verdict === "valid" ? null : refused(verdict);
  }

  /** Opens the image that a link names, as long as a published release is it. */
  async openImage(link: GivenLink & { sha256: string }): Promise<{ kind: "opened"; image: OpenImage } | Refused> {
    const refusal = this.#check(imagePath(link.sha256), link);
    if (refusal !== null) return refusal;
    if (!(await store.isPublishedImage(this.#deps.db, link.sha256))) return refused("image_not_found");
    const image = await this.#images.open(link.sha256);
    return image === null ? refused("image_not_found") : { kind: "opened", image };
  }

  /** The image of a published release, for those who let appliances in by other means than a link. */
  async openImageOf(releaseId: string): Promise<OpenImage | null> {
    const found = await this.release(releaseId);
    if (found?.state !== "published") return null;
    return this.#images.open(found.sha256);
  }

  /** The director's statement that a link names. */
  async statement(link: GivenLink & { deliveryId: string }): Promise<{ kind: "stated"; statement: string } | Refused> {
    return this.#check(statementPath(link.deliveryId), link) ?? this.director.statement(link.deliveryId, link.device);
  }
}
