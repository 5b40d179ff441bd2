import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** How many households of a campaign stand where. */
export interface TallyRow {
  what: "send" | "hold" | "suppress" | "human" | "treated" | "held_out";
  reason: string | null;
  households: number;
  sent: number;
  shown: number;
  acted: number;
  ended: number;
  reached: number;
}

/** Changes of one campaign that are put together once there are so many. */
const changesMax = 100;

const sums = sql`sum(households)::int AS households, sum(sent)::int AS sent, sum(shown)::int AS shown, sum(acted)::int AS acted,
  sum(ended)::int AS ended, sum(reached)::int AS reached`;

/** The SQL of how far campaigns have come. Triggers write what changes, in the transaction that changes it. */
export class FunnelStore {
  async read(db: Db, source: string): Promise<TallyRow[]> {
    const { rows } = await sql<TallyRow>`
      SELECT what, reason, ${sums} FROM campaign_tally WHERE source = ${source} GROUP BY what, reason
      HAVING sum(households) <> 0 OR sum(reached) <> 0`.execute(db);
    return rows;
  }

  /** Puts together what has changed, of each campaign where that has become much. */
  async fold(db: Db): Promise<void> {
    const { rows } = await sql<{ source: string }>`
      SELECT source FROM campaign_tally GROUP BY source HAVING count(*) > ${changesMax}`.execute(db);
    for (const { source } of rows)
      await sql`
        WITH gone AS (DELETE FROM campaign_tally WHERE source = ${source} RETURNING *)
        INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended, reached)
        SELECT ${source}, what, reason, ${sums} FROM gone GROUP BY what, reason`.execute(db);
  }
}
