import { deliveriesPerCallMax, deliveryLifeMs, type NewDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import * as store from "./firmware-store.ts";
import { refused, type Refused } from "./refused.ts";
import { offerBody, type OfferTerms, type Release } from "./release-shapes.ts";

/** Firmware goes before recipes and tips, and after a safety notice. */
const firmwarePriority = 5;

/** What sending needs to know of devices. */
export interface Appliances {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
  ofModel(model: string, limit: number): Promise<DeviceRef[]>;
}

/** What sending needs of deliveries. */
export interface DeliveryMaker {
  create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }>;
  cancelCarrying(tx: Db, kind: "firmware", part: Record<string, unknown>): Promise<number>;
}

interface SendingDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  devices: Appliances;
  deliveries: DeliveryMaker;
}

/** Sent by hand: at once, and nobody is asked but the appliance. */
const atOnce: OfferTerms = {
  rolloutId: null,
  consent: "automatic",
  notBeforeMs: null,
  postponeUntilMsMax: null,
  windows: [],
};

/** Sends a published release by hand, to appliances that somebody names. */
export class Sending {
  readonly #deps: SendingDeps;

  constructor(deps: SendingDeps) {
    this.#deps = deps;
  }

  /** Creates a delivery for each appliance: those named, or all of the release's model. */
  async send(
    by: Principal,
    releaseId: string,
    to: { deviceIds: string[] } | { model: string },
  ): Promise<{ kind: "sent"; deliveries: number } | Refused> {
    const { db, clock, deliveries, audit } = this.#deps;
    const release = (await store.findRelease(db, releaseId))?.release;
    if (release === undefined) return refused("release_not_found");
    const targets = "model" in to ? await this.#ofModel(release, to.model) : await this.#named(release, to.deviceIds);
    if (targets.kind === "refused") return targets;
    const shared = {
      kind: "firmware",
      subject: "firmware",
      label: release.version,
      body: { ...offerBody(release, atOnce) },
      expiresAtMs: clock.nowMs() + deliveryLifeMs("firmware"),
      priority: firmwarePriority,
    } as const;
    const outcome = await transaction(db, async (tx) => {
      if (!(await store.setOffered(tx, release.id, clock.nowMs()))) return refused("release_not_published");
      const created = await deliveries.create(
        tx,
        targets.devices.map((device) => ({ device, ...shared })),
      );
      await audit.record(tx, {
        principal: by,
        action: "release.sent",
        subject: `release:${release.id}`,
        after: { ...to, deliveries: created.ids.length },
      });
      return { kind: "sent" as const, afterCommit: created.afterCommit };
    });
    if (outcome.kind === "refused") return outcome;
    outcome.afterCommit();
    return { kind: "sent", deliveries: targets.devices.length };
  }

  async #ofModel(release: Release, model: string): Promise<{ kind: "found"; devices: DeviceRef[] } | Refused> {
    if (model !== release.model) return refused("firmware_wrong_model", `It is for ${release.model}.`);
    const devices = await this.#deps.devices.ofModel(model, deliveriesPerCallMax + 1);
    return devices.length > deliveriesPerCallMax ? refused("firmware_too_many_devices") : { kind: "found", devices };
  }

  async #named(release: Release, deviceIds: string[]): Promise<{ kind: "found"; devices: DeviceRef[] } | Refused> {
    const ids = [...new Set(deviceIds)];
    const found = await this.#deps.devices.find(ids);
    const unknown = ids.filter((id) => !found.has(id));
    if (unknown.length > 0) return refused("firmware_devices_unknown", named(unknown));
    const devices = [...found.values()];
    const others = devices.filter(({ model }) => model !== release.model).map(({ id }) => id);
    return others.length > 0 ? refused("firmware_wrong_model", named(others)) : { kind: "found", devices };
  }
}

/** The first few of a list, for a sentence. */
const named = (ids: readonly string[]): string =>
  `${ids.slice(0, 10).join(", ")}${ids.length > 10 ? `, and ${ids.length - 10} more` : ""}.`;
