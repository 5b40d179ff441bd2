import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";

/** Something worth telling the world: `type` is `hearth.<noun>.<verb>`, `subject` is `kind:id`. */
export interface NotableFact {
  type: string;
  subject: string;
  atMs: number;
  data: Record<string, unknown>;
}

/** The writing side of the outbox. A fact is added in the transaction that makes it true. */
export class Outbox {
  readonly #ids: Ids;
  readonly #watchers: ((tx: Db, facts: readonly NotableFact[]) => Promise<void>)[] = [];

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** Who hears of facts as they are added, in their transaction and in the order of asking. What they add in turn is heard too. */
  onAdded(watch: (tx: Db, facts: readonly NotableFact[]) => Promise<void>): void {
    this.#watchers.push(watch);
  }

  async add(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    if (facts.length === 0) return;
    const rows = facts.map((fact) => ({ event_id: this.#ids.next(), ...fact, at_ms: fact.atMs }));
    // The transaction's number is looked up once here: the column's default would do it for every row.
    await sql`
      INSERT INTO outbox (xid, event_id, type, subject, at_ms, data)
      SELECT (SELECT hearth_xid()), event_id, type, subject, at_ms, data
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(event_id uuid, type text, subject text, at_ms bigint, data jsonb)`.execute(
      tx,
    );
    for (const watch of this.#watchers) await watch(tx, facts);
  }
}
