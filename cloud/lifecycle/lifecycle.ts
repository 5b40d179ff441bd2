/**
 * Lifecycle: in which stage of its life as a customer each household is, and how it came there.
 *
 *   acts, facts of other slices --same transaction--> signals, each once --in the order of their time--> stage, history with causes
 *   tick: what comes with time alone, when it is due
 */
import type { NotableFact, Outbox } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit } from "../staff/staff.ts";
import { Definitions } from "./definitions.ts";
import type { Stage } from "./core/definition.ts";
import { signalOfAct, signalOfFact } from "./core/signal.ts";
import { LifecycleStore } from "./lifecycle-store.ts";
import { Teller, type ToldChange } from "./teller.ts";

export { lifecycleProblems } from "./errors.ts";
export type { Stage } from "./core/definition.ts";

export interface LifecycleDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
}

/** Of households whose time has come, so many in one transaction. */
const dueAtOnce = 500;

export class Lifecycle {
  readonly definitions: Definitions;
  readonly #deps: LifecycleDeps;
  readonly #store = new LifecycleStore();
  readonly #teller: Teller;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.definitions = new Definitions(deps);
    this.#teller = new Teller({
      store: this.#store,
      outbox: deps.outbox,
      versions: () => this.definitions.versions,
      medianDays: () => null,
      onTold: (tx, told) => this.#onTold(tx, told),
    });
    deps.outbox.onAdded((tx, facts) => this.hear(tx, facts));
  }

  /** Before the first batch. */
  async load(): Promise<void> {
    await this.definitions.load();
  }

  /** What households did, in the transaction that records it: late, again and in any order it comes to the same. */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const signals = acts.flatMap((act) => signalOfAct(act) ?? []);
    await this.#teller.heed(tx, signals, this.#deps.clock.nowMs());
  }

  /** What became of households elsewhere in the service, in its transaction. */
  async hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    const signals = facts.flatMap((fact) => signalOfFact(fact) ?? []);
    await this.#teller.heed(tx, signals, this.#deps.clock.nowMs());
    const erased = facts.flatMap(({ type, data }) =>
      type === "hearth.household.erased" && typeof data.householdId === "string" ? [data.householdId] : [],
    );
    // Whatever was said of it on the way is gone with it.
    if (erased.length > 0) await this.#store.erase(tx, erased);
  }

  /** The stage of each household; of whom nothing is known yet, acquisition. */
  async stages(db: Db, householdIds: readonly string[]): Promise<Map<string, Stage>> {
    const found = await this.#store.stages(db, householdIds);
    return new Map(householdIds.map((id) => [id, found.get(id) ?? "acquisition"]));
  }

  /** What comes with time alone, and what a new definition changes. @returns how many households were looked at */
  async tick(): Promise<number> {
    const { db, clock } = this.#deps;
    for (let total = 0; ;) {
      const count = await transaction(db, async (tx) => {
        const nowMs = clock.nowMs();
        const { version } = this.definitions.inForce;
        const held = await this.#store.holdDue(tx, nowMs, version, dueAtOnce);
        await this.#teller.wait(tx, held, nowMs);
        return held.length;
      });
      total += count;
      if (count < dueAtOnce) return total;
    }
  }

  /** What somebody was before they paired is part of the household's life. */
  async merged(tx: Db, merge: { mergeId: string; from: string; into: string }): Promise<void> {
    await this.#store.moveSignals(tx, merge);
    await this.#teller.anew(tx, [merge.from, merge.into], this.#deps.clock.nowMs());
  }

  async unmerged(tx: Db, merge: { mergeId: string; from: string; into: string }): Promise<void> {
    await this.#store.moveBack(tx, merge.mergeId);
    await this.#teller.anew(tx, [merge.from, merge.into], this.#deps.clock.nowMs());
  }

  async #onTold(_tx: Db, _told: readonly ToldChange[]): Promise<void> {}
}
