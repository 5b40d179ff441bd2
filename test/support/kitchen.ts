/**
 * All slices on a database of their own, with a clock that a test sets: appliances speak through the real up road, people through the
 * real API, and what the gateway would be told is kept.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { FastifyInstance } from "fastify";
import type { CloudMessage } from "#protocol/link/messages.ts";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import type { UpChannel } from "#protocol/topics.ts";
import { GatewayHub } from "../../cloud/gateway-hub.ts";
import { createHttp } from "../../cloud/http/http.ts";
import { KeyGuard } from "../../cloud/http/key-guard.ts";
import { GatewayWorker } from "../../cloud/platform/gateway-worker.ts";
import type { NoticeSettings } from "../../cloud/notices/notices.ts";
import { yieldToEvents } from "../../cloud/platform/clock.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { problemCatalogue, routes } from "../../cloud/routes.ts";
import { createSlices, type Slices } from "../../cloud/slices.ts";
import { type StaffRole, staffRoles } from "../../cloud/staff/staff.ts";
import type { InfluxConfig, Retention } from "../../cloud/telemetry/telemetry.ts";
import { gatewayLimits } from "#protocol/link/limits.ts";
import { SetClock } from "./down-road.ts";
import { ovenModel } from "./ovens.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";
import { newFirmwareKeys, ReleaseKit, type Sent } from "./release-kit.ts";
import { SetCampaignThread } from "./set-campaign-thread.ts";
import { SharedClock } from "./shared-clock.ts";

export interface KitchenAnswer {
  status: number;
  headers: Record<string, unknown>;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
}

/** A person of a household, as their key makes them. */
export interface Person {
  key: string;
  memberId: string;
  householdId: string;
}

export interface KitchenOptions {
  clock?: SetClock;
  /** Campaigns are carried out in their thread, as in Hearth. It goes by the kitchen's clock, which has to be a shared one then. */
  campaignsInThread?: boolean;
  /** Base of every link. */
  publicUrl?: () => string;
  /** How long clients of hawkBit's device API wait between two polls. */
  ddiPollMs?: { idle: number; busy: number };
  /** How staff are told. */
  notices?: NoticeSettings;
  /** How long what appliances say is kept, where it is not as usual. */
  retention?: Retention;
  /** Keeps the readings, where the database does not. */
  influx?: InfluxConfig;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What a gateway says of itself to which nothing is connected. */
export const quietGateway = {
  connections: 0,
  spoolRecords: 0,
  spoolBytes: 0,
  spoolBytesMax: 0,
  spoolOldestMs: 0,
  spoolFull: false,
  held: 0,
  connectsWaiting: 0,
  heldBack: 0,
  sessions: 0,
  queued: 0,
  queuedBytes: 0,
  retainedItems: 0,
  retainedBytes: 0,
  pubacks: { counts: [], sumMs: 0 },
  counters: {},
};

/** A model of another kind than the kitchen's ovens. */
export const hobModel = {
  key: "hob",
  version: 1,
  brand: "B",
  name: "Hob",
  kind: "other",
  hardwareIds: ["k1", "k2"],
  locales: ["en"],
  metrics: [],
  capabilities: {},
};

export class Kitchen {
  readonly base: TestDatabase;
  readonly slices: Slices;
  readonly clock: SetClock;
  readonly app: FastifyInstance;
  readonly artifactsDir: string;
  /** Null where the kitchen carries out campaigns itself. */
  readonly campaigns: SetCampaignThread | null;
  /** What went down to the gateway. */
  readonly told: CloudMessage[] = [];
  readonly #staffKeys = new Map<StaffRole, string>();
  readonly #link = new MessageChannel();
  readonly #source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  readonly #hub: GatewayHub;
  #sequence = 0;
  #ovens = 0;
  #codes = 0;
  #homes = 0;

  private constructor(
    parts: Pick<Kitchen, "base" | "slices" | "clock" | "app" | "artifactsDir" | "campaigns">,
    hub: GatewayHub,
  ) {
    this.#hub = hub;
    this.campaigns = parts.campaigns;
    this.base = parts.base;
    this.slices = parts.slices;
    this.clock = parts.clock;
    this.app = parts.app;
    this.artifactsDir = parts.artifactsDir;
  }

  static async open(options: KitchenOptions = {}): Promise<Kitchen> {
    const { clock = new SetClock(), publicUrl = () => "https://hearth.example", ddiPollMs } = options;
    const { notices, retention, influx, campaignsInThread = false } = options;
    const base = await createTestDatabase();
    const artifactsDir = await mkdtemp(join(tmpdir(), "hearth-kitchen-"));
    const logger = createLogger("silent");
    const hub = new GatewayHub();
    const { database } = base;
    const [secret, firmwareKeys] = [Buffer.alloc(32, 9), newFirmwareKeys()];
    const newThread = () => {
      if (!(clock instanceof SharedClock)) throw new Error("the campaigns' thread cannot see this clock");
      const data = { connection: base.connection, artifactsDir, secret, firmwareKeys, publicUrl: publicUrl() };
      return new SetCampaignThread(data, clock, () => slices);
    };
    const campaigns = campaignsInThread ? newThread() : null;
    const slices = createSlices({
      database,
      clock,
      ids: randomIds,
      logger,
      hub,
      artifactsDir,
      secret,
      firmwareKeys,
      publicUrl,
      fleetCa() {
        throw new Error("nobody is enrolled here");
      },
      deviceCertificateMs: 0,
      ...(notices === undefined ? {} : { notices }),
      ...(retention === undefined ? {} : { retention }),
      ...(campaigns === null ? {} : { carryOutCampaigns: () => campaigns.carryOut() }),
      influx,
    });
    await slices.load();
    const tls = { mqtt: { host: "127.0.0.1", port: 0 }, mqtts: null };
    const config = { gatewayId: "main", ...tls, spoolDir: "/nowhere", spoolBytesMax: 0, logLevel: "silent" };
    // Not started: nothing here needs it.
    const gateway = new GatewayWorker({
      config: { ...config, limits: gatewayLimits },
      logger,
      onLink() {},
      onGone() {},
    });
    const keyGuard = new KeyGuard({ clock, note: (refused) => slices.security.note(refused) });
    const app = await createHttp({
      logger,
      authenticate: (key) => slices.authenticate(key),
      keyGuard,
      routes: (server) =>
        routes(server, {
          slices,
          hub,
          gateway,
          campaigns: campaigns ?? { failure: null },
          database,
          clock,
          startedAtMs: 0,
          embedded: true,
          filesMax: null,
          keyGuard,
          ...(ddiPollMs === undefined ? {} : { ddiPollMs }),
          certificates: { root: "", problems: () => [] },
        }),
      problems: problemCatalogue,
    });
    const kitchen = new Kitchen({ base, slices, clock, app, artifactsDir, campaigns }, hub);
    hub.attach(kitchen.#link.port1, slices.linkDeps);
    kitchen.#link.port2.on("message", (message: CloudMessage) => kitchen.told.push(message));
    await slices.ingest.openSource(kitchen.#source);
    for (const role of staffRoles) {
      const made = await slices.staff.createKey({ kind: "system" }, role, role);
      kitchen.#staffKeys.set(role, made.secret);
    }
    await kitchen.as("admin", "PUT", "/models/oven", ovenModel);
    return kitchen;
  }

  /** The gateway says that nothing waits in its spool. */
  async spoolIsEmpty(): Promise<void> {
    const nothing = { records: 0, oldestMs: 0 };
    const status = { ...quietGateway, behind: { effects: nothing, points: null } };
    this.#link.port2.postMessage({ kind: "status", status });
    while (this.#hub.status === null) await yieldToEvents();
  }

  async close(): Promise<void> {
    await this.app.close();
    this.#link.port1.close();
    await this.campaigns?.stop();
    await this.slices.dispatcher.stop();
    await this.slices.backtests.stop();
    await this.slices.events.stop();
    await this.slices.webhooks.stop();
    await this.slices.ingest.stop();
    await this.base.drop();
    await rm(this.artifactsDir, { recursive: true, force: true });
  }

  /** Registers appliances. */
  async ovens(...ids: string[]): Promise<void> {
    const devices = ids.map((id) => ({ id, model: "oven" }));
    const { status } = await this.as("admin", "POST", "/devices/batch", { devices });
    if (status !== 201) throw new Error(`the ovens were not registered: ${status}`);
  }

  /** One more appliance, of nobody. @returns its id */
  async newOven(): Promise<string> {
    this.#ovens += 1;
    const id = `oven-${this.#ovens}`;
    await this.ovens(id);
    return id;
  }

  /** Appliances say something, in one batch; `atMs` is now where it is left out, as is when it reached the gateway. */
  async say(...said: { device: string; channel: UpChannel; payload: object; receivedAtMs?: number }[]): Promise<void> {
    const nowMs = this.clock.nowMs();
    const records = said.map(({ device, channel, payload, receivedAtMs = nowMs }): SequencedRecord => {
      const sequence = this.#sequence;
      this.#sequence += 1;
      const bytes = Buffer.from(JSON.stringify({ atMs: nowMs, ...payload }));
      return { sequence, channel, deviceId: device, receivedAtMs, payload: bytes };
    });
    await this.slices.ingest.commit(this.#source, records);
  }

  event(device: string, type: string, data: object = {}, more: { id?: string; atMs?: number } = {}): Promise<void> {
    return this.say({ device, channel: "events", payload: { id: randomUUID(), type, data, ...more } });
  }

  /** An appliance shows a code, and says so. */
  async showCode(device: string, validMs = 600_000): Promise<string> {
    this.#codes += 1;
    const code = `C0DE${String(this.#codes).padStart(4, "0")}`;
    await this.event(device, "pairing.opened", { codeSha256: sha256(code), validMs });
    return code;
  }

  /** Somebody without a household pairs an appliance, and has one. */
  async newOwner(device: string, name = "Ada"): Promise<Person> {
    const code = await this.showCode(device);
    this.clock.forward(1);
    const { status, body } = await this.call(null, "POST", "/my/pair", { code, name });
    if (status !== 201) throw new Error(`${device} was not paired: ${JSON.stringify(body)}`);
    return { key: body.secret, memberId: body.you.memberId, householdId: body.household.id };
  }

  /** A household with an oven, whose name begins like this. */
  async newHome(name: string): Promise<Person & { oven: string }> {
    this.#homes += 1;
    const oven = `${name}-${this.#homes}`;
    await this.ovens(oven);
    return { ...(await this.newOwner(oven)), oven };
  }

  /** The owner invites somebody, who joins. */
  async newMember(by: Person, name = "Ben"): Promise<Person> {
    const { code } = (await this.call(by.key, "POST", "/my/invitations")).body;
    const { status, body } = await this.call(null, "POST", "/my/join", { code, name });
    if (status !== 201) throw new Error(`${name} did not join: ${JSON.stringify(body)}`);
    return { key: body.secret, memberId: body.member.id, householdId: body.household.id };
  }

  /** One request with a key, or without one. */
  async call(
    key: string | null,
    method: Method,
    url: string,
    payload?: object,
    address = "192.0.2.1",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<KitchenAnswer> {
    const response = await this.app.inject({
      method,
      url: `/api/v1${url}`,
      remoteAddress: address,
      headers: { ...headers, ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = String(response.headers["content-type"]).includes("json");
    return { status: response.statusCode, headers: response.headers, body: isJson ? response.json() : null };
  }

  /** A role's staff key, for those who come from outside. */
  staffKey(role: StaffRole): string {
    return this.#staffKeys.get(role) ?? "";
  }

  /** A team's keys and a signed repository with a family for each model, from which releases are published. */
  releaseKit(...models: string[]): Promise<ReleaseKit> {
    return ReleaseKit.open(
      (method, path, payload) => this.send("admin", method, path, payload),
      models.length === 0 ? ["oven"] : models,
      () => this.clock.nowMs(),
    );
  }

  /** One request with a role's key to any path; a Buffer goes as it is. */
  async send(role: StaffRole, method: Method, path: string, payload?: object | Buffer): Promise<Sent> {
    const response = await this.app.inject({
      method,
      url: path,
      headers: {
        authorization: `Bearer ${this.#staffKeys.get(role)}`,
        ...(Buffer.isBuffer(payload) ? { "content-type": "application/octet-stream" } : {}),
      },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = String(response.headers["content-type"]).includes("json") && response.body !== "";
    return { status: response.statusCode, body: isJson ? response.json() : response.body };
  }

  /** One request of a role under a key, so that it may be sent again. */
  once(role: StaffRole, idempotencyKey: string, url: string, payload: object): Promise<KitchenAnswer> {
    const headers = { "idempotency-key": idempotencyKey };
    return this.call(this.staffKey(role), "POST", url, payload, undefined, headers);
  }

  as(role: StaffRole, method: Method, url: string, payload?: object): Promise<KitchenAnswer> {
    return this.call(this.#staffKeys.get(role) ?? null, method, url, payload);
  }
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
