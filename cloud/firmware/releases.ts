import type { Readable } from "node:stream";
import type { Model } from "#protocol/model.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type ReleaseEvent, type ReleaseLife, type ReleaseOutcome, stepRelease } from "./core/release-life.ts";
import { runningCounters } from "./appliances-store.ts";
import { releaseRefusal } from "./core/release-rules.ts";
import * as store from "./firmware-store.ts";
import type { ImageCertificates } from "./image-certificates.ts";
import type { ImageFiles, ReceivedImage } from "./image-files.ts";
import { refused, type Refused } from "./refused.ts";
import type { Release, ReleaseDescription, ReleaseNotes } from "./release-shapes.ts";

/** Uploads under way at once. Each holds a file and a connection. */
const uploadsMax = 4;

export interface ReleasesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  images: ImageFiles;
  /** Looks into images that appliances verify by themselves. */
  imageCertificates: Pick<ImageCertificates, "refusal">;
  devices: { model(key: string): Promise<Model | null> };
}

export interface Saved {
  kind: "saved";
  release: Release;
}

const lifeOf = (release: Release): ReleaseLife => {
  switch (release.state) {
    case "draft":
      return { state: "draft", hasImage: release.sha1 !== null };
    case "published":
      return { state: "published", offered: release.offeredAtMs !== null };
    case "signed":
    case "withdrawn":
      return { state: release.state };
  }
};

/** What an event makes of a release, as the transition table has it. */
export const stepOf = (release: Release, event: ReleaseEvent): ReleaseOutcome => stepRelease(lifeOf(release), event);

/** Releases up to where they are signed: their description, their image, and what goes beside it. */
export class Releases {
  readonly #deps: ReleasesDeps;
  #uploads = 0;

  constructor(deps: ReleasesDeps) {
    this.#deps = deps;
  }

  async get(id: string, db: Db = this.#deps.db): Promise<Release | null> {
    return (await store.findRelease(db, id))?.release ?? null;
  }

  list(query: store.ReleaseQuery): Promise<Release[]> {
    return store.listReleases(this.#deps.db, query);
  }

  /** Why a release may not take its place among the others of its model, or null. */
  async refusal(tx: Db, release: Omit<Release, "createdAtMs" | "createdBy">): Promise<Refused | null> {
    const model = await this.#deps.devices.model(release.model);
    if (model === null) return refused("firmware_model_unknown", `There is no model ${release.model}.`);
    const foreign = release.hardwareIds.filter((id) => !model.hardwareIds.includes(id));
    if (foreign.length > 0) return refused("hardware_not_of_model", `${model.key} has no ${foreign.join(", ")}.`);
    const others = (await store.releasesOfModel(tx, release.model)).filter(({ id }) => id !== release.id);
    return releaseRefusal(release, others, await runningCounters(tx, release.model));
  }

  /** Takes in what is said of an image before it comes. */
  async draft(by: Principal, description: ReleaseDescription): Promise<Saved | Refused> {
    const { db, ids, clock } = this.#deps;
    const nothingYet = { sha1: null, md5: null, components: null, publishedAtMs: null, withdrawnAtMs: null };
    const release: Release = {
      ...description,
      ...nothingYet,
      id: ids.next(),
      state: "draft",
      withdrawnReason: null,
      offeredAtMs: null,
      createdAtMs: clock.nowMs(),
      createdBy: principalText(by),
    };
    return transaction(db, async (tx) => {
      await store.lockImages(tx);
      const refusal = await this.refusal(tx, release);
      if (refusal !== null) return refusal;
      await store.insertDraft(tx, release);
      await this.#note(tx, by, "release.drafted", release);
      return { kind: "saved", release };
    });
  }

  /**
   * Takes in the image. What is not what the draft says, or breaks off, is refused and leaves no file.
   *
   * @param declaredLength what the sender says before it sends, where it says so
   */
  async receiveImage(
    by: Principal,
    id: string,
    stream: Readable,
    declaredLength: number | null,
  ): Promise<Saved | Refused> {
    const release = await this.get(id);
    if (release === null) return refused("release_not_found");
    const step = stepOf(release, "image_received");
    if (step.kind === "refused") return refused(step.rule);
    const { length } = release;
    if (declaredLength !== null && declaredLength !== length) {
      return refused("image_length_wrong", `The release says ${length} bytes, the request ${declaredLength}.`);
    }
    if (this.#uploads >= uploadsMax) return refused("uploads_busy");
    this.#uploads += 1;
    try {
      return await this.#receive(by, release, stream);
    } finally {
      this.#uploads -= 1;
    }
  }

  async #receive(by: Principal, release: Release, stream: Readable): Promise<Saved | Refused> {
    const { length, sha256 } = release;
    const image = await this.#deps.images.receive(stream, length);
    if (image === null) return refused("image_length_wrong", `It is longer than ${length} bytes.`);
    try {
      if (image.length !== length)
        return refused("image_length_wrong", `It has ${image.length} bytes instead of ${length}.`);
      if (image.sha256 !== sha256) return refused("image_hash_wrong");
      const refusal = await this.#deps.imageCertificates.refusal(release, () => this.#deps.images.readReceived(image));
      if (refusal !== null) return refusal;
      return await this.#keep(by, release.id, image);
    } finally {
      // Moved away by now where it was kept.
      await this.#deps.images.discard(image.path);
    }
  }

  /** Row and file, or neither. */
  async #keep(by: Principal, id: string, image: ReceivedImage): Promise<Saved | Refused> {
    try {
      return await transaction(this.#deps.db, async (tx) => {
        await store.lockImages(tx);
        const now = (await store.lockRelease(tx, id))?.release;
        if (now === undefined) return refused("release_not_found");
        const step = stepOf(now, "image_received");
        if (step.kind === "refused") return refused(step.rule);
        await store.setImage(tx, id, image);
        await this.#note(tx, by, "release.image_uploaded", now);
        // Last, so that only the commit itself can still fail after it.
        await this.#deps.images.keep(image);
        return { kind: "saved", release: { ...now, sha1: image.sha1, md5: image.md5 } };
      });
    } catch (error) {
      await this.#forget(image.sha256);
      throw error;
    }
  }

  /** Removes an image that no release names. */
  async #forget(sha256: string): Promise<void> {
    await transaction(this.#deps.db, async (tx) => {
      await store.lockImages(tx);
      if (!(await store.hasImage(tx, sha256))) await this.#deps.images.remove(sha256);
    });
  }

  /** Changes what goes beside the signed part, as long as no appliance was offered the release. */
  async change(by: Principal, id: string, change: Partial<ReleaseNotes>): Promise<Saved | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const before = (await store.lockRelease(tx, id))?.release;
      if (before === undefined) return refused("release_not_found");
      const step = stepOf(before, "changed");
      if (step.kind === "refused") return refused(step.rule);
      const release: Release = { ...before, ...change };
      await store.setNotes(tx, id, release);
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "release.changed",
        subject: `release:${id}`,
        before: notesOf(before),
        after: notesOf(release),
      });
      return { kind: "saved", release };
    });
  }

  /** Removes a release that was never published, with its image. */
  async drop(by: Principal, id: string): Promise<{ kind: "dropped" } | Refused> {
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const release = (await store.lockRelease(tx, id))?.release;
      if (release === undefined) return refused("release_not_found");
      const step = stepOf(release, "dropped");
      if (step.kind === "refused") return refused(step.rule);
      await store.deleteRelease(tx, id);
      await this.#note(tx, by, "release.dropped", release);
      return { kind: "dropped" as const, sha256: release.sha256 };
    });
    if (outcome.kind === "refused") return outcome;
    await this.#forget(outcome.sha256);
    return { kind: "dropped" };
  }

  async #note(tx: Db, by: Principal, action: string, release: Release): Promise<void> {
    const { model, version, releaseCounter, sha256 } = release;
    await this.#deps.audit.record(tx, {
      principal: by,
      action,
      subject: `release:${release.id}`,
      after: { model, version, releaseCounter, sha256 },
    });
  }
}

const notesOf = ({ kind, passThrough, notes, supportEndsAtMs }: Release): ReleaseNotes => ({
  kind,
  passThrough,
  notes,
  supportEndsAtMs,
});
