import { type DeviceRef, householdAt } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import type { EntryKind } from "./case-entries-store.ts";
import { CaseMergesStore } from "./case-merges-store.ts";
import { type ServiceCase, wantsPerson } from "./case-row.ts";
import { isClosed, promiseOf } from "./core/case-promise.ts";
import { byCause, type CaseEvent, type CaseRefusal, stepCase } from "./core/case.ts";
import { type ServiceRule, titleOfCause } from "./core/rule.ts";
import type { Severity } from "./core/severity.ts";
import { IncidentsStore } from "./incidents-store.ts";
import { releaseCounters } from "./release-watch-store.ts";

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

/** A case that a person opens: an owner who asks for help, or staff. */
export type CaseByPerson = CaseMatter &
  (
    | { device: DeviceRef; /** Whose case it is; null where the appliance is nobody's. */ householdId: string | null }
    /** Of a household alone: what is the matter is no appliance's. */
    | { device: null; householdId: string }
  );

interface CaseMatter {
  severity: Severity;
  /** In snake_case: the key of its article in the catalogue, and with the device or household what makes it the same case. */
  cause: string;
  title: string;
  /** What they said, where they did. */
  text: string | null;
  /** The principal's text. */
  by: string;
  /** In the device's time where it came from there. */
  atMs: number;
  data?: Record<string, unknown>;
}

/** Something said between the owner and those who help them. */
export interface CaseMessage {
  direction: "to_owner" | "from_owner";
  /** The case was opened, or opened again, with it: that is told already. */
  opens?: boolean;
  by: string;
  text: string;
  atMs: number;
  data: Record<string, unknown>;
}

const keyText = (deviceKey: number | null, cause: string) => `${deviceKey} ${cause}`;

/** Cases: opened and closed by their causes and by people, and what is said in them. */
export class Cases {
  readonly #deps: CaseChangesDeps & { ids: Ids };
  readonly #causes = new IncidentsStore();
  readonly #merged = new CaseMergesStore();

  constructor(deps: CaseChangesDeps & { ids: Ids }) {
    this.#deps = deps;
  }

  /** Applies what rules found, in the order given. */
  async apply(tx: Db, changes: readonly CauseChange[]): Promise<void> {
    if (changes.length === 0) return;
    const last = await this.#last(
      tx,
      changes.map(({ device, cause }) => ({ deviceKey: device.key, cause })),
    );
    const counters = await countersFor(tx, [...last.values()]);
    const finders = await this.#findersOf(tx, changes, last);
    const standing = await this.#merged.standing(tx, [...new Set([...last.values()].map(({ id }) => id))]);
    const made = new CaseChanges(this.#deps);
    // Several causes may have one case, which went into it.
    const changed = new Map<string, ServiceCase>();
    for (const change of changes) {
      const key = keyText(change.device.key, change.cause);
      const counter = counters.get(change.device.key) ?? null;
      const found = last.get(key);
      const now = found === undefined ? undefined : (changed.get(found.id) ?? found);
      const causes = now === undefined ? undefined : standing.get(now.id);
      if (change.kind === "raise") causes?.add(change.cause);
      else causes?.delete(change.cause);
      if (change.kind === "clear" && causes !== undefined && now !== undefined) {
        // What went into a case is not mended because something else of it is; and what a person opened does not end by itself.
        if (causes.size > 0 || now.ruleId === null) continue;
      }
      const after =
        change.kind === "raise" ? this.#raise(made, now, change, counter, finders) : clear(made, now, change, counter);
      if (after === undefined) continue;
      if (change.kind === "raise") finders.set(after.id, (finders.get(after.id) ?? new Set()).add(change.rule.id));
      last.set(key, after);
      changed.set(after.id, after);
    }
    await made.write(tx);
  }

  /**
   * Opens a case because a person says so. Where there is an open one of the same cause on the device, that is the case, and nothing is
   * opened; one that was resolved less than 7 days ago for the same household is reopened.
   */
  async openByPerson(
    tx: Db,
    asked: CaseByPerson,
  ): Promise<{ kind: "opened" | "reopened" | "open_already"; serviceCase: ServiceCase }> {
    const { device, cause, atMs, by, text, data = {} } = asked;
    // A rule may find the same at this moment: of two who see no case both would open one, and one of them would fail.
    const model = device === null ? `household ${asked.householdId}` : device.model;
    await this.#causes.lockCauses(tx, [{ cause, model }]);
    const now =
      device === null
        ? await this.#deps.store.lockLastOfHousehold(tx, asked.householdId, cause)
        : (await this.#last(tx, [{ deviceKey: device.key, cause }])).get(keyText(device.key, cause));
    const deviceId = device?.id ?? null;
    const made = new CaseChanges(this.#deps);
    if (now !== undefined && (now.householdId === asked.householdId || !isClosed(now.state.status))) {
      const counter = device === null ? null : ((await countersFor(tx, [now])).get(device.key) ?? null);
      const outcome = stepCase(now.state, { kind: "cause_returned", atMs, counter });
      if (outcome.kind === "moved") {
        const reopened = made.move(now, outcome.to, { atMs, by, text, data }, deviceId);
        await made.write(tx);
        return { kind: "reopened", serviceCase: reopened };
      }
      if (outcome.rule !== "resolved_too_long_ago") return { kind: "open_already", serviceCase: now };
    }
    const line = { kind: "opened", atMs, by, text, data } as const;
    const opened = made.add(this.#opened({ ...asked, ruleId: null }), line, deviceId);
    await made.write(tx);
    return { kind: "opened", serviceCase: opened };
  }

  /**
   * Adds a message to a case that the caller holds. The first one to the owner is the first answer; one from the owner ends the wait for
   * them.
   */
  async say(tx: Db, serviceCase: ServiceCase, message: CaseMessage, deviceId: string | null): Promise<ServiceCase> {
    const { direction, opens = false, ...line } = message;
    const made = new CaseChanges(this.#deps);
    const kind: EntryKind = direction === "to_owner" ? "message_to_owner" : "message_from_owner";
    let after =
      direction === "to_owner"
        ? made.answer(serviceCase, { kind, ...line }, deviceId)
        : made.add(serviceCase, { kind, ...line }, deviceId, !opens);
    if (direction === "from_owner") {
      const outcome = stepCase(after.state, { kind: "owner_answered", atMs: line.atMs });
      const moved = { atMs: line.atMs, by: line.by, text: null, data: {} };
      if (outcome.kind === "moved") after = made.move(after, outcome.to, moved, deviceId);
    }
    await made.write(tx);
    return after;
  }

  /** Closes cases that the caller holds, since an incident has taken them over. Their cause reopens each when it returns after that. */
  async fold(
    tx: Db,
    taken: readonly { serviceCase: ServiceCase; deviceId: string | null }[],
    on: { atMs: number; by: string; data: Record<string, unknown> },
  ): Promise<void> {
    const made = new CaseChanges(this.#deps);
    for (const { serviceCase, deviceId } of taken) {
      const outcome = stepCase(serviceCase.state, { kind: "resolved", atMs: on.atMs, by: on.by });
      if (outcome.kind === "moved") made.move(serviceCase, outcome.to, { text: null, ...on }, deviceId);
    }
    await made.write(tx);
  }

  /** What a person does to one case, which the caller holds. */
  async work(
    tx: Db,
    serviceCase: ServiceCase,
    on: CaseEvent,
    entry: { by: string; text: string | null; deviceId: string | null; data?: Record<string, unknown> },
  ): Promise<{ kind: "moved"; to: ServiceCase } | { kind: "refused"; rule: CaseRefusal }> {
    const outcome = stepCase(serviceCase.state, on);
    if (outcome.kind === "refused") return outcome;
    const made = new CaseChanges(this.#deps);
    const { by, text, data = {}, deviceId } = entry;
    const to = made.move(serviceCase, outcome.to, { atMs: on.atMs, by, text, data }, deviceId);
    await made.write(tx);
    return { kind: "moved", to };
  }

  /**
   * Takes the open cases of a device out of their household; nobody is left to wait for in it. What the household itself asked for help
   * with ends with it.
   */
  async detach(tx: Db, device: DeviceRef, on: { by: string; atMs: number }): Promise<void> {
    const made = new CaseChanges(this.#deps, false);
    for (const open of await this.#deps.store.lockOpen(tx, device.key)) {
      if (open.householdId === null) continue;
      const step = leaving(open, on);
      const outcome = step === null ? null : stepCase(open.state, step);
      const state = outcome?.kind === "moved" ? outcome.to : open.state;
      const detached = { ...open, householdId: null, formerHouseholdId: open.householdId };
      made.move(detached, state, { ...on, text: null, data: { household: "left" } }, device.id);
    }
    await made.write(tx);
  }

  async #last(tx: Db, keys: readonly { deviceKey: number; cause: string }[]): Promise<Map<string, ServiceCase>> {
    const found = await this.#deps.store.lockLast(tx, keys);
    return new Map(found.map(({ deviceKey, cause, serviceCase }) => [keyText(deviceKey, cause), serviceCase]));
  }

  /** Of the cases that are open when a rule finds their cause: which rules found something in them before. */
  async #findersOf(
    tx: Db,
    changes: readonly CauseChange[],
    last: ReadonlyMap<string, ServiceCase>,
  ): Promise<Map<string, Set<string>>> {
    const found = changes.flatMap(({ kind, device, cause }) => {
      const open = kind === "raise" ? last.get(keyText(device.key, cause)) : undefined;
      return open === undefined || isClosed(open.state.status) ? [] : [open.id];
    });
    return found.length === 0 ? new Map() : this.#deps.entries.findersOf(tx, [...new Set(found)]);
  }

  #raise(
    made: CaseChanges,
    now: ServiceCase | undefined,
    change: CauseChange,
    counter: number | null,
    finders: ReadonlyMap<string, ReadonlySet<string>>,
  ): ServiceCase | undefined {
    const { device, rule, cause, atMs, evidence } = change;
    const line = { atMs, by: byCause, text: null, data: { ruleId: rule.id, ruleVersion: rule.version, ...evidence } };
    const householdId = householdAt(device, atMs);
    // A case that is closed is the story of the household that had it: under another one its cause is a new case.
    if (now !== undefined && (now.householdId === householdId || !isClosed(now.state.status))) {
      const outcome = stepCase(now.state, { kind: "cause_returned", atMs, counter });
      const { severity } = rule.definition;
      const asGrave = made.asGrave(now, severity);
      const isGraver = asGrave !== now;
      if (outcome.kind === "moved") return made.move(asGrave, outcome.to, line, device.id);
      if (outcome.rule !== "resolved_too_long_ago") {
        const there = { ...asGrave, causeGoneAtMs: null };
        // What another rule saw speaks for the case, too; a person may have opened it with nothing of the kind.
        if (isGraver || finders.get(now.id)?.has(rule.id) !== true) {
          const data = isGraver ? { ...line.data, severity, before: now.severity } : line.data;
          return made.add(there, { ...line, kind: "also_found", data }, device.id, isGraver);
        }
        // It waits for a person, and what it is about is there again.
        return now.causeGoneAtMs === null ? undefined : made.add(there, { kind: "cause_back", ...line }, device.id);
      }
    }
    const opened = this.#opened({
      device,
      householdId,
      ruleId: rule.id,
      cause,
      severity: rule.definition.severity,
      title: titleOfCause(rule.definition, cause),
      by: byCause,
      atMs,
    });
    return made.add(opened, { kind: "opened", ...line }, device.id);
  }

  #opened(of: OpenedCase): ServiceCase {
    const knownAtMs = this.#deps.clock.nowMs();
    return {
      id: this.#deps.ids.next(),
      deviceKey: of.device?.key ?? null,
      model: of.device?.model ?? "",
      householdId: of.householdId,
      formerHouseholdId: null,
      ruleId: of.ruleId,
      cause: of.cause,
      severity: of.severity,
      title: of.title,
      openedBy: of.by,
      openedAtMs: of.atMs,
      knownAtMs,
      state: { status: "open", openedAtMs: of.atMs },
      promise: promiseOf(this.#deps.policies.terms(of.severity), knownAtMs),
      answeredBy: null,
      escalatedTo: null,
      assignee: null,
      assignedAtMs: null,
      reopenedCount: 0,
      firstResolvedAtMs: null,
      resolveKept: null,
      seen: null,
      causeGoneAtMs: null,
    };
  }
}

/** What a new case is made of, whoever found it. */
type OpenedCase = Omit<CaseMatter, "text"> & {
  device: DeviceRef | null;
  householdId: string | null;
  ruleId: string | null;
};

/** What a case comes to when its household leaves; null: it stays where it is. */
function leaving(open: ServiceCase, { by, atMs }: { by: string; atMs: number }): CaseEvent | null {
  const byHousehold = open.ruleId === null && !open.openedBy.startsWith("staff:");
  if (byHousehold && !wantsPerson(open)) return { kind: "resolved", atMs, by };
  return open.state.status === "waiting_for_owner" ? { kind: "take_up", atMs } : null;
}

/** What the devices run of whose cases a release was said to mend them; most batches have none. */
async function countersFor(tx: Db, cases: readonly ServiceCase[]): Promise<Map<number, number | null>> {
  const keys = cases.flatMap(({ state, deviceKey }) =>
    "fixedIn" in state && state.fixedIn !== null && deviceKey !== null ? [deviceKey] : [],
  );
  return keys.length === 0 ? new Map() : releaseCounters(tx, keys);
}

function clear(
  made: CaseChanges,
  now: ServiceCase | undefined,
  change: CauseChange,
  counter: number | null,
): ServiceCase | undefined {
  const { device, rule, atMs, evidence } = change;
  if (now === undefined) return undefined;
  const outcome = stepCase(now.state, { kind: "cause_cleared", atMs, counter, isUnseen: wantsPerson(now) });
  const data = { ruleId: rule.id, ruleVersion: rule.version, ...evidence };
  const line = { atMs, by: byCause, text: null, data };
  if (outcome.kind === "moved") return made.move(now, outcome.to, line, device.id);
  if (outcome.rule === "case_unseen" && now.causeGoneAtMs === null)
    return made.add({ ...now, causeGoneAtMs: atMs }, { kind: "cause_gone", ...line }, device.id);
  // A case that staff resolved while its cause still stood has nothing left to resolve.
  return undefined;
}
