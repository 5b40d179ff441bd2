import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type ConnectionCursor, type ConnectionRow, ConnectionsStore } from "./connections-store.ts";
import { presenceTitle } from "./core/presence-title.ts";
import type { DeviceRef, PresenceFact } from "./core/up-facts.ts";
import { DevicesStore } from "./devices-store.ts";

/** Addresses are personal data: so long they help to see who connected in a device's name, and no longer. */
const addressKeptMs = 90 * 86_400_000;
const clearedAtOnce = 10_000;
/** Whoever polls is seen so often at most. */
const seenAgainMs = 60_000;

const isComing = ({ presence: { state } }: PresenceFact): boolean => state === "connected";
/** Whether it is about a device's being held back, within a connection, and not about its coming or going. */
const isAboutHolding = ({ presence: { state } }: PresenceFact): boolean => state === "held" || state === "released";

/** Who is here, who came and went, and from where. */
export class Presence {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #store = new DevicesStore();
  readonly #connections = new ConnectionsStore();

  constructor({ db, clock }: { db: Db; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Records who came and went. Only the gateway's current boot says who is here now. */
  async ingest(tx: Db, facts: readonly PresenceFact[], currentBootId: string | null): Promise<void> {
    if (facts.length === 0) return;
    await this.#store.insertPresence(tx, facts);
    const current = facts.filter((fact) => fact.presence.bootId === currentBootId);
    // One statement must not change a row twice: the last word of each device counts, and a connection outranks an older one's end.
    const last = new Map<number, PresenceFact>();
    for (const fact of current.filter((one) => !isAboutHolding(one))) {
      const known = last.get(fact.device.key);
      if (known === undefined || fact.presence.connectionId >= known.presence.connectionId)
        last.set(fact.device.key, fact);
    }
    const came = new Set(
      current.filter(isComing).map(({ device, presence }) => `${device.key}/${presence.connectionId}`),
    );
    await this.#store.applyPresence(
      tx,
      [...last.values()].map((fact) => ({
        ...fact,
        cameNow: came.has(`${fact.device.key}/${fact.presence.connectionId}`),
      })),
    );
    const holding = new Map(current.filter(isAboutHolding).map((fact) => [fact.device.key, fact]));
    await this.#store.applyHeld(tx, [...holding.values()]);
  }

  async endOtherBoots(gatewayId: string, bootId: string): Promise<void> {
    await this.#store.endOtherBoots(this.#db, gatewayId, bootId, this.#clock.nowMs());
  }

  /** An appliance without a connection was heard of. Written at most once a minute. */
  async noteSeen(device: DeviceRef): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#store.noteSeen(this.#db, device.key, nowMs, nowMs - seenAgainMs);
  }

  /** The connections of a device, newest first. */
  connections(device: DeviceRef, after: ConnectionCursor | null, limit: number): Promise<ConnectionRow[]> {
    return this.#connections.page(this.#db, device.key, after, limit);
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#store.presenceTimeline(this.#db, device.key, page);
    return rows.map((row) => ({
      atMs: row.at_ms,
      kind: "presence",
      id: `${row.boot_id}:${row.connection_id}:${row.state}:${row.at_ms}`,
      title: presenceTitle(row.state, row.reason, row.limit_value),
      data: { state: row.state, reason: row.reason },
    }));
  }

  /** Forgets the addresses that are kept no longer. */
  async tick(): Promise<void> {
    const beforeMs = this.#clock.nowMs() - addressKeptMs;
    while ((await this.#connections.clearAddresses(this.#db, beforeMs, clearedAtOnce)) === clearedAtOnce);
  }
}
