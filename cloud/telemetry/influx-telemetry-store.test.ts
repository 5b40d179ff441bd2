/** InfluxDB as the store of readings, on Debian's InfluxDB 1.6.7. */
import { describe } from "vitest";
import { hasInflux, TestInflux } from "../../test/support/influx.ts";
import { createTestDatabase } from "../../test/support/postgres.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { type ContractWorld, type StoreUnderTest, telemetryContract } from "./contract.ts";
import { InfluxReadings, ParkedReadings } from "./telemetry.ts";

async function openInflux({ clock, layoutOf }: ContractWorld): Promise<StoreUnderTest> {
  const base = await createTestDatabase();
  const influx = await TestInflux.open();
  const deps = { db: base.db, clock, ids: randomIds };
  const readings = new InfluxReadings({
    ...deps,
    parked: new ParkedReadings(deps),
    logger: createLogger("silent"),
    config: influx.config,
    layoutOf,
    oldestWaitingMs: () => clock.nowMs(),
  });
  await readings.load();
  return {
    store: readings.store,
    db: base.db,
    async write(facts) {
      const parked = await readings.points.write(facts);
      if (parked.length > 0) throw new Error(`refused: ${parked[0]?.detail}`);
    },
    async settle() {},
    async close() {
      await influx.close();
      await base.drop();
    },
  };
}

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  telemetryContract("InfluxDB 1.6.7", openInflux);
});
