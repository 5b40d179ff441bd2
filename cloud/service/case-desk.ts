import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { once } from "../platform/idempotency.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf, type ServiceAppliances } from "./case-appliances.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import type { CaseEntry, EntryKind } from "./case-entries-store.ts";
import { type CaseFilter, CaseQueueStore, type QueuePlace } from "./case-queue-store.ts";
import { mergedInto, type ServiceCase } from "./case-row.ts";
import type { Cases } from "./cases.ts";
import { isClosed } from "./core/case-promise.ts";
import type { CaseEvent, CaseRefusal, CaseStatus, FixedIn } from "./core/case.ts";
import type { Severity } from "./core/severity.ts";

export interface CaseWithDevice {
  serviceCase: ServiceCase;
  deviceId: string | null;
}

export type CaseInFull = CaseWithDevice & { entries: CaseEntry[] };

/** What staff say of a case that they open by hand. */
export interface CaseByHand {
  /** An appliance, or a household alone. */
  of: { deviceId: string; householdId: null } | { deviceId: null; householdId: string };
  severity: Severity;
  cause: string;
  title: string;
  text: string | null;
}

/** Where a note may move its case. */
export const workingStatuses = ["open", "waiting_for_owner", "waiting_for_staff"] as const satisfies CaseStatus[];
export type WorkingStatus = (typeof workingStatuses)[number];

/** What staff ask for: the device by its id. */
export type CaseQuery = Omit<CaseFilter, "deviceKey"> & { deviceId: string | null };

const entriesMax = 1_000;

const workEvents = {
  open: "take_up",
  waiting_for_owner: "ask_owner",
  waiting_for_staff: "owner_answered",
} as const satisfies Record<WorkingStatus, CaseEvent["kind"]>;

export interface CaseDeskDeps extends CaseChangesDeps {
  db: Db;
  audit: Audit;
  appliances: ServiceAppliances;
  cases: Cases;
  clock: Clock;
  /** Whether somebody with this key may work on cases. */
  mayWork: (staffKeyId: string) => Promise<boolean>;
  workers: () => Promise<{ id: string; name: string }[]>;
  /** Holds a household, or the one that it became part of; null where there is none. */
  holdHousehold: (tx: Db, id: string) => Promise<string | null>;
}

/** `after`: what the audit log shall say beside what was before. */
type Done = { kind: "done"; after?: Record<string, unknown> };

/** Where staff work on cases. */
export class CaseDesk {
  readonly #deps: CaseDeskDeps;
  readonly #queue = new CaseQueueStore();

  constructor(deps: CaseDeskDeps) {
    this.#deps = deps;
  }

  /** Open and closed ones, newest first; an unknown device has none. */
  async newest(query: CaseQuery, page: { beforeId: string | null; limit: number }): Promise<CaseWithDevice[]> {
    const { db, clock } = this.#deps;
    const filter = await this.#filter(query);
    return filter === null
      ? []
      : this.#withDevices(await this.#queue.newest(db, filter, { ...page, nowMs: clock.nowMs() }));
  }

  /** Open ones in the order in which they want to be worked on. */
  async queue(query: CaseQuery, page: { after: QueuePlace | null; limit: number }): Promise<CaseWithDevice[]> {
    const { db, clock } = this.#deps;
    const filter = await this.#filter(query);
    return filter === null
      ? []
      : this.#withDevices(await this.#queue.queue(db, filter, { ...page, nowMs: clock.nowMs() }));
  }

  async queueCounts(query: CaseQuery, me: Principal) {
    const { db, clock } = this.#deps;
    // The key of an unknown device is nobody's.
    const filter = (await this.#filter(query)) ?? { ...query, deviceKey: -1 };
    return this.#queue.counts(db, filter, { me: principalText(me), nowMs: clock.nowMs() });
  }

  async get(id: string): Promise<CaseInFull | null> {
    const { db, entries } = this.#deps;
    const found = await this.find(id);
    return found === null ? null : { ...found, entries: await entries.ofCase(db, id, entriesMax) };
  }

  async find(id: string): Promise<CaseWithDevice | null> {
    const serviceCase = await this.#deps.store.get(this.#deps.db, id);
    return serviceCase === null ? null : ((await this.#withDevices([serviceCase]))[0] ?? null);
  }

  /** Opens a case by hand; asked again with the same key, it answers what it answered the first time. */
  async open(
    by: Principal,
    asked: CaseByHand,
    key?: string,
  ): Promise<
    | { kind: "opened"; found: CaseInFull }
    | Refused<"case_device_unknown" | "case_household_unknown" | "case_open_for_cause" | "idempotency_key_reused">
  > {
    const { db, clock, appliances, holdHousehold } = this.#deps;
    const { deviceId, householdId } = asked.of;
    const device = deviceId === null ? null : (await appliances.find([deviceId])).get(deviceId);
    if (device === undefined) return refused("case_device_unknown");
    const asking = { principal: principalText(by), operation: "case.open", key, content: asked };
    return contested(db, async (tx) => {
      // One that became part of another is that one's by now.
      const current = device === null ? await holdHousehold(tx, householdId ?? "") : device.householdId;
      if (device === null && current === null) return refused("case_household_unknown");
      const whose = device === null ? { device, householdId: current ?? "" } : { device, householdId: current };
      const opened = await once(tx, asking, clock.nowMs(), () => this.#open(tx, by, asked, whose));
      return opened?.answer ?? refused("idempotency_key_reused");
    });
  }

  async #open(
    tx: Db,
    by: Principal,
    asked: CaseByHand,
    whose: { device: DeviceRef; householdId: string | null } | { device: null; householdId: string },
  ): Promise<{ kind: "opened"; found: CaseInFull } | Refused<"case_open_for_cause">> {
    const { clock, audit, cases, entries } = this.#deps;
    const { of: _, ...what } = asked;
    const outcome = await cases.openByPerson(tx, { ...what, ...whose, by: principalText(by), atMs: clock.nowMs() });
    const { serviceCase } = outcome;
    if (outcome.kind === "open_already") return refused("case_open_for_cause", `It is case ${serviceCase.id}.`);
    const subject = `case:${serviceCase.id}`;
    // Without the words: they may be about people, and stay with the case, which forgets them when it must.
    const { title: _title, text: _text, ...after } = asked;
    await audit.record(tx, { principal: by, action: `case.${outcome.kind}`, subject, after });
    const lines = await entries.ofCase(tx, serviceCase.id, entriesMax);
    return { kind: "opened", found: { serviceCase, deviceId: whose.device?.id ?? null, entries: lines } };
  }

  resolve(by: Principal, id: string, note: string) {
    const on: CaseEvent = { kind: "resolved", atMs: this.#deps.clock.nowMs(), by: principalText(by) };
    return this.#step(by, id, note, on, {});
  }

  /** Says that a person has seen it; where its cause is gone by then, that was all it waited for. */
  acknowledge(by: Principal, id: string) {
    const atMs = this.#deps.clock.nowMs();
    return this.#change<CaseRefusal>(by, id, "case.acknowledged", async (tx, serviceCase, deviceId) => {
      if (isClosed(serviceCase.state.status)) return refused("case_already_resolved");
      const { cases } = this.#deps;
      const line = { by: principalText(by), text: null };
      if (serviceCase.causeGoneAtMs !== null) {
        const on: CaseEvent = { kind: "resolved", atMs, by: line.by };
        const outcome = await cases.work(tx, serviceCase, on, { ...line, deviceId, data: { causeGone: true } });
        return outcome.kind === "refused" ? outcome : { kind: "done" };
      }
      if (serviceCase.seen === null) {
        const made = new CaseChanges(this.#deps);
        made.add(serviceCase, { kind: "acknowledged", atMs, ...line, data: {} }, deviceId);
        await made.write(tx);
      }
      return { kind: "done" };
    });
  }

  /** Says in which release it is mended: the case waits for it, and reopens by itself when the cause returns there. */
  fixedIn(by: Principal, id: string, fixedIn: FixedIn, note: string | null) {
    const on: CaseEvent = { kind: "fixed_in", atMs: this.#deps.clock.nowMs(), fixedIn };
    return this.#step(by, id, note, on, { fixedIn });
  }

  /** Adds what a person has to say, and moves the case where it says so. */
  async note(by: Principal, id: string, text: string, status: WorkingStatus | null) {
    const atMs = this.#deps.clock.nowMs();
    if (status !== null) return this.#step(by, id, text, { kind: workEvents[status], atMs }, {});
    return this.#change<never>(by, id, "case.noted", async (tx, serviceCase, deviceId) => {
      const made = new CaseChanges(this.#deps);
      made.add(serviceCase, { kind: "note", atMs, by: principalText(by), text, data: {} }, deviceId);
      await made.write(tx);
      return { kind: "done" };
    });
  }

  /** Whom a case or an incident can be given to, by name. */
  async assignees(): Promise<{ principal: string; name: string }[]> {
    return (await this.#deps.workers()).map(({ id, name }) => ({ principal: `staff:${id}`, name }));
  }

  /** Takes a case that nobody has. */
  take(
    by: Principal,
    id: string,
  ): Promise<Done | Refused<"case_not_found" | "case_merged" | "case_already_resolved" | "case_taken">> {
    const me = principalText(by);
    return this.#assign<"case_taken">(by, id, "case.taken", (now) =>
      now !== null && now !== me ? refused("case_taken") : { assignee: me },
    );
  }

  /** Gives a case to somebody, whoever has it. */
  async give(
    by: Principal,
    id: string,
    staffKeyId: string,
  ): Promise<Done | Refused<"case_not_found" | "case_merged" | "case_already_resolved" | "assignee_not_suitable">> {
    if (!(await this.#deps.mayWork(staffKeyId))) {
      return (await this.#deps.store.get(this.#deps.db, id)) === null
        ? refused("case_not_found")
        : refused("assignee_not_suitable");
    }
    return this.#assign<never>(by, id, "case.given", () => ({ assignee: `staff:${staffKeyId}` }));
  }

  /** Puts a case back for anybody to take. */
  release(
    by: Principal,
    id: string,
  ): Promise<Done | Refused<"case_not_found" | "case_merged" | "case_already_resolved">> {
    return this.#assign<never>(by, id, "case.released", () => ({ assignee: null }));
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#deps.entries.timeline(this.#deps.db, device.key, page);
    return rows.map(({ entry, title, severity, cause }) => {
      // Which of the staff it was, and in which words, is the staff's.
      const inside = page.owner === undefined ? { by: entry.by, text: entry.text } : {};
      return {
        atMs: entry.atMs,
        kind: "case",
        id: `${entry.caseId}:${entry.sequence}`,
        title: `${entryTitles[entry.kind]}: ${title}`,
        data: { caseId: entry.caseId, entry: entry.kind, severity, cause, ...inside, ...entry.data },
      };
    });
  }

  /** Cases by status, none left out. */
  async counts(): Promise<Record<CaseStatus, number>> {
    const counts: Record<CaseStatus, number> = {
      open: 0,
      waiting_for_owner: 0,
      waiting_for_staff: 0,
      waiting_for_release: 0,
      resolved: 0,
      resolved_in_release: 0,
      reopened: 0,
      merged: 0,
    };
    for (const row of await this.#deps.store.counts(this.#deps.db)) counts[row.status] = row.count;
    return counts;
  }

  async #filter({ deviceId, ...query }: CaseQuery): Promise<CaseFilter | null> {
    if (deviceId === null) return { ...query, deviceKey: null };
    const device = (await this.#deps.appliances.find([deviceId])).get(deviceId);
    return device === undefined ? null : { ...query, deviceKey: device.key };
  }

  async #withDevices(cases: readonly ServiceCase[]): Promise<CaseWithDevice[]> {
    const deviceOf = await appliancesOf(this.#deps.appliances, cases);
    return cases.map((serviceCase) => ({ serviceCase, deviceId: deviceOf(serviceCase)?.id ?? null }));
  }

  #step(
    by: Principal,
    id: string,
    text: string | null,
    on: CaseEvent,
    data: Record<string, unknown>,
  ): Promise<Done | Refused<"case_not_found" | CaseRefusal>> {
    return this.#change(by, id, `case.${on.kind}`, async (tx, serviceCase, deviceId) => {
      const entry = { by: principalText(by), text, deviceId, data };
      const outcome = await this.#deps.cases.work(tx, serviceCase, on, entry);
      return outcome.kind === "refused" ? outcome : { kind: "done" };
    });
  }

  #assign<R extends string>(
    by: Principal,
    id: string,
    action: string,
    decide: (now: string | null) => { assignee: string | null } | Refused<R>,
  ): Promise<Done | Refused<"case_not_found" | "case_merged" | "case_already_resolved" | R>> {
    const atMs = this.#deps.clock.nowMs();
    return this.#change<R | "case_already_resolved">(by, id, action, async (tx, serviceCase, deviceId) => {
      if (isClosed(serviceCase.state.status)) return refused("case_already_resolved");
      const decided = decide(serviceCase.assignee);
      if ("kind" in decided) return decided;
      const { assignee } = decided;
      const made = new CaseChanges(this.#deps);
      const after = made.assign(serviceCase, assignee, { atMs, by: principalText(by), text: null, data: {} }, deviceId);
      await made.write(tx);
      return after === serviceCase ? { kind: "done" } : { kind: "done", after: { assignee } };
    });
  }

  /** One step of a person on one case, with its line in the audit log. */
  async #change<R extends string>(
    by: Principal,
    id: string,
    action: string,
    work: (tx: Db, serviceCase: ServiceCase, deviceId: string | null) => Promise<Done | Refused<R>>,
  ): Promise<Done | Refused<R | "case_not_found" | "case_merged">> {
    const { db, store, audit } = this.#deps;
    // A case never changes its device.
    const known = await this.find(id);
    if (known === null) return refused("case_not_found");
    return contested(db, async (tx): Promise<Done | Refused<R | "case_not_found" | "case_merged">> => {
      const serviceCase = await store.lock(tx, id);
      if (serviceCase === null) return refused("case_not_found");
      const into = mergedInto(serviceCase.state);
      if (into !== null) return refused("case_merged", `It went into case ${into}.`);
      const outcome = await work(tx, serviceCase, known.deviceId);
      if (outcome.kind === "refused") return outcome;
      await audit.record(tx, {
        principal: by,
        action,
        subject: `case:${id}`,
        before: { status: serviceCase.state.status, assignee: serviceCase.assignee },
        ...(outcome.after === undefined ? {} : { after: outcome.after }),
      });
      return { kind: "done" };
    });
  }
}

const entryTitles: Record<EntryKind, string> = {
  opened: "Case opened",
  reopened: "Case reopened",
  resolved: "Case resolved",
  status: "Case moved on",
  note: "Note on case",
  assigned: "Case assigned",
  escalated: "Case escalated",
  message_to_owner: "Message to the owner",
  message_from_owner: "Message from the owner",
  diagnosis: "Diagnosis",
  merged: "Case merged",
  unmerged: "Case taken out of another",
  acknowledged: "Case seen",
  cause_gone: "Its cause is gone, a person shall see it still",
  cause_back: "Its cause is back",
  also_found: "A rule found its cause as well",
};
