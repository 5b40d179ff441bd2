/**
 * The cloud's parts over an embedded PostgreSQL of their own, without HTTP and with a clock that is set: what a bench asks that has to
 * take one part's time. In place of the gateway stands one to which every appliance listens that the registry calls online.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type pg from "pg";
import type { CloudMessage, GatewayMessage } from "#protocol/link/messages.ts";
import { GatewayHub } from "../../cloud/gateway-hub.ts";
import type { Source } from "../../cloud/ingest/ingest.ts";
import { Database, migrate } from "../../cloud/platform/database.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { PostgresServer } from "../../cloud/platform/postgres-server.ts";
import { createSlices, type Slices } from "../../cloud/slices.ts";
import { newFirmwareKeys } from "../support/release-kit.ts";
import { newDataDir, removeDataDir } from "../support/service-process.ts";
import { SetCampaignThread } from "../support/set-campaign-thread.ts";
import { SharedClock } from "../support/shared-clock.ts";
import { familyCpuMs } from "./process-figures.ts";

/** What is written as a warning would be lost among the figures, and would make them worthless. */
const logger = createLogger("warn");
const publicUrl = "https://hearth.example";

interface Running {
  server: PostgresServer;
  database: Database;
  slices: Slices;
  close(): Promise<void>;
}

export class CloudParts {
  readonly clock = new SharedClock();
  readonly source: Source = { gatewayId: "main", spoolEpoch: randomUUID() };
  readonly #dataDir: string;
  readonly #keys = newFirmwareKeys();
  #running: Running | null = null;
  /** Deliveries that the gateway was given. */
  handedDown = 0;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  static async start(): Promise<CloudParts> {
    const cloud = new CloudParts(await newDataDir());
    await cloud.#start();
    return cloud;
  }

  /** Ends everything, the database server too, and starts it again: nothing is left in memory but in the machine's file cache. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#stop();
    await removeDataDir(this.#dataDir);
  }

  get slices(): Slices {
    return this.#now.slices;
  }

  get db(): Database["db"] {
    return this.#now.database.db;
  }

  /** Time on processors so far of the database server, all its backends together. */
  get databaseCpuMs(): number {
    return familyCpuMs(this.#now.server.pid ?? 0);
  }

  /** A connection of one's own, as the up road has it. */
  async connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.#now.database.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** A handle without a bound on how long a statement takes: for what a bench prepares. */
  async preparing<T>(work: (db: Database["db"]) => Promise<T>): Promise<T> {
    const connection = { ...this.#now.server.connection, statement_timeout: 0 };
    const database = new Database({ connection, connectionsMax: 1, onError() {} });
    try {
      return await work(database.db);
    } finally {
      await database.close();
    }
  }

  get #now(): Running {
    if (this.#running === null) throw new Error("the cloud's parts are not running");
    return this.#running;
  }

  async #start(): Promise<void> {
    const server = await PostgresServer.start(this.#dataDir, logger, (reason) => {
      throw new Error(reason);
    });
    const database = new Database({ connection: server.connection, connectionsMax: 20, onError() {} });
    await migrate(database.db);
    const hub = new GatewayHub();
    const artifactsDir = join(this.#dataDir, "artifacts");
    const secret = Buffer.alloc(32, 9);
    const { connection } = server;
    const campaigns = new SetCampaignThread(
      { connection, artifactsDir, secret, publicUrl, firmwareKeys: this.#keys },
      this.clock,
      () => slices,
    );
    const slices = createSlices({
      database,
      clock: this.clock,
      ids: randomIds,
      logger,
      hub,
      artifactsDir,
      secret,
      firmwareKeys: this.#keys,
      publicUrl: () => publicUrl,
      fleetCa() {
        throw new Error("nobody is enrolled here");
      },
      deviceCertificateMs: 0,
      carryOutCampaigns: () => campaigns.carryOut(),
    });
    await slices.load();
    await slices.ingest.openSource(this.source);
    const { port1, port2 } = new MessageChannel();
    hub.attach(port1, slices.linkDeps);
    port2.on("message", (message: CloudMessage) => this.#takeDown(port2, message));
    const close = async () => {
      await campaigns.stop();
      hub.stop();
      port1.close();
      await slices.dispatcher.stop();
      await slices.events.stop();
      await slices.ingest.stop();
      await database.close();
      await server.stop();
    };
    this.#running = { server, database, slices, close };
  }

  async #stop(): Promise<void> {
    await this.#running?.close();
    this.#running = null;
  }

  #takeDown(port: MessagePort, message: CloudMessage): void {
    if (message.kind !== "deliver") return;
    this.handedDown += 1;
    const { ref, deviceId } = message;
    port.postMessage({ kind: "written", ref, deviceId, atMs: this.clock.nowMs() } satisfies GatewayMessage);
  }
}
