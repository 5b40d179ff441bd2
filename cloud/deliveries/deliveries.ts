import type { RawBuilder } from "kysely";
import type { DeliveryKind } from "#protocol/delivery.ts";
import type { DeviceRef, ReceiptFact, ReplyFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { type DeliveryPhase, dueEvent } from "./core/delivery-life.ts";
import { kindPolicies } from "./core/step-table.ts";
import { Commands } from "./commands.ts";
import { amendBody, cancelSet, createSet, type DeliverySet } from "./delivery-sets.ts";
import { DeliveryLog } from "./delivery-log.ts";
import { type CloseRefusal, DeliveryMoves, type MoveBook, type Moved } from "./delivery-moves.ts";
import {
  type Delivery,
  type DeliveryMove,
  type DeliveryReceipt,
  type StandingDelivery,
  type TakenBackDelivery,
  toDelivery,
  toMove,
  toReceipt,
} from "./delivery-views.ts";
import * as store from "./deliveries-store.ts";
import { createDeliveries, type NewDelivery } from "./new-deliveries.ts";
import { fromReceipt, fromReply, takeReceipts } from "./receipts.ts";

export { mayRetryUpdate } from "./core/failure-policy.ts";
export { deliveryProblems } from "./errors.ts";
export { deliveriesData } from "./household-data.ts";
export type { DeliverySet } from "./delivery-sets.ts";
export type { Delivery, DeliveryMove, StandingDelivery, TakenBackDelivery } from "./delivery-views.ts";
export { deliveriesPerCallMax, type NewDelivery } from "./new-deliveries.ts";
export { OwnerUpdates } from "./owner-updates.ts";
export { UpdateNotices } from "./update-notices.ts";
export { type DeliveryPhase, isOpenPhase } from "./core/delivery-life.ts";
export { keepsQuietMax } from "./dispatcher.ts";
export { QuietCommands } from "./quiet-commands.ts";
export { Dispatcher, type DownItem, type RenderBody } from "./dispatcher.ts";

/** What `tick` locks at once. */
const dueLimit = 1_000;

/** Up to this priority nobody waits for a delivery: promotions. */
const unhurriedMax = 3;

/** `unhurried` goes out at a pace; `everything`: also what the devices have had before goes out again, because it changed. */
export type SendHow = "now" | "unhurried" | "everything";

/** What deliveries need to know of devices. */
interface DeviceLookup {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
}

interface DeliveriesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  devices: DeviceLookup;
}

interface Closed {
  kind: "closed";
  delivery: Delivery;
}

/** The inbox of every appliance: what was promised to it, and what became of it. */
export class Deliveries {
  readonly commands: Commands;
  readonly log: DeliveryLog;
  readonly #deps: DeliveriesDeps;
  readonly #book: MoveBook;
  readonly #witnesses: ((tx: Db, moved: readonly DeliveryMove[]) => Promise<void>)[] = [];
  #sendSoon: (deviceIds: string[], how: SendHow) => void = () => {};
  /** From when on something was made of which nobody may have been told; null: everybody was. */
  #untoldSinceMs: number | null = null;

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
    this.commands = new Commands({ ...deps, create: (tx, wanted) => this.create(tx, wanted) });
    this.log = new DeliveryLog(deps.db);
    this.#book = { outbox: deps.outbox, onMoved: (tx, moved) => this.#tellWitnesses(tx, moved) };
  }

  /**
   * Names who is told of devices for which something waits to be sent: the dispatcher.
   */
  whenWaiting(listener: (deviceIds: string[], how: SendHow) => void): void {
    this.#sendSoon = listener;
  }

  /** Something waits for these devices that was made in another thread. */
  waits(deviceIds: string[], how: SendHow): void {
    this.#sendSoon(deviceIds, how);
  }

  /** Who made something for devices from this time on may have died before telling of it: the next tick looks for what waits. */
  untold(sinceMs: number): void {
    this.#untoldSinceMs = Math.min(this.#untoldSinceMs ?? Infinity, sinceMs);
  }

  /** Has `witness` see every delivery that moves, in the transaction in which it does. What sets do (`createForSet`, `cancelSet`) it is not told. */
  onMoved(witness: (tx: Db, moved: readonly DeliveryMove[]) => Promise<void>): void {
    this.#witnesses.push(witness);
  }

  #tellOf(waiting: readonly Pick<store.DeliveryRow, "device_id" | "priority">[]): void {
    const [urgent, unhurried] = [new Set<string>(), new Set<string>()];
    for (const { device_id: id, priority } of waiting) (priority > unhurriedMax ? urgent : unhurried).add(id);
    if (urgent.size > 0) this.#sendSoon([...urgent], "now");
    if (unhurried.size > 0) this.#sendSoon([...unhurried], "unhurried");
  }

  async #tellWitnesses(tx: Db, moved: readonly Moved[]): Promise<void> {
    if (this.#witnesses.length === 0) return;
    const moves = moved.map(toMove);
    for (const witness of this.#witnesses) await witness(tx, moves);
  }

  /**
   * Creates deliveries in the caller's transaction, with the same few statements for one and for ten thousand. An open older one for the
   * same (device, kind, subject) is superseded where the appliance has not gone too far with it.
   *
   * @returns the ids in the order of `wanted`, and what the caller runs once it has committed
   */
  async create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }> {
    const nowMs = this.#deps.clock.nowMs();
    const ids = await createDeliveries(tx, wanted, { book: this.#book, ids: this.#deps.ids, nowMs });
    const waiting = wanted.map(({ device, priority }) => ({ device_id: device.id, priority }));
    return { ids, afterCommit: () => this.#tellOf(waiting) };
  }

  /**
   * Creates deliveries for any number of devices in the caller's transaction, set by set and not one by one; `set.andThen` is the end of the statement. One fact of
   * them all goes to the outbox. Those whose device is here are sent by the next ticks.
   *
   * @returns the rows of `set.andThen`
   */
  async createForSet<Row>(tx: Db, set: DeliverySet, fact: Record<string, unknown> = {}): Promise<Row[]> {
    const atMs = this.#deps.clock.nowMs();
    const rows = await createSet<Row>(tx, set, atMs);
    const { kind, subject, label } = set;
    const data = { kind, subject, label, ...fact };
    await this.#deps.outbox.add(tx, [{ type: "hearth.deliveries.queued", subject: `${kind}:${subject}`, atMs, data }]);
    return rows;
  }

  /** Takes back those that can be, in one statement; see `cancelSet` of the sets. */
  cancelForSet<Row>(tx: Db, deliveries: RawBuilder<unknown>, andThen: RawBuilder<unknown>): Promise<Row[]> {
    return cancelSet<Row>(tx, deliveries, andThen, this.#deps.clock.nowMs());
  }

  /** Changes what an open delivery carries; its device gets it again, also where it has it already. */
  async amend(
    tx: Db,
    id: string,
    patch: Record<string, unknown>,
  ): Promise<{ kind: "amended"; afterCommit: () => void } | { kind: "closed" }> {
    const deviceId = await amendBody(tx, id, patch);
    if (deviceId === null) return { kind: "closed" };
    // What it carries may also say from when on it can be overdue.
    const changed = await store.lockDeliveries(tx, [id]);
    await new DeliveryMoves(changed, this.#deps.clock.nowMs()).save(tx, this.#book, true);
    return { kind: "amended", afterCommit: () => this.#sendSoon([deviceId], "everything") };
  }

  /** Takes a delivery back. */
  cancel(by: Principal, id: string): Promise<Closed | CloseRefusal> {
    return transaction(this.#deps.db, (tx) => this.#close(tx, by, id, "cancelled"));
  }

  /** The household does not want it: closed for good, and no attempt follows. In the caller's transaction. */
  decline(tx: Db, by: Principal, id: string): Promise<Closed | CloseRefusal> {
    return this.#close(tx, by, id, "declined");
  }

  async #close(tx: Db, by: Principal, id: string, kind: "cancelled" | "declined"): Promise<Closed | CloseRefusal> {
    const nowMs = this.#deps.clock.nowMs();
    const rows = await store.lockDeliveries(tx, [id]);
    const row = rows[0];
    if (row === undefined) return { kind: "refused", rule: "delivery_not_found" };
    const moves = new DeliveryMoves(rows, nowMs);
    const outcome = moves.apply(row.id, { kind, atMs: nowMs });
    if (outcome.kind === "refused") {
      return {
        kind: "refused",
        rule: outcome.rule === "under_way" ? "delivery_under_way" : "delivery_already_closed",
      };
    }
    await moves.save(tx, this.#book);
    const { phase } = outcome.to;
    await this.#deps.audit.record(tx, {
      principal: by,
      action: `delivery.${kind}`,
      subject: `delivery:${row.id}`,
      before: { phase: row.phase, step: row.step },
      after: { phase },
    });
    return { kind: "closed", delivery: { ...toDelivery(row), phase, changedAtMs: nowMs } };
  }

  /** Closes what a person asked for back, once the device says that it has stopped. Returns whether it was still open. */
  async stopped(tx: Db, id: string): Promise<boolean> {
    const atMs = this.#deps.clock.nowMs();
    const rows = await store.lockDeliveries(tx, [id]);
    const moves = new DeliveryMoves(rows, atMs);
    if (rows.length === 0 || moves.apply(id, { kind: "stopped", atMs }).kind === "refused") return false;
    await moves.save(tx, this.#book);
    return true;
  }

  /** What is open of one kind for a device, and those of the named ones that are its own, open or not. */
  async standing(
    device: DeviceRef,
    kind: DeliveryKind,
    alsoIds: readonly string[],
    db = this.#deps.db,
  ): Promise<StandingDelivery[]> {
    const rows = await store.standingDeliveries(db, device, kind, alsoIds);
    return rows.map((row) => ({ ...toDelivery(row), body: row.body, notBeforeMs: row.not_before_ms }));
  }

  /** Those of some devices, by key, for which such a delivery was made since they belong to whom they belong. */
  async madeFor(
    tx: Db,
    devices: readonly DeviceRef[],
    of: { kind: DeliveryKind; subject: string },
  ): Promise<ReadonlySet<number>> {
    const asked = devices.map(({ key, householdSinceMs }) => ({ key, sinceMs: householdSinceMs ?? 0 }));
    return new Set(await store.devicesWith(tx, asked, of));
  }

  /**
   * The versions of items that open deliveries of a kind carry, each once.
   *
   * @param among the keys of the devices, as a query
   */
  openItems(tx: Db, kind: DeliveryKind, among: RawBuilder<unknown>): Promise<{ id: string; version: number }[]> {
    return store.openItems(tx, kind, among);
  }

  /**
   * Takes back, in the caller's transaction, what is open of a kind and carries these parts in its body, as far as the devices have not gone too far
   * with it; those get no further attempt. What a limit took back is not sent again either. Returns how many were taken back.
   */
  cancelCarrying(tx: Db, kind: DeliveryKind, part: Record<string, unknown>): Promise<number> {
    return this.#takeBack(tx, "cancelled", { kind, part, among: null, takenBackToo: true });
  }

  /**
   * The same because these devices' model no longer allows it: see `takenBackByLimit`.
   *
   * @param among the keys of the devices, as a query
   */
  takeBackBeyondLimit(
    tx: Db,
    kind: DeliveryKind,
    part: Record<string, unknown>,
    among: RawBuilder<unknown>,
  ): Promise<number> {
    return this.#takeBack(tx, "beyond_limit", { kind, part, among, takenBackToo: false });
  }

  /**
   * What limits took back of a subject and could go out again, as new deliveries: what is still in time, and was followed by no other for its
   * device. Held until the transaction ends, in the order of their ids.
   */
  async takenBackByLimit(
    tx: Db,
    of: { kind: DeliveryKind; subject: string; afterId: string | null; limit: number },
  ): Promise<TakenBackDelivery[]> {
    const rows = await store.lockTakenBack(tx, { ...of, nowMs: this.#deps.clock.nowMs() });
    return rows.map((row) => ({ ...toDelivery(row), deviceKey: row.device_key, body: row.body }));
  }

  async #takeBack(tx: Db, event: "cancelled" | "beyond_limit", carrying: store.Carrying): Promise<number> {
    const atMs = this.#deps.clock.nowMs();
    let [cancelled, afterId]: [number, string | null] = [0, null];
    for (;;) {
      const rows: store.DeliveryRow[] = await store.lockOpenCarrying(tx, { ...carrying, afterId, limit: dueLimit });
      const moves = new DeliveryMoves(rows, atMs);
      const tooFar = rows.filter(({ id }) => moves.apply(id, { kind: event, atMs }).kind === "refused");
      cancelled += rows.length - tooFar.length;
      await moves.save(tx, this.#book);
      await store.makeLastAttempt(
        tx,
        tooFar.map(({ id }) => id),
      );
      afterId = rows.at(-1)?.id ?? null;
      if (rows.length < dueLimit) return cancelled;
    }
  }

  /** Closes everything that is on its way to a device which leaves its household, in the caller's transaction. Returns how many. */
  async householdLeft(tx: Db, device: DeviceRef): Promise<number> {
    const atMs = this.#deps.clock.nowMs();
    const rows = await store.lockOpenOfDevice(tx, device.id);
    const moves = new DeliveryMoves(rows, atMs);
    for (const { id } of rows) moves.apply(id, { kind: "household_left", atMs });
    await moves.save(tx, this.#book);
    return rows.length;
  }

  /** How many deliveries to these appliances are open that were made until a time. */
  openBefore(deviceIds: readonly string[], atMs: number): Promise<number> {
    return store.countOpenBefore(this.#deps.db, deviceIds, atMs);
  }

  /** Messages that held what people said to each other, of a household that is erased: the words go. */
  async forgetWords(tx: Db, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await store.blankMessages(tx, ids);
  }

  /** What was sent says no more why. @param deliveries a statement that yields their ids */
  forgetWhy(tx: Db, deliveries: RawBuilder<unknown>): Promise<void> {
    return store.removeWhy(tx, deliveries);
  }

  /** Takes in receipts. `unknown` are those whose delivery this device never had. */
  async ingestReceipts(
    tx: Db,
    facts: readonly ReceiptFact[],
  ): Promise<{ unknown: ReceiptFact[]; afterCommit: () => void }> {
    const context = { nowMs: this.#deps.clock.nowMs(), isFor: () => true };
    const { moved, unknown } = await takeReceipts(tx, this.#book, facts.map(fromReceipt), context);
    return { unknown, afterCommit: () => this.#makeRoom(moved) };
  }

  /** Takes in replies to commands. `unknown` are those to a command that this device never had. */
  async ingestReplies(tx: Db, facts: readonly ReplyFact[]): Promise<{ unknown: ReplyFact[]; afterCommit: () => void }> {
    const context = { nowMs: this.#deps.clock.nowMs(), isFor: (kind: string) => kind === "command" };
    const { moved, unknown } = await takeReceipts(tx, this.#book, facts.map(fromReply), context);
    return { unknown, afterCommit: () => this.#makeRoom(moved) };
  }

  /** A device that has taken something in can have what did not fit beside it. */
  #makeRoom(moved: readonly Moved[]): void {
    const freed = moved.filter(
      ({ from, to }) => (from.phase === "queued" || from.phase === "sent") && to.phase !== "sent",
    );
    if (freed.length > 0) this.#sendSoon([...new Set(freed.map(({ row }) => row.device_id))], "now");
  }

  /** Does what the clock asks for: expires, times out, tries again. Each step of at most a thousand is a transaction of its own. */
  async tick(nowMs: number): Promise<void> {
    await this.#tellUntold(nowMs);
    for (;;) {
      const { seen, waiting } = await transaction(this.#deps.db, async (tx) => {
        const rows = await store.lockDue(tx, nowMs, dueLimit);
        const moves = new DeliveryMoves(rows, nowMs);
        for (const row of rows) {
          const event = dueEvent(store.termsOf(row), store.stateOf(row), nowMs);
          if (event !== null) moves.apply(row.id, event);
        }
        await moves.save(tx, this.#book, true);
        return { seen: rows.length, waiting: rows.filter(({ id }) => moves.state(id)?.phase === "queued") };
      });
      this.#tellOf(waiting);
      if (seen < dueLimit) return;
    }
  }

  async #tellUntold(nowMs: number): Promise<void> {
    const sinceMs = this.#untoldSinceMs;
    if (sinceMs === null) return;
    this.#tellOf(await store.waitingSince(this.#deps.db, sinceMs, nowMs));
    this.#untoldSinceMs = null;
  }

  /** Notes what was written to sockets. For the dispatcher. */
  async noteWritten(written: readonly { id: string; attempt: number; atMs: number }[]): Promise<void> {
    await transaction(this.#deps.db, async (tx) => {
      const rows = await store.lockDeliveries(tx, [...new Set(written.map(({ id }) => id))]);
      const moves = new DeliveryMoves(rows, this.#deps.clock.nowMs());
      for (const { id, attempt, atMs } of written) {
        if (moves.row(id) !== undefined) moves.apply(id, { kind: "written", attempt, atMs });
      }
      await moves.save(tx, this.#book);
    });
  }

  /**
   * Has deliveries wait that their devices do not have yet: the tick tells of them again at their time, or ends them where they expire
   * before. For the dispatcher.
   *
   * @returns the ids of those that wait now
   */
  async hold(held: readonly { id: string; untilMs: number }[]): Promise<Set<string>> {
    const atMs = this.#deps.clock.nowMs();
    return transaction(this.#deps.db, async (tx) => {
      const rows = await store.lockDeliveries(tx, [...new Set(held.map(({ id }) => id))]);
      const moves = new DeliveryMoves(rows, atMs);
      for (const { id, untilMs } of held)
        if (moves.row(id) !== undefined) moves.apply(id, { kind: "held", untilMs, atMs });
      return new Set((await moves.save(tx, this.#book)).map(({ row }) => row.id));
    });
  }

  /** What these devices were to get at the end of quiet hours waits no more. @returns those that have something to get */
  async release(tx: Db, deviceIds: readonly string[]): Promise<string[]> {
    const atMs = this.#deps.clock.nowMs();
    const held = await store.heldAt(tx, deviceIds, atMs);
    if (held.length === 0) return [];
    const moves = new DeliveryMoves(await store.lockDeliveries(tx, held), atMs);
    for (const id of held)
      if ((moves.row(id)?.not_before_ms ?? 0) > atMs) moves.apply(id, { kind: "held", untilMs: atMs, atMs });
    return [...new Set((await moves.save(tx, this.#book)).map(({ row }) => row.device_id))];
  }

  /** Until when those of some deliveries wait that are not to be sent before a time; a back-off between two attempts is none. */
  async heldUntil(ids: readonly string[]): Promise<Map<string, number>> {
    return store.heldUntil(this.#deps.db, ids, this.#deps.clock.nowMs());
  }

  /** What can be sent now. For the dispatcher. */
  async sendable(deviceIds: readonly string[], queuedOnly: boolean, perDevice: number): Promise<store.SendableRow[]> {
    const nowMs = this.#deps.clock.nowMs();
    return store.sendable(this.#deps.db, { deviceIds, queuedOnly, nowMs, perDevice });
  }

  /** A page, newest first. An unknown device has an empty one. */
  async list(query: {
    deviceId: string | null;
    kind: DeliveryKind | null;
    phase: DeliveryPhase | null;
    beforeId: string | null;
    limit: number;
  }): Promise<Delivery[]> {
    const { deviceId, ...rest } = query;
    if (deviceId === null)
      return (await store.listDeliveries(this.#deps.db, { ...rest, deviceKey: null })).map(toDelivery);
    const device = (await this.#deps.devices.find([deviceId])).get(deviceId);
    if (device === undefined) return [];
    return (await store.listDeliveries(this.#deps.db, { ...rest, deviceKey: device.key })).map(toDelivery);
  }

  /** One delivery with its body and everything that the device said of it. */
  async get(
    id: string,
  ): Promise<{ delivery: Delivery; body: Record<string, unknown>; receipts: DeliveryReceipt[] } | null> {
    const row = await store.findDelivery(this.#deps.db, id);
    if (row === null) return null;
    const receipts = await store.receiptsOf(this.#deps.db, row.id);
    return { delivery: toDelivery(row), body: row.body, receipts: receipts.map(toReceipt) };
  }

  /** How many deliveries are in each phase, and how many appliances confirmed a boot of new firmware. */
  async counts(): Promise<{ byPhase: Record<DeliveryPhase, number>; firmwareConfirmed: number }> {
    const byPhase = zeroOfEachPhase();
    let firmwareConfirmed = 0;
    for (const { phase, kind, n } of await store.countPhases(this.#deps.db)) {
      byPhase[phase] += n;
      if (kind === "firmware" && phase === "done") firmwareConfirmed += n;
    }
    return { byPhase, firmwareConfirmed };
  }
}

const zeroOfEachPhase = (): Record<DeliveryPhase, number> => ({
  queued: 0,
  sent: 0,
  received: 0,
  done: 0,
  failed: 0,
  rejected: 0,
  expired: 0,
  superseded: 0,
  cancelled: 0,
});

/** How long a delivery of each kind lives where its creator has no reason for another time. */
export const deliveryLifeMs = (kind: DeliveryKind): number => kindPolicies[kind].lifeMs;
