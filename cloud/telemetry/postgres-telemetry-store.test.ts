import { createTestDatabase } from "../../test/support/postgres.ts";
import { type ContractWorld, type StoreUnderTest, telemetryContract } from "./contract.ts";
import { Telemetry } from "./telemetry.ts";

async function openPostgres({ clock, layoutOf }: ContractWorld): Promise<StoreUnderTest> {
  const base = await createTestDatabase();
  const telemetry = new Telemetry({ db: base.db, clock, layoutOf });
  const client = await base.database.connect();
  return {
    store: telemetry.store,
    db: base.db,
    async write(readings) {
      const prepared = await telemetry.prepare(readings);
      await client.query("BEGIN");
      await telemetry.ingestReadings(client, prepared);
      await client.query("COMMIT");
    },
    async settle() {},
    async close() {
      await client.end();
      await base.drop();
    },
  };
}

telemetryContract("PostgreSQL", openPostgres);
