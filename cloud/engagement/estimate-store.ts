import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { inRanges } from "./campaigns-store.ts";
import type { SerialAudience } from "./core/campaign.ts";

/** The SQL of looking at an audience before a campaign begins. */
export class EstimateStore {
  async size(db: Db, audience: RawBuilder<unknown>): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${audience} a`.execute(db);
    return rows[0]?.n ?? 0;
  }

  /** Households by the hash of their ids: by chance, and the same ones when it is asked again. */
  async sample(db: Db, audience: RawBuilder<unknown>, limit: number): Promise<string[]> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT a.household_id FROM ${audience} a ORDER BY md5('estimate:' || a.household_id::text) LIMIT ${limit}`.execute(
      db,
    );
    return rows.map((row) => row.household_id);
  }

  /** Appliances of these households that a recall is about. */
  async affected(
    db: Db,
    appliances: RawBuilder<unknown>,
    audience: SerialAudience,
    householdIds: readonly string[],
  ): Promise<Set<string>> {
    const { rows } = await sql<{ id: string }>`
      SELECT d.id FROM ${appliances} d WHERE d.household_id = ANY(${[...householdIds]}::uuid[]) AND ${inRanges(audience)}`.execute(
      db,
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Those that were made, and that no appliance in the registry is. */
  async neverRegistered(
    db: Db,
    { appliances, made }: { appliances: RawBuilder<unknown>; made: RawBuilder<unknown> },
    audience: SerialAudience,
  ): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM ${made} d WHERE ${inRanges(audience)}
        AND NOT EXISTS (SELECT FROM ${appliances} a WHERE a.serial = d.serial AND a.model = d.model)`.execute(db);
    return rows[0]?.n ?? 0;
  }

  async appliances(db: Db, appliances: RawBuilder<unknown>, audience: SerialAudience): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM ${appliances} d WHERE ${inRanges(audience)}`.execute(db);
    return rows[0]?.n ?? 0;
  }
}
