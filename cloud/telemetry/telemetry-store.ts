import type { DeviceRef } from "../devices/devices.ts";

export interface RangeQuery {
  device: DeviceRef;
  metrics: readonly string[];
  /** Inclusive. */
  fromMs: number;
  /** Exclusive. */
  toMs: number;
  /** How many buckets to divide the range into, at most. */
  points: number;
  /** Nothing from before is told, whatever the device's clock said then. */
  sinceMs: number;
}

/** What one metric did in one bucket. */
export interface Bucket {
  /** The bucket's beginning. */
  atMs: number;
  min: number;
  max: number;
  mean: number;
  count: number;
}

export interface RangeAnswer {
  bucketMs: number;
  series: { metric: string; buckets: Bucket[] }[];
}

export interface LatestValue {
  metric: string;
  value: number | boolean;
  atMs: number;
}

/** What every store of readings answers. Peaks and dips stay visible at any zoom: each bucket has its minimum and maximum. */
export interface TelemetryStore {
  range(query: RangeQuery): Promise<RangeAnswer>;
  /** The last value of every metric that the device sent lately, and not before `sinceMs`. */
  latest(device: DeviceRef, sinceMs: number): Promise<LatestValue[]>;
}
