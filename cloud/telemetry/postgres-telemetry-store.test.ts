import { createTestDatabase } from "../../test/support/postgres.ts";
import { type ContractWorld, type StoreUnderTest, telemetryContract } from "./contract.ts";
import { PostgresTelemetryStore } from "./postgres-telemetry-store.ts";

async function openPostgres(world: ContractWorld): Promise<StoreUnderTest> {
  const base = await createTestDatabase();
  const store = new PostgresTelemetryStore({ db: base.db, ...world });
  const client = await base.database.connect();
  return {
    store,
    db: base.db,
    async write(readings) {
      const prepared = await store.prepare(readings);
      await client.query("BEGIN");
      const learn = await store.append(client, prepared);
      await client.query("COMMIT");
      learn?.();
    },
    settle: () => store.rollups.follow(0),
    async close() {
      await client.end();
      await base.drop();
    },
  };
}

telemetryContract("PostgreSQL", openPostgres);
