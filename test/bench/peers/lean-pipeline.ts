/** A lean pipeline that promises nothing: Mosquitto, one consumer, and the same PostgreSQL that Hearth brings. */
import { rm } from "node:fs/promises";
import pg from "pg";
import { createLogger } from "../../../cloud/platform/logger.ts";
import { PostgresServer } from "../../../cloud/platform/postgres-server.ts";
import { newDataDir } from "../../support/service-process.ts";
import { LoadProcess } from "../load-process.ts";
import { startMosquitto } from "../mosquitto.ts";
import type { LeanQuestion } from "./lean-consumer.ts";
import type { Pipeline } from "./pipeline.ts";

export async function startLeanPipeline(deviceCount: number): Promise<Pipeline> {
  const dir = await newDataDir();
  const [broker, server] = await Promise.all([
    startMosquitto(deviceCount),
    PostgresServer.start(dir, createLogger("silent"), () => {}),
  ]);
  const { connection } = server;
  const consumer = new LoadProcess("./peers/lean-consumer.ts");
  await consumer.ask({ mqttPort: broker.port, login: broker.publisher, connection } satisfies LeanQuestion);
  const client = new pg.Client(connection);
  await client.connect();
  return {
    name: "lean",
    broker,
    async stored() {
      const { rows } = await client.query<{ n: string }>("SELECT count(*) AS n FROM lean_reading");
      return Number(rows[0]?.n);
    },
    async stop() {
      await consumer.stop();
      await client.end();
      await Promise.all([broker.stop(), server.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
