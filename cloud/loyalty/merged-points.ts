import { sql } from "kysely";
import { type Merged, moveRows, moveRowsBack, type Unmerged } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { HouseholdDays } from "./earnings.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { accountIn, type PointMoves } from "./point-moves.ts";
import type { Tiers } from "./tiers.ts";

export interface MergedPointsDeps {
  clock: Clock;
  ledger: LedgerStore;
  moves: PointMoves;
  tiers: Tiers;
  households: HouseholdDays;
}

/** What points were put aside or spent for, and what was offered. */
const owned = ["loyalty_redemption", "loyalty_grant"] as const;

/**
 * What becomes of points when two households are one. They move by transfers, lot by lot, and what was earned stays where it was: its
 * identity, and its place in limits and streaks, which are looked up for both from then on. A tier rests with its account until that stands
 * for itself again.
 */
export class MergedPoints {
  readonly #deps: MergedPointsDeps;

  constructor(deps: MergedPointsDeps) {
    this.#deps = deps;
  }

  async merged(tx: Db, { mergeId, from, into }: Merged): Promise<void> {
    const { ledger, moves } = this.#deps;
    const accounts = await ledger.lockAccounts(tx, [from, into]);
    const [source, target] = [accountIn(accounts, from), accountIn(accounts, into)];
    await moves.hand(tx, source, target, this.#cause(mergeId, "merge"));
    await sql`
      UPDATE ledger_account SET merged_into = ${target.key} WHERE key = ${source.key} OR merged_into = ${source.key}`.execute(
      tx,
    );
    await sql`UPDATE ledger_account SET earned = earned + ${source.earned} WHERE key = ${target.key}`.execute(tx);
    for (const table of owned) await moveRows(tx, table, { from, into });
    await this.#reach(tx, into, { ...target, earned: target.earned + source.earned });
  }

  /** Gives back what is still there of what the other brought. */
  async unmerged(tx: Db, merge: Unmerged): Promise<void> {
    const { mergeId, from, into, parts } = merge;
    const { ledger, moves } = this.#deps;
    const accounts = await ledger.lockAccounts(tx, [from, into]);
    const [source, target] = [accountIn(accounts, from), accountIn(accounts, into)];
    await moves.handBack(tx, target, source, mergeId, this.#cause(mergeId, "unmerge"));
    await sql`
      UPDATE ledger_account SET merged_into = CASE key WHEN ${source.key} THEN NULL ELSE ${source.key}::int END
      WHERE merged_into = ${target.key} AND household_id = ANY(${[...parts]}::uuid[])`.execute(tx);
    await sql`UPDATE ledger_account SET earned = earned - ${source.earned} WHERE key = ${target.key}`.execute(tx);
    for (const table of owned) await moveRowsBack(tx, table, merge);
    await this.#reach(tx, from, source);
  }

  async #reach(tx: Db, householdId: string, account: Parameters<Tiers["look"]>[1][number]["account"]) {
    const { tiers, households, clock } = this.#deps;
    const timeZone = (await households.timeZoneOf([householdId], tx)).get(householdId)?.timeZone ?? "UTC";
    await tiers.look(tx, [{ account, timeZone, atMs: clock.nowMs(), gained: [] }]);
  }

  #cause(mergeId: string, rule: "merge" | "unmerge") {
    return { id: mergeId, rule, reason: null, atMs: this.#deps.clock.nowMs() };
  }
}
