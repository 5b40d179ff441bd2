/** Deliveries as others see them, made of the rows of their table. */
import type { DeliveryKind } from "#protocol/delivery.ts";
import type { DeliveryPhase } from "./core/delivery-life.ts";
import type { Moved } from "./delivery-moves.ts";
import type * as store from "./deliveries-store.ts";

export interface Delivery {
  id: string;
  deviceId: string;
  kind: DeliveryKind;
  subject: string;
  label: string;
  generation: number;
  priority: number;
  phase: DeliveryPhase;
  step: string | null;
  attempt: number;
  cause: string | null;
  createdAtMs: number;
  expiresAtMs: number;
  changedAtMs: number;
}

/** A delivery as whoever carries it to the device by another road needs it. */
export interface StandingDelivery extends Delivery {
  body: Record<string, unknown>;
  /** Queued: not to be sent before; otherwise 0. */
  notBeforeMs: number;
}

/** What a limit took back, as whoever sends it again needs it. */
export interface TakenBackDelivery extends Delivery {
  deviceKey: number;
  body: Record<string, unknown>;
}

export interface DeliveryReceipt {
  attempt: number;
  step: string;
  atMs: number;
  receivedAtMs: number;
  progress: number | null;
  reason: string | null;
  result: Record<string, unknown> | null;
  refused: string | null;
}

export const toDelivery = (row: store.DeliveryRow): Delivery => ({
  id: row.id,
  deviceId: row.device_id,
  kind: row.kind,
  subject: row.subject,
  label: row.label,
  generation: row.generation,
  priority: row.priority,
  phase: row.phase,
  step: row.step,
  attempt: row.attempt,
  cause: row.cause,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
  changedAtMs: row.changed_at_ms,
});

export const toReceipt = (row: store.ReceiptRow): DeliveryReceipt => ({
  attempt: row.attempt,
  step: row.step,
  atMs: row.at_ms,
  receivedAtMs: row.received_at_ms,
  progress: row.progress,
  reason: row.reason,
  result: row.result,
  refused: row.refused,
});

/** A delivery that moved, as other slices see it. */
export interface DeliveryMove {
  deliveryId: string;
  deviceKey: number;
  kind: DeliveryKind;
  from: DeliveryPhase;
  to: DeliveryPhase;
  step: string | null;
  attempt: number;
  /** Of a closed one: whether the device said so, the clock, or a person. */
  cause: string | null;
  /** What the device gave as its reason. */
  reason: string | null;
}

export const toMove = ({ row, from, to, reason }: Moved): DeliveryMove => ({
  deliveryId: row.id,
  deviceKey: row.device_key,
  kind: row.kind,
  from: from.phase,
  to: to.phase,
  step: "step" in to ? to.step : null,
  attempt: to.attempt,
  cause: "cause" in to ? to.cause : null,
  reason,
});
