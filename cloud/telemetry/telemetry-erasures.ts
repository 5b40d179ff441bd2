import { sql } from "kysely";
import { type DeviceRef, type TenureSpan, tenureSpansOf } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { affected, type Db } from "../platform/database.ts";
import type { DeviceEventsStore } from "./device-events-store.ts";
import type { ErasedSpan, TelemetryStore } from "./telemetry-store.ts";

export type RefsByKey = (keys: readonly number[], db: Db) => Promise<Map<number, DeviceRef>>;

const againMs = 86_400_000;
/** So long an appliance may have kept what it says late. */
export const lateDays = 90;
const repeatedForMs = lateDays * 86_400_000;
const atOnce = 20;

/** What is to be forgotten of appliances: noted in the transaction that decides it, and worked off after. */
export class TelemetryErasures {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #stores: readonly Pick<TelemetryStore, "erase">[];
  readonly #events: DeviceEventsStore;
  readonly #firstFreeMs: (tx: Db, device: DeviceRef, nowMs: number) => Promise<number>;

  /** @param deps `stores` are all that may hold something, also from before another was switched on */
  constructor(deps: {
    db: Db;
    clock: Clock;
    stores: readonly Pick<TelemetryStore, "erase">[];
    events: DeviceEventsStore;
    /** The first moment from now on that nothing stored of a device has reached. */
    firstFreeMs: (tx: Db, device: DeviceRef, nowMs: number) => Promise<number>;
  }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#stores = deps.stores;
    this.#events = deps.events;
    this.#firstFreeMs = deps.firstFreeMs;
  }

  /** Notes that everything which appliances said while their household had them is to go. */
  async note(tx: Db, devices: readonly DeviceRef[], toMs: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await sql`
      INSERT INTO telemetry_erasure (device_key, from_ms, to_ms, next_at_ms, until_ms)
      SELECT key, from_ms, ${toMs}, ${nowMs}, ${nowMs + repeatedForMs}
      FROM unnest(${devices.map(({ key }) => key)}::int[], ${devices.map(({ householdSinceMs }) => householdSinceMs ?? 0)}::bigint[]) AS d(key, from_ms)
      WHERE from_ms < ${toMs}
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /**
   * Notes what the appliances of a household said, those that it handed over too. Readings of a clock that runs ahead go as far as any are
   * stored, and events at once: whatever bears such a time from now on may be somebody else's. See `aheadUntil`.
   *
   * @returns how many spans
   */
  async noteHousehold(tx: Db, householdId: string, refsByKey: RefsByKey): Promise<number> {
    const nowMs = this.#clock.nowMs();
    await this.#events.eraseAhead(tx, householdId, nowMs);
    const spans = await tenureSpansOf(tx, householdId);
    const isOpen = ({ toMs }: TenureSpan) => (toMs ?? Infinity) > nowMs;
    const refs = await refsByKey(
      spans.filter(isOpen).map(({ deviceKey }) => deviceKey),
      tx,
    );
    const noted: ErasedSpan[] = [];
    for (const span of spans) {
      const { deviceKey, fromMs, toMs } = span;
      const device = isOpen(span) ? refs.get(deviceKey) : undefined;
      const freeMs = device === undefined ? nowMs : await this.#firstFreeMs(tx, device, nowMs);
      noted.push({ deviceKey, fromMs, toMs: Math.min(toMs ?? Infinity, freeMs) });
    }
    return affected(tx)`
      INSERT INTO telemetry_erasure (device_key, from_ms, to_ms, next_at_ms, until_ms)
      SELECT key, from_ms, to_ms, ${nowMs}, ${nowMs + repeatedForMs}
      FROM unnest(${noted.map((one) => one.deviceKey)}::int[], ${noted.map((one) => one.fromMs)}::bigint[],
        ${noted.map((one) => one.toMs)}::bigint[]) AS t(key, from_ms, to_ms) WHERE from_ms < to_ms
      ON CONFLICT (device_key, from_ms, to_ms) DO UPDATE SET next_at_ms = excluded.next_at_ms, until_ms = excluded.until_ms`;
  }

  /** Until when, after `nowMs`, something of this appliance is still to be erased: whoever gets it now has it from then on. Null: nothing. */
  async aheadUntil(tx: Db, deviceKey: number, nowMs: number): Promise<number | null> {
    const { rows } = await sql<{ until_ms: number | null }>`
      SELECT max(to_ms) AS until_ms FROM telemetry_erasure WHERE device_key = ${deviceKey} AND to_ms > ${nowMs}`.execute(
      tx,
    );
    return rows[0]?.until_ms ?? null;
  }

  /** How many spans of these appliances have not been worked off yet. */
  async waiting(deviceKeys: readonly number[]): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*) AS count FROM telemetry_erasure
      WHERE device_key = ANY(${[...deviceKeys]}::int[]) AND next_at_ms <= ${this.#clock.nowMs()}`.execute(this.#db);
    return rows[0]?.count ?? 0;
  }

  /** @throws where a store is away */
  async eraseNow(spans: readonly ErasedSpan[]): Promise<void> {
    for (const span of spans) {
      for (const store of this.#stores) await store.erase([span]);
      await this.#events.erase(this.#db, span);
    }
  }

  /** Works off what is due. A store that is away leaves it due. */
  async tick(): Promise<void> {
    for (;;) {
      const nowMs = this.#clock.nowMs();
      const { rows } = await sql<ErasedSpan>`
        SELECT device_key AS "deviceKey", from_ms AS "fromMs", to_ms AS "toMs" FROM telemetry_erasure
        WHERE next_at_ms <= ${nowMs} ORDER BY next_at_ms LIMIT ${atOnce}`.execute(this.#db);
      for (const span of rows) {
        await this.eraseNow([span]);
        const which = sql`device_key = ${span.deviceKey} AND from_ms = ${span.fromMs} AND to_ms = ${span.toMs}`;
        await sql`UPDATE telemetry_erasure SET next_at_ms = ${nowMs + againMs} WHERE ${which}`.execute(this.#db);
        await sql`DELETE FROM telemetry_erasure WHERE ${which} AND until_ms <= ${nowMs}`.execute(this.#db);
      }
      if (rows.length < atOnce) return;
    }
  }
}
