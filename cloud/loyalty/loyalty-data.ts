import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { PointMoves } from "./point-moves.ts";

export interface LoyaltyDataDeps {
  program: string;
  moves: PointMoves;
  /** A source as it is kept when nobody is to read it. */
  erased: (source: string) => string;
  nowMs: () => number;
}

const hashedAtOnce = 2_000;

/** What the program knows of a household: for its export, and for its erasure. */
export const loyaltyData = (deps: LoyaltyDataDeps): HouseholdData[] => [
  {
    name: "points",
    describes: "Your points: what you did for each of them, what you spent, and what expired.",
    keeps:
      "The ledger's numbers, under an id that stands for nobody, so that its sums stay right; and of what earned a keyed hash, so that it never earns again.",
    rows: (db, householdId) => pointRows(db, deps.program, householdId),
    erase: (tx, householdId) => erasePoints(tx, deps, householdId),
  },
  {
    name: "tiers",
    describes: "The tiers that you had.",
    isDerived: true,
    rows: (db, householdId) =>
      pages<{ sequence: number }>(async (last, limit) => {
        const { rows } = await sql<{ sequence: number }>`
          SELECT c.sequence, c.at_ms AS "atMs", c.from_tier AS "from", c.to_tier AS "to", c.points
          FROM ledger_account a JOIN loyalty_tier_change c ON c.account = a.key
          WHERE a.household_id = ${householdId} AND c.sequence > ${last?.sequence ?? 0} ORDER BY c.sequence LIMIT ${limit}`.execute(
          db,
        );
        return rows;
      }),
    async erase(tx, householdId) {
      const accounts = sql`SELECT key FROM ledger_account WHERE household_id = ${householdId}`;
      await sql`DELETE FROM loyalty_standing WHERE account IN (${accounts})`.execute(tx);
      await sql`DELETE FROM loyalty_activation WHERE account IN (${accounts})`.execute(tx);
      await sql`DELETE FROM loyalty_mark WHERE account IN (${accounts})`.execute(tx);
      await sql`DELETE FROM loyalty_return WHERE account IN (${accounts})`.execute(tx);
      return affected(tx)`DELETE FROM loyalty_tier_change WHERE account IN (${accounts})`;
    },
  },
  {
    name: "rewards",
    describes: "Rewards that you put aside or redeemed.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT id, reward, title, points, state, reserved_at_ms AS "reservedAtMs", until_ms AS "untilMs",
            settled_at_ms AS "settledAtMs"
          FROM loyalty_redemption WHERE household_id = ${householdId} AND (${last?.id ?? null}::uuid IS NULL OR id > ${last?.id ?? null})
          ORDER BY id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const { rows } = await sql<{ id: string; state: string }>`
        DELETE FROM loyalty_redemption WHERE household_id = ${householdId} RETURNING id, state`.execute(tx);
      const open = rows.filter(({ state }) => state === "reserved");
      await release(tx, deps, open);
      return rows.length;
    },
  },
  {
    name: "offers",
    describes: "Offers that were made to you, and what became of them.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT id, offer, list_price_minor AS "listPriceMinor", price_minor AS "priceMinor", currency, reason,
            points_cost AS "pointsCost", granted_at_ms AS "grantedAtMs", expires_at_ms AS "expiresAtMs", state,
            redeemed_at_ms AS "redeemedAtMs", settled_at_ms AS "settledAtMs"
          FROM loyalty_grant WHERE household_id = ${householdId} AND (${last?.id ?? null}::uuid IS NULL OR id > ${last?.id ?? null})
          ORDER BY id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const { rows } = await sql<{ id: string; state: string }>`
        DELETE FROM loyalty_grant WHERE household_id = ${householdId} RETURNING id, state`.execute(tx);
      const open = rows.filter(({ state }) => state === "redeeming" || state === "calling");
      await release(tx, deps, open);
      return rows.length;
    },
  },
];

/** What was put aside and never spent goes back to its lots, so that the sums stay whole. */
async function release(tx: Db, { moves, nowMs }: LoyaltyDataDeps, open: readonly { id: string }[]): Promise<void> {
  for (const { id } of open) await moves.release(tx, { id, rule: "erasure", reason: null, atMs: nowMs() });
}

const pointRows = (db: Db, program: string, householdId: string) =>
  pages<{ sequence: number }>(async (last, limit) => {
    const { rows } = await sql<{ sequence: number }>`
      SELECT t.sequence, t.id, t.kind, CASE WHEN t.credit_account = a.key THEN t.points ELSE -t.points END AS points,
        t.at_ms AS "atMs", t.active_at_ms AS "activeAtMs", t.rule, t.source, t.day::text AS day, t.reason
      FROM ledger_account a JOIN ledger_transfer t ON t.credit_account = a.key OR (t.debit_account = a.key AND t.kind <> 'earning')
      WHERE a.program = ${program} AND a.household_id = ${householdId} AND t.sequence > ${last?.sequence ?? 0}
      ORDER BY t.sequence LIMIT ${limit}`.execute(db);
    return rows;
  });

async function erasePoints(tx: Db, { program, erased }: LoyaltyDataDeps, householdId: string): Promise<number> {
  const { rows: accounts } = await sql<{ key: number }>`
    SELECT key FROM ledger_account WHERE program = ${program} AND household_id = ${householdId} FOR UPDATE`.execute(tx);
  const keys = accounts.map(({ key }) => key);
  const nobody = randomUUID();
  let hashed = 0;
  for (;;) {
    const { rows } = await sql<{ sequence: number; source: string; limit_key: string | null }>`
      SELECT sequence, source, limit_key FROM ledger_transfer
      WHERE (credit_account = ANY(${keys}::int[]) OR debit_account = ANY(${keys}::int[]) OR limit_account = ANY(${keys}::int[]))
        AND source NOT LIKE 'erased:%' LIMIT ${hashedAtOnce}`.execute(tx);
    if (rows.length === 0) break;
    hashed += rows.length;
    // A value that a limit went by may be an order's number.
    const hide = (key: string | null) => (key?.startsWith("=") === true ? erased(key) : key);
    await sql`
      UPDATE ledger_transfer t SET source = h.source, limit_key = h.limit_key, device_key = NULL, reason = NULL
      FROM unnest(${rows.map(({ sequence }) => sequence)}::bigint[], ${rows.map(({ source }) => erased(source))}::text[],
        ${rows.map(({ limit_key: key }) => hide(key))}::text[]) AS h(sequence, source, limit_key)
      WHERE t.sequence = h.sequence`.execute(tx);
  }
  const { rows: refusals } = await sql<{ source: string }>`
    SELECT DISTINCT source FROM ledger_refusal WHERE household_id = ${householdId}`.execute(tx);
  await sql`
    UPDATE ledger_refusal r SET source = h.hidden, household_id = ${nobody}
    FROM unnest(${refusals.map(({ source }) => source)}::text[], ${refusals.map(({ source }) => erased(source))}::text[])
      AS h(source, hidden)
    WHERE r.household_id = ${householdId} AND r.source = h.source`.execute(tx);
  await sql`UPDATE ledger_account SET household_id = ${nobody} WHERE key = ANY(${keys}::int[])`.execute(tx);
  return hashed;
}
