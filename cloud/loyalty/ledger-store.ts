import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import { dayKey, type EarningRefusal, earningKey, type Known, onceKey } from "./core/earning.ts";

export interface Account {
  key: number;
  kind: "issuance" | "household" | "reversed" | "expired";
  householdId: string | null;
  debits: number;
  credits: number;
}

export interface NewTransfer {
  id: string;
  kind: "earning" | "reversal";
  debitAccount: number;
  creditAccount: number;
  points: number;
  atMs: number;
  activeAtMs: number;
  recordedAtMs: number;
  rule: string;
  ruleVersion: number;
  source: string;
  effectIndex: number;
  deviceKey: number;
  day: string;
  onceFor: string | null;
  reverses: string | null;
  reason: string | null;
}

export interface Transfer extends NewTransfer {
  sequence: number;
  /** Whether a later transfer reverses this one. */
  reversed: boolean;
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
  kind: Account["kind"];
  household_id: string | null;
  debits: number;
  credits: number;
}

interface TransferRow {
  sequence: number;
  id: string;
  kind: NewTransfer["kind"];
  debit_account: number;
  credit_account: number;
  points: number;
  at_ms: number;
  active_at_ms: number;
  recorded_at_ms: number;
  rule: string;
  rule_version: number;
  source: string;
  effect_index: number;
  device_key: number;
  day: string;
  once_for: string | null;
  reverses: string | null;
  reason: string | null;
  reversed: boolean;
}

const toAccount = (row: AccountRow): Account => ({
  key: row.key,
  kind: row.kind,
  householdId: row.household_id,
  debits: row.debits,
  credits: row.credits,
});

const toTransfer = (row: TransferRow): Transfer => ({
  sequence: row.sequence,
  id: row.id,
  kind: row.kind,
  debitAccount: row.debit_account,
  creditAccount: row.credit_account,
  points: row.points,
  atMs: row.at_ms,
  activeAtMs: row.active_at_ms,
  recordedAtMs: row.recorded_at_ms,
  rule: row.rule,
  ruleVersion: row.rule_version,
  source: row.source,
  effectIndex: row.effect_index,
  deviceKey: row.device_key,
  day: row.day,
  onceFor: row.once_for,
  reverses: row.reverses,
  reason: row.reason,
  reversed: row.reversed,
});

/** A transfer's columns; the day as text, which a driver's date at midnight of some zone is not. */
const transferColumns = sql`
  t.sequence, t.id, t.kind, t.debit_account, t.credit_account, t.points, t.at_ms, t.active_at_ms, t.recorded_at_ms, t.rule,
  t.rule_version, t.source, t.effect_index, t.device_key, t.day::text AS day, t.once_for, t.reverses, t.reason,
  EXISTS (SELECT 1 FROM ledger_transfer r WHERE r.reverses = t.id) AS reversed`;

/** The ledger's SQL, for one program. */
export class LedgerStore {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /**
   * The accounts of households and those of the program, made where they are new. The households' are held until the transaction ends,
   * so that limits and balances are decided by one transaction at a time.
   */
  async lockAccounts(tx: Db, householdIds: readonly string[]): Promise<Account[]> {
    const ids = [...new Set(householdIds)];
    const found = await this.#lockExisting(tx, ids);
    const known = new Set(found.map((account) => account.householdId));
    const missing = ids.filter((id) => !known.has(id));
    if (missing.length === 0) return found;
    // Only what is missing is inserted: a refused insert would use up a key all the same.
    const programKinds = known.has(null) ? [] : ["issuance", "reversed", "expired"];
    await sql`
      INSERT INTO ledger_account (program, kind, household_id)
      SELECT ${this.#program}, unnest(${programKinds}::text[]), NULL::uuid
      UNION ALL SELECT ${this.#program}, 'household', unnest(${missing}::uuid[])
      ON CONFLICT ON CONSTRAINT ledger_account_identity DO NOTHING`.execute(tx);
    return this.#lockExisting(tx, ids);
  }

  async #lockExisting(tx: Db, householdIds: readonly string[]): Promise<Account[]> {
    const { rows: households } = await sql<AccountRow>`
      SELECT key, kind, household_id, debits, credits FROM ledger_account
      WHERE program = ${this.#program} AND kind = 'household' AND household_id = ANY(${[...householdIds]}::uuid[])
      ORDER BY key FOR UPDATE`.execute(tx);
    const { rows: own } = await sql<AccountRow>`
      SELECT key, kind, household_id, debits, credits FROM ledger_account
      WHERE program = ${this.#program} AND kind IN ('issuance', 'reversed', 'expired')`.execute(tx);
    return [...own, ...households].map(toAccount);
  }

  /** What the ledger says about these events, and about the limits of these households. */
  async known(
    tx: Db,
    asked: {
      sources: readonly string[];
      accounts: readonly Account[];
      days: readonly string[];
      onceRules: readonly string[];
    },
  ): Promise<Known> {
    const { sources, accounts, days, onceRules } = asked;
    const decided = await sql<{ rule: string; source: string; effect_index: number; points: number | null }>`
      SELECT rule, source, effect_index, points FROM ledger_transfer
      WHERE program = ${this.#program} AND kind = 'earning' AND source = ANY(${[...sources]}::text[])
      UNION ALL
      SELECT rule, source, effect_index, NULL FROM ledger_refusal
      WHERE program = ${this.#program} AND refused = 'daily_limit' AND source = ANY(${[...sources]}::text[])`.execute(
      tx,
    );
    const households = new Map(accounts.map((account) => [account.key, account.householdId ?? ""]));
    const keys = accounts.filter((account) => account.kind === "household").map((account) => account.key);
    const perDay = await sql<{ account: number; rule: string; day: string; count: number }>`
      SELECT credit_account AS account, rule, day::text AS day, count(*) AS count FROM ledger_transfer
      WHERE credit_account = ANY(${keys}::int[]) AND kind = 'earning' AND day = ANY(${[...days]}::date[])
      GROUP BY credit_account, rule, day`.execute(tx);
    const once = await sql<{ account: number; rule: string }>`
      SELECT account, rule FROM unnest(${keys}::int[]) AS account CROSS JOIN unnest(${[...onceRules]}::text[]) AS rule
      WHERE EXISTS (
        SELECT 1 FROM ledger_transfer t WHERE t.credit_account = account AND t.rule = rule.rule AND t.kind = 'earning')`.execute(
      tx,
    );
    const of = (account: number) => households.get(account) ?? "";
    return {
      decided: new Map(decided.rows.map((row) => [earningKey(row.source, row.rule, row.effect_index), row.points])),
      perDay: new Map(perDay.rows.map((row) => [dayKey(row.rule, of(row.account), row.day), row.count])),
      once: new Set(once.rows.map((row) => onceKey(row.rule, of(row.account)))),
    };
  }

  /** Appends transfers and moves the accounts' totals with them. */
  async append(tx: Db, transfers: readonly NewTransfer[]): Promise<void> {
    if (transfers.length === 0) return;
    const rows = JSON.stringify(transfers.map((transfer, place) => ({ place, ...transfer })));
    await sql`
      INSERT INTO ledger_transfer (
        id, program, kind, debit_account, credit_account, points, at_ms, active_at_ms, recorded_at_ms, rule, rule_version, source,
        effect_index, device_key, day, once_for, reverses, reason)
      SELECT id, ${this.#program}, kind, "debitAccount", "creditAccount", points, "atMs", "activeAtMs", "recordedAtMs", rule,
        "ruleVersion", source, "effectIndex", "deviceKey", day, "onceFor", reverses, reason
      FROM json_to_recordset(${rows}::json) AS r(
        place int, id uuid, kind text, "debitAccount" int, "creditAccount" int, points int, "atMs" bigint, "activeAtMs" bigint,
        "recordedAtMs" bigint, rule text, "ruleVersion" int, source text, "effectIndex" int, "deviceKey" int, day date,
        "onceFor" uuid, reverses uuid, reason text)
      ORDER BY place`.execute(tx);
    await sql`
      UPDATE ledger_account a SET debits = a.debits + moved.debits, credits = a.credits + moved.credits
      FROM (
        SELECT account, sum(debit) AS debits, sum(credit) AS credits FROM (
          SELECT "debitAccount" AS account, points AS debit, 0 AS credit
          FROM json_to_recordset(${rows}::json) AS r("debitAccount" int, points int)
          UNION ALL
          SELECT "creditAccount", 0, points FROM json_to_recordset(${rows}::json) AS r("creditAccount" int, points int)
        ) AS lines GROUP BY account
      ) AS moved
      WHERE a.key = moved.account`.execute(tx);
  }

  async recordRefusals(tx: Db, refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return;
    await sql`
      INSERT INTO ledger_refusal (program, source, rule, effect_index, refused, points, household_id, recorded_at_ms)
      SELECT ${this.#program}, source, rule, "effectIndex", refused, points, "householdId", "recordedAtMs"
      FROM json_to_recordset(${JSON.stringify(refusals)}::json) AS r(
        source text, rule text, "effectIndex" int, refused text, points int, "householdId" uuid, "recordedAtMs" bigint)
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /** The household that an earning belongs to, or null where there is no such earning. */
  async householdOf(tx: Db, transferId: string): Promise<string | null> {
    const { rows } = await sql<{ household_id: string | null }>`
      SELECT a.household_id FROM ledger_transfer t JOIN ledger_account a ON a.key = t.credit_account
      WHERE t.id = ${transferId} AND t.kind = 'earning' AND t.program = ${this.#program}`.execute(tx);
    return rows[0]?.household_id ?? null;
  }

  async get(db: Db, transferId: string): Promise<Transfer | null> {
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t WHERE t.id = ${transferId}`.execute(db);
    return rows.map(toTransfer)[0] ?? null;
  }

  /** A household's transfers, newest first, below `beforeSequence` where given. */
  async ofHousehold(db: Db, householdId: string, beforeSequence: number | null, limit: number): Promise<Transfer[]> {
    const account = await this.account(db, householdId);
    if (account === null) return [];
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t
      WHERE (t.credit_account = ${account.key} OR t.debit_account = ${account.key})
        AND (${beforeSequence}::bigint IS NULL OR t.sequence < ${beforeSequence})
      ORDER BY t.sequence DESC LIMIT ${limit}`.execute(db);
    return rows.map(toTransfer);
  }

  async account(db: Db, householdId: string): Promise<Account | null> {
    const { rows } = await sql<AccountRow>`
      SELECT key, kind, household_id, debits, credits FROM ledger_account
      WHERE program = ${this.#program} AND kind = 'household' AND household_id = ${householdId}`.execute(db);
    return rows.map(toAccount)[0] ?? null;
  }

  /** Points that are not active yet: of one account, or of all households. */
  async pending(db: Db, accountKey: number | null, nowMs: number): Promise<number> {
    const { rows } = await sql<{ points: number }>`
      SELECT coalesce(sum(CASE kind WHEN 'earning' THEN points ELSE -points END), 0)::bigint AS points FROM ledger_transfer
      WHERE program = ${this.#program} AND active_at_ms > ${nowMs}
        AND (${accountKey}::int IS NULL OR credit_account = ${accountKey} OR debit_account = ${accountKey})`.execute(
      db,
    );
    return rows[0]?.points ?? 0;
  }

  /** Points that all households hold, pending ones too. */
  async held(db: Db): Promise<number> {
    const { rows } = await sql<{ points: number }>`
      SELECT coalesce(sum(credits - debits), 0)::bigint AS points FROM ledger_account
      WHERE program = ${this.#program} AND kind = 'household'`.execute(db);
    return rows[0]?.points ?? 0;
  }

  /** Transfers that a device's events caused, newest first; for a household's eyes, those of its own account. */
  async timeline(db: Db, deviceKey: number, page: TimelinePage): Promise<Transfer[]> {
    const account = page.owner === undefined ? null : await this.account(db, page.owner.householdId);
    if (page.owner !== undefined && account === null) return [];
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t
      WHERE t.device_key = ${deviceKey} AND t.program = ${this.#program} AND t.at_ms < ${page.beforeMs}
        AND t.at_ms >= ${pageSinceMs(page)}
        AND (${account?.key ?? null}::int IS NULL OR ${account?.key ?? null} IN (t.credit_account, t.debit_account))
      ORDER BY t.at_ms DESC, t.sequence DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(toTransfer);
  }
}
