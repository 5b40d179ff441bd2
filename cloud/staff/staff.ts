import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { Audit } from "./audit.ts";
import { allowed, type Permission } from "./core/permissions.ts";
import type { Principal, StaffRole } from "./core/principal.ts";

export type { OwnerPrincipal, OwnerRole, Principal, StaffRole } from "./core/principal.ts";
export { owner, ownerRoles, principalText, staffRoles } from "./core/principal.ts";
export { allowed, type Permission } from "./core/permissions.ts";
export { Audit, type AuditChange } from "./audit.ts";

export interface StaffKey {
  id: string;
  name: string;
  role: StaffRole;
  createdAtMs: number;
  createdBy: string;
  revokedAtMs: number | null;
}

interface KeyRow {
  id: string;
  name: string;
  role: StaffRole;
  created_at_ms: number;
  created_by: string;
  revoked_at_ms: number | null;
}

const toKey = (row: KeyRow): StaffKey => ({
  id: row.id,
  name: row.name,
  role: row.role,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
  revokedAtMs: row.revoked_at_ms,
});

/** 256 random bits need no slow hash: nobody guesses them, and a plain hash keeps every request fast. */
const sha256 = (secret: string) => createHash("sha256").update(secret).digest();

const keyPrefix = "hearth_";

/** Staff principals: named keys with a role, and the audit log of what was done with them. */
export class Staff {
  readonly audit: Audit;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(deps: { db: Db; clock: Clock; ids: Ids }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.audit = new Audit(deps.clock);
  }

  /** Makes a key. Its secret is in the answer and nowhere else. */
  async createKey(by: Principal, name: string, role: StaffRole): Promise<{ key: StaffKey; secret: string }> {
    const secret = keyPrefix + this.#ids.secret();
    const id = this.#ids.next();
    const key = await transaction(this.#db, async (tx) => {
      const { rows } = await sql<KeyRow>`
        INSERT INTO staff_key (id, name, role, key_sha256, created_at_ms, created_by)
        VALUES (${id}, ${name}, ${role}, ${sha256(secret)}, ${this.#clock.nowMs()}, ${by.kind === "staff" ? by.name : by.kind})
        RETURNING *`.execute(tx);
      await this.audit.record(tx, {
        principal: by,
        action: "staff_key.created",
        subject: `staff_key:${id}`,
        after: { name, role },
      });
      return rows.map(toKey)[0];
    });
    if (key === undefined) throw new Error("the inserted key came back empty");
    return { key, secret };
  }

  /** Makes the first admin key of a fresh installation; null where there is one already. */
  async createFirstKey(): Promise<string | null> {
    const { rows } = await sql`SELECT 1 FROM staff_key LIMIT 1`.execute(this.#db);
    if (rows.length > 0) return null;
    return (await this.createKey({ kind: "system" }, "first admin", "admin")).secret;
  }

  /** The principal of a key's secret, or null: unknown and revoked keys look the same. */
  async authenticate(secret: string): Promise<Principal | null> {
    const { rows } = await sql<KeyRow>`
      SELECT * FROM staff_key WHERE key_sha256 = ${sha256(secret)} AND revoked_at_ms IS NULL`.execute(this.#db);
    const row = rows[0];
    return row === undefined ? null : { kind: "staff", id: row.id, name: row.name, role: row.role };
  }

  async keys(): Promise<StaffKey[]> {
    const { rows } = await sql<KeyRow>`SELECT * FROM staff_key ORDER BY created_at_ms, id LIMIT 1000`.execute(this.#db);
    return rows.map(toKey);
  }

  /** Whether somebody with this key may do something; nobody may with one that is unknown or revoked. */
  async isAllowed(keyId: string, permission: Permission): Promise<boolean> {
    const { rows } = await sql<KeyRow>`SELECT * FROM staff_key WHERE id = ${keyId} AND revoked_at_ms IS NULL`.execute(
      this.#db,
    );
    return rows.some((row) => allowed({ kind: "staff", id: row.id, name: row.name, role: row.role }, permission));
  }

  /** Those whose keys allow something and were not revoked, in the order of their names. */
  async whoMay(permission: Permission): Promise<{ id: string; name: string }[]> {
    const all = await this.keys();
    return all
      .filter(
        ({ id, name, role, revokedAtMs }) =>
          revokedAtMs === null && allowed({ kind: "staff", id, name, role }, permission),
      )
      .map(({ id, name }) => ({ id, name }))
      .toSorted((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  }

  /** Ends a key at once. The last admin key stays, or nobody could make another. */
  async revokeKey(
    by: Principal,
    id: string,
  ): Promise<{ kind: "revoked" } | { kind: "refused"; rule: "key_not_found" | "last_admin_key" }> {
    return transaction(this.#db, async (tx) => {
      // Locks every live admin key, so that two admins cannot end each other's at the same moment.
      const { rows: admins } = await sql<{ id: string }>`
        SELECT id FROM staff_key WHERE role = 'admin' AND revoked_at_ms IS NULL FOR UPDATE`.execute(tx);
      if (admins.length === 1 && admins[0]?.id === id) return { kind: "refused", rule: "last_admin_key" };
      const { rows } = await sql`
        UPDATE staff_key SET revoked_at_ms = ${this.#clock.nowMs()}
        WHERE id = ${id} AND revoked_at_ms IS NULL RETURNING id`.execute(tx);
      if (rows.length === 0) return { kind: "refused", rule: "key_not_found" };
      await this.audit.record(tx, { principal: by, action: "staff_key.revoked", subject: `staff_key:${id}` });
      return { kind: "revoked" };
    });
  }
}
