import type { ReceiptFact, ReplyFact } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { DeliveryOutcome } from "./core/delivery-life.ts";
import { type MoveBook, type Moved, DeliveryMoves } from "./delivery-moves.ts";
import { type Body, insertReceipts, lockDeliveries, type ReceiptRow } from "./deliveries-store.ts";

/** A device's clock may be this far ahead before the gateway's time is used for order instead. */
const clockAheadMsMax = 5 * 60_000;

/** What a device said of a delivery, whether as a receipt or as the reply to a command. */
interface Said<Fact> {
  fact: Fact;
  deviceKey: number;
  deliveryId: string;
  /** null: whichever attempt is current. */
  attempt: number | null;
  step: string;
  atMs: number;
  receivedAtMs: number;
  progress: number | null;
  reason: string | null;
  result: Body | null;
}

export const fromReceipt = (fact: ReceiptFact): Said<ReceiptFact> => ({
  fact,
  deviceKey: fact.device.key,
  deliveryId: fact.receipt.deliveryId,
  attempt: fact.receipt.attempt,
  step: fact.receipt.step,
  atMs: fact.receipt.atMs,
  receivedAtMs: fact.receivedAtMs,
  progress: fact.receipt.progress ?? null,
  reason: fact.receipt.reason ?? null,
  result: fact.said ?? null,
});

/** A reply is the receipt of a command: `ok` closes it as done, otherwise the appliance would not obey. */
export const fromReply = (fact: ReplyFact): Said<ReplyFact> => ({
  fact,
  deviceKey: fact.device.key,
  deliveryId: fact.reply.commandId,
  attempt: null,
  step: fact.reply.ok ? "replied" : "rejected",
  atMs: fact.reply.atMs,
  receivedAtMs: fact.receivedAtMs,
  progress: null,
  reason: fact.reply.reason ?? null,
  result: fact.reply.result ?? null,
});

const refusedRule = (outcome: DeliveryOutcome) => (outcome.kind === "refused" ? outcome.rule : null);

/** The first of an identity stays, its progress the furthest: one statement must not hold the same key twice. */
function mergeReceipts(rows: readonly ReceiptRow[]): ReceiptRow[] {
  const merged = new Map<string, ReceiptRow>();
  for (const row of rows) {
    const key = `${row.delivery_id} ${row.attempt} ${row.step}`;
    const first = merged.get(key);
    if (first === undefined) merged.set(key, row);
    else if (row.progress !== null)
      merged.set(key, { ...first, progress: Math.max(first.progress ?? 0, row.progress) });
  }
  return [...merged.values()];
}

/**
 * Takes in what devices said, in order, in the caller's transaction: four statements for any number.
 *
 * @param isFor whether a delivery of this kind can be meant at all
 * @returns what moved, and the facts whose delivery this device never had
 */
export async function takeReceipts<Fact>(
  tx: Db,
  book: MoveBook,
  said: readonly Said<Fact>[],
  context: { nowMs: number; isFor: (kind: string) => boolean },
): Promise<{ moved: Moved[]; unknown: Fact[] }> {
  if (said.length === 0) return { moved: [], unknown: [] };
  const rows = await lockDeliveries(tx, [...new Set(said.map(({ deliveryId }) => deliveryId))]);
  const moves = new DeliveryMoves(rows, context.nowMs);
  const unknown: Fact[] = [];
  const kept: ReceiptRow[] = [];
  for (const { fact, deviceKey, deliveryId, receivedAtMs, ...rest } of said) {
    // UUIDs compare in lower case, as PostgreSQL writes them.
    const id = deliveryId.toLowerCase();
    const row = moves.row(id);
    const state = moves.state(id);
    if (row === undefined || state === undefined || row.device_key !== deviceKey || !context.isFor(row.kind)) {
      unknown.push(fact);
      continue;
    }
    const attempt = rest.attempt ?? state.attempt;
    const outcome = moves.apply(id, {
      kind: "receipt",
      attempt,
      step: rest.step,
      atMs: receivedAtMs,
      reason: rest.reason,
    });
    kept.push({
      delivery_id: id,
      attempt,
      step: rest.step,
      device_key: deviceKey,
      at_ms: rest.atMs,
      received_at_ms: receivedAtMs,
      order_at_ms: rest.atMs > receivedAtMs + clockAheadMsMax ? receivedAtMs : rest.atMs,
      progress: rest.progress,
      reason: rest.reason,
      result: rest.result,
      refused: refusedRule(outcome),
    });
  }
  await insertReceipts(tx, mergeReceipts(kept));
  return { moved: await moves.save(tx, book), unknown };
}
