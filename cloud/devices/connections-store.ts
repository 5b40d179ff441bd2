import { sql } from "kysely";
import type { LoginKind, Via } from "#protocol/link/login.ts";
import type { Db } from "../platform/database.ts";

/** One connection of a device, from its coming to its going. */
export interface ConnectionRow {
  bootId: string;
  connectionId: number;
  fromMs: number;
  toMs: number | null;
  isOpen: boolean;
  /** Null where it was not told, or is no longer kept. */
  address: string | null;
  via: Via | null;
  login: LoginKind | null;
  reason: string | null;
}

/** After which connection a page begins: its time, its gateway's boot and its number. */
export type ConnectionCursor = readonly [fromMs: number, bootId: string, connectionId: number];

/** SQL of what became of each connection. */
export class ConnectionsStore {
  /** Newest first. */
  async page(db: Db, deviceKey: number, after: ConnectionCursor | null, limit: number): Promise<ConnectionRow[]> {
    const [atMs, bootId, connectionId] = after ?? [null, null, null];
    const { rows } = await sql<ConnectionRow>`
      SELECT c.boot_id AS "bootId", c.connection_id AS "connectionId", c.at_ms AS "fromMs", e.at_ms AS "toMs",
             (e.at_ms IS NULL AND d.online AND d.boot_id = c.boot_id AND d.connection_id = c.connection_id) AS "isOpen",
             c.address, c.via, c.login, e.reason
      FROM presence_change c
      JOIN device d ON d.key = c.device_key
      LEFT JOIN presence_change e ON e.device_key = c.device_key AND e.boot_id = c.boot_id
                                 AND e.connection_id = c.connection_id AND e.state = 'disconnected'
      WHERE c.device_key = ${deviceKey} AND c.state = 'connected'
        AND (${atMs}::bigint IS NULL OR (c.at_ms, c.boot_id, c.connection_id) < (${atMs}, ${bootId}::text, ${connectionId}::bigint))
      ORDER BY c.at_ms DESC, c.boot_id DESC, c.connection_id DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** @returns how many were cleared; the caller repeats until fewer than `limit` were */
  async clearAddresses(db: Db, beforeMs: number, limit: number): Promise<number> {
    const { rows } = await sql`
      UPDATE presence_change SET address = NULL
      WHERE ctid IN (SELECT ctid FROM presence_change WHERE at_ms < ${beforeMs} AND address IS NOT NULL LIMIT ${limit})
      RETURNING 1`.execute(db);
    return rows.length;
  }
}
