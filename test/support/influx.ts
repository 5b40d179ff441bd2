/** Debian's InfluxDB 1.6 and VictoriaMetrics, each a real server on the loopback with a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InfluxConfig } from "../../cloud/telemetry/telemetry.ts";
import { freePort, until } from "./service-process.ts";

const influxdPath = "/usr/bin/influxd";
export const hasInflux = existsSync(influxdPath);
const victoriaPath = "/usr/bin/victoria-metrics";
export const hasVictoria = existsSync(victoriaPath);

const configOf = (dir: string, port: number): string => `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
  query-log-enabled = false
  max-values-per-tag = 0
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
`;

/** A program that listens, and can be killed and started again on the same port and folder. */
class Server {
  readonly dir: string;
  readonly url: string;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #isReady: () => Promise<boolean>;
  #child: ChildProcess | null = null;

  constructor(options: { dir: string; url: string; command: string; args: string[]; isReady: () => Promise<boolean> }) {
    this.dir = options.dir;
    this.url = options.url;
    this.#command = options.command;
    this.#args = options.args;
    this.#isReady = options.isReady;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    this.#child = spawn(this.#command, this.#args, { stdio: "ignore" });
    await until(`${this.#command} answers`, this.#isReady);
  }

  /** @param signal SIGKILL for a power cut */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const answers = async (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

/** InfluxDB 1.6.7, with a database. */
export class TestInflux extends Server {
  readonly database = "hearth";

  static async open(): Promise<TestInflux> {
    const dir = await mkdtemp(join(tmpdir(), "hearth-influx-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const file = join(dir, "influxdb.conf");
    await writeFile(file, configOf(dir, port));
    const isReady = () => answers(`${url}/ping`);
    const influx = new TestInflux({ dir, url, command: influxdPath, args: ["-config", file], isReady });
    await influx.start();
    await influx.ask(`CREATE DATABASE ${influx.database}`);
    return influx;
  }

  /** It knows no `/api/v2/write`, and no organisation. */
  get config(): InfluxConfig {
    return { url: this.url, token: undefined, org: "", bucket: this.database, writePath: "/write" };
  }

  /** The same, as variables of the service. */
  get env(): Record<string, string> {
    return { INFLUX_URL: this.url, INFLUX_BUCKET: this.database, INFLUX_WRITE_PATH: "/write" };
  }

  /** A statement's rows, as they are. */
  async ask(statement: string): Promise<unknown[][]> {
    const query = new URLSearchParams({ db: this.database, epoch: "ms", q: statement });
    const response = await fetch(`${this.url}/query?${query.toString()}`, { method: "POST" });
    const { results } = JSON.parse(await response.text());
    return results[0]?.series?.flatMap(({ values }: { values: unknown[][] }) => values) ?? [];
  }

  /** Writes lines by hand. @returns the status */
  async write(lines: string): Promise<number> {
    const url = `${this.url}/write?db=${this.database}&precision=ms`;
    return (await fetch(url, { method: "POST", body: lines })).status;
  }
}

/** VictoriaMetrics, which takes InfluxDB 2's write path and answers in its own way. */
export class TestVictoria extends Server {
  static async open(): Promise<TestVictoria> {
    const dir = await mkdtemp(join(tmpdir(), "hearth-victoria-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = [
      `-storageDataPath=${dir}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-retentionPeriod=100y",
      "-search.latencyOffset=0s",
      "-memory.allowedPercent=10",
    ];
    const victoria = new TestVictoria({
      dir,
      url,
      command: victoriaPath,
      args,
      isReady: () => answers(`${url}/health`),
    });
    await victoria.start();
    return victoria;
  }

  get config(): InfluxConfig {
    return { url: this.url, token: "secret", org: "hearth", bucket: "hearth", writePath: "/api/v2/write" };
  }

  /** What was written of a metric: by its labels, [time in ms, value]. */
  async exported(match: string): Promise<{ metric: Record<string, string>; values: number[]; timestamps: number[] }[]> {
    await fetch(`${this.url}/internal/force_flush`);
    const query = new URLSearchParams({ "match[]": match }).toString();
    const text = await (await fetch(`${this.url}/api/v1/export?${query}`)).text();
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
}
