/** Two transactions at the same moment, in the order that a test wants. */
import { sql } from "kysely";
import { expect } from "vitest";
import type { Db } from "../../cloud/platform/database.ts";
import { comesTrue } from "./comes-true.ts";

/** Comes back once the work is over, or so many connections wait for a lock. */
export async function overOrWaiting<T>(db: Db, work: Promise<T>, waiting: number): Promise<{ done: Promise<T> }> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  await comesTrue(async () => {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(
      db,
    );
    expect(isOver || (rows[0]?.n ?? 0) >= waiting).toBe(true);
  });
  return { done: work };
}
