import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { familyRefusal } from "./core/release-rules.ts";
import type { AcceptedUpload, MetadataTexts } from "./core/repository-check.ts";
import { parseTargets } from "./core/tuf-parse.ts";
import * as store from "./firmware-store.ts";
import { refused, type Refused } from "./refused.ts";
import type { Release } from "./release-shapes.ts";
import { type Releases, type Saved, stepOf } from "./releases.ts";
import type { MetadataUpload, Repository } from "./repository.ts";
import type { DeliveryMaker } from "./sending.ts";

interface PublishingDeps {
  db: Db;
  clock: Clock;
  outbox: Outbox;
  audit: Audit;
  releases: Releases;
  repository: Repository;
  deliveries: Pick<DeliveryMaker, "cancelCarrying">;
}

/** From a draft with its image to a signed, a published and perhaps a withdrawn release. */
export class Publishing {
  readonly #deps: PublishingDeps;

  constructor(deps: PublishingDeps) {
    this.#deps = deps;
  }

  /** Takes in the family's metadata that names the image. Nothing is published by it. */
  async sign(by: Principal, id: string, family: string): Promise<Saved | Refused> {
    const { db, audit, repository } = this.#deps;
    return transaction(db, async (tx) => {
      const before = (await store.lockRelease(tx, id))?.release;
      if (before === undefined) return refused("release_not_found");
      const step = stepOf(before, "signed");
      if (step.kind === "refused") return refused(step.rule);
      const checked = await repository.checkFamily(tx, before.model, family);
      if (checked.kind === "refused") return checked;
      const current = await repository.familyTargets(tx, before.model);
      const releases = await store.releasesOfModel(tx, before.model);
      const refusal = familyRefusal({ signed: checked.signed.targets, before: current, releases, adding: before });
      if (refusal !== null) return refusal;
      await store.setSigned(tx, id, family);
      const { model, version } = before;
      const after = { model, version, familyVersion: checked.signed.version };
      await audit.record(tx, { principal: by, action: "release.signed", subject: `release:${id}`, after });
      return { kind: "saved", release: { ...before, state: "signed" } };
    });
  }

  /**
   * Publishes a signed release: its family's metadata, the snapshot that names it, and a timestamp take their places together with the
   * release, or none of them does.
   */
  async publish(by: Principal, id: string, snapshot: string): Promise<Saved | Refused> {
    const { db, clock, releases, repository } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const record = await store.lockRelease(tx, id);
      if (record === null) return refused("release_not_found");
      const before = record.release;
      const step = stepOf(before, "published");
      if (step.kind === "refused") return refused(step.rule);
      // What was free when it was drafted may be taken by now.
      const refusal = await releases.refusal(tx, before);
      if (refusal !== null) return refusal;
      const upload = { families: { [before.model]: record.signedFamily ?? "" }, snapshot };
      const applied = await repository.apply(tx, by, upload, (accepted, current) =>
        this.#checkFamilies(tx, accepted, current, before),
      );
      if (applied.kind === "refused") return applied;
      const atMs = clock.nowMs();
      await store.setPublished(tx, id, atMs);
      const release: Release = { ...before, state: "published", publishedAtMs: atMs };
      await this.#note(tx, by, "published", release);
      return { kind: "saved" as const, release, afterCommit: applied.afterCommit };
    });
    if (outcome.kind === "refused") return outcome;
    await outcome.afterCommit();
    return { kind: "saved", release: outcome.release };
  }

  /** Takes in metadata that publishes nothing new: the first root, rotated keys, later expiries, an image less. */
  async applyMetadata(by: Principal, upload: MetadataUpload): Promise<{ kind: "applied" } | Refused> {
    const outcome = await transaction(this.#deps.db, (tx) =>
      this.#deps.repository.apply(tx, by, upload, (accepted, current) =>
        this.#checkFamilies(tx, accepted, current, null),
      ),
    );
    if (outcome.kind === "refused") return outcome;
    await outcome.afterCommit();
    return { kind: "applied" };
  }

  async #checkFamilies(
    tx: Db,
    accepted: AcceptedUpload,
    current: MetadataTexts,
    adding: Release | null,
  ): Promise<ReturnType<typeof familyRefusal>> {
    for (const [model, { targets }] of accepted.families) {
      const role = `fw-${model}`;
      const old = current.get(role);
      const before = old === undefined ? {} : parseTargets(role, old).metadata.signed.targets;
      const releases = await store.releasesOfModel(tx, model);
      const refusal = familyRefusal({
        signed: targets,
        before,
        releases,
        adding: adding?.model === model ? adding : null,
      });
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /**
   * Takes a release back at once: no statement, no link and no new offer, and what waits for appliances is cancelled. What is signed of it goes
   * with the next metadata.
   */
  async withdraw(by: Principal, id: string, reason: string): Promise<Saved | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const before = (await store.lockRelease(tx, id))?.release;
      if (before === undefined) return refused("release_not_found");
      const step = stepOf(before, "withdrawn");
      if (step.kind === "refused") return refused(step.rule);
      const atMs = this.#deps.clock.nowMs();
      await store.setWithdrawn(tx, id, atMs, reason);
      const release: Release = { ...before, state: "withdrawn", withdrawnAtMs: atMs, withdrawnReason: reason };
      const cancelled = await this.#deps.deliveries.cancelCarrying(tx, "firmware", { releaseId: id });
      await this.#note(tx, by, "withdrawn", release, { reason, deliveriesCancelled: cancelled });
      return { kind: "saved", release };
    });
  }

  async #note(
    tx: Db,
    by: Principal,
    what: "published" | "withdrawn",
    release: Release,
    more: Record<string, unknown> = {},
  ): Promise<void> {
    const { id, model, version, releaseCounter, sha256 } = release;
    const subject = `release:${id}`;
    const after = { model, version, releaseCounter, sha256, ...more };
    const atMs = this.#deps.clock.nowMs();
    await this.#deps.outbox.add(tx, [{ type: `hearth.release.${what}`, subject, atMs, data: after }]);
    await this.#deps.audit.record(tx, { principal: by, action: `release.${what}`, subject, after });
  }
}
