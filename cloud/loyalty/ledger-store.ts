import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { allValues, type EarningRefusal, earningKey, type Known, limitKeyOf } from "./core/earning.ts";
import type { Lot } from "./core/lots.ts";
import { legs, type NewTransfer, type ProgramAccount } from "./core/transfer.ts";

export interface Account {
  key: number;
  householdId: string;
  debits: number;
  credits: number;
  /** Points earned and not taken back, ever. */
  earned: number;
}

/** The accounts that a transaction works with. */
export interface Accounts {
  /** By household, of those that exist. */
  households: ReadonlyMap<string, Account>;
  own: Readonly<Record<ProgramAccount, number>>;
}

export interface Refusal {
  source: string;
  rule: string;
  effectIndex: number;
  refused: EarningRefusal;
  points: number;
  householdId: string;
  recordedAtMs: number;
}

interface AccountRow {
  key: number;
  kind: ProgramAccount | "household";
  household_id: string | null;
  debits: number;
  credits: number;
  earned: number;
}

const toAccount = (row: AccountRow): Account => ({
  key: row.key,
  householdId: row.household_id ?? "",
  debits: row.debits,
  credits: row.credits,
  earned: row.earned,
});

/** A lot that a transfer brings into an account, or moves points of. */
export interface LotTimes {
  activeAtMs: number;
  expiresAtMs: number | null;
}

/** A transfer, and of the lot that it brings to a household the times that are not known there yet. */
export type Entry = NewTransfer & { lotTimes?: LotTimes };

/** SQL that changes the ledger, for one program. */
export class LedgerStore {
  readonly program: string;
  #own: Accounts["own"] | null = null;

  constructor(program: string) {
    this.program = program;
  }

  /**
   * The accounts of households, made where they are new, and held until the transaction ends, so that limits and balances are decided by
   * one transaction at a time. In the order of their keys: two transactions never wait for each other.
   */
  async lockAccounts(tx: Db, householdIds: readonly string[]): Promise<Accounts> {
    const ids = [...new Set(householdIds)];
    const own = await this.ownAccounts(tx);
    let found = await this.#lockHouseholds(tx, ids);
    if (found.length < ids.length) {
      const known = new Set(found.map(({ householdId }) => householdId));
      // Only what is missing is inserted: a refused insert would use up a key all the same.
      await sql`
        INSERT INTO ledger_account (program, kind, household_id)
        SELECT ${this.program}, 'household', unnest(${ids.filter((id) => !known.has(id))}::uuid[])
        ON CONFLICT ON CONSTRAINT ledger_account_identity DO NOTHING`.execute(tx);
      found = await this.#lockHouseholds(tx, ids);
    }
    return { own, households: new Map(found.map((account) => [account.householdId, account])) };
  }

  async #lockHouseholds(tx: Db, householdIds: readonly string[]): Promise<Account[]> {
    const { rows } = await sql<AccountRow>`
      SELECT key, kind, household_id, debits, credits, earned FROM ledger_account
      WHERE program = ${this.program} AND kind = 'household' AND household_id = ANY(${[...householdIds]}::uuid[])
      ORDER BY key FOR UPDATE`.execute(tx);
    return rows.map(toAccount);
  }

  /** The program's own accounts, which nobody needs to hold: no running total is kept of them. */
  async ownAccounts(tx: Db): Promise<Accounts["own"]> {
    if (this.#own !== null) return this.#own;
    const { rows } = await sql<AccountRow>`
      SELECT key, kind, household_id, debits, credits, earned FROM ledger_account
      WHERE program = ${this.program} AND household_id IS NULL`.execute(tx);
    this.#own = ownOf(rows);
    return this.#own;
  }

  /** What the ledger says about these sources, and about the limits of these accounts and of those that became part of them. */
  async known(
    tx: Db,
    asked: {
      sources: readonly string[];
      accounts: readonly Account[];
      limits: readonly { rule: string; householdId: string; limitKey: string }[];
    },
  ): Promise<Pick<Known, "decided" | "counted" | "returned">> {
    const { sources, accounts, limits } = asked;
    const { rows: decided } = await sql<{
      rule: string;
      source: string;
      effect_index: number;
      points: number | null;
    }>`
      SELECT rule, source, effect_index, base_points AS points FROM ledger_transfer
      WHERE program = ${this.program} AND kind = 'earning' AND source = ANY(${[...sources]}::text[])
      UNION ALL
      SELECT rule, source, effect_index, NULL FROM ledger_refusal
      WHERE program = ${this.program} AND refused IN ('limit_reached', 'returned_before', 'condition_not_met')
        AND source = ANY(${[...sources]}::text[])`.execute(tx);
    const keys = new Map(accounts.map(({ householdId, key }) => [householdId, key]));
    const wanted = limits.flatMap(({ rule, householdId, limitKey }) => {
      const account = keys.get(householdId);
      return account === undefined ? [] : [{ rule, householdId, limitKey, account }];
    });
    const places = {
      accounts: wanted.map(({ account }) => account),
      rules: wanted.map(({ rule }) => rule),
      keys: wanted.map(({ limitKey }) => limitKey),
    };
    const { rows: counts } = await sql<{ place: number; counted: number; returned: boolean }>`
      WITH wanted AS (
        SELECT * FROM unnest(${places.accounts}::int[], ${places.rules}::text[], ${places.keys}::text[])
          WITH ORDINALITY AS w(account, rule, limit_key, place)
      ), family AS (
        SELECT w.place, w.rule, w.limit_key, w.account FROM wanted w
        UNION ALL SELECT w.place, w.rule, w.limit_key, a.key FROM wanted w JOIN ledger_account a ON a.merged_into = w.account
      )
      SELECT f.place::int AS place, sum(c.counted)::int AS counted, bool_or(c.returned) AS returned
      FROM family f CROSS JOIN LATERAL (
        SELECT CASE WHEN f.limit_key = ${allValues} THEN (SELECT count(DISTINCT t.limit_key) FROM ledger_transfer t
              WHERE t.limit_account = f.account AND t.rule = f.rule AND t.is_once)
            ELSE (SELECT count(DISTINCT t.source) FROM ledger_transfer t
              WHERE t.limit_account = f.account AND t.rule = f.rule AND t.limit_key = f.limit_key AND t.kind = 'earning') END AS counted,
          EXISTS (SELECT 1 FROM loyalty_return r
            WHERE r.account = f.account AND r.rule = f.rule AND r.limit_key = f.limit_key) AS returned
      ) AS c
      GROUP BY f.place HAVING sum(c.counted) > 0 OR bool_or(c.returned)`.execute(tx);
    const at = (place: number) => {
      const one = wanted[place - 1];
      return one === undefined ? "" : limitKeyOf(one.rule, one.householdId, one.limitKey);
    };
    return {
      decided: new Map(decided.map((row) => [earningKey(row.source, row.rule, row.effect_index), row.points])),
      counted: new Map(counts.map((row) => [at(row.place), row.counted])),
      returned: new Set(counts.filter((row) => row.returned).map((row) => at(row.place))),
    };
  }

  /** Appends transfers, and moves totals and lots of the households with them. In the order given. */
  async append(tx: Db, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const rows = JSON.stringify(entries.map(({ lotTimes: _times, ...transfer }) => transfer));
    await sql`
      INSERT INTO ledger_transfer (
        id, program, kind, debit_account, credit_account, lot, cause, points, base_points, at_ms, active_at_ms, recorded_at_ms, rule,
        rule_version, source, effect_index, device_key, day, limit_account, limit_key, is_once, reverses, reason)
      SELECT id, ${this.program}, kind, "debitAccount", "creditAccount", lot, cause, points, "basePoints", "atMs", "activeAtMs",
        "recordedAtMs", rule, "ruleVersion", source, "effectIndex", "deviceKey", day, "limitAccount", "limitKey", "isOnce", reverses,
        reason
      FROM ROWS FROM (json_to_recordset(${rows}::json) AS (
        id uuid, kind text, "debitAccount" int, "creditAccount" int, lot uuid, cause uuid, points int, "basePoints" int,
        "atMs" bigint, "activeAtMs" bigint, "recordedAtMs" bigint, rule text, "ruleVersion" int, source text, "effectIndex" int,
        "deviceKey" int, day date, "limitAccount" int, "limitKey" text, "isOnce" boolean, reverses uuid, reason text))
        WITH ORDINALITY AS r
      ORDER BY ordinality`.execute(tx);
    await this.#moveTotals(tx, entries);
    await this.#moveLots(tx, entries);
  }

  async #moveTotals(tx: Db, entries: readonly Entry[]): Promise<void> {
    const totals = new Map<number, { debits: number; credits: number; earned: number }>();
    const of = (account: number) => {
      const total = totals.get(account) ?? { debits: 0, credits: 0, earned: 0 };
      totals.set(account, total);
      return total;
    };
    for (const { kind, debitAccount, creditAccount, points } of entries) {
      if (legs[kind].from === "household") of(debitAccount).debits += points;
      if (legs[kind].to === "household") of(creditAccount).credits += points;
      if (kind === "earning") of(creditAccount).earned += points;
      if (kind === "reversal") of(debitAccount).earned -= points;
    }
    const all = [...totals];
    await sql`
      UPDATE ledger_account a SET debits = a.debits + m.debits, credits = a.credits + m.credits, earned = a.earned + m.earned
      FROM unnest(${all.map(([key]) => key)}::int[], ${all.map(([, total]) => total.debits)}::bigint[],
        ${all.map(([, total]) => total.credits)}::bigint[], ${all.map(([, total]) => total.earned)}::bigint[])
        AS m(key, debits, credits, earned)
      WHERE a.key = m.key`.execute(tx);
  }

  async #moveLots(tx: Db, entries: readonly Entry[]): Promise<void> {
    const moved = new Map<string, { account: number; lot: string; points: number; times: LotTimes | undefined }>();
    const move = (account: number, { lot, lotTimes }: Entry, points: number) => {
      const key = `${account} ${lot}`;
      const before = moved.get(key);
      moved.set(key, { account, lot, points: (before?.points ?? 0) + points, times: lotTimes ?? before?.times });
    };
    for (const entry of entries) {
      if (legs[entry.kind].from === "household") move(entry.debitAccount, entry, -entry.points);
      if (legs[entry.kind].to === "household") move(entry.creditAccount, entry, entry.points);
    }
    const all = [...moved.values()];
    // What is there keeps its times: points that come back expire when they would have.
    await sql`
      INSERT INTO ledger_lot AS l (account, lot, active_at_ms, expires_at_ms, points_left)
      SELECT * FROM unnest(${all.map(({ account }) => account)}::int[], ${all.map(({ lot }) => lot)}::uuid[],
        ${all.map(({ times }) => times?.activeAtMs ?? 0)}::bigint[], ${all.map(({ times }) => times?.expiresAtMs ?? null)}::bigint[],
        ${all.map(({ points }) => points)}::int[])
      ON CONFLICT (account, lot) DO UPDATE SET points_left = l.points_left + excluded.points_left`.execute(tx);
  }

  /** What is left of the lots of an account. The account must be held. */
  async lots(tx: Db, account: number): Promise<Lot[]> {
    const { rows } = await sql<{
      lot: string;
      active_at_ms: number;
      expires_at_ms: number | null;
      points_left: number;
    }>`
      SELECT lot, active_at_ms, expires_at_ms, points_left FROM ledger_lot
      WHERE account = ${account} AND points_left <> 0`.execute(tx);
    return rows.map((row) => ({
      lot: row.lot,
      activeAtMs: row.active_at_ms,
      expiresAtMs: row.expires_at_ms,
      pointsLeft: row.points_left,
    }));
  }

  async recordRefusals(tx: Db, refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return;
    await sql`
      INSERT INTO ledger_refusal (program, source, rule, effect_index, refused, points, household_id, recorded_at_ms)
      SELECT ${this.program}, source, rule, "effectIndex", refused, points, "householdId", "recordedAtMs"
      FROM json_to_recordset(${JSON.stringify(refusals)}::json) AS r(
        source text, rule text, "effectIndex" int, refused text, points int, "householdId" uuid, "recordedAtMs" bigint)
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /** Notes what was given back, so that it earns nothing where its buying is told later. @returns whether it is news */
  async noteReturn(
    tx: Db,
    given: { account: number; rule: string; limitKey: string; source: string; atMs: number },
  ): Promise<boolean> {
    const { rows } = await sql`
      INSERT INTO loyalty_return (account, rule, limit_key, source, at_ms)
      VALUES (${given.account}, ${given.rule}, ${given.limitKey}, ${given.source}, ${given.atMs})
      ON CONFLICT DO NOTHING RETURNING account`.execute(tx);
    return rows.length > 0;
  }

  /** Periods of streaks that are marked around those given, of these accounts and of those that became part of them. */
  async marks(
    tx: Db,
    accounts: readonly Account[],
    rules: readonly string[],
    span: { from: string; to: string },
  ): Promise<{ householdId: string; rule: string; period: string }[]> {
    if (rules.length === 0) return [];
    const households = new Map(accounts.map(({ key, householdId }) => [key, householdId]));
    const { rows } = await sql<{ account: number; rule: string; period: string }>`
      SELECT coalesce(a.merged_into, a.key) AS account, m.rule, m.period::text AS period
      FROM ledger_account a JOIN loyalty_mark m ON m.account = a.key
      WHERE (a.key = ANY(${[...households.keys()]}::int[]) OR a.merged_into = ANY(${[...households.keys()]}::int[]))
        AND m.rule = ANY(${[...rules]}::text[]) AND m.period BETWEEN ${span.from} AND ${span.to}`.execute(tx);
    return rows.map(({ account, ...row }) => ({ householdId: households.get(account) ?? "", ...row }));
  }

  async addMarks(tx: Db, marks: readonly { account: number; rule: string; period: string }[]): Promise<void> {
    if (marks.length === 0) return;
    await sql`
      INSERT INTO loyalty_mark (account, rule, period)
      SELECT * FROM unnest(${marks.map(({ account }) => account)}::int[], ${marks.map(({ rule }) => rule)}::text[],
        ${marks.map(({ period }) => period)}::date[])
      ON CONFLICT DO NOTHING`.execute(tx);
  }
}

function ownOf(rows: readonly AccountRow[]): Accounts["own"] {
  const key = (kind: ProgramAccount): number => {
    const found = rows.find((row) => row.kind === kind);
    if (found === undefined) throw new Error(`the program has no ${kind} account`);
    return found.key;
  };
  return {
    issuance: key("issuance"),
    reserved: key("reserved"),
    spent: key("spent"),
    expired: key("expired"),
    reversed: key("reversed"),
  };
}
