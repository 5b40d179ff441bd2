import { sql } from "kysely";
import { type Db, transaction } from "../platform/database.ts";

const dayMs = 86_400_000;

/** How much time one partition of a table holds. */
export type PartitionUnit = "day" | "month" | "year";

export interface PartitionPlan {
  table: string;
  unit: PartitionUnit;
  /** What is older than this has no partition of its own, but goes to the default one. */
  keptMs: number;
}

/** How far ahead partitions are made. */
const aheadMs = 2 * dayMs;
/** Partitions one batch may ask for; a device that claims a hundred different days must not stop everybody. */
const newPerBatchMax = 8;

/** The beginning of the partition that a time is in, and of the one after it. */
export function partitionBounds(atMs: number, unit: PartitionUnit): { fromMs: number; toMs: number } {
  const at = new Date(atMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  switch (unit) {
    case "day": {
      const fromMs = Math.floor(atMs / dayMs) * dayMs;
      return { fromMs, toMs: fromMs + dayMs };
    }
    case "month":
      return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
    case "year":
      return { fromMs: Date.UTC(year, 0), toMs: Date.UTC(year + 1, 0) };
  }
}

/** The partitions of one table by time: made ahead and when the first row asks for one, dropped when all of it is too old. */
export class TimePartitions {
  readonly #db: Db;
  readonly #plan: PartitionPlan;
  /** Their beginnings. */
  readonly #known = new Set<number>();

  constructor(db: Db, plan: PartitionPlan) {
    this.#db = db;
    this.#plan = plan;
  }

  async load(): Promise<void> {
    const { table, unit } = this.#plan;
    const { rows } = await sql<{ name: string }>`
      SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = ${table}::regclass`.execute(this.#db);
    for (const { name } of rows) {
      const digits = /_(\d{4})(\d{2})(\d{2})$/.exec(name);
      if (digits === null) continue;
      const atMs = Date.UTC(Number(digits[1]), Number(digits[2]) - 1, Number(digits[3]));
      this.#known.add(partitionBounds(atMs, unit).fromMs);
    }
  }

  /** Makes the partitions that these rows want and that may exist. */
  async ensure(rows: Iterable<{ atMs: number }>, nowMs: number): Promise<void> {
    const { unit, keptMs } = this.#plan;
    const wanted = new Set<number>();
    // Most rows of a batch are of one time.
    let last = { fromMs: 0, toMs: 0 };
    for (const { atMs } of rows) {
      if ((atMs >= last.fromMs && atMs < last.toMs) || atMs < nowMs - keptMs || atMs > nowMs + aheadMs) continue;
      last = partitionBounds(atMs, unit);
      if (!this.#known.has(last.fromMs)) wanted.add(last.fromMs);
      if (wanted.size >= newPerBatchMax) break;
    }
    for (const fromMs of wanted) await this.#create(fromMs);
  }

  /** Makes those of the next days, so that no reading waits for one. */
  async makeAhead(nowMs: number): Promise<void> {
    await this.ensure([{ atMs: nowMs }, { atMs: nowMs + aheadMs / 2 }, { atMs: nowMs + aheadMs }], nowMs);
  }

  /** The partitions that hold nothing but what is older than it is kept, oldest first. */
  outlived(nowMs: number): { fromMs: number; toMs: number }[] {
    const { unit, keptMs } = this.#plan;
    return [...this.#known]
      .toSorted((a, b) => a - b)
      .map((fromMs) => partitionBounds(fromMs, unit))
      .filter(({ toMs }) => toMs <= nowMs - keptMs);
  }

  /** Drops a partition. Whoever is asked meanwhile is waited for only briefly: the next time will do. */
  async drop(fromMs: number): Promise<void> {
    await transaction(this.#db, async (tx) => {
      await sql`SET LOCAL lock_timeout = '2s'`.execute(tx);
      await sql`DROP TABLE IF EXISTS ${sql.table(this.#nameOf(fromMs))}`.execute(tx);
    });
    this.#known.delete(fromMs);
  }

  #nameOf(fromMs: number): string {
    return `${this.#plan.table}_${new Date(fromMs).toISOString().slice(0, 10).replaceAll("-", "")}`;
  }

  async #create(fromMs: number): Promise<void> {
    const { table, unit } = this.#plan;
    const [name, byDefault] = [this.#nameOf(fromMs), `${table}_default`];
    const { toMs } = partitionBounds(fromMs, unit);
    await transaction(this.#db, async (tx) => {
      // Rows of its time may have gone to the default partition before; they move, since a partition cannot overlap them.
      await sql`LOCK TABLE ${sql.table(byDefault)} IN ACCESS EXCLUSIVE MODE`.execute(tx);
      await sql`CREATE TABLE IF NOT EXISTS ${sql.table(name)} (LIKE ${sql.table(table)} INCLUDING ALL)`.execute(tx);
      const { rows } = await sql`SELECT 1 FROM pg_inherits WHERE inhrelid = ${name}::regclass`.execute(tx);
      if (rows.length > 0) return;
      await sql`WITH moved AS (DELETE FROM ${sql.table(byDefault)} WHERE at_ms >= ${fromMs} AND at_ms < ${toMs} RETURNING *)
        INSERT INTO ${sql.table(name)} SELECT * FROM moved`.execute(tx);
      await sql`ALTER TABLE ${sql.table(table)} ATTACH PARTITION ${sql.table(name)}
        FOR VALUES FROM (${sql.lit(fromMs)}) TO (${sql.lit(toMs)})`.execute(tx);
    });
    this.#known.add(fromMs);
  }
}
