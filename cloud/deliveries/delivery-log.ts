import type { DeviceRef } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { DeviceMessage, MessagePage } from "../platform/device-message.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { deliverySentence, happeningRank } from "./core/delivery-text.ts";
import { happenings, receiptsOfDevice } from "./delivery-log-store.ts";

/** What became of an appliance's deliveries, for people: on its timeline, and word for word. */
export class DeliveryLog {
  readonly #db: Db;
  #namesOf: (rolloutIds: string[]) => Promise<Map<string, string>> = async () => new Map();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Names who knows what rollouts are called; a timeline says which one a delivery was of. */
  nameRollouts(namesOf: (ids: string[]) => Promise<Map<string, string>>): void {
    this.#namesOf = namesOf;
  }

  /** The newest receipts and replies of a device. What a reply said is its receipt's result. */
  async messages(device: DeviceRef, page: MessagePage): Promise<DeviceMessage[]> {
    const rows = await receiptsOfDevice(this.#db, device.key, page.beforeMs, page.limit);
    return rows.map(({ delivery_id: deliveryId, order_at_ms, received_at_ms, ...row }) => {
      const { attempt, step, at_ms: atMs, progress, reason, result } = row;
      const more = Object.entries({ progress, reason, result }).filter(([, value]) => value !== null);
      const payload = { deliveryId, attempt, atMs, step, ...Object.fromEntries(more) };
      return { channel: "receipts", atMs: order_at_ms, receivedAtMs: received_at_ms, payload };
    });
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await happenings(this.#db, device.key, page);
    // What staff calls its plans is nothing that a household is told.
    const rolloutIds = page.owner === undefined ? rows.flatMap((row) => row.rollout_id ?? []) : [];
    const rollouts =
      rolloutIds.length === 0 ? new Map<string, string>() : await this.#namesOf([...new Set(rolloutIds)]);
    const newestFirst = rows.toSorted(
      (a, b) => b.at_ms - a.at_ms || happeningRank(b.kind, b.what) - happeningRank(a.kind, a.what),
    );
    return newestFirst.map((row) => ({
      atMs: row.at_ms,
      kind: "delivery",
      id: `${row.delivery_id}:${row.attempt}:${row.what}${row.what.startsWith("owner_") ? `:${row.at_ms}` : ""}`,
      title: deliverySentence({
        kind: row.kind,
        label: row.label,
        what: row.what,
        reason: row.reason,
        refused: row.refused,
        untilMs: row.until_ms,
        rollout: row.rollout_id === null ? null : (rollouts.get(row.rollout_id) ?? null),
      }),
      data: {
        deliveryId: row.delivery_id,
        kind: row.kind,
        subject: row.subject,
        what: row.what,
        attempt: row.attempt,
        phase: row.phase,
        progress: row.progress,
        reason: row.reason,
        refused: row.refused,
        ...(row.until_ms === null ? {} : { untilMs: row.until_ms }),
        ...(page.owner === undefined && row.rollout_id !== null ? { rolloutId: row.rollout_id } : {}),
      },
    }));
  }
}
