import type { HouseholdAct } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { CompiledRule } from "./core/compiled-rule.ts";
import type { RetainedActs } from "./dry-run.ts";
import type { WouldEarn } from "./ledger-reads.ts";

export interface ReplayCheck {
  /** Acts that are kept and were told again. */
  acts: number;
  isCut: boolean;
  /** What they would earn now that they did not: nothing, where the ledger is what they say. */
  missing: WouldEarn[];
}

const actsMax = 200_000;
const atOnce = 2_000;
const missingMax = 100;
const yearsMs = 3 * 366 * 86_400_000;

/** Thrown to leave nothing behind. */
class Undone extends Error {
  override name = "Undone";
}

/**
 * Tells the ledger all that is kept of what households did again, and takes back whatever that did: the same acts give the same ledger.
 * Conditions over what changes (the household's language) are judged as of now.
 */
export async function checkReplay(deps: {
  db: Db;
  clock: Clock;
  rules: () => readonly CompiledRule[];
  acts: RetainedActs;
  ingest: (tx: Db, acts: readonly HouseholdAct[]) => Promise<void>;
  earnedSince: (tx: Db, sequence: number) => Promise<WouldEarn[]>;
  lastSequence: (tx: Db) => Promise<number>;
}): Promise<ReplayCheck> {
  const { db, clock, rules, acts, ingest, earnedSince, lastSequence } = deps;
  const types = [...new Set(rules().map(({ rule }) => rule.definition.act.type))];
  const toMs = clock.nowMs();
  const asked = { types, householdId: null, fromMs: toMs - yearsMs, toMs };
  const all = await acts(db, asked, actsMax + 1);
  const check: ReplayCheck = { acts: Math.min(all.length, actsMax), isCut: all.length > actsMax, missing: [] };
  for (let at = 0; at < check.acts; at += atOnce) {
    try {
      await db.transaction().execute(async (tx) => {
        const before = await lastSequence(tx);
        await ingest(tx, all.slice(at, Math.min(at + atOnce, check.acts)));
        check.missing.push(...(await earnedSince(tx, before)));
        throw new Undone();
      });
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
    }
    if (check.missing.length >= missingMax) break;
  }
  check.missing.splice(missingMax);
  return check;
}
