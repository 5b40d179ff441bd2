import { type RawBuilder, sql } from "kysely";
import type { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import { newestOf, type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";

export type DocumentKind = "cause" | "answer";

/** One version of a document; `definition` null where that version withdraws it. */
export interface DocumentVersion<T> {
  key: string;
  /** Null: for every model that has none of its own. */
  model: string | null;
  version: number;
  definition: T | null;
  createdAtMs: number;
  createdBy: string;
}
export type ServiceDocument<T> = DocumentVersion<T> & { definition: T };

interface DocumentRow {
  key: string;
  model: string;
  version: number;
  definition: unknown;
  created_at_ms: number;
  created_by: string;
}

const documentsMax = 5_000;
const versionsShown = 200;

/** What staff write and change: versioned, so that it can be read later what somebody was told. */
export class ServiceDocuments<T> {
  readonly #deps: { db: Db; clock: Clock; audit: Audit };
  readonly #kind: DocumentKind;
  readonly #schema: z.ZodType<T>;

  constructor(deps: { db: Db; clock: Clock; audit: Audit }, kind: DocumentKind, schema: z.ZodType<T>) {
    this.#deps = deps;
    this.#kind = kind;
    this.#schema = schema;
  }

  /** The newest version of each that was not withdrawn, by key; those for every model first. */
  list(): Promise<ServiceDocument<T>[]> {
    return this.#inForce(sql`true`);
  }

  /** The one for a model: its own, or that for every model. */
  async find(key: string, model: string | null): Promise<ServiceDocument<T> | null> {
    const found = await this.#inForce(sql`key = ${key} AND model IN ('', ${model ?? ""})`);
    return found.at(-1) ?? null;
  }

  /** All versions of one, newest first. */
  async versions(key: string, model: string | null): Promise<DocumentVersion<T>[]> {
    const { rows } = await sql<DocumentRow>`
      SELECT * FROM service_document WHERE kind = ${this.#kind} AND key = ${key} AND model = ${model ?? ""}
      ORDER BY version DESC LIMIT ${versionsShown}`.execute(this.#deps.db);
    return rows.map((row) => this.#version(row));
  }

  /** Puts the next version in force. */
  async put(
    by: Principal,
    key: string,
    model: string | null,
    definition: T,
    /** The version that was changed; one that is withdrawn counts. */
    basedOn?: number,
  ): Promise<{ kind: "put"; document: ServiceDocument<T> } | Overtaken | Refused<"too_many_service_documents">> {
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#lockNewest(tx, key, model);
      const other = changedMeanwhile(basedOn, before === null ? null : newestOf(before));
      if (other !== null) return other;
      if (before?.definition === undefined || before.definition === null) {
        const { rows } = await sql<{ count: number }>`
          SELECT count(DISTINCT (key, model)) AS count FROM service_document WHERE kind = ${this.#kind}`.execute(tx);
        if ((rows[0]?.count ?? 0) >= documentsMax) return refused("too_many_service_documents");
      }
      const document = { ...this.#next(by, key, model, before), definition };
      await this.#write(tx, by, document, before);
      return { kind: "put", document };
    });
  }

  /** Withdraws it; what was written stays readable. */
  async withdraw(
    by: Principal,
    key: string,
    model: string | null,
    /** The version that was read. */
    basedOn?: number,
  ): Promise<{ kind: "withdrawn" } | Overtaken | Refused<"nothing_there">> {
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#lockNewest(tx, key, model);
      if (before === null || before.definition === null) return refused("nothing_there");
      const other = changedMeanwhile(basedOn, newestOf(before));
      if (other !== null) return other;
      await this.#write(tx, by, { ...this.#next(by, key, model, before), definition: null }, before);
      return { kind: "withdrawn" };
    });
  }

  async #inForce(condition: RawBuilder<unknown>): Promise<ServiceDocument<T>[]> {
    const { rows } = await sql<DocumentRow>`
      SELECT * FROM (
        SELECT DISTINCT ON (key, model) * FROM service_document WHERE kind = ${this.#kind} AND ${condition}
        ORDER BY key, model, version DESC
      ) AS newest WHERE definition IS NOT NULL ORDER BY key, model LIMIT ${documentsMax}`.execute(this.#deps.db);
    return rows.map((row) => ({ ...this.#version(row), definition: this.#schema.parse(row.definition) }));
  }

  #version(row: DocumentRow): DocumentVersion<T> {
    return {
      key: row.key,
      model: row.model === "" ? null : row.model,
      version: row.version,
      definition: row.definition === null ? null : this.#schema.parse(row.definition),
      createdAtMs: row.created_at_ms,
      createdBy: row.created_by,
    };
  }

  #next(by: Principal, key: string, model: string | null, before: DocumentVersion<T> | null) {
    const made = { createdAtMs: this.#deps.clock.nowMs(), createdBy: principalText(by) };
    return { key, model, version: (before?.version ?? 0) + 1, ...made };
  }

  async #lockNewest(tx: Db, key: string, model: string | null): Promise<DocumentVersion<T> | null> {
    // Two changes at once become two versions; they are rare enough to wait for each other.
    await sql`LOCK TABLE service_document IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
    const { rows } = await sql<DocumentRow>`
      SELECT * FROM service_document WHERE kind = ${this.#kind} AND key = ${key} AND model = ${model ?? ""}
      ORDER BY version DESC LIMIT 1`.execute(tx);
    const [row] = rows;
    return row === undefined ? null : this.#version(row);
  }

  async #write(tx: Db, by: Principal, document: DocumentVersion<T>, before: DocumentVersion<T> | null): Promise<void> {
    const { key, model, version, definition, createdAtMs, createdBy } = document;
    const json = definition === null ? null : JSON.stringify(definition);
    await sql`INSERT INTO service_document (kind, key, model, version, definition, created_at_ms, created_by)
      VALUES (${this.#kind}, ${key}, ${model ?? ""}, ${version}, ${json}::jsonb, ${createdAtMs}, ${createdBy})`.execute(
      tx,
    );
    await this.#deps.audit.record(tx, {
      principal: by,
      action: `service_${this.#kind}.${definition === null ? "withdrawn" : "put"}`,
      subject: `service_${this.#kind}:${key}${model === null ? "" : `@${model}`}`,
      before: before?.definition ?? undefined,
      after: definition ?? undefined,
    });
  }
}
