/**
 * What a client that polls is told. One of:
 *
 *   nothing    no update, or not now
 *   confirm    a person is to agree first
 *   deploy     here is an update; the same one again, from its first word to its last, over every reboot in between
 *   cancel     stop what you are doing
 *
 * Invariants: an update under way is never withheld and never replaced; nothing begins outside its windows or before its time; a client
 * that has begun learns of the end of its delivery by `cancel` and not by silence; at most one of the links at once.
 */

/** What a delivery says, as far as an offer depends on it. */
export interface DeliveryView {
  id: string;
  phase: "queued" | "sent" | "received" | "done" | "failed" | "rejected" | "expired" | "superseded" | "cancelled";
  step: string | null;
  generation: number;
  /** A pause before another attempt: nothing begins before. */
  notBeforeMs: number;
  /** The delivery's own terms. */
  terms: { consent: "automatic" | "ask" | "given"; notBeforeMs: number | null; windowOpen: boolean };
}

/** An action of which the client has not said its last word. */
export interface LiveAction {
  actionId: number;
  deliveryId: string;
  begunAtMs: number | null;
  recalledAtMs: number | null;
  cancelSinceMs: number | null;
}

export type Link =
  | { kind: "nothing" }
  | { kind: "deploy" | "confirm"; deliveryId: string; /** null: it gets its number now */ actionId: number | null }
  | { kind: "cancel"; actionId: number };

export interface Offer {
  link: Link;
  /** Actions that end without another word: nobody is at work on them. */
  ended: number[];
}

/** So long a client is told to stop. One that does not know the word gets its next update all the same. */
export const cancelMsMax = 86_400_000;

const openPhases: ReadonlySet<DeliveryView["phase"]> = new Set(["queued", "sent", "received"]);
/** Steps before any work: until then an offer can still be held back. */
const idleSteps: ReadonlySet<string | null> = new Set([null, "offered", "confirmed_by_owner"]);

export const isOpen = ({ phase }: DeliveryView): boolean => openPhases.has(phase);
const isIdle = (delivery: DeliveryView): boolean => delivery.phase !== "received" || idleSteps.has(delivery.step);

/**
 * @param live the client's actions
 * @param deliveries those of the live actions, and every open firmware delivery of the appliance
 * @param autoConfirm the appliance agrees by itself
 */
export function offerNow(
  live: readonly LiveAction[],
  deliveries: readonly DeliveryView[],
  { autoConfirm, nowMs }: { autoConfirm: boolean; nowMs: number },
): Offer {
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const judged = live.map((action) => ({ action, now: judge(action, byId.get(action.deliveryId), nowMs) }));
  const ended = judged.filter(({ now }) => now === "over").map(({ action }) => action.actionId);
  const first = (wanted: Judgement) => judged.find(({ now }) => now === wanted)?.action;
  const toStop = first("to_stop");
  if (toStop !== undefined) return { link: { kind: "cancel", actionId: toStop.actionId }, ended };
  const underWay = first("under_way");
  if (underWay !== undefined) {
    const { actionId, deliveryId } = underWay;
    return { link: { kind: "deploy", actionId, deliveryId }, ended };
  }
  const next = deliveries.filter((one) => isOpen(one)).toSorted((a, b) => b.generation - a.generation)[0];
  if (next === undefined || !isIdle(next) || !mayBegin(next, nowMs)) return { link: { kind: "nothing" }, ended };
  const agreed = next.terms.consent !== "ask" || next.step === "confirmed_by_owner" || autoConfirm;
  const actionId = live.find(({ deliveryId }) => deliveryId === next.id)?.actionId ?? null;
  return { link: { kind: agreed ? "deploy" : "confirm", deliveryId: next.id, actionId }, ended };
}

type Judgement = "waiting" | "under_way" | "to_stop" | "over";

function judge(action: LiveAction, delivery: DeliveryView | undefined, nowMs: number): Judgement {
  if (delivery === undefined || delivery.phase === "done") return "over";
  const stopped = !isOpen(delivery) || action.recalledAtMs !== null;
  if (!stopped) return action.begunAtMs === null ? "waiting" : "under_way";
  if (action.begunAtMs === null) return "over";
  const givenUp = action.cancelSinceMs !== null && nowMs >= action.cancelSinceMs + cancelMsMax;
  return givenUp && !isOpen(delivery) ? "over" : "to_stop";
}

const mayBegin = ({ notBeforeMs, terms }: DeliveryView, nowMs: number): boolean =>
  nowMs >= Math.max(notBeforeMs, terms.notBeforeMs ?? 0) && terms.windowOpen;
