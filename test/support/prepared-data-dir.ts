/**
 * Data folders whose database is made and migrated already: that is a third of what a first start costs. Tests of how a database comes
 * to be, and of what is restored, begin with `newDataDir`.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inject } from "vitest";
import { newDataDir } from "./service-process.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A data folder with a migrated database and nothing else; nobody runs on it. */
    preparedDataDir: string;
  }
}

/** Copies a data folder that nobody runs on, owners included: PostgreSQL refuses a cluster that is another's. */
export async function copyDataDir(from: string, to: string): Promise<void> {
  await promisify(execFile)("cp", ["-a", `${from}/.`, to]);
}

/** A folder for a first start, of which the database stands. The caller removes it. */
export async function preparedDataDir(): Promise<string> {
  const dataDir = await newDataDir();
  await copyDataDir(inject("preparedDataDir"), dataDir);
  return dataDir;
}
