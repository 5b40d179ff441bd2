import type pg from "pg";
import type {
  DeviceRef,
  EventFact,
  PresenceFact,
  ReadingFact,
  ReceiptFact,
  ReplyFact,
  ReportedFact,
} from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { SecurityFact } from "../security/security.ts";
import type { PreparedReadings } from "../telemetry/telemetry.ts";

/** Work that changes memory, and so waits for the commit. */
export type AfterCommit = (() => void) | undefined;

/** What the up road asks of the slices. Each method works inside the batch's transaction. */
export interface IngestSlices {
  findDevices(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  /** Grows whenever a device was changed: what was found before may then be old. */
  deviceChanges(): number;
  /** Before the transaction: everything about readings that needs none. */
  prepareReadings(facts: readonly ReadingFact[]): Promise<PreparedReadings>;
  readings(client: pg.Client, prepared: PreparedReadings): Promise<AfterCommit>;
  /** Returns the events that are new, and those whose id came before with something else. */
  events(tx: Db, facts: readonly EventFact[]): Promise<{ fresh: EventFact[]; altered: EventFact[] }>;
  reported(tx: Db, facts: readonly ReportedFact[]): Promise<void>;
  presence(tx: Db, facts: readonly PresenceFact[]): Promise<void>;
  security(tx: Db, facts: readonly SecurityFact[]): Promise<void>;
  /** Both return the facts that name no delivery of the device. */
  receipts(tx: Db, facts: readonly ReceiptFact[]): Promise<{ unknown: ReceiptFact[]; afterCommit: AfterCommit }>;
  replies(tx: Db, facts: readonly ReplyFact[]): Promise<{ unknown: ReplyFact[]; afterCommit: AfterCommit }>;
  /** What follows from readings, new events, and coming and going: cases, points, whatever rules say. */
  effects(
    tx: Db,
    facts: {
      readings: readonly ReadingFact[];
      /** Of the readings those that were stored before. */
      repeated: ReadonlySet<string>;
      events: readonly EventFact[];
      presence: readonly PresenceFact[];
    },
  ): Promise<AfterCommit[]>;
}
