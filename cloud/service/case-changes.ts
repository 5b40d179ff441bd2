import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { CaseEntriesStore, EntryKind, NewEntry } from "./case-entries-store.ts";
import type { CasePolicies } from "./case-policies.ts";
import type { ServiceCase } from "./case-row.ts";
import type { CasesStore } from "./cases-store.ts";
import { asGraveAs } from "./core/case-graver.ts";
import { isClosed, promiseAfter, promiseAnswered } from "./core/case-promise.ts";
import type { CaseState } from "./core/case.ts";
import type { Severity } from "./core/severity.ts";

export interface CaseChangesDeps {
  clock: Clock;
  outbox: Outbox;
  policies: CasePolicies;
  store: CasesStore;
  entries: CaseEntriesStore;
}

type Line = Omit<NewEntry, "caseId" | "deviceKey">;

/** What the world hears of, and as what; the rest is the staff's. */
const notable: Partial<Record<EntryKind, string>> = {
  opened: "hearth.case.opened",
  reopened: "hearth.case.reopened",
  resolved: "hearth.case.resolved",
  escalated: "hearth.case.escalated",
  assigned: "hearth.case.assigned",
  message_from_owner: "hearth.case.owner_wrote",
  merged: "hearth.case.merged",
  unmerged: "hearth.case.unmerged",
  also_found: "hearth.case.graver",
};

const resolvedType = "hearth.case.resolved";

/** What a fact says beside the case: ids and numbers, and no word that anybody wrote. */
function toldOf({ kind, data }: Line, assignee: string | null): Record<string, unknown> {
  if (kind === "escalated") return data;
  if (kind === "assigned") return { ...data, reaches: assignee };
  if (kind === "merged" || kind === "unmerged") return data;
  return kind === "message_from_owner" ? { reaches: assignee } : {};
}

/** What a batch, a person or the clock does to cases; written in one go. */
export class CaseChanges {
  readonly #deps: CaseChangesDeps;
  readonly #isLookedAt: boolean;
  readonly #cases = new Map<string, ServiceCase>();
  readonly #entries: NewEntry[] = [];
  readonly #facts: NotableFact[] = [];

  /** @param isLookedAt false where a person does something else, and cases merely go along with it */
  constructor(deps: CaseChangesDeps, isLookedAt = true) {
    this.#deps = deps;
    this.#isLookedAt = isLookedAt;
  }

  /**
   * Notes a case as it is after something, with the line of its history; for the notable ones the fact too.
   *
   * @param isNews false where what is told already says it: the message that a case opens with
   */
  add(changed: ServiceCase, line: Line, deviceId: string | null, isNews = true): ServiceCase {
    const serviceCase = this.#seen(changed, line);
    const { id, deviceKey, householdId, ruleId, cause, severity, title, assignee } = serviceCase;
    this.#cases.set(id, serviceCase);
    this.#entries.push({ ...line, caseId: id, deviceKey });
    const type = notable[line.kind];
    if (type !== undefined && isNews) {
      this.#facts.push({
        type,
        subject: `case:${id}`,
        atMs: line.atMs,
        data: {
          caseId: id,
          deviceId,
          householdId,
          ruleId,
          cause,
          severity,
          title,
          by: line.by,
          ...toldOf(line, assignee),
        },
      });
    }
    return serviceCase;
  }

  /** Whoever of the staff does something with a case has seen it. */
  #seen(serviceCase: ServiceCase, { by }: Line): ServiceCase {
    if (serviceCase.seen !== null || !this.#isLookedAt || !by.startsWith("staff:")) return serviceCase;
    return { ...serviceCase, seen: { atMs: this.#deps.clock.nowMs(), by } };
  }

  /** A case as grave as what is found of it now; the very same where it is so already. Who saw it when it was less has not seen this. */
  asGrave(before: ServiceCase, severity: Severity): ServiceCase {
    const graver = asGraveAs(severity, before, this.#deps.policies.terms(severity), this.#deps.clock.nowMs());
    return graver === before ? before : { ...graver, seen: null };
  }

  /** A case goes to another state: its promise goes with it. */
  move(before: ServiceCase, to: CaseState, line: Omit<Line, "kind">, deviceId: string | null): ServiceCase {
    const nowMs = this.#deps.clock.nowMs();
    const [was, is] = [isClosed(before.state.status), isClosed(to.status)];
    const unmerges = before.state.status === "merged";
    const reopens = was && !is && !unmerges;
    const solved = is && to.status !== "merged";
    const terms = this.#deps.policies.terms(before.severity);
    const promise = promiseAfter(before.promise, { from: before.state.status, to: to.status, nowMs }, terms);
    const after: ServiceCase = {
      ...before,
      state: to,
      promise,
      reopenedCount: before.reopenedCount + (reopens ? 1 : 0),
      firstResolvedAtMs: before.firstResolvedAtMs ?? (solved ? nowMs : null),
      resolveKept: before.resolveKept ?? (solved ? nowMs <= promise.resolveDueAtMs : null),
      escalatedTo: reopens ? null : before.escalatedTo,
      // Who saw the first time has not seen this one.
      seen: reopens ? null : before.seen,
      causeGoneAtMs: reopens || solved ? null : before.causeGoneAtMs,
    };
    const kind = unmerges ? "unmerged" : solved ? "resolved" : is ? "merged" : reopens ? "reopened" : "status";
    return this.add(after, { ...line, kind, data: { ...line.data, status: to.status } }, deviceId);
  }

  /** Somebody has the case from now on, or nobody. @returns the very same where that is so already */
  assign(before: ServiceCase, assignee: string | null, line: Omit<Line, "kind">, deviceId: string | null): ServiceCase {
    if (assignee === before.assignee) return before;
    const data = { ...line.data, assignee, before: before.assignee };
    const after = { ...before, assignee, assignedAtMs: assignee === null ? null : line.atMs };
    return this.add(after, { ...line, kind: "assigned", data }, deviceId);
  }

  /** The owner hears something; the first time, a promise is kept. */
  answer(before: ServiceCase, line: Line, deviceId: string | null): ServiceCase {
    const { promise, severity, state } = before;
    const terms = this.#deps.policies.terms(severity);
    const answered = promiseAnswered(promise, state.status, this.#deps.clock.nowMs(), terms);
    return this.add({ ...before, promise: answered, answeredBy: before.answeredBy ?? line.by }, line, deviceId);
  }

  async write(tx: Db): Promise<void> {
    const { store, entries, outbox } = this.#deps;
    if (this.#entries.length === 0) return;
    await store.write(tx, [...this.#cases.values()]);
    await entries.add(tx, this.#entries);
    await outbox.add(tx, await this.#withAnswers(tx));
  }

  /** Whoever hears that a case is solved hears how many answers it took, and whether it came back. */
  async #withAnswers(tx: Db): Promise<NotableFact[]> {
    const ids = this.#facts.flatMap(({ type, data }) => (type === resolvedType ? String(data.caseId) : []));
    if (ids.length === 0) return this.#facts;
    const answers = await this.#deps.entries.answersOf(tx, ids);
    return this.#facts.map((fact) => {
      if (fact.type !== resolvedType) return fact;
      const caseId = String(fact.data.caseId);
      const { reopenedCount } = this.#cases.get(caseId) ?? {};
      return { ...fact, data: { ...fact.data, answers: answers.get(caseId) ?? 0, reopenedCount } };
    });
  }
}
