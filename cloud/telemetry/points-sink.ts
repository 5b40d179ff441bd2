import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";

/** A reading, or what of it, that the store refuses for good. */
export interface ParkedReading {
  device: DeviceRef;
  atMs: number;
  receivedAtMs: number;
  metrics: Record<string, number | boolean>;
  reason: ParkReason;
  /** In the store's own words. */
  detail: string;
}

/** Why readings are parked. */
export const parkReasons = {
  refused: "InfluxDB refuses the reading, for example because it is older than the bucket keeps",
  too_many_metrics: "the model's appliances sent more names that it does not declare than get a field",
} as const;
export type ParkReason = keyof typeof parkReasons;

/** Where readings go that are not stored with their effects. */
export interface PointsSink {
  /**
   * Stores readings. The same readings again change nothing.
   *
   * @param facts in the order in which they arrived
   * @returns what is refused for good; everything else is durable
   * @throws while the store does not take readings, whatever the reason
   */
  write(facts: readonly ReadingFact[]): Promise<ParkedReading[]>;
  /** Keeps what was refused, with its reason. */
  park(tx: Db, parked: readonly ParkedReading[]): Promise<void>;
}
