import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf } from "./case-appliances.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import { mergedInto, type ServiceCase } from "./case-row.ts";
import { isClosed } from "./core/case-promise.ts";
import { type CaseRefusal, stepCase } from "./core/case.ts";

/** What can be done to many cases at once. */
export type BulkAction = { kind: "give"; staffKeyId: string } | { kind: "release" } | { kind: "resolve"; note: string };

type BulkRefusal = CaseRefusal | "case_not_found";

/** What became of each case: what could not be done says why, and keeps nothing else from being done. */
export interface BulkOutcome {
  kind: "done";
  done: string[];
  refused: { id: string; rule: BulkRefusal; detail?: string }[];
}

interface CaseBulkDeps extends CaseChangesDeps {
  db: Db;
  audit: Audit;
  appliances: ServiceAppliances;
  clock: Clock;
  mayWork: (staffKeyId: string) => Promise<boolean>;
}

const auditActions = { give: "case.given", release: "case.released", resolve: "case.resolved" } as const;

/** What staff do to many cases at once: one transaction, one write. */
export class CaseBulk {
  readonly #deps: CaseBulkDeps;

  constructor(deps: CaseBulkDeps) {
    this.#deps = deps;
  }

  /** @param ids how many are taken at once is the edge's to limit */
  async act(
    by: Principal,
    ids: readonly string[],
    action: BulkAction,
  ): Promise<BulkOutcome | Refused<"assignee_not_suitable">> {
    const { db, audit, store, appliances, mayWork } = this.#deps;
    if (action.kind === "give" && !(await mayWork(action.staffKeyId))) return refused("assignee_not_suitable");
    return contested(db, async (tx) => {
      const held = new Map((await store.lockAll(tx, ids)).map((one) => [one.id, one]));
      const deviceOf = await appliancesOf(appliances, [...held.values()]);
      const made = new CaseChanges(this.#deps);
      const outcome: BulkOutcome = { kind: "done", done: [], refused: [] };
      const changed: { before: ServiceCase; after: ServiceCase }[] = [];
      for (const id of new Set(ids)) {
        const before = held.get(id);
        const after =
          before === undefined
            ? refused("case_not_found")
            : this.#one(made, by, before, action, deviceOf(before)?.id ?? null);
        if ("kind" in after) {
          const { rule, detail } = after;
          outcome.refused.push(detail === undefined ? { id, rule } : { id, rule, detail });
        } else {
          outcome.done.push(id);
          if (before !== undefined && after !== before) changed.push({ before, after });
        }
      }
      await made.write(tx);
      for (const { before, after } of changed) {
        await audit.record(tx, {
          principal: by,
          action: auditActions[action.kind],
          subject: `case:${before.id}`,
          before: { status: before.state.status, assignee: before.assignee },
          ...(action.kind === "resolve" ? {} : { after: { assignee: after.assignee } }),
        });
      }
      return outcome;
    });
  }

  /** @returns the case as it is then; the very same where nothing was to do */
  #one(
    made: CaseChanges,
    by: Principal,
    before: ServiceCase,
    action: BulkAction,
    deviceId: string | null,
  ): ServiceCase | Refused<CaseRefusal> {
    const atMs = this.#deps.clock.nowMs();
    const line = { atMs, by: principalText(by), text: null, data: {} };
    const into = mergedInto(before.state);
    if (into !== null) return refused("case_merged", `It went into case ${into}.`);
    if (action.kind === "resolve") {
      const outcome = stepCase(before.state, { kind: "resolved", atMs, by: line.by });
      if (outcome.kind === "refused") return outcome;
      return made.move(before, outcome.to, { ...line, text: action.note }, deviceId);
    }
    if (isClosed(before.state.status)) return refused("case_already_resolved");
    return made.assign(before, action.kind === "give" ? `staff:${action.staffKeyId}` : null, line, deviceId);
  }
}
