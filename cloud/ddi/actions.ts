import type { Deliveries, StandingDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { StoredOffer } from "../firmware/firmware.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { answerToCancel, type Confirmation, type Feedback, meaningOf, saidIn, withErrors } from "./core/feedback.ts";
import type { Link } from "./core/offer.ts";
import type { Client } from "./ddi-login.ts";
import * as store from "./ddi-store.ts";
import type { Receipts, Step } from "./receipts.ts";
import type { Standing, Standings } from "./standing.ts";

interface ActionsDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  deliveries: Pick<Deliveries, "stopped" | "get">;
  standings: Standings;
  receipts: Receipts;
}

/** Where a link leads. Whatever it leads to has its number by now. */
export type NumberedLink = { kind: "nothing" } | { kind: "deploy" | "confirm" | "cancel"; actionId: number };

/** An update that a client may have now. */
export interface Offered {
  delivery: StandingDelivery;
  terms: StoredOffer;
}

export type Reported = { kind: "taken" } | Refused<"ddi_action_not_found" | "ddi_action_closed">;
const taken = { kind: "taken" } as const;

const nothing = (): void => {};

/** Updates as actions: which one a client is offered, what it says of it, and asking it to stop. */
export class Actions {
  readonly #deps: ActionsDeps;

  constructor(deps: ActionsDeps) {
    this.#deps = deps;
  }

  /** What a client is told that polls. */
  async poll({ device, speaks }: Client): Promise<{ link: NumberedLink; attributesWanted: boolean }> {
    const before = await this.#deps.standings.read(device);
    const { attributesWanted } = before.target;
    const settled = before.isKnown && before.offer.ended.length === 0 ? numbered(before) : null;
    if (settled !== null) return { link: settled, attributesWanted };
    return transaction(this.#deps.db, async (tx) => {
      const now = await this.#deps.standings.lock(tx, device, before.zone);
      await store.endActions(tx, device.key, now.offer.ended, this.#nowMs);
      const link = await this.#number(tx, now, speaks.success);
      return { link, attributesWanted: now.target.attributesWanted };
    });
  }

  /** Gives what is offered its number, and notes since when a client is told to stop. */
  async #number(tx: Db, { device, offer }: Standing, success: Client["speaks"]["success"]): Promise<NumberedLink> {
    const { link } = offer;
    if (link.kind === "nothing") return link;
    if (link.kind === "cancel") {
      await store.markAction(tx, device.key, link.actionId, ["cancel_since_ms"], this.#nowMs);
      return link;
    }
    const { kind, deliveryId } = link;
    const actionId =
      link.actionId ?? (await store.addAction(tx, device.key, { deliveryId, success, nowMs: this.#nowMs }));
    return { kind, actionId };
  }

  get #nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** The update behind an action; null where it is not this client's to have now. From here on it counts as offered. */
  async open({ device }: Client, kind: "deploy" | "confirm", actionId: number): Promise<Offered | null> {
    const before = await this.#deps.standings.read(device);
    const offered = offeredAs(before, kind, actionId);
    if (offered === null) return null;
    const { delivery, terms } = offered;
    const agreedByItself = kind === "deploy" && terms.consent === "ask" && delivery.step !== "confirmed_by_owner";
    const isNews = delivery.phase !== "received" || (agreedByItself && delivery.step === "offered");
    const hasBegun = before.live.some((one) => one.actionId === actionId && one.begunAtMs !== null);
    if (!isNews || hasBegun) return offered;
    const after = await transaction(this.#deps.db, async (tx) => {
      const now = offeredAs(await this.#deps.standings.lock(tx, device, before.zone), kind, actionId);
      if (now === null) return null;
      return this.#deps.receipts.take(tx, device, now.delivery, {
        step: agreedByItself ? "confirmed_by_owner" : "offered",
      });
    });
    after?.();
    return after === null ? null : offered;
  }

  /** What a client says of an action. */
  async report({ device, speaks }: Client, actionId: number, said: Feedback): Promise<Reported> {
    return this.#change(device, actionId, async (tx, { action, delivery }) => {
      const { errors } = action;
      const handedOver = action.handedOverAtMs !== null;
      const meaning = meaningOf(said, { success: speaks.success, handedOver, errors });
      const moreErrors = meaning.ends ? errors : withErrors(errors, said.status);
      if (moreErrors.join("\n") !== errors.join("\n")) await store.writeErrors(tx, device.key, actionId, moreErrors);
      const gaveUp = meaning.step === "failed" || meaning.step === "rejected";
      const marks = [
        ...(meaning.step === null || gaveUp ? [] : (["begun_at_ms"] as const)),
        ...(meaning.step === "downloaded" ? (["handed_over_at_ms"] as const) : []),
      ];
      await store.markAction(tx, device.key, actionId, marks, this.#nowMs);
      if (meaning.ends) await store.endActions(tx, device.key, [actionId], this.#nowMs);
      if (meaning.step === "confirmed" || meaning.step === "rebooting")
        await store.wantAttributes(tx, device.key, true);
      if (action.recalledAtMs !== null && gaveUp) {
        // It was asked to stop, and this is how it says that it did: no further attempt follows.
        await this.#deps.deliveries.stopped(tx, delivery.id);
        return nothing;
      }
      const { step, progress, reason, ends } = meaning;
      if (step === null) return nothing;
      // On the way SWUpdate sends its whole log, a part at a time; what counts is what it says of the end.
      const details = [...(said.status.details ?? []), ...errors];
      const words = ends ? saidIn({ ...said.status, details }) : {};
      return this.#take(tx, device, delivery, { step, progress, reason, said: words });
    });
  }

  #take(tx: Db, device: DeviceRef, delivery: StandingDelivery, step: Step): Promise<() => void> {
    return this.#deps.receipts.take(tx, device, delivery, step);
  }

  /** Whether a client is asked to stop an action. */
  async isCancelled({ device }: Client, actionId: number): Promise<boolean> {
    const { link } = (await this.#deps.standings.read(device)).offer;
    return link.kind === "cancel" && link.actionId === actionId;
  }

  /** What a client answers that was asked to stop. Saying it twice changes nothing. */
  async answerCancel({ device }: Client, actionId: number, said: Feedback): Promise<Reported> {
    const outcome = await this.#change(device, actionId, async (tx, { action, delivery, isCancelled }) => {
      if (!isCancelled) return null;
      switch (answerToCancel(said)) {
        case "undecided":
          return nothing;
        case "goes_on":
          // Of a delivery that is closed there is nothing to take up again; what the client brings to its end all the same still counts.
          await store.setRecalled(tx, device.key, actionId, null);
          if (action.recalledAtMs === null) await store.endActions(tx, device.key, [actionId], this.#nowMs);
          return nothing;
        case "stopped":
          await store.endActions(tx, device.key, [actionId], this.#nowMs);
          // It may have come too late: what runs now is what its attributes say.
          await store.wantAttributes(tx, device.key, true);
          await this.#deps.deliveries.stopped(tx, delivery.id);
          return nothing;
      }
    });
    return outcome.kind === "refused" && outcome.rule === "ddi_action_closed" ? taken : outcome;
  }

  /** A person's word at the appliance, on an update that wants one. */
  async confirm(
    { device }: Client,
    actionId: number,
    { confirmation, code, details }: Confirmation,
  ): Promise<Reported> {
    return this.#change(device, actionId, async (tx, { delivery, link }) => {
      if (link.kind !== "confirm" || link.actionId !== actionId) return null;
      const said = saidIn({ code, details });
      if (confirmation === "confirmed") return this.#take(tx, device, delivery, { step: "confirmed_by_owner", said });
      await store.endActions(tx, device.key, [actionId], this.#nowMs);
      return this.#take(tx, device, delivery, { step: "rejected", reason: "declined_by_owner", said });
    });
  }

  /** Does something with an action that is not over, in a transaction. `work` answers null where the action is not in its place. */
  async #change(
    device: DeviceRef,
    actionId: number,
    work: (
      tx: Db,
      now: { action: store.Action; delivery: StandingDelivery; link: Link; isCancelled: boolean },
    ) => Promise<(() => void) | null>,
  ): Promise<Reported> {
    const { zone } = await this.#deps.standings.read(device);
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const now = await this.#deps.standings.lock(tx, device, zone);
      const action = now.live.find((one) => one.actionId === actionId);
      const delivery = now.deliveries.find(({ id }) => id === action?.deliveryId);
      if (action === undefined || delivery === undefined) {
        const former = await store.findAction(tx, device.key, actionId);
        return refused(former === null ? "ddi_action_not_found" : "ddi_action_closed");
      }
      const { link } = now.offer;
      const isCancelled = link.kind === "cancel" && link.actionId === actionId;
      return (await work(tx, { action, delivery, link, isCancelled })) ?? refused("ddi_action_not_found");
    });
    if (typeof outcome !== "function") return outcome;
    outcome();
    return taken;
  }

  /** The appliance agrees to every update by itself from now on, or asks again. */
  async setAutoConfirm({ device }: Client, on: boolean, by: string | null): Promise<void> {
    await transaction(this.#deps.db, async (tx) => {
      const target = await store.lockTarget(tx, device.key);
      if ((target.autoConfirmSinceMs !== null) === on) return;
      await store.setAutoConfirm(tx, device.key, on ? { sinceMs: this.#nowMs, by } : null);
    });
  }

  /** Since when the appliance agrees to every update by itself; null where it does not. */
  async autoConfirmSinceMs({ device }: Client): Promise<number | null> {
    return (await store.findTarget(this.#deps.db, device.key))?.autoConfirmSinceMs ?? null;
  }

  /** Asks a client that is at work on an update to stop. It may be too late for that; what it answers decides. */
  async recall(
    by: Principal,
    deliveryId: string,
  ): Promise<{ kind: "asked" } | Refused<"recall_delivery_not_found" | "delivery_not_recallable">> {
    if ((await this.#deps.deliveries.get(deliveryId)) === null) return refused("recall_delivery_not_found");
    return transaction(this.#deps.db, async (tx) => {
      const found = await store.liveActionOf(tx, deliveryId);
      if (found === null) return refused("delivery_not_recallable");
      await store.lockTarget(tx, found.deviceKey);
      const action = await store.findAction(tx, found.deviceKey, found.actionId);
      if (action === null || action.endedAtMs !== null || action.begunAtMs === null)
        return refused("delivery_not_recallable");
      if (action.recalledAtMs !== null) return { kind: "asked" };
      await store.setRecalled(tx, found.deviceKey, found.actionId, { atMs: this.#nowMs, by: principalText(by) });
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "delivery.recalled",
        subject: `delivery:${deliveryId}`,
        after: { actionId: found.actionId },
      });
      return { kind: "asked" };
    });
  }
}

/** The link, where nothing has to be written for it first. */
function numbered({ offer: { link }, live }: Standing): NumberedLink | null {
  if (link.kind === "nothing") return link;
  if (link.actionId === null) return null;
  const { kind, actionId } = link;
  const isTold = live.some((one) => one.actionId === actionId && one.cancelSinceMs !== null);
  return kind === "cancel" && !isTold ? null : { kind, actionId };
}

function offeredAs(
  { offer, deliveries, terms }: Standing,
  kind: "deploy" | "confirm",
  actionId: number,
): Offered | null {
  const { link } = offer;
  if (link.kind !== kind || link.actionId !== actionId) return null;
  const delivery = deliveries.find(({ id }) => id === link.deliveryId);
  const own = terms.get(link.deliveryId);
  return delivery === undefined || own === undefined ? null : { delivery, terms: own };
}
