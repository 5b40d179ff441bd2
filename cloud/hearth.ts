/**
 * Hearth as one process: the parts, made and joined here and nowhere else.
 *
 *   data folder -> certificates, PostgreSQL (child) -> migrations -> slices -> HTTP, HTTPS -> gateway (thread) -> ready
 *   and, with the first campaign, its thread
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { ClientConfig } from "pg";
import { consoleDistDir, ensureConsole } from "./http/console-build.ts";
import { consoleRoutes } from "./http/console-routes.ts";
import { createHttp } from "./http/http.ts";
import { KeyGuard } from "./http/key-guard.ts";
import { type Clock, sleep } from "./platform/clock.ts";
import { type Config, StartError } from "./platform/config.ts";
import { lockDataDir } from "./platform/data-lock.ts";
import { mailWithKey } from "./platform/dkim-key.ts";
import { Database, migrate } from "./platform/database.ts";
import { lockDatabase } from "./platform/database-lock.ts";
import { GatewayWorker } from "./platform/gateway-worker.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import { limitsPossible, openFilesMax } from "./platform/open-files.ts";
import { PostgresServer } from "./platform/postgres-server.ts";
import { erasedFileName, openDataDir, secretFile, signingKeyFile } from "./platform/storage.ts";
import { CampaignThread, type CampaignThreadData } from "./campaign-thread.ts";
import { GatewayHub } from "./gateway-hub.ts";
import {
  type Addresses,
  listenForPeople,
  mqttAddresses,
  networkHosts,
  openCertificates,
  type Root,
  rootOf,
} from "./listening.ts";
import { problemCatalogue, routes } from "./routes.ts";
import { createSlices } from "./slices.ts";
import { startTickers } from "./tickers.ts";

export interface HearthDeps {
  config: Config;
  logger: Logger;
  clock: Clock;
  ids: Ids;
  /** A part keeps dying; the process should end with this reason. */
  onGone: (reason: string) => void;
}

export interface Hearth {
  addresses: Addresses;
  /** Where people find the console: the public address in production, this machine's own in development. */
  site: string;
  /** Whether neighbours in the network may try it, and under which addresses of this machine. */
  lanHosts: string[] | null;
  root: Root;
  dataDir: string;
  /** Where the database lies when that is not under the data folder. */
  databasePlace: string | null;
  /** The first admin key, in the one start that made it. */
  firstKey: string | null;
  /** How many devices can be connected at once, and the limit of open files that may be the reason. */
  connectionsMax: number;
  filesMax: number | null;
  stop(): Promise<void>;
}

const databaseConnectionsMax = 24;
const drainMsMax = 4_000;
const gatewayStopMsMax = 2_000;
const spoolDirName = "spool";

/** All of an orderly end; what is left of it when everything else has ended is PostgreSQL's. */
const stopMsMax = 9_500;
const stopMsForPostgres = 2_000;
/** A step of the end that has no word of its own on how long it may take. */
const stepMsMax = 1_000;
const stepMsMin = 100;

type Step = (leftMs: number) => Promise<unknown>;

/**
 * Undoes what was started, in the opposite order; each step is tried whatever became of the others. One that takes too long, as all do
 * that wait for a database that does not answer, is left behind.
 */
class Undo {
  readonly #steps: { step: Step; msMax: number }[] = [];

  add(step: Step, msMax = stepMsMax): void {
    this.#steps.push({ step, msMax });
  }

  async run(logger: Logger): Promise<void> {
    const beganAtMs = performance.now();
    for (const { step, msMax } of this.#steps.splice(0).toReversed()) {
      const leftMs = beganAtMs + stopMsMax - performance.now();
      const mayTakeMs = Math.max(stepMsMin, Math.min(msMax, msMax === stopMsMax ? leftMs : leftMs - stopMsForPostgres));
      const done = step(leftMs).catch((error: unknown) => logger.error({ event: "service.stop_failed", err: error }));
      await Promise.race([done, sleep(mayTakeMs)]);
    }
  }
}

/**
 * Starts everything.
 *
 * @throws StartError for what the person who starts it can put right; whatever had been started is stopped again
 */
export async function startHearth(deps: HearthDeps): Promise<Hearth> {
  const undo = new Undo();
  try {
    return await start(deps, undo);
  } catch (error) {
    await undo.run(deps.logger);
    throw error;
  }
}

async function start(deps: HearthDeps, undo: Undo): Promise<Hearth> {
  const { config, logger, clock, ids } = deps;
  await openDataDir(config.dataDir);
  undo.add(await lockDataDir(config.dataDir));
  const opening = openCertificates(config, clock, logger);
  opening.catch(() => {});
  // A development's are made while the database starts, which takes longer; a file that cannot be used is told before there is one.
  if (config.certificates !== null) await opening;
  const mail = await mailWithKey(config.notices.mail);
  const { database, connection, place } = await openDatabase(deps, undo);
  const certificates = await opening;
  await migrate(database.db);

  const secret = await secretFile(config.dataDir, "files.key");
  const firmwareKeys = {
    timestamp: config.timestampKey ?? (await signingKeyFile(config.dataDir, "timestamp.key")),
    director: config.directorKey ?? (await signingKeyFile(config.dataDir, "director.key")),
  };
  const hub = new GatewayHub();
  const artifactsDir = join(config.dataDir, "artifacts");
  // Links need the address that HTTP got, which is known only once it listens; nothing asks for one before that.
  const address = { base: config.publicUrl ?? "" };
  const campaigns = new CampaignThread({
    clock,
    logger,
    startWorker() {
      const workerData: CampaignThreadData = {
        connection,
        artifactsDir,
        secret,
        publicUrl: address.base,
        firmwareKeys,
        notices: { mail, reach: config.notices.reach },
        logLevel: config.logLevel,
      };
      return new Worker(new URL("./campaign-worker.ts", import.meta.url), { workerData, name: "campaigns" });
    },
    onWaiting: (deviceIds, how) => slices.deliveries.waits(deviceIds, how),
    onDied: (sinceMs) => slices.deliveries.untold(sinceMs),
  });
  const slices = createSlices({
    database,
    clock,
    ids,
    logger,
    hub,
    artifactsDir,
    spoolDir: join(config.dataDir, spoolDirName),
    erasedFile: join(config.dataDir, erasedFileName),
    secret,
    firmwareKeys,
    publicUrl: () => address.base,
    fleetCa: () => certificates.fleet,
    deviceCertificateMs: config.deviceCertificateMs,
    retention: config.retention,
    influx: config.influx,
    notices: { ...config.notices, mail },
    carryOutCampaigns: () => campaigns.carryOut(),
  });
  await slices.load();
  const again = await slices.rights.eraseAgain();
  if (again > 0) logger.warn({ event: "rights.erased_again", households: again });
  undo.add(() => slices.ingest.stop());
  undo.add(async () => slices.points?.stop());
  undo.add(async () => hub.stop());
  undo.add(async () => slices.telemetry.stop());
  undo.add(() => slices.dispatcher.stop());
  undo.add(() => slices.events.stop());
  undo.add(() => slices.webhooks.stop());
  undo.add(() => slices.backtests.stop());
  undo.add(() => slices.security.flush());
  undo.add(() => slices.wires.stop());
  undo.add(() => slices.service.caseStreams.stop());
  undo.add(() => slices.tails.stop());
  undo.add(() => slices.sampling.stop());

  const filesMax = await openFilesMax();
  const limits = limitsPossible(config.limits, filesMax);
  const startedAtMs = clock.nowMs();
  const gateway = new GatewayWorker({
    config: {
      gatewayId: "main",
      mqtt: config.mqtt,
      mqtts: { ...config.mqtts, tls: certificates.tls },
      spoolDir: join(config.dataDir, spoolDirName),
      spoolBytesMax: config.spoolBytesMax,
      logLevel: config.logLevel,
      limits,
    },
    logger,
    onLink: (port) => hub.attach(port, slices.linkDeps),
    onGone: deps.onGone,
  });
  const console = buildConsole(logger);
  undo.add(console.stop);
  const keyGuard = new KeyGuard({ clock, note: (refused) => slices.security.note(refused) });
  const app = await createHttp({
    logger,
    strictTransport: config.mode === "production",
    authenticate: (key) => slices.authenticate(key),
    keyGuard,
    routes: (server) =>
      routes(server, {
        slices,
        hub,
        gateway,
        campaigns,
        database,
        certificates,
        clock,
        startedAtMs,
        embedded: config.databaseUrl === undefined,
        filesMax,
        keyGuard,
      }),
    problems: problemCatalogue,
  });
  consoleRoutes(app, consoleDistDir, console.notReady);
  const listening = await listenForPeople(app, config, certificates, (close) => undo.add(close));
  // A board in the network reaches the secure one alone.
  address.base ||= config.mode === "lan" ? listening.https : listening.http;

  undo.add(() => gateway.stop(), gatewayStopMsMax);
  certificates.onRenewed(() => {
    gateway.useTls(certificates.tls);
    hub.send({ kind: "tls", material: certificates.tls });
  });
  await gateway.start();
  const tickers = startTickers(slices, hub, certificates, clock, logger);
  undo.add(() => Promise.all(tickers.map((ticker) => ticker.stop())));
  undo.add(() => campaigns.stop());
  undo.add(() => {
    gateway.expectEnd();
    return hub.drain(drainMsMax);
  }, drainMsMax + stepMsMax);
  // Last: it is shown once, and a start that failed before this line would have made a key that nobody ever saw.
  const firstKey = await slices.staff.createFirstKey();

  return {
    addresses: { ...listening, ...mqttAddresses(config, gateway.ports) },
    site: config.mode === "production" ? address.base : listening.http,
    lanHosts: config.mode === "lan" ? networkHosts(config) : null,
    root: rootOf(certificates, config),
    dataDir: config.dataDir,
    databasePlace: place,
    firstKey,
    connectionsMax: limits.connectionsMax,
    filesMax,
    stop: () => undo.run(logger),
  };
}

interface OpenDatabase {
  database: Database;
  connection: ClientConfig;
  /** Where it lies when that is not under the data folder. */
  place: string | null;
}

async function openDatabase(deps: HearthDeps, undo: Undo): Promise<OpenDatabase> {
  const { config, logger, onGone } = deps;
  let connection: ClientConfig = { connectionString: config.databaseUrl };
  let place: string | null = null;
  if (config.databaseUrl === undefined) {
    const server = await PostgresServer.start(config.dataDir, logger, onGone);
    // Its own stop keeps to what is left, and ends it by force.
    undo.add((leftMs) => server.stop(Math.max(stepMsMin, leftMs - stepMsMin)), stopMsMax);
    connection = server.connection;
    place = server.place.moved ? server.place.clusterDir : null;
  }
  // A connection that has not ended in time is cut off with the database, and that is as it should be.
  let closing = false;
  const database = new Database({
    connection,
    connectionsMax: databaseConnectionsMax,
    onError(error) {
      if (!closing) logger.warn({ event: "database.connection_lost", error: error.message });
    },
  });
  undo.add(() => {
    closing = true;
    return database.close();
  });
  try {
    undo.add(await lockDatabase(database, onGone));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `DATABASE_URL does not lead to a database that answers (${why}): check its host, user and password.`,
    );
  }
  return { database, connection, place };
}

/** Builds the console beside everything else: devices do not wait for a page. Whoever opens it too soon is told. */
function buildConsole(logger: Logger): { notReady: () => string | null; stop: () => Promise<void> } {
  let sentence: string | null = "The console is being built. This takes a few seconds; the page loads by itself.";
  const calledOff = new AbortController();
  const build = async () => {
    try {
      await ensureConsole(calledOff.signal);
      sentence = null;
    } catch (error) {
      if (calledOff.signal.aborted) return;
      sentence = "The console could not be built. The log says why; the API and the devices are not affected.";
      logger.error({ event: "console.build_failed", err: error });
    }
  };
  const building = build();
  return {
    notReady: () => sentence,
    async stop() {
      calledOff.abort();
      await building;
    },
  };
}
