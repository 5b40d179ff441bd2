/**
 * The embedded PostgreSQL: the real server's binaries from an npm package, supervised as a child process.
 *
 * The child is detached, so that Ctrl-C reaches Hearth alone and the database outlives its last transaction. What a killed Hearth
 * left running is found by its pid file and ended before a new server starts. PostgreSQL refuses to run as root: there it runs as
 * an unprivileged user.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { sleep } from "./clock.ts";
import { StartError } from "./config.ts";
import type { Logger } from "./logger.ts";
import { endLeftover, killWhatWorksIn, socketDirOf, socketDirPrefix } from "./postgres-leftover.ts";
import { type PostgresHome, preparePostgresHome, run } from "./postgres-home.ts";

const startSecondsMax = 60;
const stopMsMax = 9_000;
const restartsPerMinuteMax = 5;

const settings = [
  "listen_addresses=",
  "shared_buffers=512MB",
  "max_connections=40",
  "max_wal_size=4GB",
  "checkpoint_timeout=15min",
  "jit=off",
  "log_min_messages=error",
  "log_min_error_statement=panic",
  "unix_socket_permissions=0700",
];

/** The line that says why, of what the server said before it gave up. */
function lastFatal(said: string): string {
  const lines = said.trim().split("\n");
  return (
    lines.findLast((line) => line.includes("FATAL") || line.includes("ERROR")) ?? lines.at(-1) ?? "it said nothing"
  );
}

export interface PostgresConnection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

const connectionOf = (host: string, password: string): PostgresConnection => ({
  host,
  port: 5432,
  user: "hearth",
  password,
  database: "postgres",
});

/** The way to the server that another process runs on this data folder, or null where none does. */
export async function runningConnection(dataDir: string): Promise<PostgresConnection | null> {
  const { clusterDir, passwordFile } = await preparePostgresHome(dataDir);
  const socketDir = await socketDirOf(clusterDir);
  if (socketDir === null || !existsSync(join(socketDir, ".s.PGSQL.5432"))) return null;
  return connectionOf(socketDir, (await readFile(passwordFile, "utf8")).trim());
}

export class PostgresServer {
  readonly #home: PostgresHome;
  readonly #logger: Logger;
  readonly #onGone: (reason: string) => void;
  #child: ChildProcess | null = null;
  #socketDir = "";
  #password = "";
  #stopping = false;
  #restartsAtMs: number[] = [];

  private constructor(home: PostgresHome, logger: Logger, onGone: (reason: string) => void) {
    this.#home = home;
    this.#logger = logger;
    this.#onGone = onGone;
  }

  /**
   * Starts a server whose cluster lies under `dataDir`; makes the cluster at the first start.
   *
   * @param onGone called once when the server keeps dying and will not be started again
   * @throws StartError where the machine or the folder does not allow it
   */
  static async start(dataDir: string, logger: Logger, onGone: (reason: string) => void): Promise<PostgresServer> {
    const server = new PostgresServer(await preparePostgresHome(dataDir), logger, onGone);
    await server.#prepare();
    try {
      await server.#spawn();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get connection(): PostgresConnection {
    return connectionOf(this.#socketDir, this.#password);
  }

  /** The server's process id, for tests that kill it and for health. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Where the cluster lies, and what to say about it where it is not in the data folder. */
  get place(): { clusterDir: string; moved: boolean } {
    return { clusterDir: this.#home.clusterDir, moved: this.#home.moved };
  }

  /** Ends the server: politely, then without its checkpoint, and by force where it does not answer at all. */
  async stop(msMax = stopMsMax): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      // SIGINT is PostgreSQL's fast shutdown: connections end, a checkpoint is written.
      child.kill("SIGINT");
      const quit = setTimeout(() => child.kill("SIGQUIT"), msMax * 0.7);
      // What is committed is in its log, which the next start replays.
      const kill = setTimeout(() => void killWhatWorksIn(this.#home.clusterDir, child), msMax);
      await gone;
      clearTimeout(quit);
      clearTimeout(kill);
    }
    if (this.#socketDir !== "") await rm(this.#socketDir, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const { clusterDir, passwordFile, user } = this.#home;
    const leftSocketDir = await socketDirOf(clusterDir);
    await endLeftover(clusterDir, this.#logger);
    if (leftSocketDir !== null) await rm(leftSocketDir, { recursive: true, force: true });
    // The path of a Unix socket holds at most 107 bytes, and a data folder may lie deeper than that.
    this.#socketDir = await mkdtemp(join(tmpdir(), socketDirPrefix));
    if (user !== null) await chown(this.#socketDir, user, user);
    if (existsSync(join(clusterDir, "PG_VERSION"))) {
      this.#password = (await readFile(passwordFile, "utf8")).trim();
      return;
    }
    // A cluster is made beside its place and moved there whole: one that a kill left half made would never start. Its name is new
    // each time, because the initdb of a killed Hearth may still be writing into the one before.
    const parent = dirname(clusterDir);
    await mkdir(parent, { recursive: true });
    const unfinished = (await readdir(parent)).filter((name) => name.startsWith(`${basename(clusterDir)}.new-`));
    for (const name of unfinished) await rm(join(parent, name), { recursive: true, force: true });
    await rm(clusterDir, { recursive: true, force: true });
    const newDir = await mkdtemp(`${clusterDir}.new-`);
    this.#password = randomBytes(24).toString("base64url");
    await writeFile(passwordFile, `${this.#password}\n`, { mode: 0o600 });
    await chmod(passwordFile, 0o600);
    if (user !== null) {
      await chown(newDir, user, user);
      await chown(passwordFile, user, user);
    }
    const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const access = ["--username=hearth", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--no-instructions"];
    await run(this.#home, "initdb", ["-D", newDir, ...locale, ...access]);
    await rename(newDir, clusterDir);
  }

  async #spawn(): Promise<void> {
    const { binDir, clusterDir, user } = this.#home;
    const args = ["-D", clusterDir, "-k", this.#socketDir, ...settings.flatMap((setting) => ["-c", setting])];
    const child = spawn(join(binDir, "postgres"), args, {
      cwd: clusterDir,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      ...(user === null ? {} : { uid: user, gid: user }),
    });
    this.#child = child;
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
    });
    child.once("error", (error) => {
      said = error.message;
    });
    child.once("exit", (code, signal) => {
      if (this.#stopping || this.#child !== child) return;
      this.#logger.error({ event: "postgres.exited", code, signal, said });
      void this.#restart();
    });
    await this.#untilReady(child, () => said);
  }

  /** PostgreSQL writes `ready` on the last line of its pid file once it takes connections. */
  async #untilReady(child: ChildProcess, said: () => string): Promise<void> {
    const pidFile = join(this.#home.clusterDir, "postmaster.pid");
    for (let waitedMs = 0; waitedMs < startSecondsMax * 1_000; waitedMs += 20) {
      const lines = (await readFile(pidFile, "utf8").catch(() => "")).split("\n");
      if (lines[0] === String(child.pid) && lines[7]?.trim() === "ready") return;
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) break;
      await sleep(20);
    }
    throw new StartError(
      `The database under HEARTH_DATA_DIR (${this.#home.clusterDir}) did not start: ${lastFatal(said())}`,
    );
  }

  async #restart(): Promise<void> {
    for (;;) {
      const nowMs = performance.now();
      this.#restartsAtMs = [...this.#restartsAtMs.filter((atMs) => nowMs - atMs < 60_000), nowMs];
      if (this.#restartsAtMs.length > restartsPerMinuteMax) {
        this.#onGone("PostgreSQL ended five times in a minute");
        return;
      }
      await sleep(200 * this.#restartsAtMs.length);
      if (this.#stopping) return;
      try {
        // Backends of a killed server may live on, and hold the shared memory that the next one needs.
        await endLeftover(this.#home.clusterDir, this.#logger);
        if (this.#stopping) return;
        await this.#spawn();
        this.#logger.warn({ event: "postgres.restarted", pid: this.pid });
        return;
      } catch (error) {
        this.#logger.error({ event: "postgres.restart_failed", error: String(error) });
      }
    }
  }
}
