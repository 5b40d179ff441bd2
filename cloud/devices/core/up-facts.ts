import type { Presence } from "#protocol/link/messages.ts";
import type { Reply } from "#protocol/command.ts";
import type { Receipt } from "#protocol/delivery.ts";
import type { DeviceEvent } from "#protocol/device-event.ts";
import type { Reported } from "#protocol/state.ts";

/** A device as the up road needs it. */
export interface DeviceRef {
  key: number;
  id: string;
  model: string;
  householdId: string | null;
  /** What happened before this is not the household's. Null: everything is. */
  householdSinceMs: number | null;
  /** When it was registered or sold, whichever was first. */
  knownSinceMs?: number;
}

/** The household that a device belonged to at a time; null where it was nobody's, or still somebody else's. */
export const householdAt = ({ householdId, householdSinceMs }: DeviceRef, atMs: number): string | null =>
  householdSinceMs === null || atMs >= householdSinceMs ? householdId : null;

/** What every fact of the up road carries: who, when it reached the gateway, and the time that order goes by. */
interface UpFact {
  device: DeviceRef;
  receivedAtMs: number;
}

export interface ReadingFact extends UpFact {
  atMs: number;
  metrics: Readonly<Record<string, number | boolean>>;
}

export interface EventFact extends UpFact {
  event: DeviceEvent;
  /** The device's own time, or `receivedAtMs` where that cannot be right. */
  orderAtMs: number;
  clockSuspect: boolean;
}

export interface ReceiptFact extends UpFact {
  receipt: Receipt;
  /** The device's own words beside the receipt, where it came by a road that has room for them. */
  said?: Readonly<Record<string, unknown>>;
}

export interface ReplyFact extends UpFact {
  reply: Reply;
}

export interface ReportedFact extends UpFact {
  reported: Reported;
}

export interface PresenceFact extends UpFact {
  gatewayId: string;
  presence: Presence;
}
