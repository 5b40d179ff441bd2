import type { DeviceRef } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";

/** An appliance as somebody may see it: nothing from before `sinceMs` is told, whatever its clock said then. */
export interface DeviceSpan {
  device: DeviceRef;
  sinceMs: number;
}

export interface RangeQuery {
  devices: readonly DeviceSpan[];
  metrics: readonly string[];
  /** Inclusive. */
  fromMs: number;
  /** Exclusive. */
  toMs: number;
  /** About how many buckets to divide the range into: one more at most, since buckets begin at round times. */
  points: number;
}

/** What one metric did in one bucket, as far as the range, `sinceMs` and the readings go. */
export interface Bucket {
  /** The bucket's beginning: a multiple of the bucket's length, and so perhaps before the range's. */
  atMs: number;
  min: number;
  max: number;
  mean: number;
  count: number;
}

export interface RangeAnswer {
  bucketMs: number;
  /** Of each device, in the order asked for, each metric, in the order asked for. Buckets that hold nothing are left out. */
  series: { deviceKey: number; metric: string; buckets: Bucket[] }[];
}

export interface LatestValue {
  metric: string;
  value: number | boolean;
  atMs: number;
  /** The device's clock cannot have been right. */
  clockSuspect: boolean;
}

/** One reading as it was kept: flags are booleans, everything else is a number to its last digit. */
export interface StoredReading {
  deviceKey: number;
  atMs: number;
  metrics: Record<string, number | boolean>;
  clockSuspect: boolean;
}

/** An appliance as somebody saw it: nothing from `untilMs` on is told either. */
export interface BoundedSpan extends DeviceSpan {
  untilMs?: number;
}

export interface ReadingsQuery {
  devices: readonly BoundedSpan[];
  /** Null: all of them. A reading that has none of those asked for is left out. */
  metrics: readonly string[] | null;
  fromMs: number;
  toMs: number;
}

/** Appliances of one model, each from a time on. */
export interface MeansQuery {
  model: string;
  devices: readonly { deviceKey: number; sinceMs: number }[];
  metric: string;
  toMs: number;
}

/** What an appliance said in a time, also where only the gateway's clock says that it was then. */
export interface ErasedSpan {
  deviceKey: number;
  fromMs: number;
  toMs: number;
}

/**
 * What every store of readings answers. Peaks and dips stay visible at any zoom: each bucket has its minimum and maximum. A reading
 * whose time cannot be right is in no bucket; last values and raw readings have it, and say so.
 */
export interface TelemetryStore {
  range(query: RangeQuery): Promise<RangeAnswer>;
  /** The last value of every metric that each device sent lately, by device key. A device that said nothing is left out. */
  latest(devices: readonly DeviceSpan[]): Promise<Map<number, LatestValue[]>>;
  /** Raw readings in pages: device by device in the order asked for, each in the order of its own time. */
  readings(query: ReadingsQuery): AsyncIterable<StoredReading[]>;
  /**
   * The newest time that a device gave a reading by a clock that runs ahead of `nowMs`, though not so far that nobody believes it.
   *
   * @param tx the caller's transaction, for a store that lives in the same database
   */
  newestAhead(tx: Db, device: DeviceRef, nowMs: number): Promise<number | null>;
  /** The mean of the devices' own means over the newest readings of each; null, and 0 devices, where none has said it. */
  means(query: MeansQuery): Promise<{ value: number | null; devices: number }>;
  /** Erases for good, whatever is derived from it included. Repeating it does no harm. */
  erase(spans: readonly ErasedSpan[]): Promise<void>;
}

/** The newest readings of a device that go into its mean: a day of one in ten seconds would be read for nothing. */
export const meanReadingsMax = 200;

/** How many of a device's last readings are looked through for the last value of each metric. */
export const latestReadingsMax = 60;
