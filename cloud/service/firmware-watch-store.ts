import { sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { ReleaseFigures, ReleaseVerdict, SwitchedDevice } from "./core/release-faults.ts";

export interface ReleaseKey {
  model: string;
  version: string;
}

export interface WatchedRelease extends ReleaseKey {
  figures: ReleaseFigures;
  verdict: ReleaseVerdict;
  judgedAtMs: number;
}

// Only versions are read here, so no household is asked for its time zone.
const facts = deviceFacts(sql`(SELECT NULL::uuid AS id, NULL::text AS time_zone WHERE false)`);

/** SQL of which appliances went over to which release, and what came of it. */
export class FirmwareWatchStore {
  async followedMs(db: Db): Promise<number> {
    const { rows } = await sql<{ facts_at_ms: number }>`SELECT facts_at_ms FROM firmware_followed`.execute(db);
    return rows[0]?.facts_at_ms ?? 0;
  }

  async setFollowed(db: Db, factsAtMs: number): Promise<void> {
    await sql`UPDATE firmware_followed SET facts_at_ms = greatest(facts_at_ms, ${factsAtMs})`.execute(db);
  }

  /**
   * Takes up what appliances changed after a place, in one statement.
   *
   * @returns the place that was reached, null where nothing is left
   */
  async follow(
    db: Db,
    after: { factsAtMs: number; key: number },
    limit: number,
  ): Promise<{ factsAtMs: number; key: number } | null> {
    const { rows } = await sql<{ facts_at_ms: number; key: number }>`
      WITH changed AS (
        SELECT key, model, version, facts_at_ms FROM ${facts} AS d
        WHERE (facts_at_ms, key) > (${after.factsAtMs}, ${after.key}) ORDER BY facts_at_ms, key LIMIT ${limit}
      ), stays AS (
        INSERT INTO firmware_stay AS s (device_key, model, version, since_ms)
        SELECT key, model, version, facts_at_ms FROM changed WHERE version IS NOT NULL ORDER BY key
        ON CONFLICT (device_key) DO UPDATE SET model = excluded.model, before_version = s.version,
          before_since_ms = s.since_ms, version = excluded.version, since_ms = excluded.since_ms
        WHERE s.version <> excluded.version
      )
      SELECT facts_at_ms, key FROM changed ORDER BY facts_at_ms DESC, key DESC LIMIT 1`.execute(db);
    const [last] = rows;
    return last === undefined ? null : { factsAtMs: last.facts_at_ms, key: last.key };
  }

  /** The releases that at least so many appliances went over to, some of them after a time. */
  async releases(db: Db, sinceMs: number, devicesMin: number, limit: number): Promise<ReleaseKey[]> {
    const { rows } = await sql<ReleaseKey>`
      WITH fresh AS (
        SELECT DISTINCT model, version FROM firmware_stay WHERE before_version IS NOT NULL AND since_ms >= ${sinceMs}
      )
      SELECT f.model, f.version FROM fresh f JOIN firmware_stay s USING (model, version)
      WHERE s.before_version IS NOT NULL GROUP BY f.model, f.version HAVING count(*) >= ${devicesMin}
      ORDER BY max(s.since_ms) DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Who went over to a release, the first of them first. */
  async switched(
    db: Db,
    { model, version }: ReleaseKey,
    limit: number,
  ): Promise<(SwitchedDevice & { beforeVersion: string })[]> {
    const { rows } = await sql<{
      device_key: number;
      since_ms: number;
      before_since_ms: number;
      before_version: string;
    }>`
      SELECT device_key, since_ms, before_since_ms, before_version FROM firmware_stay
      WHERE model = ${model} AND version = ${version} AND before_version IS NOT NULL
      ORDER BY since_ms, device_key LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({
      deviceKey: row.device_key,
      switchedAtMs: row.since_ms,
      beforeSinceMs: row.before_since_ms,
      beforeVersion: row.before_version,
    }));
  }

  async write(db: Db, { model, version, figures, verdict, judgedAtMs }: WatchedRelease): Promise<void> {
    await sql`
      INSERT INTO firmware_watch (model, version, figures, verdict, judged_at_ms)
      VALUES (${model}, ${version}, ${JSON.stringify(figures)}::jsonb, ${verdict}, ${judgedAtMs})
      ON CONFLICT (model, version) DO UPDATE SET figures = excluded.figures, verdict = excluded.verdict,
        judged_at_ms = excluded.judged_at_ms`.execute(db);
  }

  /** The latest first. */
  async list(db: Db, limit: number): Promise<WatchedRelease[]> {
    const { rows } = await sql<Omit<WatchedRelease, "judgedAtMs"> & { judged_at_ms: number }>`
      SELECT * FROM firmware_watch ORDER BY judged_at_ms DESC, model, version LIMIT ${limit}`.execute(db);
    return rows.map(({ judged_at_ms: judgedAtMs, ...row }) => ({ ...row, judgedAtMs }));
  }

  async forget(db: Db, beforeMs: number): Promise<void> {
    await sql`DELETE FROM firmware_watch WHERE judged_at_ms < ${beforeMs}`.execute(db);
  }
}
