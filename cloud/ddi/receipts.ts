import type { UpdateFailure } from "#protocol/update.ts";
import type { Deliveries, StandingDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Meaning, Said } from "./core/feedback.ts";

export interface Step {
  step: NonNullable<Meaning["step"]> | "offered" | "confirmed_by_owner";
  progress?: number | null;
  reason?: UpdateFailure | null;
  said?: Said;
}

/** Writes what a client said as a receipt of the delivery's current attempt. The time is the service's: clients' clocks are of no use. */
export class Receipts {
  readonly #deps: { clock: Clock; deliveries: Pick<Deliveries, "ingestReceipts"> };

  constructor(deps: { clock: Clock; deliveries: Pick<Deliveries, "ingestReceipts"> }) {
    this.#deps = deps;
  }

  async take(
    tx: Db,
    device: DeviceRef,
    delivery: Pick<StandingDelivery, "id" | "attempt">,
    { step, progress = null, reason = null, said = {} }: Step,
  ): Promise<() => void> {
    const nowMs = this.#deps.clock.nowMs();
    const receipt = {
      deliveryId: delivery.id,
      attempt: delivery.attempt,
      atMs: nowMs,
      step,
      ...(progress === null ? {} : { progress }),
      ...(reason === null ? {} : { reason }),
    };
    const fact = {
      device,
      receivedAtMs: nowMs,
      receipt,
      ...(Object.keys(said).length === 0 ? {} : { said: { ...said } }),
    };
    return (await this.#deps.deliveries.ingestReceipts(tx, [fact])).afterCommit;
  }
}
