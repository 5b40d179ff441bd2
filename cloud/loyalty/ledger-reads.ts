import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { Transfer, TransferKind } from "./core/transfer.ts";

/** What an act earned, or would, and for whom. */
export interface WouldEarn {
  source: string;
  rule: string;
  points: number;
  householdId: string;
}

export interface Balance {
  /** What can be spent. */
  active: number;
  /** Not yet active. */
  pending: number;
}

interface TransferRow {
  sequence: number;
  id: string;
  kind: TransferKind;
  debit_account: number;
  credit_account: number;
  lot: string;
  cause: string | null;
  points: number;
  base_points: number | null;
  at_ms: number;
  active_at_ms: number;
  recorded_at_ms: number;
  rule: string;
  rule_version: number;
  source: string;
  effect_index: number;
  device_key: number | null;
  day: string;
  limit_account: number | null;
  limit_key: string | null;
  is_once: boolean;
  reverses: string | null;
  reason: string | null;
  reversed: boolean;
}

const toTransfer = (row: TransferRow): Transfer => ({
  sequence: row.sequence,
  id: row.id,
  kind: row.kind,
  debitAccount: row.debit_account,
  creditAccount: row.credit_account,
  lot: row.lot,
  cause: row.cause,
  points: row.points,
  basePoints: row.base_points,
  atMs: row.at_ms,
  activeAtMs: row.active_at_ms,
  recordedAtMs: row.recorded_at_ms,
  rule: row.rule,
  ruleVersion: row.rule_version,
  source: row.source,
  effectIndex: row.effect_index,
  deviceKey: row.device_key,
  day: row.day,
  limitAccount: row.limit_account,
  limitKey: row.limit_key,
  isOnce: row.is_once,
  reverses: row.reverses,
  reason: row.reason,
  reversed: row.reversed,
});

/** A transfer's columns; the day as text, which a driver's date at midnight of some zone is not. */
const transferColumns = sql`
  t.sequence, t.id, t.kind, t.debit_account, t.credit_account, t.lot, t.cause, t.points, t.base_points, t.at_ms, t.active_at_ms,
  t.recorded_at_ms, t.rule, t.rule_version, t.source, t.effect_index, t.device_key, t.day::text AS day, t.limit_account, t.limit_key,
  t.is_once, t.reverses, t.reason, EXISTS (SELECT 1 FROM ledger_transfer r WHERE r.reverses = t.id) AS reversed`;

/** SQL that reads the ledger, of one program. */
export class LedgerReads {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  async get(db: Db, transferId: string): Promise<Transfer | null> {
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t WHERE t.id = ${transferId}`.execute(db);
    return rows.map(toTransfer)[0] ?? null;
  }

  /** The household that holds what an earning brought, also where its own became part of another; null where there is no such earning. */
  async householdOf(tx: Db, transferId: string): Promise<string | null> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT coalesce(i.household_id, a.household_id) AS household_id
      FROM ledger_transfer t JOIN ledger_account a ON a.key = t.credit_account LEFT JOIN ledger_account i ON i.key = a.merged_into
      WHERE t.id = ${transferId} AND t.kind = 'earning' AND t.program = ${this.#program}`.execute(tx);
    return rows[0]?.household_id ?? null;
  }

  /** What one cause moved. */
  async ofCause(db: Db, cause: string, kind: TransferKind): Promise<Transfer[]> {
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t WHERE t.cause = ${cause} AND t.kind = ${kind}
      ORDER BY t.sequence`.execute(db);
    return rows.map(toTransfer);
  }

  /** What of one cause is put aside still, or spent and not given back, by lot; `account` is the household's that it came from. */
  async outstanding(
    tx: Db,
    cause: string,
    where: "reserved" | "spent",
  ): Promise<{ lot: string; account: number; points: number }[]> {
    const { rows } = await sql<{ lot: string; account: number; reserved: number; spent: number }>`
      SELECT lot, max(debit_account) FILTER (WHERE kind = 'reservation') AS account,
        sum(CASE kind WHEN 'reservation' THEN points WHEN 'release' THEN -points WHEN 'spending' THEN -points ELSE 0 END)::int AS reserved,
        sum(CASE kind WHEN 'spending' THEN points WHEN 'refund' THEN -points ELSE 0 END)::int AS spent
      FROM ledger_transfer WHERE cause = ${cause} GROUP BY lot ORDER BY min(sequence)`.execute(tx);
    return rows
      .map(({ lot, account, reserved, spent }) => ({ lot, account, points: where === "reserved" ? reserved : spent }))
      .filter(({ points }) => points > 0);
  }

  /** What a rule gave an account, or one that became part of it, under one key of its limit. */
  async byLimit(db: Db, given: { account: number; rule: string; limitKey: string }): Promise<Transfer[]> {
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t
      WHERE t.limit_account IN (SELECT key FROM ledger_account WHERE key = ${given.account} OR merged_into = ${given.account})
        AND t.rule = ${given.rule} AND t.limit_key = ${given.limitKey} AND t.kind = 'earning'
      ORDER BY t.sequence`.execute(db);
    return rows.map(toTransfer);
  }

  /** Where the points of accounts are now: with the household that theirs became part of. Held until the transaction ends. */
  async heldAccounts(tx: Db, keys: readonly number[]): Promise<Map<number, number>> {
    const { rows } = await sql<{ key: number; now: number }>`
      SELECT key, coalesce(merged_into, key) AS now FROM ledger_account WHERE key = ANY(${[...keys]}::int[])`.execute(
      tx,
    );
    await sql`
      SELECT key FROM ledger_account WHERE key = ANY(${rows.map(({ now }) => now)}::int[]) ORDER BY key FOR UPDATE`.execute(
      tx,
    );
    return new Map(rows.map(({ key, now }) => [key, now]));
  }

  async lotTimes(
    db: Db,
    lots: readonly string[],
  ): Promise<Map<string, { activeAtMs: number; expiresAtMs: number | null }>> {
    const { rows } = await sql<{ lot: string; active_at_ms: number; expires_at_ms: number | null }>`
      SELECT DISTINCT ON (l.lot) l.lot, l.active_at_ms, l.expires_at_ms
      FROM ledger_transfer e JOIN ledger_lot l ON l.account = e.credit_account AND l.lot = e.id
      WHERE e.id = ANY(${[...lots]}::uuid[])`.execute(db);
    return new Map(rows.map((row) => [row.lot, { activeAtMs: row.active_at_ms, expiresAtMs: row.expires_at_ms }]));
  }

  /** A household's transfers, newest first, below `beforeSequence` where given. */
  async ofHousehold(db: Db, householdId: string, beforeSequence: number | null, limit: number): Promise<Transfer[]> {
    const account = await this.accountKey(db, householdId);
    if (account === null) return [];
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM (
        (SELECT * FROM ledger_transfer WHERE credit_account = ${account}
          AND (${beforeSequence}::bigint IS NULL OR sequence < ${beforeSequence}) ORDER BY sequence DESC LIMIT ${limit})
        UNION ALL
        (SELECT * FROM ledger_transfer WHERE debit_account = ${account} AND kind <> 'earning'
          AND (${beforeSequence}::bigint IS NULL OR sequence < ${beforeSequence}) ORDER BY sequence DESC LIMIT ${limit})
      ) AS t
      ORDER BY t.sequence DESC LIMIT ${limit}`.execute(db);
    return rows.map(toTransfer);
  }

  /** What moved a household's points before a time, by when it happened, newest first. */
  async happened(db: Db, account: number, { beforeMs, limit }: TimelinePage): Promise<Transfer[]> {
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM (
        (SELECT * FROM ledger_transfer WHERE credit_account = ${account} AND at_ms < ${beforeMs})
        UNION ALL
        (SELECT * FROM ledger_transfer WHERE debit_account = ${account} AND kind <> 'earning' AND at_ms < ${beforeMs})
      ) AS t
      ORDER BY t.at_ms DESC, t.sequence DESC LIMIT ${limit}`.execute(db);
    return rows.map(toTransfer);
  }

  /** What rewards and offers are called now, by the rule that a transfer names them with: `reward:KEY`, `offer:KEY`. */
  async titles(db: Db, rules: ReadonlySet<string>): Promise<Map<string, string>> {
    const named = [...rules].filter((rule) => /^(reward|offer):/.test(rule));
    if (named.length === 0) return new Map();
    const { rows } = await sql<{ rule: string; title: string }>`
      SELECT rule, title FROM (
        SELECT 'reward:' || key AS rule, definition->>'title' AS title FROM loyalty_reward
        UNION ALL (SELECT DISTINCT ON (key) 'offer:' || key, definition->>'title' FROM loyalty_offer ORDER BY key, version DESC)
      ) AS named
      WHERE rule = ANY(${named}::text[])`.execute(db);
    return new Map(rows.map(({ rule, title }) => [rule, title]));
  }

  async accountKey(db: Db, householdId: string): Promise<number | null> {
    const { rows } = await sql<{ key: number }>`
      SELECT key FROM ledger_account
      WHERE program = ${this.#program} AND kind = 'household' AND household_id = ${householdId}`.execute(db);
    return rows[0]?.key ?? null;
  }

  /** What households hold; who never earned is missing. */
  async balances(db: Db, householdIds: readonly string[], nowMs: number): Promise<Map<string, Balance>> {
    const { rows } = await sql<{ household_id: string; active: number; pending: number }>`
      SELECT a.household_id,
        coalesce(sum(l.points_left) FILTER (
          WHERE l.points_left < 0 OR (l.active_at_ms <= ${nowMs} AND (l.expires_at_ms IS NULL OR l.expires_at_ms > ${nowMs}))), 0)::bigint
          AS active,
        coalesce(sum(l.points_left) FILTER (WHERE l.points_left > 0 AND l.active_at_ms > ${nowMs}), 0)::bigint AS pending
      FROM ledger_account a LEFT JOIN ledger_lot l ON l.account = a.key AND l.points_left <> 0
      WHERE a.program = ${this.#program} AND a.kind = 'household' AND a.household_id = ANY(${[...householdIds]}::uuid[])
      GROUP BY a.household_id`.execute(db);
    return new Map(rows.map((row) => [row.household_id, { active: row.active, pending: row.pending }]));
  }

  /** What households hold together, and what of it expires by when: the program's debt. */
  async liability(
    db: Db,
    nowMs: number,
    untilMs: readonly number[],
  ): Promise<{ households: number; active: number; pending: number; owed: number; expiring: number[] }> {
    const { rows } = await sql<{
      households: number;
      active: number;
      pending: number;
      owed: number;
      expiring: number[];
    }>`
      WITH lots AS (
        SELECT l.* FROM ledger_lot l JOIN ledger_account a ON a.key = l.account
        WHERE a.program = ${this.#program} AND l.points_left <> 0 AND (l.expires_at_ms IS NULL OR l.expires_at_ms > ${nowMs})
      )
      SELECT count(DISTINCT account)::int AS households,
        coalesce(sum(points_left) FILTER (WHERE points_left > 0 AND active_at_ms <= ${nowMs}), 0)::bigint AS active,
        coalesce(sum(points_left) FILTER (WHERE points_left > 0 AND active_at_ms > ${nowMs}), 0)::bigint AS pending,
        coalesce(-sum(points_left) FILTER (WHERE points_left < 0), 0)::bigint AS owed,
        ARRAY(SELECT coalesce((SELECT sum(points_left) FROM lots WHERE points_left > 0 AND expires_at_ms <= u), 0)::float8
          FROM unnest(${[...untilMs]}::bigint[]) WITH ORDINALITY AS w(u, place) ORDER BY place) AS expiring
      FROM lots`.execute(db);
    return rows[0] ?? { households: 0, active: 0, pending: 0, owed: 0, expiring: [] };
  }

  /** A household's lots that hold something, first-expiring first. */
  async lots(
    db: Db,
    householdId: string,
    limit: number,
  ): Promise<
    { lot: string; rule: string; points: number; left: number; activeAtMs: number; expiresAtMs: number | null }[]
  > {
    const { rows } = await sql<{
      lot: string;
      rule: string;
      points: number;
      left: number;
      active_at_ms: number;
      expires_at_ms: number | null;
    }>`
      SELECT l.lot, e.rule, e.points, l.points_left AS left, l.active_at_ms, l.expires_at_ms
      FROM ledger_account a JOIN ledger_lot l ON l.account = a.key JOIN ledger_transfer e ON e.id = l.lot
      WHERE a.program = ${this.#program} AND a.kind = 'household' AND a.household_id = ${householdId} AND l.points_left <> 0
      ORDER BY l.expires_at_ms NULLS LAST, l.active_at_ms, l.lot LIMIT ${limit}`.execute(db);
    return rows.map(({ active_at_ms: activeAtMs, expires_at_ms: expiresAtMs, ...row }) => ({
      ...row,
      activeAtMs,
      expiresAtMs,
    }));
  }

  async lastSequence(db: Db): Promise<number> {
    const { rows } = await sql<{ last: number }>`
      SELECT coalesce(max(sequence), 0) AS last FROM ledger_transfer`.execute(db);
    return rows[0]?.last ?? 0;
  }

  async earnedSince(db: Db, sequence: number): Promise<WouldEarn[]> {
    const { rows } = await sql<WouldEarn>`
      SELECT t.source, t.rule, t.points, a.household_id AS "householdId"
      FROM ledger_transfer t JOIN ledger_account a ON a.key = t.credit_account
      WHERE t.sequence > ${sequence} AND t.kind = 'earning' AND t.program = ${this.#program}
      ORDER BY t.sequence LIMIT 100`.execute(db);
    return rows;
  }

  /** Transfers that a device's events caused, newest first; for a household's eyes, those of its own account. */
  async timeline(db: Db, deviceKey: number, page: TimelinePage): Promise<Transfer[]> {
    const account = page.owner === undefined ? null : await this.accountKey(db, page.owner.householdId);
    if (page.owner !== undefined && account === null) return [];
    const { rows } = await sql<TransferRow>`
      SELECT ${transferColumns} FROM ledger_transfer t
      WHERE t.device_key = ${deviceKey} AND t.program = ${this.#program} AND t.at_ms < ${page.beforeMs}
        AND t.at_ms >= ${pageSinceMs(page)}
        AND (${account}::int IS NULL OR ${account} IN (t.credit_account, t.debit_account))
      ORDER BY t.at_ms DESC, t.sequence DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(toTransfer);
  }
}
