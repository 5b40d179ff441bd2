import { sql } from "kysely";
import { type Config, StartError } from "../platform/config.ts";
import { Database } from "../platform/database.ts";
import { lockDataDir } from "../platform/data-lock.ts";
import { createLogger } from "../platform/logger.ts";
import { PostgresServer, runningConnection } from "../platform/postgres-server.ts";
import { openDataDir } from "../platform/storage.ts";

const noError = () => {};

/** @throws StartError in place of what a driver says to programmers */
async function answers({ db }: Database): Promise<void> {
  try {
    await sql`SELECT 1`.execute(db);
  } catch (error) {
    const [first = error] = error instanceof AggregateError ? error.errors : [error];
    throw new StartError(`The database does not answer: ${first instanceof Error ? first.message : String(first)}`);
  }
}

/** The database of this data folder: the running service's, or one started for the length of `work`. */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const using = async (connection: ConstructorParameters<typeof Database>[0]["connection"]) => {
    const database = new Database({ connection, connectionsMax: 1, onError: noError });
    try {
      await answers(database);
      return await work(database);
    } finally {
      await database.close();
    }
  };
  if (config.databaseUrl !== undefined) return using({ connectionString: config.databaseUrl });
  const running = await runningConnection(config.dataDir);
  if (running !== null) return using(running);
  await openDataDir(config.dataDir);
  const unlock = await lockDataDir(config.dataDir);
  const server = await PostgresServer.start(config.dataDir, createLogger("silent"), noError);
  try {
    return await using(server.connection);
  } finally {
    await server.stop();
    await unlock();
  }
}
