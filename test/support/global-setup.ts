import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import type { TestProject } from "vitest/node";
import { Database, migrate } from "../../cloud/platform/database.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { PostgresServer } from "../../cloud/platform/postgres-server.ts";

/** Starts the PostgreSQL of the test run and migrates the template that test databases are copied from. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), "hearth-test-"));
  await chmod(dataDir, 0o755);
  // Tests start the service some fifty times: what Node made of its sources the first time, it finds again.
  process.env["NODE_COMPILE_CACHE"] = join(dataDir, "compiled");
  const server = await PostgresServer.start(dataDir, createLogger("silent"), () => {});
  const admin = new Database({
    connection: server.connection,
    connectionsMax: 1,
    onError() {},
  });
  await sql`CREATE DATABASE hearth_template`.execute(admin.db);
  await admin.close();
  const template = new Database({
    connection: { ...server.connection, database: "hearth_template" },
    connectionsMax: 1,
    onError() {},
  });
  await migrate(template.db);
  await template.close();
  project.provide("postgres", server.connection);
  return async () => {
    await server.stop();
    // Workers write what they compiled as they end, which may be now.
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  };
}
