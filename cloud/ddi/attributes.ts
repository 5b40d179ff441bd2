import type { Deliveries } from "../deliveries/deliveries.ts";
import type { DeviceRef, ReportedFact } from "../devices/devices.ts";
import { storedOffer } from "../firmware/firmware.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type ConfigData, factsOf, withData } from "./core/attributes.ts";
import type { Client } from "./ddi-login.ts";
import * as store from "./ddi-store.ts";
import type { Receipts } from "./receipts.ts";

interface AttributesDeps {
  db: Db;
  clock: Clock;
  deliveries: Pick<Deliveries, "standing">;
  receipts: Receipts;
  ingestReported: (tx: Db, facts: readonly ReportedFact[]) => Promise<void>;
  /** The counter of a model's release; null where no release has that version. */
  counterOf: (model: string, version: string) => Promise<number | null>;
}

/** What an appliance says of itself, and what follows from the version that it runs. */
export class AttributesOf {
  readonly #deps: AttributesDeps;

  constructor(deps: AttributesDeps) {
    this.#deps = deps;
  }

  /** Takes a client's attributes in: they are part of the appliance's reported state from now on. */
  async put({ device, speaks }: Client, data: ConfigData): Promise<{ kind: "taken" } | { kind: "too_many" }> {
    const { db, clock, counterOf, ingestReported } = this.#deps;
    const version = factsOf(withData({}, { ...data, mode: "merge" }) ?? {}, speaks).firmware;
    // A version that no release has is taken for older than all of them: the client's own check against going back stands behind that.
    const counter = version === undefined ? null : ((await counterOf(device.model, version)) ?? 0);
    const outcome = await transaction(db, async (tx) => {
      const target = await store.lockTarget(tx, device.key);
      const attributes = withData(target.attributes, data);
      if (attributes === null) return null;
      await store.writeAttributes(tx, device.key, attributes);
      const nowMs = clock.nowMs();
      const state = {
        ...factsOf(attributes, speaks),
        attributes,
        ...(counter === null ? {} : { releaseCounter: counter }),
      };
      await ingestReported(tx, [{ device, receivedAtMs: nowMs, reported: { atMs: nowMs, state } }]);
      const after = version === undefined ? [] : await this.#versions(tx, [{ device, version }]);
      await store.wantAttributes(tx, device.key, await this.#awaitsReboot(tx, device));
      return after;
    });
    if (outcome === null) return { kind: "too_many" };
    for (const afterCommit of outcome) afterCommit();
    return { kind: "taken" };
  }

  /** The client has written an update and not yet come back with it. Until then it is asked at every poll. */
  async #awaitsReboot(tx: Db, device: DeviceRef): Promise<boolean> {
    const open = await this.#deps.deliveries.standing(device, "firmware", [], tx);
    return open.some(({ step }) => step === "rebooting");
  }

  /** What appliances reported by MQTT, in that transaction: one that speaks both tells its version there as well. */
  async noteReported(tx: Db, facts: readonly ReportedFact[]): Promise<() => void> {
    const named = facts.flatMap(({ device, reported: { state } }) => {
      const version = state["firmware"];
      return typeof version === "string" ? [{ device, version }] : [];
    });
    const after = named.length === 0 ? [] : await this.#versions(tx, named);
    return () => after.forEach((afterCommit) => afterCommit());
  }

  /** Closes the updates that brought the versions which run now. */
  async #versions(tx: Db, named: readonly { device: DeviceRef; version: string }[]): Promise<(() => void)[]> {
    const byKey = new Map(named.map((one) => [one.device.key, one]));
    const after: (() => void)[] = [];
    for (const { deviceKey, ...action } of await store.lastActions(tx, [...byKey.keys()])) {
      const one = byKey.get(deviceKey);
      if (one !== undefined) after.push(...(await this.#version(tx, one, action)));
    }
    return after;
  }

  async #version(
    tx: Db,
    { device, version }: { device: DeviceRef; version: string },
    action: store.Action,
  ): Promise<(() => void)[]> {
    const { clock, deliveries, receipts } = this.#deps;
    const all = await deliveries.standing(device, "firmware", [action.deliveryId], tx);
    const delivery = all.find(({ id }) => id === action.deliveryId);
    if (delivery === undefined || delivery.phase === "done") return [];
    // SWUpdate keeps its success until it finds the action again: it is left to say so itself.
    const clientWillSay = action.success === "booted" && action.endedAtMs === null;
    if (clientWillSay || storedOffer.parse(delivery.body).version !== version) return [];
    await store.endActions(tx, device.key, [action.actionId], clock.nowMs());
    return [await receipts.take(tx, device, delivery, { step: "confirmed" })];
  }
}
