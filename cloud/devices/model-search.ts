import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { bestRank, type Found, holds, rankOf, type SearchScope } from "../platform/search-term.ts";

/** Models by words of their key, name and brand. There are few. */
export async function findModels(db: Db, { term, limit }: SearchScope): Promise<Found[]> {
  const words = sql.join(
    term.words.map(
      (word) => sql`lower(key || ' ' || (document ->> 'brand') || ' ' || (document ->> 'name')) LIKE ${holds(word)}`,
    ),
    sql` AND `,
  );
  const { rows } = await sql<{ key: string; brand: string; name: string }>`
    SELECT key, document ->> 'brand' AS brand, document ->> 'name' AS name
    FROM (SELECT DISTINCT ON (key) key, document FROM model ORDER BY key, version DESC) AS newest
    WHERE ${words} ORDER BY key LIMIT ${limit}`.execute(db);
  return rows.map(({ key, brand, name }) => ({
    kind: "model",
    id: key,
    title: name,
    subtitle: `${brand} · ${key}`,
    href: `/devices?model=${encodeURIComponent(key)}`,
    rank: bestRank([rankOf(key, term.text), rankOf(name, term.text)]),
  }));
}
