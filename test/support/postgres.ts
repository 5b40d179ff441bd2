/**
 * One PostgreSQL server for a whole test run, and a fresh, migrated database for each test file that asks for one.
 */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type pg from "pg";
import { inject } from "vitest";
import { Database } from "../../cloud/platform/database.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgres: { host: string; port: number; user: string; password: string; database: string };
  }
}

export interface TestDatabase {
  database: Database;
  db: Database["db"];
  connection: pg.ClientConfig;
  drop(): Promise<void>;
}

const open = (connection: pg.ClientConfig) => new Database({ connection, connectionsMax: 8, onError() {} });

/**
 * Makes a database of one's own. Call `drop` in `afterAll`.
 *
 * @param template what it begins as: migrated, or with `template0` empty
 */
export async function createTestDatabase(
  template: "hearth_template" | "template0" = "hearth_template",
): Promise<TestDatabase> {
  const server = inject("postgres");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const admin = open({ ...server, database: "postgres" });
  await sql.raw(`CREATE DATABASE ${name} TEMPLATE ${template}`).execute(admin.db);
  const connection = { ...server, database: name };
  const database = open(connection);
  return {
    database,
    db: database.db,
    connection,
    async drop() {
      await database.close();
      await sql.raw(`DROP DATABASE ${name} WITH (FORCE)`).execute(admin.db);
      await admin.close();
    },
  };
}
