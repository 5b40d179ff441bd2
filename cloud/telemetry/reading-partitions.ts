import { sql } from "kysely";
import { type Db, transaction } from "../platform/database.ts";

const dayMs = 86_400_000;
/** Days in the past that get a partition of their own; what is older, or further ahead, goes to the default partition. */
const daysBack = 400;
const daysAhead = 2;
/** Partitions one batch may ask for; a device that claims a hundred different days must not stop everybody. */
const newPerBatchMax = 8;

const dayOf = (atMs: number) => Math.floor(atMs / dayMs);
const nameOf = (day: number) => `reading_${new Date(day * dayMs).toISOString().slice(0, 10).replaceAll("-", "")}`;

/** The day partitions of the readings, made when the first reading of a day arrives. */
export class ReadingPartitions {
  readonly #db: Db;
  readonly #days = new Set<number>();

  constructor(db: Db) {
    this.#db = db;
  }

  async load(): Promise<void> {
    const { rows } = await sql<{ name: string }>`
      SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'reading'::regclass`.execute(this.#db);
    for (const { name } of rows) {
      const digits = /^reading_(\d{4})(\d{2})(\d{2})$/.exec(name);
      if (digits !== null) this.#days.add(dayOf(Date.UTC(Number(digits[1]), Number(digits[2]) - 1, Number(digits[3]))));
    }
  }

  /** Makes the partitions that these readings want and that may exist. */
  async ensure(readings: Iterable<{ atMs: number }>, nowMs: number): Promise<void> {
    const today = dayOf(nowMs);
    const wanted = new Set<number>();
    for (const { atMs } of readings) {
      const day = dayOf(atMs);
      if (!this.#days.has(day) && day >= today - daysBack && day <= today + daysAhead) wanted.add(day);
      if (wanted.size >= newPerBatchMax) break;
    }
    for (const day of wanted) await this.#create(day);
  }

  async #create(day: number): Promise<void> {
    const name = nameOf(day);
    const [fromMs, toMs] = [day * dayMs, (day + 1) * dayMs];
    await transaction(this.#db, async (tx) => {
      // Rows of the day may have gone to the default partition before; they move, since a partition cannot overlap them.
      await sql`LOCK TABLE reading_default IN ACCESS EXCLUSIVE MODE`.execute(tx);
      await sql`CREATE TABLE IF NOT EXISTS ${sql.table(name)} (LIKE reading INCLUDING ALL)`.execute(tx);
      const { rows } = await sql`SELECT 1 FROM pg_inherits WHERE inhrelid = ${name}::regclass`.execute(tx);
      if (rows.length > 0) return;
      await sql`WITH moved AS (DELETE FROM reading_default WHERE at_ms >= ${fromMs} AND at_ms < ${toMs} RETURNING *)
        INSERT INTO ${sql.table(name)} SELECT * FROM moved`.execute(tx);
      await sql`ALTER TABLE reading ATTACH PARTITION ${sql.table(name)}
        FOR VALUES FROM (${sql.lit(fromMs)}) TO (${sql.lit(toMs)})`.execute(tx);
    });
    this.#days.add(day);
  }
}
