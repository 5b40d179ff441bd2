import { sql } from "kysely";
import { z } from "zod";
import type { Db } from "../platform/database.ts";
import { type CaseRow, type ServiceCase, toCase } from "./case-row.ts";
import { type CaseStatus, caseStatuses } from "./core/case.ts";

const point = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()]);

/** What is kept of what the appliance did around the opening of its case. */
export const evidenceSnapshot = z
  .object({
    takenAtMs: z.number(),
    fromMs: z.number(),
    toMs: z.number(),
    /** Whether what came after the opening is in it too. */
    whole: z.boolean(),
    firmware: z.object({
      version: z.string().nullable(),
      releaseCounter: z.number().nullable(),
      hardware: z.string().nullable(),
    }),
    bucketMs: z.number(),
    series: z.array(
      z.object({
        metric: z.string(),
        /** As the model declared them when the copy was taken; null in one that was taken before they were kept, or where it did not. */
        label: z.string().nullable().default(null),
        unit: z.string().nullable().default(null),
        /** Of each bucket that holds anything: [its beginning, minimum, mean, maximum, count]. */
        points: z.array(point),
      }),
    ),
    /** What happened there, newest first. */
    events: z.array(z.object({ atMs: z.number(), title: z.string(), type: z.string() })),
  })
  .meta({ id: "CaseEvidence" });
export type EvidenceSnapshot = z.infer<typeof evidenceSnapshot>;

export interface RelatedCase {
  id: string;
  deviceKey: number;
  cause: string;
  title: string;
  status: CaseStatus;
  firmware: string | null;
  openedAtMs: number;
}

interface RelatedRow {
  id: string;
  device_key: number;
  cause: string;
  title: string;
  status: CaseStatus;
  firmware_version: string | null;
  opened_at_ms: number;
}

const toRelated = (row: RelatedRow): RelatedCase => ({
  id: row.id,
  deviceKey: row.device_key,
  cause: row.cause,
  title: row.title,
  status: row.status,
  firmware: row.firmware_version,
  openedAtMs: row.opened_at_ms,
});

const related = sql.raw("id, device_key, cause, title, status, firmware_version, opened_at_ms");

/** SQL of what speaks for a case. */
export class EvidenceStore {
  /** Takes hold of cases whose evidence is due: nobody else takes it before `leaseUntilMs`. */
  async claim(db: Db, nowMs: number, leaseUntilMs: number, limit: number): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      UPDATE service_case SET evidence_due_at_ms = ${leaseUntilMs} WHERE id IN (
        SELECT id FROM service_case WHERE evidence_due_at_ms <= ${nowMs}
        ORDER BY evidence_due_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING *`.execute(db);
    return rows.map(toCase);
  }

  async get(db: Db, caseId: string): Promise<EvidenceSnapshot | null> {
    const { rows } = await sql<{ snapshot: unknown }>`
      SELECT snapshot FROM case_evidence WHERE case_id = ${caseId}`.execute(db);
    const [row] = rows;
    return row === undefined ? null : evidenceSnapshot.parse(row.snapshot);
  }

  /** Stores a snapshot, and when to take the next. Nothing of a household that was erased meanwhile. */
  async put(tx: Db, serviceCase: ServiceCase, snapshot: EvidenceSnapshot, nextAtMs: number | null): Promise<void> {
    const { rows } = await sql`
      UPDATE service_case SET evidence_due_at_ms = ${nextAtMs}, firmware_version = ${snapshot.firmware.version}
      WHERE id = ${serviceCase.id} AND coalesce(household_id, former_household_id)
        IS NOT DISTINCT FROM ${serviceCase.householdId ?? serviceCase.formerHouseholdId}::uuid
      RETURNING id`.execute(tx);
    if (rows.length === 0) return;
    await sql`INSERT INTO case_evidence (case_id, taken_at_ms, snapshot)
      VALUES (${serviceCase.id}, ${snapshot.takenAtMs}, ${JSON.stringify(snapshot)}::jsonb)
      ON CONFLICT (case_id) DO UPDATE SET taken_at_ms = excluded.taken_at_ms, snapshot = excluded.snapshot`.execute(tx);
  }

  async retryAt(db: Db, caseId: string, atMs: number | null): Promise<void> {
    await sql`UPDATE service_case SET evidence_due_at_ms = ${atMs} WHERE id = ${caseId}`.execute(db);
  }

  /** Other cases of the device, newest first. */
  async past(db: Db, { id, deviceKey }: ServiceCase, limit: number): Promise<RelatedCase[]> {
    const { rows } = await sql<RelatedRow>`
      SELECT ${related} FROM service_case WHERE device_key = ${deviceKey} AND id <> ${id} AND status <> 'merged'
      ORDER BY opened_at_ms DESC, id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toRelated);
  }

  /** Cases of the same cause on other devices that were opened since a time, newest first. */
  async similar(
    db: Db,
    { deviceKey, cause, model }: ServiceCase,
    sinceMs: number,
    limit: number,
  ): Promise<RelatedCase[]> {
    const { rows } = await sql<RelatedRow>`
      SELECT ${related} FROM service_case
      WHERE cause = ${cause} AND opened_at_ms >= ${sinceMs} AND device_key <> ${deviceKey} AND model = ${model}
      ORDER BY opened_at_ms DESC, id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toRelated);
  }

  /** How many other devices have had the same cause since a time, and how many of them are like this one. */
  async similarCounts(db: Db, { id, deviceKey, cause, model }: ServiceCase, sinceMs: number) {
    const { rows } = await sql<{ devices: number; open: number; same_model: number; same_firmware: number }>`
      SELECT count(DISTINCT s.device_key) AS devices,
        count(DISTINCT s.device_key) FILTER (WHERE NOT s.is_closed) AS open,
        count(DISTINCT s.device_key) FILTER (WHERE s.model = ${model}) AS same_model,
        count(DISTINCT s.device_key) FILTER (WHERE s.model = ${model} AND s.firmware_version = c.firmware_version) AS same_firmware
      FROM service_case c LEFT JOIN service_case s
        ON s.cause = ${cause} AND s.opened_at_ms >= ${sinceMs} AND s.device_key <> ${deviceKey}
      WHERE c.id = ${id}`.execute(db);
    const row = rows[0] ?? { devices: 0, open: 0, same_model: 0, same_firmware: 0 };
    return { devices: row.devices, open: row.open, sameModel: row.same_model, sameFirmware: row.same_firmware };
  }
}

export const relatedView = z
  .object({
    id: z.string(),
    deviceId: z.string(),
    cause: z.string(),
    title: z.string(),
    status: z.enum(caseStatuses),
    firmware: z.string().nullable(),
    openedAtMs: z.number(),
  })
  .meta({ id: "RelatedCase" });
