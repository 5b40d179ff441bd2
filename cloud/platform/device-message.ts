/** Something that a device said, in the shape in which it said it, as far as it is kept. */
export interface DeviceMessage {
  channel: "telemetry" | "events" | "reported" | "receipts";
  /** What order goes by: the device's own time, or the gateway's where that cannot be right. */
  atMs: number;
  /** When the gateway had it, or null where that is not kept. */
  receivedAtMs: number | null;
  payload: Record<string, unknown>;
}

/** Which part of what a device said: the newest `limit` messages before `beforeMs`. */
export interface MessagePage {
  beforeMs: number;
  limit: number;
}
