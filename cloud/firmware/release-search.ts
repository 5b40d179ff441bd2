import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { bestRank, type Found, holds, rankOf, type SearchScope } from "../platform/search-term.ts";

/** Releases by words of their version and model, the newest first. There are hundreds, so that they are read through. */
export async function findReleases(db: Db, { term, limit }: SearchScope): Promise<Found[]> {
  const words = sql.join(
    term.words.map((word) => sql`lower(version || ' ' || model) LIKE ${holds(word)}`),
    sql` AND `,
  );
  const { rows } = await sql<{ id: string; model: string; version: string; state: string }>`
    SELECT id, model, version, state FROM firmware_release WHERE ${words} ORDER BY id DESC LIMIT ${limit}`.execute(db);
  return rows.map(({ id, model, version, state }) => ({
    kind: "release",
    id,
    title: version,
    subtitle: `${model} · ${state}`,
    href: `/releases?release=${id}`,
    rank: bestRank([rankOf(version, term.text), rankOf(id, term.text)]),
  }));
}
