import type { NotableFact, Outbox } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import {
  type DeliveryEvent,
  type DeliveryOutcome,
  type DeliveryPhase,
  type DeliveryState,
  stepDelivery,
} from "./core/delivery-life.ts";
import { type DeliveryRow, stateColumns, stateOf, termsOf, updateStates } from "./deliveries-store.ts";

interface Moving {
  row: DeliveryRow;
  before: DeliveryState;
  now: DeliveryState;
  reason: string | null;
}

export interface Moved {
  row: DeliveryRow;
  from: DeliveryState;
  to: DeliveryState;
  /** What the device gave as its reason, where its word was the last that moved it. */
  reason: string | null;
}

/** Why a delivery cannot be closed by somebody's word. */
export interface CloseRefusal {
  kind: "refused";
  rule: "delivery_not_found" | "delivery_already_closed" | "delivery_under_way";
}

/** Who has to know what moved, in the transaction in which it does. */
export interface MoveBook {
  outbox: Outbox;
  onMoved: (tx: Db, moved: readonly Moved[]) => Promise<void>;
}

/** The outbox's word for a change of phase. */
export const phaseFact = (
  delivery: { id: string; device_id: string; kind: string; subject: string },
  state: DeliveryState,
  atMs: number,
): NotableFact => ({
  type: `hearth.delivery.${state.phase satisfies DeliveryPhase}`,
  subject: `delivery:${delivery.id}`,
  atMs,
  data: {
    deliveryId: delivery.id,
    deviceId: delivery.device_id,
    kind: delivery.kind,
    subject: delivery.subject,
    step: "step" in state ? state.step : null,
    attempt: state.attempt,
  },
});

/** Locked deliveries that events move in memory, until `save` writes all of them back at once. */
export class DeliveryMoves {
  readonly #moving: Map<string, Moving>;
  readonly #nowMs: number;

  constructor(rows: readonly DeliveryRow[], nowMs: number) {
    this.#moving = new Map(
      rows.map((row) => {
        const state = stateOf(row);
        return [row.id, { row, before: state, now: state, reason: null }];
      }),
    );
    this.#nowMs = nowMs;
  }

  row(id: string): DeliveryRow | undefined {
    return this.#moving.get(id)?.row;
  }

  state(id: string): DeliveryState | undefined {
    return this.#moving.get(id)?.now;
  }

  /** Moves one of the deliveries. The caller has made sure that it is among them. */
  apply(id: string, event: DeliveryEvent): DeliveryOutcome {
    const moving = this.#moving.get(id);
    if (moving === undefined) throw new Error(`delivery ${id} was not locked`);
    const outcome = stepDelivery(termsOf(moving.row), moving.now, event);
    if (outcome.kind === "moved") {
      moving.now = outcome.to;
      moving.reason = (event.kind === "receipt" ? event.reason : null) ?? null;
    }
    return outcome;
  }

  /**
   * Writes back what moved, and adds a fact to the outbox for each change of phase or attempt.
   *
   * @param all also writes the others, whose next due time has passed
   */
  async save(tx: Db, { outbox, onMoved }: MoveBook, all = false): Promise<Moved[]> {
    const nowMs = this.#nowMs;
    const each = [...this.#moving.values()];
    const changed = each.filter(({ before, now }) => now !== before);
    await updateStates(
      tx,
      (all ? each : changed).map(({ row, before, now }) => ({
        id: row.id,
        ...stateColumns(termsOf(row), now, nowMs),
        changed_at_ms: now === before ? row.changed_at_ms : nowMs,
      })),
    );
    await outbox.add(
      tx,
      changed
        .filter(({ before, now }) => now.phase !== before.phase || now.attempt !== before.attempt)
        .map(({ row, now }) => phaseFact(row, now, nowMs)),
    );
    const moved = changed.map(({ row, before, now, reason }) => ({ row, from: before, to: now, reason }));
    if (moved.length > 0) await onMoved(tx, moved);
    return moved;
  }
}
