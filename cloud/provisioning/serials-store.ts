import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { SerialState } from "./core/serial-life.ts";

export interface Serial {
  serial: string;
  batch: string;
  model: string;
  state: SerialState;
  country: string | null;
  tags: string[];
  importedAtMs: number;
  changedAtMs: number;
}

/** One line of an import, checked as far as that goes without the other serial numbers. */
export interface MadeLine {
  line: number;
  serial: string;
  batch: string;
  country: string | null;
  tags: string[];
}

export interface StoredLines {
  imported: number;
  /** Lines whose serial number is of another batch, and of which. */
  strangers: { line: number; batch: string }[];
}

/** Locks of one device's or key's enrolment, apart from all other advisory locks. */
const lockSpace = 4_711_002;

/** SQL of manufactured serial numbers. */
export class SerialsStore {
  /** Waits until nobody else changes what is known of this device or key, and holds that until the transaction ends. */
  async lock(tx: Db, name: string): Promise<void> {
    await sql`SELECT pg_advisory_xact_lock(${lockSpace}, hashtext(${name}))`.execute(tx);
  }

  async find(db: Db, serial: string): Promise<Serial | null> {
    const { rows } = await sql<Serial>`
      SELECT serial, batch, model, s.state, s.country, s.tags, imported_at_ms AS "importedAtMs", changed_at_ms AS "changedAtMs"
      FROM manufactured_serial s JOIN production_batch b ON b.key = s.batch WHERE serial = ${serial}`.execute(db);
    return rows[0] ?? null;
  }

  async setState(tx: Db, serial: string, state: SerialState, nowMs: number): Promise<void> {
    await sql`
      UPDATE manufactured_serial SET state = ${state}, changed_at_ms = ${nowMs} WHERE serial = ${serial}`.execute(tx);
  }

  async counts(db: Db, batch: string): Promise<Record<SerialState, number>> {
    const { rows } = await sql<{ state: SerialState; count: number }>`
      SELECT state, count(*) AS count FROM manufactured_serial WHERE batch = ${batch} GROUP BY state`.execute(db);
    const counts = { manufactured: 0, enrolled: 0, blocked: 0 };
    for (const { state, count } of rows) counts[state] = count;
    return counts;
  }

  /** Stores what is new of some lines, each serial number once among them. */
  async store(tx: Db, lines: readonly MadeLine[], nowMs: number): Promise<StoredLines> {
    const { rows } = await sql<{ imported: number; strangers: StoredLines["strangers"] }>`
      WITH input AS (
        SELECT * FROM json_to_recordset(${JSON.stringify(lines)}::json)
          AS i(line int, serial text, batch text, country text, tags text[])
      ), inserted AS (
        INSERT INTO manufactured_serial (serial, batch, state, country, tags, imported_at_ms, changed_at_ms)
        SELECT serial, batch, 'manufactured', country, tags, ${nowMs}, ${nowMs} FROM input
        ON CONFLICT (serial) DO NOTHING RETURNING 1
      )
      SELECT (SELECT count(*) FROM inserted) AS imported, coalesce((
        SELECT json_agg(json_build_object('line', line, 'batch', known.batch) ORDER BY line)
        FROM input JOIN manufactured_serial known USING (serial) WHERE known.batch <> input.batch
      ), '[]') AS strangers`.execute(tx);
    return rows[0] ?? { imported: 0, strangers: [] };
  }
}
