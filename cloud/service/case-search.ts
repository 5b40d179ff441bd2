import { sql } from "kysely";
import type { DeviceRef } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { bestRank, type Found, holds, hasLongPart, rankOf, type SearchScope } from "../platform/search-term.ts";

interface CaseRow {
  id: string;
  device_key: number;
  title: string;
  cause: string;
  status: string;
}

/** Cases by the beginning of their id, or by words of their title and cause; the newest first. */
export async function findCases(
  db: Db,
  { term, limit, parts }: SearchScope,
  refsByKey: (keys: readonly number[]) => Promise<Map<number, DeviceRef>>,
): Promise<Found[]> {
  const byId = term.ids === null ? sql`false` : sql`id BETWEEN ${term.ids.from}::uuid AND ${term.ids.to}::uuid`;
  const byWords =
    parts && hasLongPart(term.words)
      ? sql.join(
          term.words.map((word) => sql`(lower(title) LIKE ${holds(word)} OR lower(cause) LIKE ${holds(word)})`),
          sql` AND `,
        )
      : sql`false`;
  const { rows } = await sql<CaseRow>`
    (SELECT id, device_key, title, cause, status FROM service_case WHERE ${byId} ORDER BY id DESC LIMIT ${limit})
    UNION
    (SELECT id, device_key, title, cause, status FROM service_case WHERE ${byWords} ORDER BY id DESC LIMIT ${limit})
    ORDER BY id DESC`.execute(db);
  const devices = await refsByKey([...new Set(rows.map((row) => row.device_key))]);
  return rows.map(({ id, device_key, title, cause, status }) => ({
    kind: "case",
    id,
    title,
    subtitle: [devices.get(device_key)?.id ?? "", status.replaceAll("_", " ")]
      .filter((part) => part !== "")
      .join(" · "),
    href: `/cases/${id}`,
    rank: bestRank([rankOf(id, term.text), rankOf(title, term.text), rankOf(cause, term.text)]),
  }));
}
