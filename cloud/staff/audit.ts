import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type AuditContent, auditHash, auditSeed } from "./core/audit-chain.ts";
import { type Principal, principalText } from "./core/principal.ts";

export interface AuditChange {
  principal: Principal;
  /** What was done, as `noun.verb`: `device.blocked`. */
  action: string;
  /** What it was done to, as `kind:id`. */
  subject: string;
  before?: unknown;
  after?: unknown;
}

interface AuditRow {
  sequence: number;
  at_ms: number;
  principal: string;
  action: string;
  subject: string;
  before_json: string | null;
  after_json: string | null;
  hash: Buffer;
}

const content = (row: AuditRow): AuditContent => ({
  sequence: row.sequence,
  atMs: row.at_ms,
  principal: row.principal,
  action: row.action,
  subject: row.subject,
  before: row.before_json,
  after: row.after_json,
});

/** Taken for the length of a transaction, so that lines of the chain are written one after the other. */
const auditLock = 4_711_001;

/** The append-only log of who changed what, each line chained to the one before it. */
export class Audit {
  readonly #clock: Clock;
  #watch: (tx: Db, change: AuditChange) => Promise<void> = async () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who hears of each line, in its transaction. */
  onRecorded(watch: (tx: Db, change: AuditChange) => Promise<void>): void {
    this.#watch = watch;
  }

  /** Writes one line, in the caller's transaction: the change and its record stand or fall together. */
  async record(tx: Db, change: AuditChange): Promise<void> {
    await sql`SELECT pg_advisory_xact_lock(${auditLock})`.execute(tx);
    const { rows } = await sql<AuditRow>`SELECT * FROM audit_entry ORDER BY sequence DESC LIMIT 1`.execute(tx);
    const last = rows[0];
    const line: AuditContent = {
      sequence: (last?.sequence ?? 0) + 1,
      atMs: this.#clock.nowMs(),
      principal: principalText(change.principal),
      action: change.action,
      subject: change.subject,
      before: change.before === undefined ? null : JSON.stringify(change.before),
      after: change.after === undefined ? null : JSON.stringify(change.after),
    };
    const hash = auditHash(last?.hash ?? auditSeed, line);
    await sql`INSERT INTO audit_entry (sequence, at_ms, principal, action, subject, before_json, after_json, hash)
      VALUES (${line.sequence}, ${line.atMs}, ${line.principal}, ${line.action}, ${line.subject}, ${line.before}, ${line.after}, ${hash})`.execute(
      tx,
    );
    await this.#watch(tx, change);
  }

  /** Lines from the newest down, below `before` where given, about one subject where given. */
  async list(
    db: Db,
    options: { before: number | null; subject: string | null; limit: number },
  ): Promise<AuditContent[]> {
    const { before, subject, limit } = options;
    const { rows } = await sql<AuditRow>`
      SELECT * FROM audit_entry
      WHERE (${before}::bigint IS NULL OR sequence < ${before}) AND (${subject}::text IS NULL OR subject = ${subject})
      ORDER BY sequence DESC LIMIT ${limit}`.execute(db);
    return rows.map(content);
  }

  /**
   * Walks the whole chain.
   *
   * @returns the number of lines, and the sequence of the first that does not fit its hash, or null
   */
  async verify(db: Db): Promise<{ lines: number; brokenAt: number | null }> {
    let previous: Uint8Array = auditSeed;
    let lines = 0;
    for (;;) {
      const { rows } = await sql<AuditRow>`
        SELECT * FROM audit_entry WHERE sequence > ${lines} ORDER BY sequence LIMIT 1000`.execute(db);
      for (const row of rows) {
        const fits = row.sequence === lines + 1 && auditHash(previous, content(row)).equals(row.hash);
        if (!fits) return { lines, brokenAt: lines + 1 };
        previous = row.hash;
        lines += 1;
      }
      if (rows.length === 0) return { lines, brokenAt: null };
    }
  }
}
