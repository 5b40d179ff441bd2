import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { legs } from "./core/transfer.ts";

/** An invariant of the ledger that does not hold. */
interface Broken {
  rule:
    | "balance_is_not_the_sum"
    | "debits_are_not_credits"
    | "lots_are_not_the_balance"
    | "balance_negative"
    | "earned_twice"
    | "wrong_accounts"
    | "wrong_reversal"
    | "wrong_cause";
  detail: string;
  /** Whose points it is about, in the order of ids; none where it is about the program's own accounts alone. */
  householdIds: string[];
}

export interface LedgerCheck {
  ok: boolean;
  transfers: number;
  accounts: number;
  /** Points that households hold, and those put aside for rewards and orders. */
  held: number;
  reserved: number;
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
      const { rows: counts } = await sql<{ transfers: number; accounts: number; held: number; reserved: number }>`
        SELECT (SELECT count(*) FROM ledger_transfer) AS transfers,
          (SELECT count(*) FROM ledger_account WHERE kind = 'household') AS accounts,
          (SELECT coalesce(sum(credits - debits), 0)::bigint FROM ledger_account WHERE kind = 'household') AS held,
          (SELECT coalesce(sum(CASE kind WHEN 'reservation' THEN points ELSE -points END), 0)::bigint
            FROM ledger_transfer WHERE kind IN ('reservation', 'release', 'spending')) AS reserved`.execute(tx);
      const { rows: refusals } = await sql<{ refused: string; count: number }>`
        SELECT refused, count(*) AS count FROM ledger_refusal GROUP BY refused`.execute(tx);
      const { rows: broken } = await findings(tx);
      return {
        ok: broken.length === 0,
        transfers: counts[0]?.transfers ?? 0,
        accounts: counts[0]?.accounts ?? 0,
        held: counts[0]?.held ?? 0,
        reserved: counts[0]?.reserved ?? 0,
        refusals: Object.fromEntries(refusals.map((row) => [row.refused, row.count])),
        broken,
      };
    });
}

const ways = Object.entries(legs).map(([kind, { from, to }]) => sql`(${kind}, ${from}, ${to})`);

const findings = (tx: Db) =>
  sql<Broken>`
    WITH lines AS (
      SELECT debit_account AS account, lot, points AS debit, 0 AS credit FROM ledger_transfer
      UNION ALL SELECT credit_account, lot, 0, points FROM ledger_transfer
    ), sums AS (
      SELECT a.key, a.program, a.kind, a.debits, a.credits,
        coalesce(l.debit, 0) AS debit_sum, coalesce(l.credit, 0) AS credit_sum
      FROM ledger_account a
      LEFT JOIN (SELECT account, sum(debit) AS debit, sum(credit) AS credit FROM lines GROUP BY account) l ON l.account = a.key
    ), lots AS (
      SELECT coalesce(l.account, s.account) AS account, coalesce(l.lot, s.lot) AS lot, l.points_left, coalesce(s.points, 0) AS points
      FROM ledger_lot l FULL JOIN (
        SELECT lines.account, lines.lot, sum(credit) - sum(debit) AS points
        FROM lines JOIN ledger_account a ON a.key = lines.account WHERE a.kind = 'household' GROUP BY lines.account, lines.lot
      ) s ON s.account = l.account AND s.lot = l.lot
    )
    SELECT rule, detail, ARRAY(
      SELECT DISTINCT a.household_id::text FROM ledger_account a
      WHERE a.key = ANY(accounts) AND a.household_id IS NOT NULL ORDER BY 1) AS "householdIds"
    FROM (
      SELECT 'balance_is_not_the_sum' AS rule,
        format('account %s says %s/%s, its transfers say %s/%s', key, debits, credits, debit_sum, credit_sum) AS detail, ARRAY[key] AS accounts
      FROM sums WHERE kind = 'household' AND (debits <> debit_sum OR credits <> credit_sum)
      UNION ALL
      -- What households say that they hold, against what the program's own accounts gave and took by their transfers.
      SELECT 'debits_are_not_credits', format('program %s: %s debited, %s credited', program, debits, credits), '{}'
      FROM (
        SELECT program, sum(CASE kind WHEN 'household' THEN debits ELSE debit_sum END) AS debits,
          sum(CASE kind WHEN 'household' THEN credits ELSE credit_sum END) AS credits
        FROM sums GROUP BY program
      ) AS p WHERE debits <> credits
      UNION ALL
      SELECT 'lots_are_not_the_balance', format('account %s says %s left of %s, its transfers say %s', account, points_left, lot, points), ARRAY[account]
      FROM lots WHERE points_left IS DISTINCT FROM points
      UNION ALL
      SELECT 'balance_negative', format('account %s holds %s', key, credits - debits), ARRAY[key]
      FROM ledger_account WHERE kind = 'household' AND credits < debits AND NOT EXISTS (
        SELECT 1 FROM loyalty_program WHERE (definition->>'returnsMayOverdraw')::boolean)
      UNION ALL
      SELECT 'earned_twice', format('%s earned %s times by %s', source, count(*), rule), array_agg(credit_account)
      FROM ledger_transfer WHERE kind = 'earning' GROUP BY program, rule, source, effect_index HAVING count(*) > 1
      UNION ALL
      SELECT 'earned_twice', format('account %s earned %s times by %s', limit_account, count(*), rule), ARRAY[limit_account]
      FROM ledger_transfer WHERE is_once GROUP BY limit_account, rule, effect_index, limit_key HAVING count(*) > 1
      UNION ALL
      SELECT 'wrong_accounts', format('transfer %s moves from %s to %s', t.id, d.kind, c.kind), ARRAY[t.debit_account, t.credit_account]
      FROM ledger_transfer t
      LEFT JOIN ledger_account d ON d.key = t.debit_account LEFT JOIN ledger_account c ON c.key = t.credit_account
      WHERE d.key IS NULL OR c.key IS NULL OR d.program <> t.program OR c.program <> t.program OR (t.kind, d.kind, c.kind) NOT IN (${sql.join(ways)})
      UNION ALL
      SELECT 'wrong_reversal', format('%s is taken back by %s of %s points', e.id, sum(r.points), e.points), ARRAY[e.credit_account]
      FROM ledger_transfer r JOIN ledger_transfer e ON e.id = r.reverses
      GROUP BY e.id, e.kind, e.points, e.credit_account HAVING e.kind <> 'earning' OR sum(r.points) > e.points
      UNION ALL
      -- Of what was put aside no more is spent and given back than it was, and of what was spent no more is given back.
      SELECT 'wrong_cause', format('%s of %s reserved %s, released %s, spent %s, refunded %s', lot, cause, reserved, released, spent, refunded), accounts
      FROM (
        SELECT cause, lot, array_agg(debit_account) || array_agg(credit_account) AS accounts,
          coalesce(sum(points) FILTER (WHERE kind = 'reservation'), 0) AS reserved,
          coalesce(sum(points) FILTER (WHERE kind = 'release'), 0) AS released,
          coalesce(sum(points) FILTER (WHERE kind = 'spending'), 0) AS spent,
          coalesce(sum(points) FILTER (WHERE kind = 'refund'), 0) AS refunded
        FROM ledger_transfer WHERE kind IN ('reservation', 'release', 'spending', 'refund') GROUP BY cause, lot
      ) AS c WHERE released + spent > reserved OR refunded > spent
      LIMIT ${brokenMax}
    ) AS found`.execute(tx);
