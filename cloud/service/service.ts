import type { DeviceRef, EventFact, ReadingFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { Cases } from "./cases.ts";
import { type CaseEntry, type CaseFilter, CasesStore, type ServiceCase } from "./cases-store.ts";
import { type CaseEvent, type CaseRefusal, type CaseStatus } from "./core/case.ts";
import { keepsIdentity, type RuleDefinition, type ServiceRule } from "./core/rule.ts";
import { RuleWatch } from "./rule-watch.ts";
import { RulesStore } from "./rules-store.ts";

export { serviceProblems } from "./errors.ts";
export { Listening } from "./listening.ts";

/** What this slice needs of the registry. */
export interface ServiceAppliances {
  find(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>>;
}

export interface CaseWithDevice {
  serviceCase: ServiceCase;
  deviceId: string;
  model: string;
}

/** Where a note may move its case. */
export type WorkingStatus = Exclude<CaseStatus, "resolved" | "reopened">;

type Refused<R extends string> = { kind: "refused"; rule: R };
const refused = <R extends string>(rule: R): Refused<R> => ({ kind: "refused", rule });

const rulesMax = 200;
const entriesMax = 1_000;

const workEvents = {
  open: "take_up",
  waiting_for_owner: "ask_owner",
  waiting_for_staff: "owner_answered",
} as const satisfies Record<WorkingStatus, CaseEvent["kind"]>;

/** Rules over the stream, and the cases that they open. */
export class Service {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #audit: Audit;
  readonly #appliances: ServiceAppliances;
  readonly #watch = new RuleWatch();
  readonly #rules = new RulesStore();
  readonly #store = new CasesStore();
  readonly #cases: Cases;

  constructor(deps: { db: Db; clock: Clock; ids: Ids; audit: Audit; outbox: Outbox; appliances: ServiceAppliances }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#audit = deps.audit;
    this.#appliances = deps.appliances;
    this.#cases = new Cases({ store: this.#store, ids: deps.ids, outbox: deps.outbox });
  }

  /** Reads the rules and what they are busy with. Before the first batch. */
  async load(): Promise<void> {
    await this.#watch.load(this.#db);
  }

  /** Runs the rules over a batch, in its transaction. What it returns runs after the commit. */
  async ingest(
    tx: Db,
    facts: { readings: readonly ReadingFact[]; events: readonly EventFact[] },
  ): Promise<(() => void) | undefined> {
    const judged = await this.#watch.judge(tx, facts);
    if (judged === null) return undefined;
    await this.#cases.apply(tx, judged.changes);
    return judged.afterCommit;
  }

  rules(): ServiceRule[] {
    return this.#watch.rules();
  }

  async createRule(
    by: Principal,
    definition: RuleDefinition,
  ): Promise<ServiceRule | Refused<"too_many_service_rules">> {
    if (this.rules().length >= rulesMax) return refused("too_many_service_rules");
    const rule: ServiceRule = { id: this.#ids.next(), version: 1, definition, ...this.#made(by) };
    await transaction(this.#db, async (tx) => {
      await this.#rules.insert(tx, rule);
      const subject = `service_rule:${rule.id}`;
      await this.#audit.record(tx, { principal: by, action: "service_rule.created", subject, after: definition });
    });
    this.#watch.replace(rule);
    return rule;
  }

  /** Puts a rule's next version in force. */
  async changeRule(
    by: Principal,
    id: string,
    definition: RuleDefinition,
  ): Promise<ServiceRule | Refused<"service_rule_not_found" | "service_rule_identity">> {
    const outcome = await transaction(this.#db, async (tx) => {
      const before = await this.#rules.getForChange(tx, id);
      if (before === null) return refused("service_rule_not_found");
      if (!keepsIdentity(before.definition, definition)) return refused("service_rule_identity");
      const after: ServiceRule = { id, version: before.version + 1, definition, ...this.#made(by) };
      await this.#rules.insert(tx, after);
      await this.#audit.record(tx, {
        principal: by,
        action: "service_rule.changed",
        subject: `service_rule:${id}`,
        before: before.definition,
        after: definition,
      });
      return after;
    });
    if (!("kind" in outcome)) this.#watch.replace(outcome);
    return outcome;
  }

  /** Newest first; an unknown device has none. */
  async list(filter: Omit<CaseFilter, "deviceKey"> & { deviceId: string | null }): Promise<CaseWithDevice[]> {
    const { deviceId, ...rest } = filter;
    const device = deviceId === null ? null : (await this.#appliances.find([deviceId])).get(deviceId);
    if (device === undefined) return [];
    return this.#withDevices(await this.#store.list(this.#db, { ...rest, deviceKey: device?.key ?? null }));
  }

  async get(id: string): Promise<(CaseWithDevice & { entries: CaseEntry[] }) | null> {
    const serviceCase = await this.#store.get(this.#db, id);
    if (serviceCase === null) return null;
    const [found] = await this.#withDevices([serviceCase]);
    return found === undefined ? null : { ...found, entries: await this.#store.entries(this.#db, id, entriesMax) };
  }

  resolve(by: Principal, id: string, note: string) {
    const on: CaseEvent = { kind: "resolved", atMs: this.#clock.nowMs(), by: principalText(by) };
    return this.#work(by, id, note, on);
  }

  /** Adds what a person has to say, and moves the case where it says so. */
  note(by: Principal, id: string, text: string, status: WorkingStatus | null) {
    const on: CaseEvent | null = status === null ? null : { kind: workEvents[status], atMs: this.#clock.nowMs() };
    return this.#work(by, id, text, on);
  }

  /**
   * A device leaves its household. What is wrong with it is not mended by that, so its open cases stay open, but they are nobody's now,
   * and none waits any longer for the owner's answer.
   */
  async detach(tx: Db, by: Principal, device: DeviceRef): Promise<void> {
    await this.#cases.detach(tx, device, { by: principalText(by), atMs: this.#clock.nowMs() });
  }

  /** A household is erased. Its cases stay, as cases of appliances. */
  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    await this.#store.forgetHousehold(tx, householdId);
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.#store.timeline(this.#db, device.key, page);
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
      resolved: 0,
      reopened: 0,
    };
    for (const row of await this.#store.counts(this.#db)) counts[row.status] = row.count;
    return counts;
  }

  #made(by: Principal) {
    return { createdAtMs: this.#clock.nowMs(), createdBy: principalText(by) };
  }

  async #withDevices(cases: readonly ServiceCase[]): Promise<CaseWithDevice[]> {
    const refs = await this.#appliances.refsByKey([...new Set(cases.map((found) => found.deviceKey))]);
    return cases.map((serviceCase) => {
      const device = refs.get(serviceCase.deviceKey);
      return { serviceCase, deviceId: device?.id ?? "", model: device?.model ?? "" };
    });
  }

  /** One step of a person on one case; `on` null is a note that moves nothing. */
  async #work(
    by: Principal,
    id: string,
    text: string,
    on: CaseEvent | null,
  ): Promise<{ kind: "done" } | Refused<"case_not_found" | CaseRefusal>> {
    const known = await this.get(id);
    if (known === null) return refused("case_not_found");
    const { deviceId } = known;
    return transaction(this.#db, async (tx) => {
      const serviceCase = await this.#store.lock(tx, id);
      if (serviceCase === null) return refused("case_not_found");
      const entry = { by: principalText(by), text };
      if (on === null) {
        const { deviceKey } = serviceCase;
        const atMs = this.#clock.nowMs();
        await this.#store.addEntries(tx, [{ caseId: id, deviceKey, kind: "note", atMs, data: {}, ...entry }]);
      } else {
        const outcome = await this.#cases.work(tx, serviceCase, on, { ...entry, deviceId });
        if (outcome.kind === "refused") return outcome;
      }
      await this.#audit.record(tx, {
        principal: by,
        action: on === null ? "case.noted" : `case.${on.kind}`,
        subject: `case:${id}`,
        before: { status: serviceCase.state.status },
      });
      return { kind: "done" };
    });
  }
}

const entryTitles: Record<CaseEntry["kind"], string> = {
  opened: "Case opened",
  reopened: "Case reopened",
  resolved: "Case resolved",
  status: "Case moved on",
  note: "Note on case",
};

export const workingStatuses = ["open", "waiting_for_owner", "waiting_for_staff"] as const satisfies WorkingStatus[];
