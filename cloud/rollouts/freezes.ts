import { type Db, transaction } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { Freeze } from "./core/freeze.ts";
import { toFreeze } from "./fleet-views.ts";
import { type Refused, refused, type RolloutsDeps } from "./ports.ts";
import * as store from "./rollouts-store.ts";

/** Times in which no update begins: a holiday, a launch. */
export class Freezes {
  readonly #deps: Pick<RolloutsDeps, "db" | "clock" | "ids" | "outbox" | "audit">;

  constructor(deps: Pick<RolloutsDeps, "db" | "clock" | "ids" | "outbox" | "audit">) {
    this.#deps = deps;
  }

  /** Those that are not over at a time, in the order in which they begin. */
  list(endsAfterMs: number): Promise<store.FreezeRow[]> {
    return store.freezesUntil(this.#deps.db, endsAfterMs);
  }

  async current(db: Db, endsAfterMs: number): Promise<Freeze[]> {
    return (await store.freezesUntil(db, endsAfterMs)).map(toFreeze);
  }

  async add(
    by: Principal,
    given: { countries: string[]; models: string[]; fromMs: number; toMs: number; reason: string },
  ): Promise<store.FreezeRow> {
    const { db, clock, ids } = this.#deps;
    const row: store.FreezeRow = {
      id: ids.next(),
      countries: [...new Set(given.countries)].toSorted(),
      models: [...new Set(given.models)].toSorted(),
      from_ms: given.fromMs,
      to_ms: given.toMs,
      reason: given.reason,
      created_at_ms: clock.nowMs(),
      created_by: principalText(by),
    };
    await transaction(db, async (tx) => {
      await store.insertFreeze(tx, row);
      await this.#note(tx, by, "added", row);
    });
    return row;
  }

  async remove(by: Principal, id: string): Promise<{ kind: "removed" } | Refused> {
    return transaction(this.#deps.db, async (tx): Promise<{ kind: "removed" } | Refused> => {
      const row = await store.deleteFreeze(tx, id);
      if (row === null) return refused("freeze_not_found");
      await this.#note(tx, by, "removed", row);
      return { kind: "removed" };
    });
  }

  async #note(tx: Db, by: Principal, verb: "added" | "removed", row: store.FreezeRow): Promise<void> {
    const { countries, models, from_ms: fromMs, to_ms: toMs, reason } = row;
    const data = { countries, models, fromMs, toMs, reason };
    const subject = `freeze:${row.id}`;
    await this.#deps.outbox.add(tx, [{ type: `hearth.freeze.${verb}`, subject, atMs: this.#deps.clock.nowMs(), data }]);
    const change = verb === "added" ? { after: data } : { before: data };
    await this.#deps.audit.record(tx, { principal: by, action: `freeze.${verb}`, subject, ...change });
  }
}
