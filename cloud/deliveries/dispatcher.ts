import type { DeliveryKind } from "#protocol/delivery.ts";
import { type Clock, sleep } from "../platform/clock.ts";
import type { SendableRow } from "./deliveries-store.ts";

export interface DownItem {
  /** Comes back with `onWritten` or `onNotWritten`. */
  ref: string;
  deviceId: string;
  channel: "inbox";
  /** JSON of the wire's Delivery. */
  payload: string;
}

/** The road to the gateway. */
interface DownLink {
  deliver(items: DownItem[]): void;
}

/** Makes the wire's body from the stored one at the moment of sending: a link is signed afresh each time. */
export type RenderBody = (delivery: {
  id: string;
  deviceId: string;
  body: Record<string, unknown>;
  expiresAtMs: number;
}) => Record<string, unknown>;

/** Until when it is quiet where a device stands, of those where it is now. */
type QuietEnds = (deviceIds: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/** What the dispatcher needs of the slice. */
interface Inbox {
  sendable(deviceIds: readonly string[], queuedOnly: boolean, perDevice: number): Promise<SendableRow[]>;
  noteWritten(written: readonly { id: string; attempt: number; atMs: number }[]): Promise<void>;
  hold(held: readonly { id: string; untilMs: number }[]): Promise<ReadonlySet<string>>;
}

const refOf = ({ id, attempt }: SendableRow): string => `${id}:${attempt}`;

/** Up to this priority a household's quiet hours are kept: what is for the points, promotions, and what is asked of people. */
export const keepsQuietMax = 4;
const keepsQuiet = ({ priority }: SendableRow): boolean => priority <= keepsQuietMax;

interface DispatcherLimits {
  /** How long to gather before a query: many devices become ready at once, and one query serves them all. */
  gatherMs: number;
  devicesPerQuery: number;
  perDevice: number;
  /** Messages handed to the gateway of which it has not said what became. */
  inFlight: number;
  /** After this long without a word from the gateway, a message no longer counts as in flight. */
  inFlightMs: number;
  /** Devices at once of those for which nothing urgent waits, and the rest after them. */
  unhurriedAtOnce: number;
  unhurriedRestMs: number;
}

const dispatcherLimits: DispatcherLimits = {
  gatherMs: 4,
  devicesPerQuery: 200,
  perDevice: 20,
  inFlight: 4_000,
  inFlightMs: 30_000,
  // 500 a second: a campaign's messages to a whole fleet take some minutes, and what appliances say meanwhile goes on.
  unhurriedAtOnce: 250,
  unhurriedRestMs: 500,
};

interface DispatcherDeps {
  deliveries: Inbox;
  link: DownLink;
  clock: Clock;
  quietEnds: QuietEnds;
  /** Lets go what waits for quiet hours that are others by now, and names the devices that it waits for. */
  quietOver: () => Promise<readonly string[]>;
  render: Partial<Record<DeliveryKind, RenderBody>>;
  onError: (error: unknown) => void;
  limits?: Partial<DispatcherLimits>;
}

interface Quiet {
  ends: ReadonlyMap<string, number>;
  /** Devices for which something waits now that went down before. */
  held: ReadonlySet<string>;
}

interface Written {
  id: string;
  attempt: number;
  atMs: number;
}

/**
 * Hands what is open to the gateway, and notes what was written.
 *
 *   onReady   a granted subscription: everything open goes out, also what was sent before on a connection that is gone
 *   kick      something new waits: only what is queued goes out
 *   kickUnhurried   the same of what nobody waits for: at a pace, and behind nobody else
 *
 * What keeps quiet hours is asked for just before it goes down, one question for a page of devices; what does not goes before that.
 * Memory holds only device ids and references; what is lost with the process is found again in the database at the next `onReady`.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #limits: DispatcherLimits;
  readonly #ready = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #unhurried = new Set<string>();
  /** Until the next of those may go. */
  #rest: Promise<void> | null = null;
  /** Whether to ask who keeps other quiet hours by now: between two pages, when none is about to be held by the old ones. */
  #asksForHours = false;
  /** Devices whose socket was busy; the next tick tries again. */
  readonly #busy = new Set<string>();
  readonly #inFlight = new Map<string, number>();
  #written: Written[] = [];
  #pumping: Promise<void> | null = null;
  #stopped = false;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#limits = { ...dispatcherLimits, ...deps.limits };
  }

  /** A device's subscription to `inbox` was granted. */
  onReady(deviceId: string): void {
    this.#ready.add(deviceId);
    this.#pump();
  }

  /** Something waits for these devices. For those that are away the gateway answers `absent`, and their next `onReady` comes. */
  kick(deviceIds: readonly string[]): void {
    for (const deviceId of deviceIds) this.#waiting.add(deviceId);
    this.#pump();
  }

  /** Something that may take minutes waits for these devices: however many there are, they hold up nothing else. */
  kickUnhurried(deviceIds: readonly string[]): void {
    for (const deviceId of deviceIds) this.#unhurried.add(deviceId);
    this.#pump();
  }

  onWritten(ref: string, atMs: number): void {
    const [id, attempt] = ref.split(":");
    if (id === undefined || attempt === undefined) return;
    this.#written.push({ id, attempt: Number(attempt), atMs });
    this.#pump();
  }

  onNotWritten(ref: string, deviceId: string, reason: "absent" | "busy"): void {
    this.#inFlight.delete(ref);
    if (reason === "busy") this.#busy.add(deviceId);
    this.#pump();
  }

  /** Tries busy devices again, and what failed with the database. Called about once a second. */
  tick(nowMs: number): void {
    for (const deviceId of this.#busy) this.#waiting.add(deviceId);
    this.#busy.clear();
    for (const [ref, sinceMs] of this.#inFlight) {
      if (nowMs - sinceMs > this.#limits.inFlightMs) this.#inFlight.delete(ref);
    }
    this.#asksForHours = true;
    this.#pump();
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    while (this.#pumping !== null || (this.#rest !== null && this.#unhurried.size > 0))
      await (this.#pumping ?? this.#rest);
  }

  /** Takes nothing more and ends what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.idle();
  }

  #pump(): void {
    if (this.#stopped || this.#pumping !== null) return;
    this.#pumping = this.#run()
      .catch(this.#deps.onError)
      .finally(() => {
        this.#pumping = null;
      });
  }

  get #canSend(): boolean {
    const waits = this.#ready.size > 0 || this.#waiting.size > 0 || (this.#unhurried.size > 0 && this.#rest === null);
    return waits && this.#inFlight.size < this.#limits.inFlight;
  }

  async #run(): Promise<void> {
    while (this.#asksForHours || this.#written.length > 0 || this.#canSend) {
      await sleep(this.#limits.gatherMs);
      await this.#noteWritten();
      if (this.#stopped) return;
      await this.#askForHours();
      await this.#send(this.#ready, false);
      await this.#send(this.#waiting, true);
      if (this.#rest === null) await this.#sendUnhurried();
    }
  }

  async #askForHours(): Promise<void> {
    if (!this.#asksForHours) return;
    // Where it fails the next tick asks again.
    this.#asksForHours = false;
    for (const deviceId of await this.#deps.quietOver()) this.#waiting.add(deviceId);
  }

  async #sendUnhurried(): Promise<void> {
    if (this.#unhurried.size === 0 || this.#inFlight.size >= this.#limits.inFlight) return;
    this.#rest = sleep(this.#limits.unhurriedRestMs).finally(() => {
      this.#rest = null;
      this.#pump();
    });
    await this.#send(this.#unhurried, true, this.#limits.unhurriedAtOnce);
  }

  async #noteWritten(): Promise<void> {
    if (this.#written.length === 0) return;
    const written = this.#written;
    this.#written = [];
    try {
      await this.#deps.deliveries.noteWritten(written);
    } catch (error) {
      // The database is away: the next tick tries again. No more than was in flight can gather here.
      this.#written = [...written, ...this.#written];
      throw error;
    }
    for (const { id, attempt } of written) this.#inFlight.delete(`${id}:${attempt}`);
  }

  async #send(from: Set<string>, queuedOnly: boolean, atOnce = this.#limits.devicesPerQuery): Promise<void> {
    if (from.size === 0 || this.#inFlight.size >= this.#limits.inFlight) return;
    const deviceIds = [...from].slice(0, atOnce);
    for (const deviceId of deviceIds) from.delete(deviceId);
    let rows: SendableRow[];
    try {
      rows = await this.#deps.deliveries.sendable(deviceIds, queuedOnly, this.#limits.perDevice);
    } catch (error) {
      for (const deviceId of deviceIds) from.add(deviceId);
      throw error;
    }
    // A kick does not repeat what is on its way; a new connection does, because the old one may have swallowed it.
    const open = queuedOnly ? rows.filter((row) => !this.#inFlight.has(refOf(row))) : rows;
    const wanted = open.filter((row) => keepsQuiet(row));
    this.#handDown(wanted.length === 0 ? open : open.filter((row) => !keepsQuiet(row)));
    if (wanted.length === 0) return;
    let quiet: Quiet;
    try {
      quiet = await this.#holdInQuiet(wanted);
    } catch (error) {
      for (const { device_id: deviceId } of wanted) from.add(deviceId);
      throw error;
    }
    this.#handDown(wanted.filter((row) => !quiet.ends.has(row.device_id)));
    // What waits until its time took the places of what stands behind it.
    for (const deviceId of quiet.held) {
      if (rows.filter((row) => row.device_id === deviceId).length >= this.#limits.perDevice)
        this.#waiting.add(deviceId);
    }
  }

  /** Asks once for all of them, as it is at this moment, and has wait what would come in quiet hours. */
  async #holdInQuiet(rows: readonly SendableRow[]): Promise<Quiet> {
    const { deliveries, quietEnds } = this.#deps;
    const ends = await quietEnds([...new Set(rows.map((row) => row.device_id))]);
    const inQuiet = rows.flatMap((row) => {
      const untilMs = ends.get(row.device_id);
      return untilMs === undefined ? [] : [{ id: row.id, untilMs }];
    });
    const held = inQuiet.length === 0 ? new Set<string>() : await deliveries.hold(inQuiet);
    return { ends, held: new Set(rows.flatMap((row) => (held.has(row.id) ? [row.device_id] : []))) };
  }

  #handDown(rows: readonly SendableRow[]): void {
    const nowMs = this.#deps.clock.nowMs();
    const items: DownItem[] = [];
    for (const row of rows) {
      const ref = refOf(row);
      if (nowMs >= row.expires_at_ms) continue;
      const payload = this.#payload(row);
      if (payload === null) continue;
      this.#inFlight.set(ref, nowMs);
      items.push({ ref, deviceId: row.device_id, channel: "inbox", payload });
    }
    if (items.length > 0) this.#deps.link.deliver(items);
  }

  /** The wire's Delivery, or null where its body cannot be made: the others go out all the same. */
  #payload(row: SendableRow): string | null {
    const { id, kind, attempt, priority, generation } = row;
    const envelope = {
      id,
      kind,
      attempt,
      createdAtMs: row.created_at_ms,
      expiresAtMs: row.expires_at_ms,
      priority,
      generation,
    };
    try {
      const render = this.#deps.render[kind];
      const stored = { id, deviceId: row.device_id, body: row.body, expiresAtMs: row.expires_at_ms };
      return JSON.stringify({ ...envelope, body: render === undefined ? row.body : render(stored) });
    } catch (error) {
      this.#deps.onError(error);
      return null;
    }
  }
}
