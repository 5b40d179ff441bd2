import { appendFile, chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import type { TestProject } from "vitest/node";
import { Database, migrate } from "../../cloud/platform/database.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { PostgresServer } from "../../cloud/platform/postgres-server.ts";
import { copyDataDir } from "./prepared-data-dir.ts";

const startServer = (dataDir: string) => PostgresServer.start(dataDir, createLogger("silent"), () => {});

const connect = (server: PostgresServer, database: string) =>
  new Database({ connection: { ...server.connection, database }, connectionsMax: 1, onError() {} });

/**
 * Makes one migrated database for the whole run: what services of tests start with is a copy of its folder, and the PostgreSQL that
 * all other tests share runs on another copy, with a template that their databases are copied from.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), "hearth-test-"));
  await chmod(dir, 0o755);
  // Tests start the service some fifty times: what Node made of its sources the first time, it finds again.
  process.env["NODE_COMPILE_CACHE"] = join(dir, "compiled");
  const [preparedDir, sharedDir] = [join(dir, "prepared"), join(dir, "shared")];
  for (const made of [preparedDir, sharedDir]) await mkdir(made, { mode: 0o755 });

  const preparing = await startServer(preparedDir);
  const prepared = connect(preparing, "postgres");
  await migrate(prepared.db);
  await prepared.close();
  await preparing.stop();
  await copyDataDir(preparedDir, sharedDir);

  // No test cuts the power of this one; services of their own keep the setting that they ship with.
  await appendFile(join(sharedDir, "postgres", "postgresql.auto.conf"), "fsync = off\n");
  const server = await startServer(sharedDir);
  // A database that somebody is connected to cannot be copied.
  const admin = connect(server, "template1");
  await sql`CREATE DATABASE hearth_template TEMPLATE postgres`.execute(admin.db);
  await admin.close();
  project.provide("preparedDataDir", preparedDir);
  project.provide("postgres", server.connection);
  return async () => {
    await server.stop();
    // Workers write what they compiled as they end, which may be now.
    await rm(dir, { recursive: true, force: true, maxRetries: 10 });
  };
}
