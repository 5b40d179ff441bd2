/** Deliveries over a database of their own, with appliances that say what a test has them say. */
import type { Receipt } from "#protocol/delivery.ts";
import { Deliveries, type Delivery, type NewDelivery } from "../../cloud/deliveries/deliveries.ts";
import type { DeviceRef } from "../../cloud/devices/devices.ts";
import { transaction } from "../../cloud/platform/database.ts";
import { type DownRoad, downRoad } from "./down-road.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

const dayMs = 86_400_000;

export class DeliveryYard {
  readonly database: TestDatabase;
  readonly road: DownRoad;
  readonly deliveries: Deliveries;
  /** Appliances for which something waits to be sent, as the dispatcher would hear of them. */
  readonly waiting: string[] = [];
  #devicesMade = 0;

  private constructor(database: TestDatabase) {
    this.database = database;
    this.road = downRoad(database.db);
    this.deliveries = new Deliveries(this.road.deps);
    this.deliveries.whenWaiting((ids) => this.waiting.push(...ids));
  }

  static async open(): Promise<DeliveryYard> {
    return new DeliveryYard(await createTestDatabase());
  }

  async oneDevice(): Promise<DeviceRef> {
    const [device] = await this.road.devices.add([`oven-${(this.#devicesMade += 1)}`]);
    if (device === undefined) throw new Error("no device");
    return device;
  }

  firmware(device: DeviceRef): NewDelivery {
    return {
      device,
      kind: "firmware",
      subject: "firmware",
      label: "2.1.0",
      body: { sha256: "aa" },
      priority: 5,
      expiresAtMs: this.road.clock.nowMs() + 30 * dayMs,
    };
  }

  async create(...wanted: NewDelivery[]): Promise<string[]> {
    const { ids, afterCommit } = await transaction(this.database.db, (tx) => this.deliveries.create(tx, wanted));
    afterCommit();
    return ids;
  }

  /** @returns what the device said of deliveries that it never had */
  async say(device: DeviceRef, ...receipts: Omit<Receipt, "atMs">[]) {
    const receivedAtMs = this.road.clock.nowMs();
    const facts = receipts.map((receipt) => ({
      device,
      receivedAtMs,
      receipt: { ...receipt, atMs: receivedAtMs - 5 },
    }));
    const { unknown, afterCommit } = await transaction(this.database.db, (tx) =>
      this.deliveries.ingestReceipts(tx, facts),
    );
    afterCommit();
    return unknown;
  }

  async known(id: string | undefined): Promise<Delivery> {
    const found = await this.deliveries.get(id ?? "");
    if (found === null) throw new Error(`no delivery ${id}`);
    return found.delivery;
  }
}
