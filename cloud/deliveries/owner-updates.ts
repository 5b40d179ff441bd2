import { z } from "zod";
import { id as uuid } from "#protocol/ids.ts";
import { epochMs } from "#protocol/text.ts";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit, OwnerPrincipal, Principal } from "../staff/staff.ts";
import { type DeliveryPhase, isCommitted, isOpen } from "./core/delivery-life.ts";
import { type UpdateNext, updateNext } from "./core/update-next.ts";
import {
  isAgreeable,
  isDeclinable,
  type OfferedUpdate,
  type OwnerWord,
  type OwnerWordRefusal,
  postponeMsMax,
  takeOwnerWord,
  type UpdateTerms,
  updateTermsOf,
} from "./core/update-terms.ts";
import { findDelivery, lockDeliveries, stateOf, termsOf } from "./deliveries-store.ts";
import type { CloseRefusal } from "./delivery-moves.ts";
import { insertWord, type UpdateRow, updatesOf } from "./owner-updates-store.ts";

/** An update as the household sees it. */
export interface MyUpdate extends Pick<UpdateTerms, "security" | "notes" | "consent" | "windows"> {
  id: string;
  deviceId: string;
  version: string;
  phase: DeliveryPhase;
  step: string | null;
  progress: number | null;
  reason: string | null;
  attempt: number;
  createdAtMs: number;
  changedAtMs: number;
  expiresAtMs: number;
  /** Nothing begins before; null: it may begin now, or is past that. */
  mayBeginAtMs: number | null;
  postponeUntilMsMax: number | null;
  timeZone: string;
  can: { agree: boolean; postpone: boolean; decline: boolean };
  next: UpdateNext;
}

export type UpdateRefusal = {
  kind: "refused";
  rule: OwnerWordRefusal | "update_not_found" | "update_already_closed";
  /** Where it was put off too far: the latest time. */
  latestMs?: number;
};

interface OwnerUpdatesDeps {
  db: Db;
  clock: Clock;
  outbox: Outbox;
  audit: Audit;
  deliveries: {
    amend(
      tx: Db,
      id: string,
      patch: Record<string, unknown>,
    ): Promise<{ kind: "amended"; afterCommit: () => void } | { kind: "closed" }>;
    decline(tx: Db, by: Principal, id: string): Promise<{ kind: "closed" } | CloseRefusal>;
  };
  appliances: {
    ofHousehold(householdId: string): Promise<DeviceRef[]>;
    tenure: { now(tx: Db, deviceId: string): Promise<DeviceRef | null> };
  };
}

type DevicePrincipal = Extract<Principal, { kind: "device" }>;

/** What an appliance says when somebody put its update off at its own display. */
const postponedEvent = z.object({ deliveryId: uuid, untilMs: epochMs });

const seenFrom = ({ key, householdSinceMs }: DeviceRef) => ({ key, sinceMs: householdSinceMs ?? 0 });

/** A household's own word about the updates of its appliances. */
export class OwnerUpdates {
  readonly #deps: OwnerUpdatesDeps;

  constructor(deps: OwnerUpdatesDeps) {
    this.#deps = deps;
  }

  /** Open and recent updates of a household's appliances, newest first. */
  async list(householdId: string): Promise<MyUpdate[]> {
    const { db, clock, appliances } = this.#deps;
    const devices = await appliances.ofHousehold(householdId);
    const rows = await updatesOf(db, devices.map(seenFrom));
    return rows.map((row) => view(row, clock.nowMs()));
  }

  /**
   * Takes a household's word. To agree also waives the time before which nothing was to begin; to postpone moves it. The appliance is told
   * by the same delivery, which goes out again. What was declined stays closed.
   */
  async say(
    by: OwnerPrincipal,
    deliveryId: string,
    word: OwnerWord,
  ): Promise<{ kind: "taken"; update: MyUpdate } | UpdateRefusal> {
    const { db, appliances } = this.#deps;
    const found = await findDelivery(db, deliveryId);
    if (found?.kind !== "firmware") return { kind: "refused", rule: "update_not_found" };
    let afterCommit: (() => void) | undefined;
    const outcome = await transaction(db, async (tx): Promise<{ kind: "taken"; update: MyUpdate } | UpdateRefusal> => {
      // Whoever takes the appliance out of its household closes this delivery too, so holding it is enough.
      await lockDeliveries(tx, [found.id]);
      const device = await appliances.tenure.now(tx, found.device_id);
      if (device?.householdId !== by.householdId) return { kind: "refused", rule: "update_not_found" };
      const [row] = await updatesOf(tx, [seenFrom(device)], found.id);
      if (row === undefined) return { kind: "refused", rule: "update_not_found" };
      const offered = offeredUpdate(row);
      if (offered === null) return { kind: "refused", rule: "update_already_closed" };
      const taken = await this.#take(tx, { by, device, row, offered }, word);
      if (taken.kind === "refused") return taken;
      afterCommit = taken.afterCommit;
      const [after = row] = await updatesOf(tx, [seenFrom(device)], found.id);
      return { kind: "taken", update: view(after, this.#deps.clock.nowMs()) };
    });
    afterCommit?.();
    return outcome;
  }

  /**
   * What people said at the appliances themselves, in the transaction of the batch that tells it: they put an update off. The appliance keeps
   * to it by itself; here it is noted, so that its silence is no time-out and everybody reads the same time.
   */
  async ingest(tx: Db, facts: readonly EventFact[]): Promise<void> {
    const last = new Map<string, { device: DeviceRef; untilMs: number }>();
    for (const { device, event } of facts) {
      const said = event.type === "update.postponed" ? postponedEvent.safeParse(event.data).data : undefined;
      if (said !== undefined) last.set(said.deliveryId.toLowerCase(), { device, untilMs: said.untilMs });
    }
    await lockDeliveries(tx, [...last.keys()]);
    const nowMs = this.#deps.clock.nowMs();
    for (const [id, { device, untilMs }] of last) {
      const [row] = await updatesOf(tx, [seenFrom(device)], id);
      const offered = row === undefined ? null : offeredUpdate(row);
      if (row === undefined || offered === null || isInstalling(row)) continue;
      // At the appliance it can be put off until it is being installed, and the appliance keeps to the release's bound by itself.
      const here = { ...offered, isUnderWay: false };
      const latestMs = postponeMsMax(here, nowMs);
      if (latestMs === null) continue;
      const word: OwnerWord = { kind: "postponed", untilMs: Math.min(untilMs, latestMs) };
      await this.#take(tx, { by: { kind: "device", id: device.id }, device, row, offered: here }, word);
    }
  }

  async #take(
    tx: Db,
    { by, device, row, offered }: Saying,
    word: OwnerWord,
  ): Promise<{ kind: "taken"; afterCommit?: () => void } | UpdateRefusal> {
    const { deliveries, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const outcome = takeOwnerWord(offered, word, nowMs);
    switch (outcome.kind) {
      case "refused":
        return outcome;
      case "unchanged":
        return { kind: "taken" };
      case "close": {
        const closed = await deliveries.decline(tx, by, row.id);
        if (closed.kind === "refused") return moved(closed.rule);
        await this.#note(tx, device, row.id, word, nowMs);
        return { kind: "taken" };
      }
      case "amend": {
        const amended = await deliveries.amend(tx, row.id, outcome.patch);
        if (amended.kind === "closed") return { kind: "refused", rule: "update_already_closed" };
        await this.#recordAmended(tx, by, row, word, { patch: outcome.patch, nowMs });
        await this.#note(tx, device, row.id, word, nowMs);
        return { kind: "taken", afterCommit: amended.afterCommit };
      }
    }
  }

  async #recordAmended(
    tx: Db,
    by: OwnerPrincipal | DevicePrincipal,
    row: UpdateRow,
    word: OwnerWord,
    { patch, nowMs }: { patch: Record<string, unknown>; nowMs: number },
  ): Promise<void> {
    const { consent, notBeforeMs, version } = updateTermsOf(row.body);
    await this.#deps.audit.record(tx, {
      principal: by,
      action: `delivery.${word.kind}`,
      subject: `delivery:${row.id}`,
      before: { consent, notBeforeMs },
      after: patch,
    });
    const data = { deliveryId: row.id, deviceId: row.device_id, version, ...patch };
    await this.#deps.outbox.add(tx, [
      { type: `hearth.update.${word.kind}`, subject: `delivery:${row.id}`, atMs: nowMs, data },
    ]);
  }

  async #note(tx: Db, device: DeviceRef, deliveryId: string, word: OwnerWord, atMs: number): Promise<void> {
    await insertWord(tx, { deliveryId, deviceKey: device.key, atMs, word });
  }
}

/** Who says something of which update, with the delivery held. */
interface Saying {
  by: OwnerPrincipal | DevicePrincipal;
  device: DeviceRef;
  row: UpdateRow;
  offered: OfferedUpdate;
}

const isInstalling = ({ step }: UpdateRow): boolean => step === "installing" || step === "rebooting";

/** The appliance went on between the look and the word. */
const moved = (rule: CloseRefusal["rule"]): UpdateRefusal => ({
  kind: "refused",
  rule: rule === "delivery_under_way" ? "update_under_way" : "update_already_closed",
});

/** What can still be said of an update; null where it is closed. */
function offeredUpdate(row: UpdateRow): OfferedUpdate | null {
  const state = stateOf(row);
  if (!isOpen(state)) return null;
  return {
    terms: updateTermsOf(row.body),
    expiresAtMs: row.expires_at_ms,
    isUnderWay: isCommitted(termsOf(row), state),
  };
}

function view(row: UpdateRow, nowMs: number): MyUpdate {
  const state = stateOf(row);
  const terms = updateTermsOf(row.body);
  const offered = offeredUpdate(row);
  const waitsUntilMs = Math.max(terms.notBeforeMs ?? 0, state.phase === "queued" ? state.notBeforeMs : 0);
  const latestMs = offered === null ? null : postponeMsMax(offered, nowMs);
  return {
    id: row.id,
    deviceId: row.device_id,
    version: terms.version ?? row.label,
    security: terms.security,
    notes: terms.notes,
    phase: row.phase,
    step: row.step,
    progress: row.progress,
    reason: row.reason,
    attempt: row.attempt,
    createdAtMs: row.created_at_ms,
    changedAtMs: row.changed_at_ms,
    expiresAtMs: row.expires_at_ms,
    consent: terms.consent,
    windows: terms.windows,
    mayBeginAtMs: offered !== null && !offered.isUnderWay && waitsUntilMs > nowMs ? waitsUntilMs : null,
    postponeUntilMsMax: latestMs,
    timeZone: row.time_zone,
    can: {
      agree: offered !== null && isAgreeable(offered, nowMs),
      postpone: latestMs !== null,
      decline: offered !== null && isDeclinable(offered),
    },
    next: updateNext({ state, terms, online: row.online, timeZone: row.time_zone }, nowMs),
  };
}
