import { type Db } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { type RolloutEvent, type RolloutRefusal, type RolloutTerms, stepRollout } from "./core/rollout.ts";
import type { RolloutsDeps } from "./ports.ts";
import { addHistory, type RolloutRow, setState } from "./rollouts-store.ts";

const system: Principal = { kind: "system" };

/** What a move is called in the history, in the outbox (`hearth.rollout.{what}`) and in the audit log. */
export interface Note {
  what: string;
  stage?: number | null;
  reason?: string | null;
  data?: Record<string, unknown>;
}

const termsOf = ({ plan, created_by }: RolloutRow): RolloutTerms => ({
  createdBy: created_by,
  approval: plan.approval,
  stages: plan.stages.length,
  asksAfter: new Set(plan.stages.flatMap(({ next }, stage) => (next === "wait_for_approval" ? [stage] : []))),
  follows: plan.autoAssign,
  startAtMs: plan.startAtMs,
});

/** Moves rollouts from state to state and writes down who did it: one transaction for the move and its record. */
export class Journal {
  readonly #deps: Pick<RolloutsDeps, "clock" | "outbox" | "audit">;

  constructor(deps: Pick<RolloutsDeps, "clock" | "outbox" | "audit">) {
    this.#deps = deps;
  }

  /** Why an event would change nothing, or null. */
  refusal(row: RolloutRow, event: RolloutEvent): RolloutRefusal | null {
    const outcome = stepRollout(termsOf(row), row.state, event);
    return outcome.kind === "refused" ? outcome.rule : null;
  }

  /** Moves a locked rollout. `row.state` is the new one afterwards. */
  async move(
    tx: Db,
    row: RolloutRow,
    event: RolloutEvent,
    note: Note,
    by: Principal = system,
  ): Promise<{ kind: "moved" } | { kind: "refused"; rule: RolloutRefusal }> {
    const before = row.state;
    const outcome = stepRollout(termsOf(row), before, event);
    if (outcome.kind === "refused") return outcome;
    row.state = outcome.to;
    await setState(tx, row.id, outcome.to, this.#deps.clock.nowMs());
    await this.note(tx, row, note, by, before);
    return { kind: "moved" };
  }

  /** Writes down what was done to a rollout; `before` is the state that it came from. */
  async note(
    tx: Db,
    row: RolloutRow,
    { what, stage = null, reason = null, data = {} }: Note,
    by: Principal = system,
    before: RolloutRow["state"] = row.state,
  ): Promise<void> {
    const atMs = this.#deps.clock.nowMs();
    await addHistory(tx, row.id, { at_ms: atMs, by: principalText(by), what, stage, reason, data });
    const told = { rolloutId: row.id, name: row.name, model: row.model, version: row.version, stage, reason, ...data };
    const subject = `rollout:${row.id}`;
    await this.#deps.outbox.add(tx, [{ type: `hearth.rollout.${what}`, subject, atMs, data: told }]);
    if (by.kind === "system") return;
    await this.#deps.audit.record(tx, {
      principal: by,
      action: `rollout.${what}`,
      subject,
      before: before.kind === row.state.kind ? undefined : { state: before.kind },
      after: { state: row.state.kind, ...(reason === null ? {} : { reason }), ...data },
    });
  }
}
