import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { FactSource } from "../households/households.ts";

export interface Identity {
  source: FactSource;
  idHmac: Buffer;
  contentHmac: Buffer;
}

export interface StoredFact {
  sequence: number;
  householdId: string;
  source: FactSource;
  id: string;
  type: string;
  atMs: number;
  receivedAtMs: number;
  by: string;
  data: Record<string, unknown>;
}

export type NewFact = Omit<StoredFact, "sequence">;

interface FactRow {
  sequence: number;
  household_id: string;
  source: FactSource;
  fact_id: string;
  type: string;
  at_ms: number;
  received_at_ms: number;
  by_principal: string;
  data: Record<string, unknown>;
}

const toFact = (row: FactRow): StoredFact => ({
  sequence: row.sequence,
  householdId: row.household_id,
  source: row.source,
  id: row.fact_id,
  type: row.type,
  atMs: row.at_ms,
  receivedAtMs: row.received_at_ms,
  by: row.by_principal,
  data: row.data,
});

const keyOf = (source: string, idHmac: Buffer): string => `${source} ${idHmac.toString("base64")}`;

/** The facts slice's SQL, and the only code that touches its tables. */
export class FactsStore {
  /** Lets batches of a source follow one another, so that of two with the same id the second finds the first. */
  async lockSources(tx: Db, sources: readonly FactSource[]): Promise<void> {
    for (const source of [...new Set(sources)].toSorted())
      await sql`SELECT pg_advisory_xact_lock(4711247, hashtext(${source}))`.execute(tx);
  }

  /** What each id said when it was accepted, by `identityKey`; without those that never were. */
  async known(tx: Db, identities: readonly Identity[]): Promise<Map<string, Buffer>> {
    if (identities.length === 0) return new Map();
    const { rows } = await sql<{ source: string; id_hmac: Buffer; content_hmac: Buffer }>`
      SELECT i.source, i.id_hmac, i.content_hmac FROM outside_fact_identity i
      JOIN unnest(${identities.map(({ source }) => source)}::text[], ${identities.map(({ idHmac }) => idHmac)}::bytea[])
        AS asked(source, id_hmac) ON asked.source = i.source AND asked.id_hmac = i.id_hmac`.execute(tx);
    return new Map(rows.map((row) => [keyOf(row.source, row.id_hmac), row.content_hmac]));
  }

  readonly identityKey = ({ source, idHmac }: Identity): string => keyOf(source, idHmac);

  async insertIdentities(tx: Db, identities: readonly Identity[]): Promise<void> {
    if (identities.length === 0) return;
    await sql`
      INSERT INTO outside_fact_identity (source, id_hmac, content_hmac)
      SELECT * FROM unnest(${identities.map(({ source }) => source)}::text[], ${identities.map(({ idHmac }) => idHmac)}::bytea[],
        ${identities.map(({ contentHmac }) => contentHmac)}::bytea[])`.execute(tx);
  }

  async insert(tx: Db, facts: readonly (NewFact & { addressedId: string })[]): Promise<void> {
    if (facts.length === 0) return;
    await sql`
      INSERT INTO outside_fact (household_id, home_id, source, fact_id, type, at_ms, received_at_ms, by_principal, data)
      SELECT "householdId", "addressedId", source, id, type, "atMs", "receivedAtMs", by, data
      FROM jsonb_to_recordset(${JSON.stringify(facts)}::jsonb) AS f("householdId" uuid, "addressedId" uuid, source text, id text,
        type text, "atMs" bigint, "receivedAtMs" bigint, by text, data jsonb)`.execute(tx);
  }

  async list(
    db: Db,
    householdId: string,
    before: { atMs: number; sequence: number } | null,
    limit: number,
  ): Promise<StoredFact[]> {
    const { rows } = await sql<FactRow>`
      SELECT * FROM outside_fact
      WHERE household_id = ${householdId}
        AND (${before?.atMs ?? null}::bigint IS NULL OR (at_ms, sequence) < (${before?.atMs ?? null}, ${before?.sequence ?? null}))
      ORDER BY at_ms DESC, sequence DESC LIMIT ${limit}`.execute(db);
    return rows.map(toFact);
  }

  /** What households did of these types in a time, the earliest first; of one household where it is named. */
  async ofTypes(
    db: Db,
    asked: { types: readonly string[]; householdId: string | null; fromMs: number; toMs: number },
    limit: number,
  ): Promise<StoredFact[]> {
    const { rows } = await sql<FactRow>`
      SELECT * FROM outside_fact
      WHERE type = ANY(${[...asked.types]}::text[]) AND at_ms >= ${asked.fromMs} AND at_ms < ${asked.toMs}
        AND (${asked.householdId}::uuid IS NULL OR household_id = ${asked.householdId})
      ORDER BY at_ms, sequence LIMIT ${limit}`.execute(db);
    return rows.map(toFact);
  }

  async erase(tx: Db, householdId: string): Promise<number> {
    return affected(tx)`DELETE FROM outside_fact WHERE household_id = ${householdId}`;
  }
}
