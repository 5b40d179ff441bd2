import { isOpenPhase } from "../deliveries/deliveries.ts";
import type { OpenImage, Release } from "../firmware/firmware.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Clock } from "../platform/clock.ts";
import { type Artifact, artifactView, type DeploymentOf, deploymentView } from "./core/deployment.ts";
import type { Offered } from "./actions.ts";
import type { Client } from "./ddi-login.ts";
import * as store from "./ddi-store.ts";
import type { Receipts } from "./receipts.ts";
import type { Standing, Standings } from "./standing.ts";

interface DownloadsDeps {
  db: Db;
  clock: Clock;
  standings: Standings;
  receipts: Receipts;
  release: (id: string) => Promise<Release | null>;
  openImage: (releaseId: string) => Promise<OpenImage | null>;
  secret: Uint8Array;
  publicUrl: () => string;
}

/** Null where the image is not there. Its name in the signed repository ends in the one that clients see. */
const artifactOf = ({ path, length, sha1, md5, sha256 }: Release): Artifact | null =>
  sha1 === null || md5 === null ? null : { filename: path.slice(path.lastIndexOf("/") + 1), length, sha1, md5, sha256 };

/** The files of updates: what clients are told of them, and handing them over. */
export class Downloads {
  readonly #deps: DownloadsDeps;

  constructor(deps: DownloadsDeps) {
    this.#deps = deps;
  }

  /** What is to be done, as clients want it told; null where the release has gone. */
  async deployment({ device }: Client, actionId: number, offered: Offered) {
    const of = await this.#of(device.id, actionId, offered);
    return of === null ? null : deploymentView(of, this.#deps.secret, this.#deps.publicUrl());
  }

  /** The files of an action; null where the client may not have them now. */
  async list(client: Client, actionId: number) {
    const found = await this.#allowed(client, actionId);
    const of = found === null ? null : await this.#of(client.device.id, actionId, found);
    return of === null ? null : [artifactView(of, this.#deps.secret, this.#deps.publicUrl())];
  }

  /** A file of an action, by its name; null where the client may not have it now. */
  async artifact(
    client: Client,
    actionId: number,
    file: string,
  ): Promise<{ releaseId: string; artifact: Artifact } | null> {
    const found = await this.#allowed(client, actionId);
    if (found === null) return null;
    const release = await this.#deps.release(found.terms.releaseId);
    if (release === null) return null;
    const artifact = artifactOf(release);
    return artifact?.filename === file ? { releaseId: release.id, artifact } : null;
  }

  openImage(releaseId: string): Promise<OpenImage | null> {
    return this.#deps.openImage(releaseId);
  }

  async #of(device: string, actionId: number, { delivery, terms }: Offered): Promise<DeploymentOf | null> {
    const release = await this.#deps.release(terms.releaseId);
    const artifact = release === null ? null : artifactOf(release);
    if (release === null || artifact === null) return null;
    const { model, version } = release;
    return { device, actionId, model, version, artifact, expiresAtMs: delivery.expiresAtMs };
  }

  async #allowed({ device }: Client, actionId: number): Promise<Offered | null> {
    return fetchable(await this.#deps.standings.read(device), actionId);
  }

  /** The image is on its way, or is there: its last byte went over the wire. Clients say neither. */
  async note({ device }: Client, actionId: number, step: "downloading" | "downloaded"): Promise<void> {
    const { db, clock, standings, receipts } = this.#deps;
    const { zone } = await standings.read(device);
    const after = await transaction(db, async (tx) => {
      const now = await standings.lock(tx, device, zone);
      const action = now.live.find((one) => one.actionId === actionId);
      const delivery = now.deliveries.find(({ id }) => id === action?.deliveryId);
      if (action === undefined || delivery === undefined) return null;
      const isNews = step === "downloading" ? action.begunAtMs === null : action.handedOverAtMs === null;
      if (!isNews) return null;
      const marks =
        step === "downloading" ? (["begun_at_ms"] as const) : (["begun_at_ms", "handed_over_at_ms"] as const);
      await store.markAction(tx, device.key, actionId, marks, clock.nowMs());
      return receipts.take(tx, device, delivery, { step });
    });
    after?.();
  }
}

/** The update of an action whose files its client may fetch: it is offered now, or the client has begun with it. */
function fetchable({ offer: { link }, live, deliveries, terms }: Standing, actionId: number): Offered | null {
  const action = live.find((one) => one.actionId === actionId);
  const delivery = deliveries.find(({ id }) => id === action?.deliveryId);
  const own = delivery === undefined ? undefined : terms.get(delivery.id);
  if (action === undefined || delivery === undefined || own === undefined) return null;
  const isOffered = link.kind === "deploy" && link.actionId === actionId;
  return isOpenPhase(delivery.phase) && (isOffered || action.begunAtMs !== null) ? { delivery, terms: own } : null;
}
