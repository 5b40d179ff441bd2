import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import {
  beginsWith,
  type Found,
  holds,
  hasLongPart,
  reversed,
  searchRanks,
  type SearchScope,
} from "../platform/search-term.ts";

interface NamedRow {
  device_key: number;
  rank: number;
}

/** Devices by their id or serial number: whole, by the beginning, by the end, and by any part; dashes and case make no difference. */
export async function findDevices(db: Db, { term, limit, parts }: SearchScope): Promise<Found[]> {
  const { key } = term;
  if (key === "") return [];
  // Each branch is a walk along one index. Two names may be one device's.
  const rowsMax = limit * 2;
  const { rows: ends } = await sql<NamedRow>`
    (SELECT device_key, 0 AS rank FROM device_name WHERE name_key = ${key} LIMIT ${rowsMax})
    UNION ALL
    (SELECT device_key, 1 FROM device_name WHERE name_key LIKE ${beginsWith(key)} ORDER BY name_key USING ~<~ LIMIT ${rowsMax})
    UNION ALL
    (SELECT device_key, 2 FROM device_name WHERE reverse(name_key) LIKE ${beginsWith(reversed(key))}
      ORDER BY reverse(name_key) USING ~<~ LIMIT ${rowsMax})`.execute(db);
  const found = ranked(ends);
  if (found.size < limit && parts && hasLongPart([key])) {
    const { rows } = await sql<NamedRow>`
      SELECT device_key, 3 AS rank FROM device_name WHERE name_key LIKE ${holds(key)} LIMIT ${rowsMax + found.size}`.execute(
      db,
    );
    for (const [device, rank] of ranked(rows)) if (!found.has(device)) found.set(device, rank);
  }
  const best = [...found].toSorted(([, a], [, b]) => a - b).slice(0, limit);
  return describe(db, new Map(best));
}

/** The best rank of each device, in the order in which they came. */
function ranked(rows: readonly NamedRow[]): Map<number, number> {
  const best = new Map<number, number>();
  for (const { device_key, rank } of rows) best.set(device_key, Math.min(rank, best.get(device_key) ?? rank));
  return best;
}

async function describe(db: Db, ranks: ReadonlyMap<number, number>): Promise<Found[]> {
  const keys = [...ranks.keys()];
  if (keys.length === 0) return [];
  const { rows } = await sql<{ key: number; id: string; serial: string; model: string; online: boolean }>`
    SELECT key, id, serial, model, online FROM device WHERE key = ANY(${keys}::int[])
    ORDER BY array_position(${keys}::int[], key)`.execute(db);
  return rows.map(({ key, id, serial, model, online }) => ({
    kind: "device",
    id,
    title: id,
    subtitle: [...(serial === id ? [] : [serial]), model, online ? "online" : "away"].join(" · "),
    href: `/devices/${encodeURIComponent(id)}`,
    rank: searchRanks[ranks.get(key) ?? 3] ?? "part",
  }));
}
