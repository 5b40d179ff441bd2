import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { appliancesFacts } from "./appliances-store.ts";
import type { Component } from "./core/sbom.ts";

/** Puts a release's SBOM in place of the one that was there. */
export async function putSbom(
  tx: Db,
  releaseId: string,
  sbom: { document: string; components: readonly Component[]; atMs: number; by: string },
): Promise<void> {
  const { document, components, atMs, by } = sbom;
  await sql`DELETE FROM release_component WHERE release_id = ${releaseId}`.execute(tx);
  await sql`
    INSERT INTO release_sbom (release_id, document, stored_at_ms, stored_by) VALUES (${releaseId}, ${document}, ${atMs}, ${by})
    ON CONFLICT (release_id) DO UPDATE SET document = excluded.document, stored_at_ms = excluded.stored_at_ms,
      stored_by = excluded.stored_by`.execute(tx);
  const rows = components.map(({ kind, name, fullName, version, versionKey, purl }) => {
    return {
      kind,
      name,
      name_key: name.toLowerCase(),
      full_name_key: fullName.toLowerCase(),
      version,
      version_key: versionKey,
      purl,
    };
  });
  await sql`
    INSERT INTO release_component (release_id, ordinal, name_key, full_name_key, name, version, version_key, purl, kind)
    SELECT ${releaseId}, row_number() OVER (), c.name_key, c.full_name_key, c.name, c.version, c.version_key, c.purl, c.kind
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS c (name_key text, full_name_key text, name text, version text, version_key text[], purl text, kind text)`.execute(
    tx,
  );
  await sql`UPDATE firmware_release SET sbom_components = ${components.length} WHERE id = ${releaseId}`.execute(tx);
}

export async function findSbom(db: Db, releaseId: string): Promise<string | null> {
  const { rows } = await sql<{ document: string }>`
    SELECT document FROM release_sbom WHERE release_id = ${releaseId}`.execute(db);
  return rows[0]?.document ?? null;
}

export interface ComponentQuery {
  /** A name, or a group and a name: `openssl`, `org.apache/commons`. */
  name: string;
  /** Below this version; null: whichever. */
  belowKey: string[] | null;
}

/** Releases that have been published and hold the component; one whose version has no place among versions is among them, and is marked. */
const holders = ({ name, belowKey }: ComponentQuery) => sql`(
  SELECT DISTINCT ON (r.id) r.id AS release_id, r.model, r.version, c.name, c.version AS component_version, c.purl,
    ${belowKey}::text[] IS NULL OR c.version_key IS NOT NULL AS certain
  FROM release_component c JOIN firmware_release r ON r.id = c.release_id
  WHERE (c.name_key = ${name.toLowerCase()} OR c.full_name_key = ${name.toLowerCase()})
    AND r.state IN ('published', 'withdrawn')
    AND (${belowKey}::text[] IS NULL OR c.version_key IS NULL OR c.version_key < ${belowKey}::text[])
  ORDER BY r.id, c.version_key NULLS LAST, c.ordinal)`;

export interface AffectedDevice {
  key: number;
  device_id: string;
  model: string;
  hardware: string | null;
  version: string;
  release_id: string;
  name: string;
  component_version: string | null;
  purl: string | null;
  certain: boolean;
}

/** Appliances that report a release which holds the component, in the order of their keys, after `afterKey`. */
export async function affectedDevices(
  db: Db,
  query: ComponentQuery,
  page: { afterKey: number; limit: number },
): Promise<AffectedDevice[]> {
  const { rows } = await sql<AffectedDevice>`
    SELECT DISTINCT ON (f.key) f.key, f.id AS device_id, f.model, f.hardware, f.version, h.release_id, h.name, h.component_version,
      h.purl, h.certain
    FROM ${holders(query)} h JOIN ${appliancesFacts} f ON f.model = h.model AND f.version = h.version
    WHERE f.key > ${page.afterKey}
    ORDER BY f.key, h.certain DESC, h.release_id LIMIT ${page.limit}`.execute(db);
  return rows;
}

export interface AffectedRelease {
  release_id: string;
  model: string;
  version: string;
  name: string;
  component_version: string | null;
  certain: boolean;
  devices: number;
}

/** The same by release, with how many appliances report each. */
export async function affectedReleases(db: Db, query: ComponentQuery, limit: number): Promise<AffectedRelease[]> {
  const { rows } = await sql<AffectedRelease>`
    WITH holder AS MATERIALIZED (SELECT * FROM ${holders(query)} h ORDER BY h.release_id DESC LIMIT ${limit}),
    running AS (
      SELECT f.model, f.version, count(*) AS devices FROM ${appliancesFacts} f
      JOIN (SELECT DISTINCT model, version FROM holder) w ON w.model = f.model AND w.version = f.version
      GROUP BY f.model, f.version
    )
    SELECT h.release_id, h.model, h.version, h.name, h.component_version, h.certain, coalesce(r.devices, 0)::int8 AS devices
    FROM holder h LEFT JOIN running r ON r.model = h.model AND r.version = h.version
    ORDER BY h.release_id DESC`.execute(db);
  return rows;
}
