import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { erasureReport, type ErasureReport } from "./core/report.ts";
import type { ErasedEntry } from "./erased-list.ts";

export interface Erasure {
  id: string;
  askedBy: string;
  atMs: number;
  /** Null until nothing is left and a scan found nothing. */
  doneAtMs: number | null;
  report: ErasureReport;
}

interface ErasureRow {
  id: string;
  asked_by: string;
  at_ms: number;
  done_at_ms: number | null;
  report: unknown;
  sought: Buffer | null;
}

const toErasure = (row: ErasureRow): Erasure => ({
  id: row.id,
  askedBy: row.asked_by,
  atMs: row.at_ms,
  doneAtMs: row.done_at_ms,
  report: erasureReport.parse(row.report),
});

/** SQL of erasures and their reports. */
export class ErasuresStore {
  async insert(
    tx: Db,
    { id, askedBy, atMs, report }: Omit<Erasure, "doneAtMs">,
    hidden: { householdHmac: Buffer; partHmacs: readonly Buffer[]; codeSha256: Buffer; sought: Buffer },
  ): Promise<void> {
    await sql`INSERT INTO erasure (id, household_hmac, part_hmacs, code_sha256, asked_by, at_ms, next_at_ms, report, sought)
      VALUES (${id}, ${hidden.householdHmac}, ${[...hidden.partHmacs]}::bytea[], ${hidden.codeSha256}, ${askedBy}, ${atMs},
        ${atMs}, ${JSON.stringify(report)}::jsonb, ${hidden.sought})`.execute(tx);
  }

  async due(db: Db, nowMs: number, limit: number): Promise<(Erasure & { sought: Buffer })[]> {
    const { rows } = await sql<ErasureRow>`
      SELECT * FROM erasure WHERE done_at_ms IS NULL AND next_at_ms <= ${nowMs} ORDER BY next_at_ms LIMIT ${limit}`.execute(
      db,
    );
    return rows.flatMap((row) => (row.sought === null ? [] : [{ ...toErasure(row), sought: row.sought }]));
  }

  async save(
    db: Db,
    id: string,
    report: ErasureReport,
    after: { doneAtMs: number } | { nextAtMs: number },
  ): Promise<void> {
    const done = "doneAtMs" in after;
    await sql`UPDATE erasure SET report = ${JSON.stringify(report)}::jsonb,
        done_at_ms = ${done ? after.doneAtMs : null}, sought = CASE WHEN ${done} THEN NULL ELSE sought END,
        next_at_ms = ${done ? after.doneAtMs : after.nextAtMs}
      WHERE id = ${id} AND done_at_ms IS NULL`.execute(db);
  }

  /** Every erasure as `ErasedList` notes it, in the order of ids. */
  async entries(db: Db, afterId: string | null, limit: number): Promise<ErasedEntry[]> {
    const { rows } = await sql<ErasedEntry>`
      SELECT id, at_ms AS "atMs", encode(code_sha256, 'hex') AS "codeSha256",
        (SELECT array_agg(encode(h, 'hex')) FROM unnest(household_hmac || part_hmacs) AS h) AS households
      FROM erasure WHERE ${afterId}::uuid IS NULL OR id > ${afterId}::uuid ORDER BY id LIMIT ${limit}`.execute(db);
    return rows;
  }

  async get(db: Db, id: string): Promise<Erasure | null> {
    const { rows } = await sql<ErasureRow>`SELECT * FROM erasure WHERE id = ${id}`.execute(db);
    return rows.map(toErasure)[0] ?? null;
  }

  async byCode(db: Db, codeSha256: Buffer): Promise<Erasure | null> {
    const { rows } = await sql<ErasureRow>`SELECT * FROM erasure WHERE code_sha256 = ${codeSha256}`.execute(db);
    return rows.map(toErasure)[0] ?? null;
  }

  /** Newest first, below `beforeId` where given, of one household where given. */
  async list(
    db: Db,
    { beforeId, householdHmac, limit }: { beforeId: string | null; householdHmac: Buffer | null; limit: number },
  ): Promise<Erasure[]> {
    const { rows } = await sql<ErasureRow>`
      SELECT * FROM erasure
      WHERE (${beforeId}::uuid IS NULL OR id < ${beforeId}::uuid)
        AND (${householdHmac}::bytea IS NULL OR household_hmac = ${householdHmac}::bytea)
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toErasure);
  }
}
