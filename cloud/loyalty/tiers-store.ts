import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type Program, type ProgramDefinition, programDefinition } from "./core/program.ts";

export interface Standing {
  account: number;
  tier: string;
  sinceMs: number;
  untilMs: number;
  noticedAtMs: number | null;
}

export interface TierChange {
  account: number;
  atMs: number;
  recordedAtMs: number;
  from: string;
  to: string;
  points: number;
}

interface StandingRow {
  account: number;
  tier: string;
  since_ms: number;
  until_ms: number;
  noticed_at_ms: number | null;
}

const toStanding = (row: StandingRow): Standing => ({
  account: row.account,
  tier: row.tier,
  sinceMs: row.since_ms,
  untilMs: row.until_ms,
  noticedAtMs: row.noticed_at_ms,
});

/** Taken while the program changes, so that versions follow one another. */
const programLock = 4_711_003;

/** SQL of the program's settings and of who has which tier. */
export class TiersStore {
  async program(db: Db): Promise<Program> {
    const { rows } = await sql<{
      version: number;
      definition: ProgramDefinition;
      created_at_ms: number;
      created_by: string;
    }>`SELECT * FROM loyalty_program ORDER BY version DESC LIMIT 1`.execute(db);
    const [row] = rows;
    if (row === undefined) throw new Error("the program has no version");
    return {
      version: row.version,
      definition: programDefinition.parse(row.definition),
      createdAtMs: row.created_at_ms,
      createdBy: row.created_by,
    };
  }

  async insertProgram(tx: Db, { version, definition, createdAtMs, createdBy }: Program): Promise<void> {
    await sql`INSERT INTO loyalty_program (version, definition, created_at_ms, created_by)
      VALUES (${version}, ${JSON.stringify(definition)}::jsonb, ${createdAtMs}, ${createdBy})`.execute(tx);
  }

  async lockProgram(tx: Db): Promise<void> {
    await sql`SELECT pg_advisory_xact_lock(${programLock})`.execute(tx);
  }

  async standings(db: Db, accounts: readonly number[]): Promise<Map<number, Standing>> {
    const { rows } = await sql<StandingRow>`
      SELECT * FROM loyalty_standing WHERE account = ANY(${[...accounts]}::int[])`.execute(db);
    return new Map(rows.map((row) => [row.account, toStanding(row)]));
  }

  /** Of these accounts those whose tier ended until a time each, with the tier that they had. */
  async endedBy(tx: Db, moments: readonly { account: number; atMs: number }[]): Promise<Map<number, Standing>> {
    const { rows } = await sql<StandingRow>`
      SELECT s.* FROM unnest(${moments.map(({ account }) => account)}::int[], ${moments.map(({ atMs }) => atMs)}::bigint[])
        AS m(account, at_ms)
      JOIN loyalty_standing s ON s.account = m.account AND s.until_ms <= m.at_ms`.execute(tx);
    return new Map(rows.map((row) => [row.account, toStanding(row)]));
  }

  /** Tiers that households have, by household; who is missing is at the base. */
  async ofHouseholds(db: Db, program: string, householdIds: readonly string[]): Promise<Map<string, Standing>> {
    const { rows } = await sql<StandingRow & { household_id: string }>`
      SELECT a.household_id, s.* FROM ledger_account a JOIN loyalty_standing s ON s.account = a.key
      WHERE a.program = ${program} AND a.kind = 'household' AND a.merged_into IS NULL
        AND a.household_id = ANY(${[...householdIds]}::uuid[])`.execute(db);
    return new Map(rows.map((row) => [row.household_id, toStanding(row)]));
  }

  async putStanding(tx: Db, { account, tier, sinceMs, untilMs }: Omit<Standing, "noticedAtMs">): Promise<void> {
    await sql`
      INSERT INTO loyalty_standing (account, tier, since_ms, until_ms) VALUES (${account}, ${tier}, ${sinceMs}, ${untilMs})
      ON CONFLICT (account) DO UPDATE SET tier = excluded.tier, since_ms = excluded.since_ms, until_ms = excluded.until_ms,
        noticed_at_ms = NULL, is_secure = false`.execute(tx);
  }

  async removeStanding(tx: Db, account: number): Promise<void> {
    await sql`DELETE FROM loyalty_standing WHERE account = ${account}`.execute(tx);
  }

  /** Notes that a household was told, or need not be. */
  async note(tx: Db, account: number, noted: { noticedAtMs: number | null; untilMs: number }): Promise<void> {
    await sql`
      UPDATE loyalty_standing SET noticed_at_ms = ${noted.noticedAtMs}, is_secure = ${noted.noticedAtMs === null},
        until_ms = ${noted.untilMs}
      WHERE account = ${account}`.execute(tx);
  }

  async addChange(tx: Db, change: TierChange): Promise<void> {
    await sql`
      INSERT INTO loyalty_tier_change (account, at_ms, recorded_at_ms, from_tier, to_tier, points)
      VALUES (${change.account}, ${change.atMs}, ${change.recordedAtMs}, ${change.from}, ${change.to}, ${change.points})`.execute(
      tx,
    );
  }

  /** How tiers changed, the earliest first. */
  async changes(db: Db, accounts: readonly number[]): Promise<{ account: number; atMs: number; to: string }[]> {
    const { rows } = await sql<{ account: number; at_ms: number; to_tier: string }>`
      SELECT account, at_ms, to_tier FROM loyalty_tier_change WHERE account = ANY(${[...accounts]}::int[])
      ORDER BY account, at_ms, sequence`.execute(db);
    return rows.map((row) => ({ account: row.account, atMs: row.at_ms, to: row.to_tier }));
  }

  /**
   * Points that became active after `fromMs` and until `toMs`, without those taken back by then, of each account and of those that became
   * part of it. What is taken back while it is pending counts for nothing at any time. In the order of the spans.
   */
  async activeIn(db: Db, spans: readonly { account: number; fromMs: number; toMs: number }[]): Promise<number[]> {
    if (spans.length === 0) return [];
    const { rows } = await sql<{ points: number }>`
      SELECT (
        SELECT coalesce(sum(t.points), 0) FROM ledger_account a JOIN ledger_transfer t ON t.credit_account = a.key
        WHERE (a.key = s.account OR a.merged_into = s.account) AND t.kind = 'earning'
          AND t.active_at_ms > s.from_ms AND t.active_at_ms <= s.to_ms
      )::bigint - (
        SELECT coalesce(sum(t.points), 0) FROM ledger_account a JOIN ledger_transfer t ON t.debit_account = a.key
        WHERE (a.key = s.account OR a.merged_into = s.account) AND t.kind = 'reversal'
          AND greatest(t.at_ms, t.active_at_ms) > s.from_ms AND greatest(t.at_ms, t.active_at_ms) <= s.to_ms
      )::bigint AS points
      FROM unnest(${spans.map(({ account }) => account)}::int[], ${spans.map(({ fromMs }) => fromMs)}::bigint[],
        ${spans.map(({ toMs }) => toMs)}::bigint[]) WITH ORDINALITY AS s(account, from_ms, to_ms, place)
      ORDER BY s.place`.execute(db);
    return rows.map(({ points }) => points);
  }

  /** Notes when pending points become active. */
  async addActivations(tx: Db, activations: readonly { account: number; atMs: number }[]): Promise<void> {
    if (activations.length === 0) return;
    await sql`
      INSERT INTO loyalty_activation (account, at_ms)
      SELECT * FROM unnest(${activations.map(({ account }) => account)}::int[], ${activations.map(({ atMs }) => atMs)}::bigint[])
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /** Households of which points became active until `nowMs`, those that wait longest first. */
  async activationsDue(db: Db, nowMs: number, limit: number): Promise<string[]> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT DISTINCT coalesce(i.household_id, a.household_id) AS household_id
      FROM (SELECT account FROM loyalty_activation WHERE at_ms <= ${nowMs} ORDER BY at_ms LIMIT ${limit}) AS d
      JOIN ledger_account a ON a.key = d.account LEFT JOIN ledger_account i ON i.key = a.merged_into`.execute(db);
    return rows.map((row) => row.household_id);
  }

  /** Takes what became active of these accounts, and of those that became part of them, until a time each; the earliest first. */
  async takeActivations(
    tx: Db,
    until: readonly { account: number; untilMs: number }[],
  ): Promise<{ account: number; atMs: number }[]> {
    const { rows } = await sql<{ account: number; at_ms: number }>`
      WITH u AS (
        SELECT * FROM unnest(${until.map(({ account }) => account)}::int[], ${until.map(({ untilMs }) => untilMs)}::bigint[])
          AS u(account, until_ms)
      ), family AS (
        SELECT account, account AS part, until_ms FROM u
        UNION ALL SELECT u.account, a.key, u.until_ms FROM u JOIN ledger_account a ON a.merged_into = u.account
      )
      DELETE FROM loyalty_activation d USING family f WHERE d.account = f.part AND d.at_ms <= f.until_ms
      RETURNING f.account, d.at_ms`.execute(tx);
    return rows
      .map((row) => ({ account: row.account, atMs: row.at_ms }))
      .toSorted((a, b) => a.atMs - b.atMs || a.account - b.account);
  }

  /** Accounts whose tier ends by then, or of which nobody looked yet whether to tell them that it does. */
  async due(
    db: Db,
    { endedByMs, endingByMs }: { endedByMs: number; endingByMs: number },
    limit: number,
  ): Promise<{ account: number; householdId: string }[]> {
    const { rows } = await sql<{ account: number; household_id: string }>`
      SELECT s.account, a.household_id FROM loyalty_standing s JOIN ledger_account a ON a.key = s.account AND a.merged_into IS NULL
      WHERE s.until_ms <= ${endingByMs} AND (s.until_ms <= ${endedByMs} OR (s.noticed_at_ms IS NULL AND NOT s.is_secure))
      ORDER BY s.until_ms LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({ account: row.account, householdId: row.household_id }));
  }

  /** How many households have each tier above the base. */
  async counts(db: Db): Promise<Map<string, number>> {
    const { rows } = await sql<{ tier: string; count: number }>`
      SELECT s.tier, count(*) AS count FROM loyalty_standing s JOIN ledger_account a ON a.key = s.account
      WHERE a.merged_into IS NULL GROUP BY s.tier`.execute(db);
    return new Map(rows.map((row) => [row.tier, row.count]));
  }
}
