import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../platform/clock.ts";
import { newestOf, type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";

/** What staff define under a key: each change is its next version. */
export interface Versioned<D> {
  key: string;
  version: number;
  definition: D;
  createdAtMs: number;
  createdBy: string;
}

interface Kind<V> {
  /** As it stands in the audit log. */
  noun: "loyalty_rule" | "reward" | "offer";
  countMax: number;
  store: {
    /** The version in force and how many keys there are, with no other change until the transaction ends. */
    forChange(tx: Db, key: string): Promise<{ before: V | null; count: number }>;
    insert(tx: Db, next: V): Promise<void>;
  };
  /** The version that was changed. */
  basedOn: number | undefined;
}

/** Puts the next version in force, or the first. The same definition again changes nothing; `full` where there is no room for another key. */
export async function putVersion<D, V extends Versioned<D>>(
  { db, clock, audit }: { db: Db; clock: Clock; audit: Audit },
  by: Principal,
  { noun, countMax, store, basedOn }: Kind<V>,
  key: string,
  definition: D,
  complete: (version: Versioned<D>) => V,
): Promise<V | Overtaken | "full"> {
  return transaction(db, async (tx) => {
    const { before, count } = await store.forChange(tx, key);
    if (before === null && count >= countMax) return "full";
    if (before !== null && isDeepStrictEqual(before.definition, definition)) return before;
    const other = changedMeanwhile(basedOn, before === null ? null : newestOf(before));
    if (other !== null) return other;
    const made = { createdAtMs: clock.nowMs(), createdBy: principalText(by) };
    const next = complete({ key, version: (before?.version ?? 0) + 1, definition, ...made });
    await store.insert(tx, next);
    await audit.record(tx, {
      principal: by,
      action: `${noun}.${before === null ? "created" : "changed"}`,
      subject: `${noun}:${key}`,
      before: before?.definition,
      after: definition,
    });
    return next;
  });
}
