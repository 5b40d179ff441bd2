import { type DeviceRef, householdAt } from "../devices/devices.ts";
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { byCause, type CaseEvent, type CaseRefusal, stepCase } from "./core/case.ts";
import type { ServiceRule } from "./core/rule.ts";
import { CasesStore, type NewEntry, type ServiceCase } from "./cases-store.ts";

/** A cause that a rule found on a device, or that went away there. */
export interface CauseChange {
  kind: "raise" | "clear";
  device: DeviceRef;
  rule: ServiceRule;
  cause: string;
  atMs: number;
  /** What speaks for it. */
  evidence: Record<string, unknown>;
}

const keyText = (deviceKey: number, cause: string) => `${deviceKey} ${cause}`;

/** What a batch, or a person, does to cases; written in one go. */
class CaseChanges {
  readonly cases = new Map<string, ServiceCase>();
  readonly entries: NewEntry[] = [];
  readonly facts: NotableFact[] = [];

  /** Notes a case's new state, its entry, and for the notable ones the fact. */
  add(serviceCase: ServiceCase, entry: Omit<NewEntry, "caseId" | "deviceKey">, deviceId: string): void {
    const { id, deviceKey, householdId, ruleId, cause, severity, title } = serviceCase;
    this.cases.set(id, serviceCase);
    this.entries.push({ ...entry, caseId: id, deviceKey });
    if (entry.kind === "note" || entry.kind === "status") return;
    this.facts.push({
      type: `hearth.case.${entry.kind}`,
      subject: `case:${id}`,
      atMs: entry.atMs,
      data: { caseId: id, deviceId, householdId, ruleId, cause, severity, title, by: entry.by },
    });
  }
}

/** Cases: opened and closed by their causes, and worked on by staff. */
export class Cases {
  readonly #store: CasesStore;
  readonly #ids: Ids;
  readonly #outbox: Outbox;

  constructor(deps: { store: CasesStore; ids: Ids; outbox: Outbox }) {
    this.#store = deps.store;
    this.#ids = deps.ids;
    this.#outbox = deps.outbox;
  }

  /** Applies what rules found, in the order given. */
  async apply(tx: Db, changes: readonly CauseChange[]): Promise<void> {
    if (changes.length === 0) return;
    const keys = changes.map(({ device, cause }) => ({ deviceKey: device.key, cause }));
    const last = new Map(
      (await this.#store.lockLast(tx, keys)).map((found) => [keyText(found.deviceKey, found.cause), found]),
    );
    const made = new CaseChanges();
    for (const change of changes) {
      const key = keyText(change.device.key, change.cause);
      const after =
        change.kind === "raise" ? this.#raise(made, last.get(key), change) : clear(made, last.get(key), change);
      if (after !== undefined) last.set(key, after);
    }
    await this.#write(tx, made);
  }

  /** What a person does to one case; the case is locked by the caller. */
  async work(
    tx: Db,
    serviceCase: ServiceCase,
    on: CaseEvent,
    entry: { by: string; text: string; deviceId: string },
  ): Promise<{ kind: "moved"; to: ServiceCase } | { kind: "refused"; rule: CaseRefusal }> {
    const outcome = stepCase(serviceCase.state, on);
    if (outcome.kind === "refused") return outcome;
    const to: ServiceCase = { ...serviceCase, state: outcome.to };
    const made = new CaseChanges();
    const { by, text } = entry;
    const kind = outcome.to.status === "resolved" ? "resolved" : "status";
    made.add(to, { kind, atMs: on.atMs, by, text, data: { status: outcome.to.status } }, entry.deviceId);
    await this.#write(tx, made);
    return { kind: "moved", to };
  }

  /** Takes the open cases of a device out of their household; nobody is left to wait for in it. */
  async detach(tx: Db, device: DeviceRef, on: { by: string; atMs: number }): Promise<void> {
    const made = new CaseChanges();
    for (const open of await this.#store.lockOpen(tx, device.key)) {
      if (open.householdId === null) continue;
      const waits = open.state.status === "waiting_for_owner";
      const outcome = waits ? stepCase(open.state, { kind: "take_up", atMs: on.atMs }) : null;
      const state = outcome?.kind === "moved" ? outcome.to : open.state;
      const data = { status: state.status, household: "left" };
      const detached = { ...open, householdId: null, formerHouseholdId: open.householdId, state };
      made.add(detached, { kind: "status", ...on, text: null, data }, device.id);
    }
    await this.#write(tx, made);
  }

  #raise(made: CaseChanges, now: ServiceCase | undefined, change: CauseChange): ServiceCase | undefined {
    const { device, rule, cause, atMs, evidence } = change;
    const entry = { atMs, by: byCause, text: null, data: { ruleId: rule.id, ruleVersion: rule.version, ...evidence } };
    const householdId = householdAt(device, atMs);
    // A case that is closed is the story of the household that had it: under another one its cause is a new case.
    const isOver = now?.state.status === "resolved" && now.householdId !== householdId;
    if (now !== undefined && !isOver) {
      const outcome = stepCase(now.state, { kind: "cause_returned", atMs });
      if (outcome.kind === "moved") {
        const reopened: ServiceCase = { ...now, state: outcome.to };
        made.add(reopened, { kind: "reopened", ...entry }, device.id);
        return reopened;
      }
      if (outcome.rule !== "resolved_too_long_ago") return undefined;
    }
    const opened: ServiceCase = {
      id: this.#ids.next(),
      deviceKey: device.key,
      householdId,
      formerHouseholdId: null,
      ruleId: rule.id,
      cause,
      severity: rule.definition.severity,
      title: titleOf(rule, cause),
      openedAtMs: atMs,
      state: { status: "open", openedAtMs: atMs },
    };
    made.add(opened, { kind: "opened", ...entry }, device.id);
    return opened;
  }

  async #write(tx: Db, made: CaseChanges): Promise<void> {
    await this.#store.write(tx, [...made.cases.values()]);
    await this.#store.addEntries(tx, made.entries);
    await this.#outbox.add(tx, made.facts);
  }
}

function clear(made: CaseChanges, now: ServiceCase | undefined, change: CauseChange): ServiceCase | undefined {
  const { device, rule, atMs, evidence } = change;
  if (now === undefined) return undefined;
  const outcome = stepCase(now.state, { kind: "cause_cleared", atMs });
  // A case that staff resolved while its cause still stood has nothing left to resolve.
  if (outcome.kind === "refused") return undefined;
  const resolved: ServiceCase = { ...now, state: outcome.to };
  const data = { ruleId: rule.id, ruleVersion: rule.version, ...evidence };
  made.add(resolved, { kind: "resolved", atMs, by: byCause, text: null, data }, device.id);
  return resolved;
}

/** A fault's case says which fault: the code is what a technician looks for. */
const titleOf = (rule: ServiceRule, cause: string) =>
  rule.definition.kind === "fault"
    ? `${rule.definition.title} (${cause.slice("fault:".length)})`
    : rule.definition.title;
