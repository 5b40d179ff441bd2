import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { EngagementDeps } from "./ports.ts";

type Deps = Pick<EngagementDeps, "consent" | "lifecycle">;

interface DecidedRow {
  delivery_id: string;
  household_id: string;
  promotional: boolean;
  /** Whether its campaign runs, and the household has not turned it down on another of its appliances. */
  stands: boolean;
}

/** Deliveries that came of decisions and that a limit took back: whether they are still to go, and whose they are once they went. */
export class TakenBackDecisions {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Of some deliveries those that are to go no more: a campaign that waits has them looked at again when it goes on. */
  async unwanted(tx: Db, deliveryIds: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await sql<DecidedRow>`
      SELECT dd.delivery_id, d.household_id, d.class = 'promotional' AS promotional,
        d.answer = 'send' AND d.ended IS DISTINCT FROM 'dismissed'
          AND EXISTS (SELECT FROM campaign c WHERE d.source = 'campaign:' || c.id AND c.state = 'running') AS stands
      FROM decision_delivery dd JOIN decision d ON d.id = dd.decision_id
      WHERE dd.delivery_id = ANY(${[...deliveryIds]}::uuid[])`.execute(tx);
    if (rows.length === 0) return new Set();
    const households = [...new Set(rows.map((row) => row.household_id))];
    const agreed = await this.#deps.consent.agreed(tx, households);
    const stages = await this.#deps.lifecycle.stages(tx, households);
    const isLeftAlone = (householdId: string) =>
      agreed.get(householdId)?.has("market") !== true || stages.get(householdId) === "disengaged";
    return new Set(
      rows.flatMap((row) =>
        row.stands && !(row.promotional && isLeftAlone(row.household_id)) ? [] : [row.delivery_id],
      ),
    );
  }

  /** What becomes of the new deliveries becomes of the decisions of the old ones. */
  async sentAgain(tx: Db, pairs: readonly { before: string; after: string }[]): Promise<void> {
    if (pairs.length === 0) return;
    await sql`
      WITH followed AS (
        INSERT INTO decision_delivery (delivery_id, decision_id)
        SELECT p.after, dd.decision_id FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS p(before uuid, after uuid)
        JOIN decision_delivery dd ON dd.delivery_id = p.before
        RETURNING decision_id
      )
      UPDATE decision d SET ended = NULL FROM followed f WHERE d.id = f.decision_id AND d.ended = 'limit'`.execute(tx);
  }
}
