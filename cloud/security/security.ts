import type { SecurityReport } from "#protocol/link/messages.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type AuditChange, principalText } from "../staff/staff.ts";
import { kindOfAction, securityKinds, sentence, severityOf } from "./core/security-kinds.ts";
import { type SecurityNote, SecurityNotes } from "./security-notes.ts";
import { type SecurityEvent, type SecurityFilter, SecurityStore } from "./security-store.ts";

export type { SecurityEvent } from "./security-store.ts";
export { securityProblems } from "./errors.ts";
export { securityData } from "./household-data.ts";
export { WireStreams } from "./wire-streams.ts";

/** A gateway's report, and the appliance of the name in it, where there is one. */
export interface SecurityFact {
  report: SecurityReport;
  device: DeviceRef | null;
}

const keptMs = 90 * 86_400_000;
const rowsMaxDefault = 1_000_000;
const deletedAtOnce = 10_000;

const keyOf = ({ kind, reason, address, name, principal }: SecurityEvent) =>
  JSON.stringify([kind, reason, address, name, principal]);

/** The appliance that a change is about: as its subject, or named in what it changed to. */
function deviceOf({ subject, after }: AuditChange): string | null {
  if (subject.startsWith("device:")) return subject.slice("device:".length);
  const named = typeof after === "object" && after !== null && "deviceId" in after ? after.deviceId : null;
  return typeof named === "string" ? named : null;
}

/** What bears on security, from wherever it comes, in one list for those who look after the service. */
export class Security {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #logger: Logger;
  readonly #rowsMax: number;
  readonly #store = new SecurityStore();
  readonly #notes = new SecurityNotes();

  constructor(deps: { db: Db; clock: Clock; ids: Ids; outbox: Outbox; logger: Logger; rowsMax?: number }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#outbox = deps.outbox;
    this.#logger = deps.logger;
    this.#rowsMax = deps.rowsMax ?? rowsMaxDefault;
  }

  /** Notes something that was refused. It is gathered, logged once, and stored within some seconds. */
  note(note: SecurityNote): void {
    this.#notes.add(note, this.#clock.nowMs());
  }

  /** Stores what was noted. Called every few seconds, and before the end. */
  async flush(): Promise<void> {
    const notes = this.#notes.take();
    if (notes.length === 0) return;
    try {
      const events = notes.map((note) => this.#event({ ...note, deviceId: null }));
      await transaction(this.#db, (tx) => this.#write(tx, events));
    } catch (error) {
      this.#notes.giveBack(notes);
      throw error;
    }
    for (const { kind, reason, address, name, count } of notes) {
      this.#logger.warn({ event: `security.${kind}`, reason, address, name, count });
    }
  }

  /** What gateways told, in the batch's transaction. */
  async ingest(tx: Db, facts: readonly SecurityFact[]): Promise<void> {
    await this.#write(
      tx,
      facts.map(({ report, device }) => this.#event({ ...report, principal: null, deviceId: device?.id ?? null })),
    );
  }

  /** A line of the audit log, in its transaction: what people do to credentials is a security event too. */
  async audited(tx: Db, change: AuditChange): Promise<void> {
    const kind = kindOfAction(change.action);
    if (kind === null) return;
    const atMs = this.#clock.nowMs();
    const event = {
      kind,
      reason: "",
      address: "",
      name: change.subject.slice(change.subject.indexOf(":") + 1),
      principal: principalText(change.principal),
      deviceId: deviceOf(change),
      atMs,
      lastAtMs: atMs,
      count: 1,
    };
    await this.#write(tx, [this.#event(event)]);
  }

  page(filter: SecurityFilter): Promise<SecurityEvent[]> {
    return this.#store.page(this.#db, filter);
  }

  /** Without addresses, which fewer people may see than a timeline. */
  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#store.ofDevice(this.#db, device.id, page.beforeMs, page.limit);
    return rows.map(({ id, atMs, lastAtMs, kind, reason, severity, count }) => ({
      atMs,
      kind: "security",
      id,
      title: sentence(kind, reason).slice(0, -1),
      data: { kind, severity, reason, count, lastAtMs },
    }));
  }

  /** Deletes what is old, or too much. */
  async tick(): Promise<void> {
    const beforeMs = this.#clock.nowMs() - keptMs;
    while ((await this.#store.deleteBefore(this.#db, beforeMs, deletedAtOnce)) === deletedAtOnce);
    while ((await this.#store.deleteBeyond(this.#db, this.#rowsMax, deletedAtOnce)) === deletedAtOnce);
  }

  #event(what: Omit<SecurityEvent, "id" | "severity">): SecurityEvent {
    return { ...what, id: this.#ids.next(), severity: severityOf(what.kind, what.reason) };
  }

  async #write(tx: Db, events: readonly SecurityEvent[]): Promise<void> {
    // A batch may hold the windows of many seconds: one statement must not meet the same event twice.
    const alike = new Map<string, SecurityEvent>();
    for (const event of events) {
      const known = alike.get(keyOf(event));
      if (known === undefined) {
        alike.set(keyOf(event), { ...event });
      } else {
        known.count += event.count;
        known.atMs = Math.min(known.atMs, event.atMs);
        known.lastAtMs = Math.max(known.lastAtMs, event.lastAtMs);
      }
    }
    const fresh = await this.#store.add(tx, [...alike.values()]);
    await this.#outbox.add(
      tx,
      fresh
        .filter(({ kind }) => securityKinds[kind].announced)
        .map(({ id, kind, severity, reason, count, name, deviceId, atMs }) => ({
          type: `hearth.security.${kind}`,
          subject: deviceId === null ? `security_event:${id}` : `device:${deviceId}`,
          atMs,
          // Without the address: events go further than those who may see it.
          data: { id, severity, reason, count, name },
        })),
    );
  }
}
