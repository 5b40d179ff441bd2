/** The lean pipeline's consumer, in a process of its own: what the broker forwards goes into PostgreSQL, 5,000 rows at a time. */
import mqtt from "mqtt";
import pg from "pg";
import { z } from "zod";
import { answerParent } from "../load-process.ts";
import { readingsFilter } from "./pipeline.ts";

export interface LeanQuestion {
  mqttPort: number;
  login: { id: string; token: string };
  connection: pg.ClientConfig;
}

const rowsPerInsert = 5_000;
/** How long the last rows wait for more. */
const flushMs = 200;

const reading = z.object({
  atMs: z.number(),
  m: z.object({
    cavity_c: z.number(),
    setpoint_c: z.number(),
    power_w: z.number(),
    fan_rpm: z.number(),
    door_open: z.boolean(),
  }),
});
type Reading = z.infer<typeof reading>;

interface Rows {
  devices: string[];
  times: number[];
  metrics: [number[], number[], number[], number[], boolean[]];
}

const noRows = (): Rows => ({ devices: [], times: [], metrics: [[], [], [], [], []] });

/** Makes the table and subscribes. Whatever comes is stored, and nothing is promised: what is held here dies with this process. */
async function begin({ mqttPort, login, connection }: LeanQuestion): Promise<object> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(`CREATE TABLE lean_reading (
    device text NOT NULL, at_ms bigint NOT NULL, cavity_c float8, setpoint_c float8, power_w float8, fan_rpm float8, door_open boolean)`);
  let held = noRows();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<unknown> = Promise.resolve();
  const write = (): void => {
    const { devices, times, metrics } = held;
    held = noRows();
    writing = writing.then(() =>
      client.query(
        `INSERT INTO lean_reading
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::boolean[])`,
        [devices, times, ...metrics],
      ),
    );
  };
  const broker = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, {
    clientId: "lean-consumer",
    username: login.id,
    password: login.token,
    reconnectPeriod: 0,
  });
  broker.on("message", (topic, payload) => {
    // It believes what it is told, which is what makes it lean.
    const { atMs, m }: Reading = JSON.parse(payload.toString());
    held.devices.push(topic.slice(18, -10));
    held.times.push(atMs);
    held.metrics[0].push(m.cavity_c);
    held.metrics[1].push(m.setpoint_c);
    held.metrics[2].push(m.power_w);
    held.metrics[3].push(m.fan_rpm);
    held.metrics[4].push(m.door_open);
    if (held.devices.length >= rowsPerInsert) write();
    else
      timer ??= setTimeout(() => {
        timer = undefined;
        if (held.devices.length > 0) write();
      }, flushMs);
  });
  await broker.subscribeAsync(readingsFilter, { qos: 1 });
  return { ready: true };
}

answerParent(begin);
