import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** An invariant of the ledger that does not hold. */
interface Broken {
  rule:
    | "balance_is_not_the_sum"
    | "debits_are_not_credits"
    | "balance_negative"
    | "earned_twice"
    | "wrong_accounts"
    | "wrong_reversal";
  detail: string;
}

export interface LedgerCheck {
  ok: boolean;
  transfers: number;
  accounts: number;
  /** Earnings that were refused, by reason. */
  refusals: Record<string, number>;
  broken: Broken[];
}

/** Most findings of one check. */
const brokenMax = 100;

/** Recomputes every invariant of the ledger from its transfers, in one snapshot. */
export async function checkLedger(db: Db): Promise<LedgerCheck> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => {
      const { rows: counts } = await sql<{ transfers: number; accounts: number }>`
        SELECT (SELECT count(*) FROM ledger_transfer) AS transfers, (SELECT count(*) FROM ledger_account) AS accounts`.execute(
        tx,
      );
      const { rows: refusals } = await sql<{ refused: string; count: number }>`
        SELECT refused, count(*) AS count FROM ledger_refusal GROUP BY refused`.execute(tx);
      const { rows: broken } = await findings(tx);
      return {
        ok: broken.length === 0,
        transfers: counts[0]?.transfers ?? 0,
        accounts: counts[0]?.accounts ?? 0,
        refusals: Object.fromEntries(refusals.map((row) => [row.refused, row.count])),
        broken,
      };
    });
}

const findings = (tx: Db) =>
  sql<Broken>`
    WITH sums AS (
      SELECT a.key, a.debits, a.credits,
        coalesce((SELECT sum(points) FROM ledger_transfer WHERE debit_account = a.key), 0) AS debit_sum,
        coalesce((SELECT sum(points) FROM ledger_transfer WHERE credit_account = a.key), 0) AS credit_sum
      FROM ledger_account a
    )
    SELECT 'balance_is_not_the_sum' AS rule,
      format('account %s says %s/%s, its transfers say %s/%s', key, debits, credits, debit_sum, credit_sum) AS detail
    FROM sums WHERE debits <> debit_sum OR credits <> credit_sum
    UNION ALL
    SELECT 'debits_are_not_credits', format('program %s: %s debited, %s credited', program, sum(debits), sum(credits))
    FROM ledger_account GROUP BY program HAVING sum(debits) <> sum(credits)
    UNION ALL
    SELECT 'balance_negative', format('account %s holds %s', key, credits - debits)
    FROM ledger_account WHERE kind = 'household' AND credits < debits
    UNION ALL
    SELECT 'earned_twice', format('%s earned %s times by %s', source, count(*), rule)
    FROM ledger_transfer WHERE kind = 'earning' GROUP BY program, rule, source, effect_index HAVING count(*) > 1
    UNION ALL
    SELECT 'earned_twice', format('household %s earned %s times by %s', once_for, count(*), rule)
    FROM ledger_transfer WHERE kind = 'earning' AND once_for IS NOT NULL GROUP BY program, rule, once_for HAVING count(*) > 1
    UNION ALL
    SELECT 'wrong_accounts', format('transfer %s moves from %s to %s', t.id, d.kind, c.kind)
    FROM ledger_transfer t JOIN ledger_account d ON d.key = t.debit_account JOIN ledger_account c ON c.key = t.credit_account
    WHERE d.program <> t.program OR c.program <> t.program OR (t.kind, d.kind, c.kind) NOT IN
      (('earning', 'issuance', 'household'), ('reversal', 'household', 'reversed'))
    UNION ALL
    SELECT 'wrong_reversal', format('%s reverses %s', r.id, e.id)
    FROM ledger_transfer r JOIN ledger_transfer e ON e.id = r.reverses
    WHERE e.kind <> 'earning' OR e.points <> r.points OR e.credit_account <> r.debit_account OR e.program <> r.program
    LIMIT ${brokenMax}`.execute(tx);
