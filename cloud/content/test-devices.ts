import { type Db, transaction } from "../platform/database.ts";
import { keepsQuietMax } from "../deliveries/deliveries.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { type ContentDeps, noteChange } from "./content-deps.ts";
import { deliveryOfKind, priorityOf, sampleExtra } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import { refused, type Refused } from "./content-views.ts";
import { type Sending, usualExpiryMs } from "./sending.ts";
import { addTestDevice, removeTestDevice, testDevicesOf } from "./test-devices-store.ts";

/** Appliances with this tag are for trying things out, by everybody. */
const testTag = "test";

/** Most that one person keeps. */
export const testDevicesMax = 20;

/** Somebody stands beside it and waits: it does not queue behind a campaign, and the quiet hours of where it stands do not hold it. */
const awaited = keepsQuietMax + 1;

/** Appliances on which one sees what one writes before anybody else does. */
export class TestDevices {
  readonly #deps: ContentDeps;
  readonly #sending: Sending;

  constructor(deps: ContentDeps, sending: Sending) {
    this.#deps = deps;
    this.#sending = sending;
  }

  list(by: Principal): Promise<string[]> {
    return testDevicesOf(this.#deps.db, principalText(by));
  }

  async add(
    by: Principal,
    deviceId: string,
  ): Promise<{ kind: "added"; deviceIds: string[] } | Refused<"content_device_not_found" | "test_devices_full">> {
    const { db, devices, clock, audit } = this.#deps;
    const device = (await devices.find([deviceId])).get(deviceId);
    if (device === undefined) return refused("content_device_not_found");
    return transaction(db, async (tx) => {
      const own = await testDevicesOf(tx, principalText(by));
      if (!own.includes(deviceId) && own.length >= testDevicesMax) return refused("test_devices_full");
      await addTestDevice(tx, principalText(by), deviceId, clock.nowMs());
      await audit.record(tx, { principal: by, action: "content.test_device_added", subject: `device:${deviceId}` });
      return { kind: "added" as const, deviceIds: await testDevicesOf(tx, principalText(by)) };
    });
  }

  remove(
    by: Principal,
    deviceId: string,
  ): Promise<{ kind: "removed"; deviceIds: string[] } | Refused<"content_device_not_found">> {
    const { db, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const person = principalText(by);
      if (!(await removeTestDevice(tx, person, deviceId))) return refused("content_device_not_found");
      await audit.record(tx, { principal: by, action: "content.test_device_removed", subject: `device:${deviceId}` });
      return { kind: "removed" as const, deviceIds: await testDevicesOf(tx, person) };
    });
  }

  /** Sends the newest version, whatever state it is in, to one's own test appliances or to those with the tag `test`; to no other. */
  async send(
    by: Principal,
    id: string,
    deviceIds: readonly string[],
  ): Promise<
    | { kind: "sent"; deliveries: number }
    | Refused<
        | "content_not_found"
        | "not_for_sending"
        | "content_devices_unknown"
        | "not_a_test_device"
        | "content_model_unknown"
        | "recipe_does_not_fit"
      >
  > {
    const { db, devices, clock } = this.#deps;
    const item = await store.findItem(db, id);
    const row = item === null ? null : await store.findVersion(db, id, item.version);
    if (row === null) return refused("content_not_found");
    if (deliveryOfKind[row.kind] === null) return refused("not_for_sending");
    const found = await devices.find([...new Set(deviceIds)]);
    const unknown = deviceIds.filter((deviceId) => !found.has(deviceId));
    if (unknown.length > 0) return refused("content_devices_unknown", { detail: `${unknown.join(", ")}.` });
    const refs = [...found.values()];
    const foreign = await this.#foreign(by, refs);
    if (foreign.length > 0) return refused("not_a_test_device", { detail: `${foreign.join(", ")}.` });
    const expiresAtMs = usualExpiryMs(row, clock.nowMs());
    const extra = row.kind === "offer" ? { ...sampleExtra("offer") } : undefined;
    const priority = Math.max(priorityOf[row.class], awaited);
    const wanted = refs.map((device) => ({ itemId: id, device, expiresAtMs, extra, priority }));
    const made = await transaction(db, async (tx: Db) => {
      const delivered = await this.#sending.byHand(tx, row, wanted);
      if (delivered.kind === "refused") return delivered;
      await noteChange(this.#deps, tx, by, "tested", row, { after: { deviceIds } });
      return delivered;
    });
    if (made.kind === "refused") return made;
    made.afterCommit();
    return { kind: "sent", deliveries: made.deliveries.length };
  }

  async #foreign(by: Principal, refs: readonly { key: number; id: string }[]): Promise<string[]> {
    const own = new Set(await this.list(by));
    const tagged = await this.#deps.devices.tagged(
      this.#deps.db,
      refs.map(({ key }) => key),
      testTag,
    );
    return refs.filter(({ key, id }) => !own.has(id) && !tagged.has(key)).map(({ id }) => id);
  }
}
