import { type Db, transaction } from "../platform/database.ts";
import { appliancesOf } from "./case-appliances.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import type { ServiceCase } from "./case-row.ts";
import { escalate, type EscalationTarget } from "./core/case-promise.ts";
import { stepCase } from "./core/case.ts";
import { confirmedReleases } from "./release-watch-store.ts";

interface CaseClockDeps extends CaseChangesDeps {
  db: Db;
  appliances: ServiceAppliances;
}

/** How many cases one step of the clock takes; it goes on until there are fewer. */
const atOnceMax = 500;
const byClock = "system";

/** Whom an escalation reaches, as a case says it and notifications are subscribed by. */
export function targetText(to: EscalationTarget): string {
  switch (to.kind) {
    case "assignee":
      return "assignee";
    case "role":
      return `role:${to.role}`;
    case "group":
      return `group:${to.name}`;
  }
}

/** What happens to cases because time goes by, or because a release arrives. */
export class CaseClock {
  readonly #deps: CaseClockDeps;

  constructor(deps: CaseClockDeps) {
    this.#deps = deps;
  }

  async tick(): Promise<void> {
    while ((await transaction(this.#deps.db, (tx) => this.#escalate(tx))) === atOnceMax);
    while ((await transaction(this.#deps.db, (tx) => this.#confirm(tx))) === atOnceMax);
  }

  async #escalate(tx: Db): Promise<number> {
    const { clock, store, policies } = this.#deps;
    const nowMs = clock.nowMs();
    const found = await store.lockEscalating(tx, nowMs, atOnceMax);
    const deviceOf = await appliancesOf(this.#deps.appliances, found);
    const made = new CaseChanges(this.#deps);
    const settled: ServiceCase[] = [];
    for (const serviceCase of found) {
      const reached = escalate(serviceCase.promise, nowMs, policies.terms(serviceCase.severity));
      if (reached === null) {
        // The policy has fewer steps than when this one was set.
        settled.push({ ...serviceCase, promise: { ...serviceCase.promise, escalatesAtMs: null } });
        continue;
      }
      const { promise, level, stage } = reached;
      const to = targetText(reached.to);
      const reaches = to === "assignee" ? serviceCase.assignee : to;
      const data = { level, to, reaches, stage, dueAtMs: promise.dueAtMs };
      const line = { kind: "escalated", atMs: nowMs, by: byClock, text: null, data } as const;
      made.add({ ...serviceCase, promise, escalatedTo: to }, line, deviceOf(serviceCase)?.id ?? null);
    }
    await store.write(tx, settled);
    await made.write(tx);
    return found.length;
  }

  /** Cases that wait for a release which their device has: they are closed, unless a rule still holds their cause. */
  async #confirm(tx: Db): Promise<number> {
    const { clock, store } = this.#deps;
    const nowMs = clock.nowMs();
    const confirmed = await confirmedReleases(tx, nowMs, atOnceMax);
    const found = await store.lockAll(tx, [...confirmed.keys()]);
    const deviceOf = await appliancesOf(this.#deps.appliances, found);
    const made = new CaseChanges(this.#deps);
    for (const serviceCase of found) {
      const stands = confirmed.get(serviceCase.id)?.stands ?? false;
      const outcome = stepCase(serviceCase.state, { kind: "release_confirmed", atMs: nowMs, stands });
      if (outcome.kind === "refused") continue;
      const data = { release: "confirmed", causeStands: stands };
      const line = { atMs: nowMs, by: byClock, text: null, data };
      made.move(serviceCase, outcome.to, line, deviceOf(serviceCase)?.id ?? null);
    }
    await made.write(tx);
    return confirmed.size;
  }
}
