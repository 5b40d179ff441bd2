import { sql } from "kysely";
import { tenureSpans } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

const casesOf = (householdId: string) =>
  sql`SELECT id FROM service_case WHERE household_id = ${householdId}::uuid OR former_household_id = ${householdId}::uuid
    OR home_id = ${householdId}::uuid`;

/** What the service desk holds about a household. */
export function serviceData(service: {
  forgetHousehold(tx: Db, householdId: string): Promise<void>;
  logLines: (diagnosisId: string) => AsyncIterable<string>;
}): HouseholdData[] {
  return [
    {
      name: "case_lines",
      describes: "What was said and done in your service cases, line by line.",
      rows: (db, householdId) =>
        pages<{ sequence: number }>(async (last, limit) => {
          const { rows } = await sql<{ sequence: number }>`
            SELECT sequence, case_id AS "caseId", kind, at_ms AS "atMs", by, text, data FROM case_entry
            WHERE case_id IN (${casesOf(householdId)}) AND sequence > ${last?.sequence ?? 0}
            ORDER BY sequence LIMIT ${limit}`.execute(db);
          return rows;
        }),
      // With the cases, whose lines they are.
      erase: async () => 0,
    },
    {
      name: "diagnoses",
      describes: "Self tests and logs that your appliances were asked for. What the logs say is under `logs`.",
      kept: "logs 30 days",
      rows: (db, householdId) =>
        pages<{ id: string }>(async (last, limit) => {
          const { rows } = await sql<{ id: string }>`
            SELECT id, case_id AS "caseId", kind, state, asked_at_ms AS "askedAtMs", result, log_bytes AS "logBytes"
            FROM diagnosis
            WHERE (household_id = ${householdId}::uuid OR case_id IN (${casesOf(householdId)}))
              AND (${last?.id ?? null}::uuid IS NULL OR id > ${last?.id ?? null}::uuid)
            ORDER BY id LIMIT ${limit}`.execute(db);
          return rows;
        }),
      // With the cases as well; the files go after the commit.
      erase: async () => 0,
    },
    {
      name: "logs",
      describes:
        "The logs that your appliances sent to the service desk, line by line, without the secrets that were in them.",
      kept: "30 days",
      rows: (db, householdId) => logRows(service, db, householdId),
      // With the cases as well.
      erase: async () => 0,
    },
    {
      name: "cases",
      describes: "Your service cases: what was wrong with which appliance, and what became of it.",
      keeps:
        "That an appliance had a fault, and what mended it, as the appliance's own history; no word that anybody wrote.",
      rows: (db, householdId) =>
        pages<{ id: string }>(async (last, limit) => {
          const { rows } = await sql<{ id: string }>`
            SELECT c.id, d.id AS "deviceId", c.cause, c.severity, c.title, c.status, c.opened_at_ms AS "openedAtMs",
              c.status_at_ms AS "statusAtMs", c.merged_into_id AS "mergedIntoId", v.rating
            FROM service_case c LEFT JOIN device d ON d.key = c.device_key LEFT JOIN case_conversation v ON v.case_id = c.id
            WHERE c.id IN (${casesOf(householdId)}) AND (${last?.id ?? null}::uuid IS NULL OR c.id > ${last?.id ?? null}::uuid)
            ORDER BY c.id LIMIT ${limit}`.execute(db);
          return rows;
        }),
      async erase(tx, householdId) {
        const { rows } = await sql<{ id: string }>`${casesOf(householdId)}`.execute(tx);
        const ids = rows.map(({ id }) => id);
        await service.forgetHousehold(tx, householdId);
        await forgetPeople(tx, householdId, ids);
        await forgetFormerTraces(tx, householdId);
        return ids.length;
      },
    },
  ];
}

/** Every line of every log: a log is one file, and whoever reads slowly holds one line of it. */
async function* logRows(
  { logLines }: { logLines: (diagnosisId: string) => AsyncIterable<string> },
  db: Db,
  householdId: string,
): AsyncGenerator<object> {
  const sent = pages<{ diagnosisId: string; deviceId: string; sentAtMs: number }>(async (last, limit) => {
    const after = last?.diagnosisId ?? null;
    const { rows } = await sql<{ diagnosisId: string; deviceId: string; sentAtMs: number }>`
      SELECT g.id AS "diagnosisId", d.id AS "deviceId", g.changed_at_ms AS "sentAtMs"
      FROM diagnosis g JOIN device d ON d.key = g.device_key
      WHERE g.household_id = ${householdId}::uuid AND g.has_file AND g.state = 'answered'
        AND (${after}::uuid IS NULL OR g.id > ${after}::uuid)
      ORDER BY g.id LIMIT ${limit}`.execute(db);
    return rows;
  });
  for await (const log of sent) {
    let line = 0;
    for await (const text of logLines(log.diagnosisId)) {
      line += 1;
      yield { ...log, line, text };
    }
  }
}

/** Of who wrote a line or opened a case stays that it was an owner. What a person called a case may be about people. */
async function forgetPeople(tx: Db, householdId: string, caseIds: readonly string[]): Promise<void> {
  const ids = [...caseIds];
  const theirs = `owner:${householdId}/%`;
  await sql`UPDATE case_entry SET by = 'owner' WHERE case_id = ANY(${ids}::uuid[]) AND by LIKE ${theirs}`.execute(tx);
  await sql`UPDATE service_case SET
      title = CASE WHEN rule_id IS NULL THEN 'Request of a household that was erased' ELSE title END,
      opened_by = CASE WHEN opened_by LIKE ${theirs} THEN 'owner' ELSE opened_by END,
      resolved_by = CASE WHEN resolved_by LIKE ${theirs} THEN 'owner' ELSE resolved_by END
    WHERE id = ANY(${ids}::uuid[])`.execute(tx);
}

/** What spoke for a cause, also at appliances that the household handed over before: see `forgetTraces`. */
async function forgetFormerTraces(tx: Db, householdId: string): Promise<void> {
  const theirs = tenureSpans(householdId);
  await sql`UPDATE rule_firing f SET trace = '{}' FROM ${theirs} AS t
    WHERE f.device_key = t.device_key AND f.at_ms >= t.from_ms AND f.at_ms < t.to_ms`.execute(tx);
  await sql`DELETE FROM rule_late l USING ${theirs} AS t
    WHERE l.device_key = t.device_key AND l.to_ms >= t.from_ms AND l.from_ms < t.to_ms`.execute(tx);
  await sql`UPDATE incident_member m SET evidence = NULL FROM ${theirs} AS t
    WHERE m.device_key = t.device_key AND m.raised_at_ms >= t.from_ms AND m.raised_at_ms < t.to_ms
      AND m.evidence IS NOT NULL`.execute(tx);
  await sql`UPDATE backtest_device SET firings = '[]'
    WHERE device_key IN (SELECT t.device_key FROM ${theirs} AS t)`.execute(tx);
}
