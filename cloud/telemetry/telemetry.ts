import type pg from "pg";
import { programText } from "#protocol/program-words.ts";
import type { DeviceRef, EventFact, ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { DeviceMessage, MessagePage } from "../platform/device-message.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type KeptWords, keptWords } from "./core/kept-words.ts";
import { RecentReadings } from "./core/recent-readings.ts";
import { defaultRetention, type Kept, type Retention } from "./core/retention.ts";
import {
  DeviceEventsStore,
  type EventCounts,
  type EventCountsQuery,
  type EventsQuery,
  type StoredEvent,
} from "./device-events-store.ts";
import { telemetryData } from "./household-data.ts";
import type { InfluxReadings } from "./influx-readings.ts";
import { gateMetric, type GateMeasure, type GateSide, type GateSource } from "./gate-metric.ts";
import {
  type PostgresTelemetryDeps,
  PostgresTelemetryStore,
  type PreparedReadings,
} from "./postgres-telemetry-store.ts";
import type { RollupsBehind } from "./rollups.ts";
import { storedReadings } from "./stored-messages.ts";
import { type RefsByKey, TelemetryErasures } from "./telemetry-erasures.ts";
import { UnknownMetrics } from "./unknown-metrics.ts";
import type { DeviceSpan, ErasedSpan, TelemetryStore } from "./telemetry-store.ts";

export type { PreparedReadings } from "./postgres-telemetry-store.ts";
export { isClockSuspect, readingKey } from "./core/reading-rows.ts";
export type { KeptWords } from "./core/kept-words.ts";
export type { Retention } from "./core/retention.ts";
export { FasterSampling } from "./faster-sampling.ts";
export { liveProblems } from "./live-problems.ts";
export { LiveTails } from "./live-tails.ts";
export type { EventsQuery, StoredEvent } from "./device-events-store.ts";
export { InfluxReadings } from "./influx-readings.ts";
export type { InfluxConfig } from "./influx-server.ts";
export { ParkedReadings } from "./parked-readings.ts";
export { pointsProblems, rollupsProblems } from "./points-health.ts";
export type { ParkedReading, PointsSink } from "./points-sink.ts";
export { lateDays } from "./telemetry-erasures.ts";
export { telemetryProblems } from "./telemetry-problems.ts";
export type { TelemetryStore } from "./telemetry-store.ts";

/** Readings that are stored elsewhere; known is which of them came before. */
const preparedElsewhere = (repeated: Set<string>, learn: () => void): PreparedReadings => ({
  rows: [],
  hours: [],
  copy: Buffer.alloc(0),
  repeated,
  learn,
});

/** What appliances measured and what happened at them. */
export class Telemetry {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #retention: Retention;
  readonly #readings: PostgresTelemetryStore;
  readonly #influx: InfluxReadings | undefined;
  readonly #events = new DeviceEventsStore();
  readonly #recent: RecentReadings;
  readonly #erasures: TelemetryErasures;
  readonly unknownMetrics: UnknownMetrics;

  /** @param deps `influx` is the store of readings in place of this database; a reader of its own brings them to it */
  constructor(deps: PostgresTelemetryDeps & { influx?: InfluxReadings | undefined }) {
    this.#influx = deps.influx;
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#retention = deps.retention ?? defaultRetention;
    this.#recent = new RecentReadings(deps.clock.nowMs());
    this.#readings = new PostgresTelemetryStore(deps);
    this.unknownMetrics = new UnknownMetrics(deps);
    const stores = [this.#readings, ...(this.#influx === undefined ? [] : [this.#influx.store])];
    const firstFreeMs = (tx: Db, device: DeviceRef, nowMs: number) => this.firstFreeMs(tx, device, nowMs);
    this.#erasures = new TelemetryErasures({ ...deps, stores, events: this.#events, firstFreeMs });
  }

  async load(): Promise<void> {
    await this.#readings.load();
    await this.#influx?.load();
    await this.#readings.keep();
  }

  /** Brings the rollups up to date with what came since. */
  follow(): Promise<void> {
    return this.#readings.rollups.follow();
  }

  /** How far the rollups lag behind what is stored. InfluxDB needs none. */
  async rollupsBehind(): Promise<RollupsBehind> {
    return this.#influx === undefined ? this.#readings.rollups.behind() : { hours: 0, behindMs: 0 };
  }

  stop(): void {
    this.#readings.rollups.stop();
  }

  /** Makes partitions ahead, and lets go of what is older than it is kept. */
  async keep(): Promise<void> {
    await this.#readings.keep();
    await this.#events.removeOlder(this.#db, this.#clock.nowMs() - this.#retention.eventsMs);
  }

  /** How long what is kept where. InfluxDB keeps readings by a policy of its own. */
  get kept(): Kept {
    const { eventsMs, ...readings } = this.#retention;
    return this.#influx === undefined
      ? { store: "postgresql", ...readings, eventsMs }
      : { store: "influxdb", readingsMs: null, minutesMs: null, hoursMs: null, daysMs: null, eventsMs };
  }

  /** The same for the people whose it is. */
  get keptWords(): KeptWords {
    return keptWords(this.kept);
  }

  get store(): TelemetryStore {
    return this.#influx?.store ?? this.#readings;
  }

  /**
   * Of readings by a sound clock that are older than what was heard of their device those that came before, by device and time; null
   * while some that are not remembered wait to be stored. Not there where that is known of every reading.
   */
  get cameBefore(): ((facts: readonly ReadingFact[]) => Promise<Set<string> | null>) | undefined {
    const influx = this.#influx;
    if (influx === undefined) return undefined;
    return async (facts) => (influx.hasAllUntil(this.#recent.forgottenUntilMs) ? influx.store.cameBefore(facts) : null);
  }

  /** The same readings for whoever must not decide on a part of them: away while some of that time wait to be stored. */
  get complete(): Pick<TelemetryStore, "readings"> {
    return this.#influx?.complete ?? this.#readings;
  }

  /** The first moment that no reading of a device has reached: now, or a few minutes later where its clock runs ahead. */
  async reachedMs(tx: Db, device: DeviceRef, nowMs: number): Promise<number> {
    return Math.max(nowMs, ((await this.store.newestAhead(tx, device, nowMs)) ?? 0) + 1);
  }

  /**
   * The first moment that nothing which is stored of a device, or is still to be erased, has reached: now, or a few minutes later where its clock runs ahead. Who gets
   * the device now and sees it from then on sees nothing that is stored already.
   */
  async firstFreeMs(tx: Db, device: DeviceRef, nowMs: number): Promise<number> {
    const reachedMs = await this.reachedMs(tx, device, nowMs);
    const eventMs = await this.#events.newestAhead(tx, device.key, nowMs);
    const erasedMs = await this.#erasures.aheadUntil(tx, device.key, nowMs);
    return Math.max(reachedMs, (eventMs ?? 0) + 1, erasedMs ?? 0);
  }

  /** Has everything forgotten that appliances said while their household, which is being erased, had them. */
  async forget(tx: Db, devices: readonly DeviceRef[]): Promise<void> {
    for (const device of devices) {
      // Of the readings alone: events of a clock that runs ahead go at once, and bound nobody's time.
      await this.#erasures.note(tx, [device], await this.reachedMs(tx, device, this.#clock.nowMs()));
    }
  }

  /** What this slice holds about households. */
  householdData(refsByKey: RefsByKey): HouseholdData[] {
    return telemetryData({ store: () => this.store, erasures: this.#erasures, refsByKey, kept: this.keptWords });
  }

  /** How much of what these appliances are to forget has not been erased yet. */
  async erasuresWaiting(deviceKeys: readonly number[]): Promise<number> {
    return (await this.#erasures.waiting(deviceKeys)) + ((await this.#influx?.erasuresWaiting()) ?? 0);
  }

  /** Erases what was stored of these spans since they were worked off. @throws where a store is away */
  eraseNow(spans: readonly ErasedSpan[]): Promise<void> {
    return this.#erasures.eraseNow(spans);
  }

  /** Works off what is to be forgotten. */
  erase(): Promise<void> {
    return this.#erasures.tick();
  }

  /** What can be done for readings before their transaction. */
  async prepare(facts: readonly ReadingFact[]): Promise<PreparedReadings> {
    if (this.#influx === undefined) {
      const prepared = await this.#readings.prepare(facts);
      this.unknownMetrics.noteRows(prepared.rows, facts);
      return prepared;
    }
    this.#influx.ahead.note(facts);
    this.unknownMetrics.noteFacts(facts);
    return preparedElsewhere(this.#recent.repeated(facts), () => this.#recent.note(facts, this.#clock.nowMs()));
  }

  /** Stores readings in the transaction open on `client`. Returns what to do once it is committed. */
  async ingestReadings(client: pg.Client, prepared: PreparedReadings): Promise<(() => void) | undefined> {
    return prepared.learn === undefined ? this.#readings.append(client, prepared) : prepared.learn;
  }

  /** Stores events and returns those that are new, and those whose id came before with something else. */
  ingestEvents(tx: Db, facts: readonly EventFact[]): Promise<{ fresh: EventFact[]; altered: EventFact[] }> {
    return this.#events.append(tx, facts);
  }

  /** How often devices said what: events by type, in buckets. */
  eventCounts(devices: readonly DeviceSpan[], query: EventCountsQuery): Promise<EventCounts> {
    return this.#events.counts(this.#db, devices, query);
  }

  /**
   * How a metric, or the frequency of an event, of appliances of a model that were treated differs from that of others. At most a few
   * thousand on either side: the caller picks a sample.
   */
  async gateMetric(
    what: { model: string; source: GateSource },
    sides: { treated: readonly GateSide[]; untreated: readonly GateSide[] },
    toMs: number,
  ): Promise<GateMeasure> {
    return gateMetric({ db: this.#db, readings: this.store }, what, sides, toMs);
  }

  /** What happened to devices in a time, device by device in the order of keys, each in the order of time; at most `limit` events. */
  eventsOf(query: EventsQuery, limit: number): Promise<StoredEvent[]> {
    return this.#events.ofDevices(this.#db, query, limit);
  }

  /** The newest readings of a device, as it sent them. */
  readingMessages(device: DeviceRef, page: MessagePage): Promise<DeviceMessage[]> {
    return storedReadings(this.store, device, page);
  }

  /** The newest events of a device, as it sent them. */
  async eventMessages(device: DeviceRef, page: MessagePage): Promise<DeviceMessage[]> {
    const rows = await this.#events.list(this.#db, device.key, page);
    return rows.map(({ id, at_ms: atMs, order_at_ms, received_at_ms, type, data }) => ({
      channel: "events",
      atMs: order_at_ms,
      receivedAtMs: received_at_ms,
      payload: { id, atMs, type, data },
    }));
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#events.list(this.#db, device.key, page);
    return rows.map((row) => ({
      atMs: row.order_at_ms,
      kind: "event",
      id: row.id,
      title: eventTitle(row.type, row.data),
      data: {
        type: row.type,
        atMs: row.at_ms,
        receivedAtMs: row.received_at_ms,
        clockSuspect: row.clock_suspect,
        ...row.data,
      },
    }));
  }
}

/** `program.finished` with a program `HotAir` reads `Program finished: Hot air`. */
function eventTitle(type: string, data: Record<string, unknown>): string {
  const words = type.replaceAll(/[._]/g, " ");
  const { program } = data;
  const inWords = typeof program === "string" ? programText(program) : undefined;
  const what = [inWords, data["code"], data["itemId"], data["version"]].find((value) => typeof value === "string");
  return words.charAt(0).toUpperCase() + words.slice(1) + (typeof what === "string" ? `: ${what}` : "");
}
