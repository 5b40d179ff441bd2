import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { IncidentState, IncidentStatus } from "./core/incident.ts";
import type { Severity } from "./core/severity.ts";
import type { Hit } from "./core/storm.ts";

/** What an incident is of: one cause on one model. */
export interface CauseKey {
  cause: string;
  model: string;
}

export interface Incident extends CauseKey {
  id: string;
  /** Many devices with one cause, or a release that is worse than the one before it. */
  kind: "devices" | "release";
  ruleId: string | null;
  ruleVersion: number | null;
  severity: Severity;
  title: string;
  state: IncidentState;
  openedAtMs: number;
  firstAtMs: number;
  lastRaisedAtMs: number;
  members: number;
  standing: number;
  /** The principal who works on it. */
  assignee: string | null;
  evidence: Record<string, unknown>;
}

export interface IncidentMember {
  deviceKey: number;
  raisedAtMs: number;
  clearedAtMs: number | null;
  caseId: string | null;
  evidence: Record<string, unknown> | null;
}

export interface NewIncidentEntry {
  incidentId: string;
  kind: "opened" | "reopened" | "graver" | "settling" | "resolved" | "assigned" | "note";
  atMs: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
}

export type IncidentEntry = Omit<NewIncidentEntry, "incidentId"> & { sequence: number };

export interface IncidentFilter {
  status: IncidentStatus | null;
  /** All that are not resolved. */
  unresolved: boolean;
  model: string | null;
  /** A principal's text; `none`: nobody's; null: anybody's. */
  assignee: string | null;
  beforeId: string | null;
  limit: number;
}

interface IncidentRow {
  id: string;
  kind: Incident["kind"];
  cause: string;
  model: string;
  rule_id: string | null;
  rule_version: number | null;
  severity: Severity;
  title: string;
  status: IncidentStatus;
  status_at_ms: number;
  resolved_by: string | null;
  opened_at_ms: number;
  first_at_ms: number;
  last_raised_at_ms: number;
  members: number;
  standing: number;
  assignee: string | null;
  evidence: Record<string, unknown>;
}

interface HitRow {
  cause: string;
  model: string;
  device_key: number;
  raised_at_ms: number;
  cleared_at_ms: number | null;
}

/** Since when an incident has its status. */
export function incidentStatusAtMs(state: IncidentState): number {
  switch (state.status) {
    case "open":
      return state.openedAtMs;
    case "settling":
      return state.sinceMs;
    case "resolved":
      return state.resolvedAtMs;
  }
}

function toState({ status, status_at_ms: atMs, resolved_by: by }: IncidentRow): IncidentState {
  switch (status) {
    case "open":
      return { status, openedAtMs: atMs };
    case "settling":
      return { status, sinceMs: atMs };
    case "resolved":
      return { status, resolvedAtMs: atMs, by: by ?? "" };
  }
}

const toIncident = (row: IncidentRow): Incident => ({
  id: row.id,
  kind: row.kind,
  cause: row.cause,
  model: row.model,
  ruleId: row.rule_id,
  ruleVersion: row.rule_version,
  severity: row.severity,
  title: row.title,
  state: toState(row),
  openedAtMs: row.opened_at_ms,
  firstAtMs: row.first_at_ms,
  lastRaisedAtMs: row.last_raised_at_ms,
  members: row.members,
  standing: row.standing,
  assignee: row.assignee,
  evidence: row.evidence,
});

const toRow = (incident: Incident): IncidentRow => ({
  id: incident.id,
  kind: incident.kind,
  cause: incident.cause,
  model: incident.model,
  rule_id: incident.ruleId,
  rule_version: incident.ruleVersion,
  severity: incident.severity,
  title: incident.title,
  status: incident.state.status,
  status_at_ms: incidentStatusAtMs(incident.state),
  resolved_by: incident.state.status === "resolved" ? incident.state.by : null,
  opened_at_ms: incident.openedAtMs,
  first_at_ms: incident.firstAtMs,
  last_raised_at_ms: incident.lastRaisedAtMs,
  members: incident.members,
  standing: incident.standing,
  assignee: incident.assignee,
  evidence: incident.evidence,
});

const toHit = (row: HitRow): Hit => ({ raisedAtMs: row.raised_at_ms, clearedAtMs: row.cleared_at_ms });

/** A change as the window is asked for it. */
export interface WindowQuery extends CauseKey {
  deviceKey: number;
  atMs: number;
}

const queryColumns = (queries: readonly WindowQuery[]) => sql`unnest(
  ${queries.map((query) => query.cause)}::text[], ${queries.map((query) => query.model)}::text[],
  ${queries.map((query) => query.deviceKey)}::int[], ${queries.map((query) => query.atMs)}::bigint[])`;

/** Of the advisory locks that Hearth takes, those of causes. */
const causeLocks = sql.lit(216);

/** SQL of incidents, their members, and what they are counted from. */
export class IncidentsStore {
  /** Holds causes until the transaction ends, whether or not there is an incident of them; all in one order. */
  async lockCauses(tx: Db, keys: readonly CauseKey[]): Promise<void> {
    await sql`
      SELECT pg_advisory_xact_lock(${causeLocks}, key) FROM (
        SELECT DISTINCT hashtext(cause || ' ' || model) AS key
        FROM unnest(${keys.map(({ cause }) => cause)}::text[], ${keys.map(({ model }) => model)}::text[]) AS k(cause, model)
        ORDER BY key
      ) AS ordered`.execute(tx);
  }

  /** Of each cause the incident that is not resolved, or the last that was resolved after a time. */
  async lastOf(tx: Db, keys: readonly CauseKey[], resolvedAfterMs: number): Promise<Incident[]> {
    const { rows } = await sql<IncidentRow>`
      SELECT last.* FROM unnest(${keys.map(({ cause }) => cause)}::text[], ${keys.map(({ model }) => model)}::text[])
        AS k(cause, model)
      CROSS JOIN LATERAL (
        SELECT * FROM incident i WHERE i.cause = k.cause AND i.model = k.model
          AND (status <> 'resolved' OR status_at_ms > ${resolvedAfterMs})
        ORDER BY status <> 'resolved' DESC, status_at_ms DESC, id DESC LIMIT 1
      ) AS last`.execute(tx);
    return rows.map(toIncident);
  }

  /** Who fired near these changes, and these devices themselves. */
  async raises(
    tx: Db,
    queries: readonly WindowQuery[],
    windowMs: number,
  ): Promise<(CauseKey & { deviceKey: number; hit: Hit })[]> {
    const { rows } = await sql<HitRow>`
      WITH q AS (SELECT DISTINCT * FROM ${queryColumns(queries)} AS q(cause, model, device_key, at_ms)),
      -- One reach for each run of changes that lie close together, so that a storm is read once and not once for each of its devices.
      reach AS (
        SELECT cause, model, min(at_ms) AS from_ms, max(at_ms) AS to_ms FROM (
          SELECT *, count(*) FILTER (WHERE is_far) OVER (PARTITION BY cause, model ORDER BY at_ms) AS run FROM (
            SELECT *, at_ms - lag(at_ms) OVER (PARTITION BY cause, model ORDER BY at_ms) >= ${windowMs} AS is_far FROM q
          ) AS steps
        ) AS runs GROUP BY cause, model, run
      )
      SELECT r.* FROM cause_raise r JOIN reach k USING (cause, model)
      WHERE r.raised_at_ms > k.from_ms - ${windowMs} AND r.raised_at_ms < k.to_ms + ${windowMs}
      UNION
      SELECT r.* FROM cause_raise r JOIN q USING (cause, model, device_key)`.execute(tx);
    return rows.map((row) => ({ cause: row.cause, model: row.model, deviceKey: row.device_key, hit: toHit(row) }));
  }

  /** Those of some devices that are members of some incidents. */
  async membersAmong(
    tx: Db,
    incidentIds: readonly string[],
    deviceKeys: readonly number[],
  ): Promise<{ incidentId: string; deviceKey: number; hit: Hit }[]> {
    if (incidentIds.length === 0) return [];
    const { rows } = await sql<HitRow & { incident_id: string }>`
      SELECT incident_id, device_key, raised_at_ms, cleared_at_ms FROM incident_member
      WHERE incident_id = ANY(${incidentIds}::uuid[]) AND device_key = ANY(${deviceKeys}::int[])`.execute(tx);
    return rows.map((row) => ({ incidentId: row.incident_id, deviceKey: row.device_key, hit: toHit(row) }));
  }

  async writeRaises(
    tx: Db,
    raises: readonly (CauseKey & { deviceKey: number; hit: Hit | null })[],
    nowMs: number,
  ): Promise<void> {
    const rows = raises.flatMap(({ cause, model, deviceKey, hit }) =>
      hit === null
        ? []
        : [{ cause, model, device_key: deviceKey, raised_at_ms: hit.raisedAtMs, cleared_at_ms: hit.clearedAtMs }],
    );
    if (rows.length > 0)
      await sql`
        INSERT INTO cause_raise (cause, model, device_key, raised_at_ms, cleared_at_ms, known_at_ms)
        SELECT r.*, ${nowMs} FROM json_to_recordset(${JSON.stringify(rows)}::json)
          AS r(cause text, model text, device_key int, raised_at_ms bigint, cleared_at_ms bigint)
        ON CONFLICT (cause, model, device_key) DO UPDATE SET raised_at_ms = excluded.raised_at_ms,
          cleared_at_ms = excluded.cleared_at_ms, known_at_ms = excluded.known_at_ms`.execute(tx);
    const gone = raises.flatMap(({ cause, model, deviceKey, hit }) =>
      hit === null ? [{ cause, model, deviceKey, atMs: 0 }] : [],
    );
    if (gone.length > 0)
      await sql`
        DELETE FROM cause_raise r USING ${queryColumns(gone)} AS q(cause, model, device_key, at_ms)
        WHERE r.cause = q.cause AND r.model = q.model AND r.device_key = q.device_key`.execute(tx);
  }

  async write(tx: Db, incidents: readonly Incident[]): Promise<void> {
    if (incidents.length === 0) return;
    await sql`
      INSERT INTO incident
      SELECT * FROM json_populate_recordset(NULL::incident, ${JSON.stringify(incidents.map(toRow))}::json)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, status_at_ms = excluded.status_at_ms,
        resolved_by = excluded.resolved_by, first_at_ms = excluded.first_at_ms, last_raised_at_ms = excluded.last_raised_at_ms,
        members = excluded.members, standing = excluded.standing, assignee = excluded.assignee, severity = excluded.severity,
        evidence = excluded.evidence`.execute(tx);
  }

  async writeMembers(
    tx: Db,
    members: readonly { incidentId: string; deviceKey: number; hit: Hit; evidence: Record<string, unknown> | null }[],
  ): Promise<void> {
    if (members.length === 0) return;
    const rows = members.map(({ incidentId, deviceKey, hit, evidence }) => ({
      incident_id: incidentId,
      device_key: deviceKey,
      raised_at_ms: hit.raisedAtMs,
      cleared_at_ms: hit.clearedAtMs,
      evidence,
    }));
    await sql`
      INSERT INTO incident_member AS m (incident_id, device_key, raised_at_ms, cleared_at_ms, evidence)
      SELECT incident_id, device_key, raised_at_ms, cleared_at_ms, nullif(evidence, 'null'::jsonb)
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(incident_id uuid, device_key int, raised_at_ms bigint, cleared_at_ms bigint, evidence jsonb)
      ORDER BY incident_id, device_key
      ON CONFLICT (incident_id, device_key) DO UPDATE SET raised_at_ms = excluded.raised_at_ms,
        cleared_at_ms = excluded.cleared_at_ms, evidence = coalesce(excluded.evidence, m.evidence)`.execute(tx);
  }

  /** Notes which case each member has or had. */
  async linkCases(tx: Db, links: readonly { incidentId: string; deviceKey: number; caseId: string }[]): Promise<void> {
    if (links.length === 0) return;
    await sql`
      UPDATE incident_member m SET case_id = l.case_id
      FROM unnest(${links.map((link) => link.incidentId)}::uuid[], ${links.map((link) => link.deviceKey)}::int[],
        ${links.map((link) => link.caseId)}::uuid[]) AS l(incident_id, device_key, case_id)
      WHERE m.incident_id = l.incident_id AND m.device_key = l.device_key`.execute(tx);
  }

  /** Which of some cases somebody has worked on: people did something with them. */
  async touchedCases(tx: Db, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const { rows } = await sql<{ id: string }>`
      SELECT DISTINCT case_id AS id FROM case_entry
      WHERE case_id = ANY(${ids}::uuid[]) AND by ~ '^(staff|owner):'`.execute(tx);
    return new Set(rows.map(({ id }) => id));
  }

  async addEntries(tx: Db, entries: readonly NewIncidentEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const rows = entries.map((entry, place) => ({ place, ...entry, incident_id: entry.incidentId, at_ms: entry.atMs }));
    await sql`
      INSERT INTO incident_entry (incident_id, kind, at_ms, by, text, data)
      SELECT incident_id, kind, at_ms, by, text, data FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(place int, incident_id uuid, kind text, at_ms bigint, by text, text text, data jsonb)
      ORDER BY place`.execute(tx);
  }

  async get(db: Db, id: string): Promise<Incident | null> {
    const { rows } = await sql<IncidentRow>`SELECT * FROM incident WHERE id = ${id}`.execute(db);
    return rows.map(toIncident)[0] ?? null;
  }

  /** Newest first. */
  async list(db: Db, filter: IncidentFilter): Promise<Incident[]> {
    const { status, unresolved, model, assignee, beforeId, limit } = filter;
    const whose =
      assignee === null ? sql`true` : assignee === "none" ? sql`assignee IS NULL` : sql`assignee = ${assignee}`;
    const { rows } = await sql<IncidentRow>`
      SELECT * FROM incident
      WHERE (${status}::text IS NULL OR status = ${status}) AND (NOT ${unresolved} OR status <> 'resolved')
        AND (${model}::text IS NULL OR model = ${model}) AND ${whose} AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toIncident);
  }

  /** In the order of the devices' keys. */
  async members(
    db: Db,
    id: string,
    page: { standing: boolean | null; afterKey: number; limit: number },
  ): Promise<IncidentMember[]> {
    const { rows } = await sql<HitRow & { case_id: string | null; evidence: Record<string, unknown> | null }>`
      SELECT device_key, raised_at_ms, cleared_at_ms, case_id, evidence FROM incident_member
      WHERE incident_id = ${id} AND device_key > ${page.afterKey}
        AND (${page.standing}::boolean IS NULL OR (cleared_at_ms IS NULL) = ${page.standing})
      ORDER BY device_key LIMIT ${page.limit}`.execute(db);
    return rows.map((row) => ({
      deviceKey: row.device_key,
      raisedAtMs: row.raised_at_ms,
      clearedAtMs: row.cleared_at_ms,
      caseId: row.case_id,
      evidence: row.evidence,
    }));
  }

  /** In the order in which they were written, the newest of them. */
  async entries(db: Db, id: string, limit: number): Promise<IncidentEntry[]> {
    const { rows } = await sql<Omit<IncidentEntry, "atMs"> & { at_ms: number }>`
      SELECT * FROM (
        SELECT sequence, kind, at_ms, by, text, data FROM incident_entry WHERE incident_id = ${id}
        ORDER BY sequence DESC LIMIT ${limit}
      ) AS newest ORDER BY sequence`.execute(db);
    return rows.map(({ at_ms: atMs, ...entry }) => ({ ...entry, atMs }));
  }

  /** The incidents of releases that are open. */
  async openReleases(db: Db): Promise<Incident[]> {
    const { rows } = await sql<IncidentRow>`
      SELECT * FROM incident WHERE kind = 'release' AND status <> 'resolved' ORDER BY id LIMIT 1000`.execute(db);
    return rows.map(toIncident);
  }

  /** Incidents whose members have cleared for so long that they may be over. */
  async calm(db: Db, sinceMs: number, limit: number): Promise<(CauseKey & { id: string })[]> {
    const { rows } = await sql<CauseKey & { id: string }>`
      SELECT id, cause, model FROM incident WHERE status = 'settling' AND status_at_ms <= ${sinceMs}
      ORDER BY status_at_ms LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Memberships of one device, newest first. */
  async ofDevice(
    db: Db,
    deviceKey: number,
    page: TimelinePage,
  ): Promise<
    { id: string; title: string; cause: string; severity: string; raisedAtMs: number; clearedAtMs: number | null }[]
  > {
    const { rows } = await sql<{
      id: string;
      title: string;
      cause: string;
      severity: string;
      raised_at_ms: number;
      cleared_at_ms: number | null;
    }>`
      SELECT i.id, i.title, i.cause, i.severity, m.raised_at_ms, m.cleared_at_ms
      FROM incident_member m JOIN incident i ON i.id = m.incident_id
      WHERE m.device_key = ${deviceKey} AND m.raised_at_ms < ${page.beforeMs} AND m.raised_at_ms >= ${pageSinceMs(page)}
      ORDER BY m.raised_at_ms DESC, i.id DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(({ raised_at_ms: raisedAtMs, cleared_at_ms: clearedAtMs, ...row }) => ({
      ...row,
      raisedAtMs,
      clearedAtMs,
    }));
  }

  /** Forgets raises that came to be known before a time. @returns how many */
  async forgetRaises(db: Db, beforeMs: number, limit: number): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      WITH gone AS (
        DELETE FROM cause_raise WHERE (cause, model, device_key) IN (
          SELECT cause, model, device_key FROM cause_raise WHERE known_at_ms < ${beforeMs} LIMIT ${limit}) RETURNING 1
      ) SELECT count(*) AS count FROM gone`.execute(db);
    return rows[0]?.count ?? 0;
  }
}
