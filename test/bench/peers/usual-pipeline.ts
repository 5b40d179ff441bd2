/** The usual pipeline: Mosquitto, Node-RED with its InfluxDB batch node, InfluxDB. A PUBACK comes before anything is stored. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { hasInflux, TestInflux } from "../../support/influx.ts";
import { freePort, until } from "../../support/service-process.ts";
import { mosquittoIsThere, startMosquitto } from "../mosquitto.ts";
import { publishOnce } from "../peer.ts";
import { brokerNode, flow } from "./node-red-flow.ts";
import { type Pipeline, readingsFilter } from "./pipeline.ts";

const place = fileURLToPath(new URL("./node-red/", import.meta.url));
const modules = join(place, "node_modules");
const program = join(modules, "node-red", "red.js");

/** What is missing here to start it, in words; null where nothing is. */
export function usualPipelineMisses(): string | null {
  if (!mosquittoIsThere) return "mosquitto";
  if (!hasInflux) return "influxd";
  return existsSync(program) ? null : "Node-RED (npm i --prefix test/bench/peers/node-red)";
}

/** Whom the start says a reading of, again and again, until it is stored. */
const probe = "probe";
const probeReading = {
  atMs: 1_700_000_000_000,
  m: { cavity_c: 20, setpoint_c: 0, power_w: 0, fan_rpm: 0, door_open: false },
};

const counted = z.object({
  results: z.tuple([
    z.object({ series: z.tuple([z.object({ values: z.tuple([z.tuple([z.unknown(), z.number()])]) })]).optional() }),
  ]),
});

export async function startUsualPipeline(deviceCount: number): Promise<Pipeline> {
  const [broker, influx] = await Promise.all([startMosquitto(deviceCount), TestInflux.open()]);
  const dir = await mkdtemp(join(tmpdir(), "hearth-node-red-"));
  const { publisher } = broker;
  const places = {
    mqttPort: broker.port,
    influxPort: Number(new URL(influx.url).port),
    database: influx.database,
    filter: readingsFilter,
  };
  await writeFile(join(dir, "flows.json"), JSON.stringify(flow(places)));
  const login = { [brokerNode]: { user: publisher.id, password: publisher.token } };
  await writeFile(join(dir, "flows_cred.json"), JSON.stringify(login));
  const args = ["--settings", join(place, "settings.cjs"), "--userDir", dir, "--port", String(await freePort())];
  // Its own modules are where it looks for nodes; the user folder holds the flow alone.
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NODE_PATH: modules },
  });
  const count = async (where: string): Promise<number> => {
    const query = new URLSearchParams({ db: influx.database, q: `SELECT count(cavity_c) FROM reading WHERE ${where}` });
    const response = await fetch(`${influx.url}/query?${query.toString()}`);
    return counted.parse(await response.json()).results[0].series?.[0].values[0][1] ?? 0;
  };
  await until("a reading arrives in InfluxDB", async () => {
    await publishOnce(broker.port, publisher, readingsFilter.replace("+", probe), JSON.stringify(probeReading));
    return (await count(`device = '${probe}'`)) > 0;
  });
  return {
    name: "usual",
    broker,
    stored: () => count(`device <> '${probe}'`),
    async stop() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill();
      await gone;
      await Promise.all([broker.stop(), influx.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
