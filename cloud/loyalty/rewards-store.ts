import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type RedemptionState, type Reward, type RewardDefinition, rewardDefinition } from "./core/reward.ts";

/** A reward that a household put aside. */
export interface Redemption {
  id: string;
  householdId: string;
  reward: string;
  title: string;
  points: number;
  state: RedemptionState;
  reservedAtMs: number;
  untilMs: number;
  settledAtMs: number | null;
  reason: string | null;
}

interface RedemptionRow {
  id: string;
  household_id: string;
  reward: string;
  title: string;
  points: number;
  state: RedemptionState;
  reserved_at_ms: number;
  until_ms: number;
  settled_at_ms: number | null;
  reason: string | null;
}

const toRedemption = (row: RedemptionRow): Redemption => ({
  id: row.id,
  householdId: row.household_id,
  reward: row.reward,
  title: row.title,
  points: row.points,
  state: row.state,
  reservedAtMs: row.reserved_at_ms,
  untilMs: row.until_ms,
  settledAtMs: row.settled_at_ms,
  reason: row.reason,
});

interface RewardRow {
  key: string;
  version: number;
  definition: RewardDefinition;
  created_at_ms: number;
  created_by: string;
}

const toReward = (row: RewardRow): Reward => ({
  key: row.key,
  version: row.version,
  definition: rewardDefinition.parse(row.definition),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

/** SQL of rewards, and of those that households put aside. */
export class RewardsStore {
  async list(db: Db): Promise<(Reward & { taken: number })[]> {
    const { rows } = await sql<RewardRow & { taken: number }>`
      SELECT r.*, (SELECT count(*) FROM loyalty_redemption m WHERE m.reward = r.key AND m.state <> 'released') AS taken
      FROM loyalty_reward r ORDER BY r.key`.execute(db);
    return rows.map((row) => ({ ...toReward(row), taken: row.taken }));
  }

  /** Held until the transaction ends, so that the last one in stock is given once. */
  async lock(tx: Db, key: string): Promise<Reward | null> {
    const { rows } = await sql<RewardRow>`SELECT * FROM loyalty_reward WHERE key = ${key} FOR UPDATE`.execute(tx);
    return rows.map(toReward)[0] ?? null;
  }

  /** The reward, held, and how many there are. */
  async forChange(tx: Db, key: string): Promise<{ before: Reward | null; count: number }> {
    return { before: await this.lock(tx, key), count: await this.#count(tx) };
  }

  async taken(tx: Db, key: string): Promise<number> {
    const { rows } = await sql<{ taken: number }>`
      SELECT count(*) AS taken FROM loyalty_redemption WHERE reward = ${key} AND state <> 'released'`.execute(tx);
    return rows[0]?.taken ?? 0;
  }

  async #count(tx: Db): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM loyalty_reward`.execute(tx);
    return rows[0]?.n ?? 0;
  }

  async insert(tx: Db, { key, version, definition, createdAtMs, createdBy }: Reward): Promise<void> {
    await sql`INSERT INTO loyalty_reward (key, version, definition, created_at_ms, created_by)
      VALUES (${key}, ${version}, ${JSON.stringify(definition)}::jsonb, ${createdAtMs}, ${createdBy})
      ON CONFLICT (key) DO UPDATE SET version = excluded.version, definition = excluded.definition,
        created_at_ms = excluded.created_at_ms, created_by = excluded.created_by`.execute(tx);
  }

  async add(tx: Db, one: Redemption): Promise<void> {
    await sql`
      INSERT INTO loyalty_redemption (id, household_id, home_id, reward, title, points, state, reserved_at_ms, until_ms)
      VALUES (${one.id}, ${one.householdId}, ${one.householdId}, ${one.reward}, ${one.title}, ${one.points}, ${one.state},
        ${one.reservedAtMs}, ${one.untilMs})`.execute(tx);
  }

  async householdOf(db: Db, id: string): Promise<string | null> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT household_id FROM loyalty_redemption WHERE id = ${id}`.execute(db);
    return rows[0]?.household_id ?? null;
  }

  async lockRedemption(tx: Db, id: string): Promise<Redemption | null> {
    const { rows } = await sql<RedemptionRow>`SELECT * FROM loyalty_redemption WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows.map(toRedemption)[0] ?? null;
  }

  async settle(
    tx: Db,
    id: string,
    settled: { state: RedemptionState; atMs: number; reason: string | null },
  ): Promise<void> {
    await sql`
      UPDATE loyalty_redemption SET state = ${settled.state}, settled_at_ms = ${settled.atMs}, reason = ${settled.reason}
      WHERE id = ${id}`.execute(tx);
  }

  async due(db: Db, nowMs: number, limit: number): Promise<{ id: string; householdId: string }[]> {
    const { rows } = await sql<{ id: string; household_id: string }>`
      SELECT id, household_id FROM loyalty_redemption WHERE state = 'reserved' AND until_ms <= ${nowMs}
      ORDER BY until_ms LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({ id: row.id, householdId: row.household_id }));
  }

  async ofHousehold(db: Db, householdId: string, limit: number): Promise<Redemption[]> {
    const { rows } = await sql<RedemptionRow>`
      SELECT * FROM loyalty_redemption WHERE household_id = ${householdId} ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toRedemption);
  }

  async recent(db: Db, limit: number): Promise<Redemption[]> {
    const { rows } = await sql<RedemptionRow>`
      SELECT * FROM loyalty_redemption ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toRedemption);
  }
}
