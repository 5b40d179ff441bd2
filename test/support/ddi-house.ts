/** hawkBit's device API on real slices and a database of its own, as its clients meet it: by HTTP. */
import { createHash } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type HawkbitClient, model as modelSchema } from "#protocol/model.ts";
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import { Ddi } from "../../cloud/ddi/ddi.ts";
import { ddiRoutes } from "../../cloud/ddi/ddi-routes.ts";
import { ddiStaffRoutes } from "../../cloud/ddi/ddi-staff-routes.ts";
import type { ImageRelease } from "../../cloud/ddi/downloads.ts";
import { Deliveries } from "../../cloud/deliveries/deliveries.ts";
import { deliveriesRoutes } from "../../cloud/deliveries/deliveries-routes.ts";
import { Devices } from "../../cloud/devices/devices.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { createHttp } from "../../cloud/http/http.ts";
import { KeyGuard } from "../../cloud/http/key-guard.ts";
import type { Clock } from "../../cloud/platform/clock.ts";
import { transaction } from "../../cloud/platform/database.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { Security } from "../../cloud/security/security.ts";
import { Staff, type StaffRole } from "../../cloud/staff/staff.ts";
import { SetClock } from "./down-road.ts";
import { ovenModel } from "./ovens.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

export interface DdiAnswer {
  status: number;
  headers: Record<string, unknown>;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
  text: string;
}

type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

export interface OfferOptions {
  consent?: "automatic" | "ask" | "given";
  notBeforeMs?: number | null;
  windows?: MaintenanceWindow[];
  lifeMs?: number;
}

const system = { kind: "system" } as const;

export class DdiHouse {
  readonly base: TestDatabase;
  readonly clock: Clock & { forward?: (ms: number) => number };
  readonly staff: Staff;
  readonly devices: Devices;
  readonly deliveries: Deliveries;
  readonly security: Security;
  readonly ddi: Ddi;
  readonly app: FastifyInstance;
  readonly dir: string;
  /** Where it listens; `inject` needs none. */
  url = "https://hearth.example";
  zone = "UTC";
  readonly #releases = new Map<string, ImageRelease & { releaseCounter: number; file: string }>();

  private constructor(parts: Pick<DdiHouse, "base" | "clock" | "dir">, app: (house: DdiHouse) => FastifyInstance) {
    const { base, clock, dir } = parts;
    this.base = base;
    this.clock = clock;
    this.dir = dir;
    const shared = { db: base.db, clock, ids: randomIds };
    const outbox = new Outbox(randomIds);
    this.staff = new Staff(shared);
    this.devices = new Devices({ ...shared, audit: this.staff.audit });
    this.deliveries = new Deliveries({ ...shared, outbox, audit: this.staff.audit, devices: this.devices });
    this.security = new Security({ ...shared, outbox, logger: createLogger("silent") });
    this.staff.audit.onRecorded((tx, change) => this.security.audited(tx, change));
    this.ddi = new Ddi({
      ...shared,
      audit: this.staff.audit,
      deliveries: this.deliveries,
      devices: this.devices,
      firmware: {
        release: async (id) => this.#releases.get(id) ?? null,
        openImageOf: async (id) => {
          const release = this.#releases.get(id);
          if (release === undefined) return null;
          const file = await open(release.file);
          return {
            length: release.length,
            read: ({ first, last }) => file.createReadStream({ start: first, end: last }),
            close: () => file.close(),
          };
        },
        counterOf: async (model, version) =>
          [...this.#releases.values()].find((one) => one.model === model && one.version === version)?.releaseCounter ??
          null,
      },
      timeZoneOf: async () => this.zone,
      secret: Buffer.alloc(32, 5),
      publicUrl: () => this.url,
    });
    this.app = app(this);
  }

  static async open(
    clock: DdiHouse["clock"] = new SetClock(),
    pollMs?: { idle: number; busy: number },
  ): Promise<DdiHouse> {
    const base = await createTestDatabase();
    const dir = await mkdtemp(join(tmpdir(), "hearth-ddi-"));
    let house: DdiHouse | undefined;
    const app = await createHttp({
      logger: createLogger("silent"),
      authenticate: async (key) => house?.staff.authenticate(key) ?? null,
      keyGuard: new KeyGuard({ clock, note() {} }),
      routes(server) {
        const made = new DdiHouse({ base, clock, dir }, () => server);
        house = made;
        const guard = new KeyGuard({ clock, note: (refused) => made.security.note(refused) });
        ddiRoutes(server, {
          ddi: made.ddi,
          guard,
          publicUrl: () => made.url,
          ...(pollMs === undefined ? {} : { pollMs }),
        });
        ddiStaffRoutes(server, made.ddi);
        deliveriesRoutes(server, made.deliveries);
      },
      problems: {},
    });
    await app.ready();
    if (house === undefined) throw new Error("no routes were asked for");
    await house.devices.load();
    await house.model("booted");
    return house;
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.base.drop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Lets real clients in, on a port of this machine. */
  async listen(): Promise<string> {
    this.url = await this.app.listen({ host: "127.0.0.1", port: 0 });
    return this.url;
  }

  /** The model of every appliance here: `oven`, or another of that key. */
  async model(
    success: HawkbitClient["success"] | null,
    key = "oven",
    more: Partial<HawkbitClient> = {},
  ): Promise<void> {
    const version = ((await this.devices.model(key))?.version ?? ovenModel.version - 1) + 1;
    const hawkbit = success === null ? {} : { hawkbit: { success, ...more } };
    const outcome = await this.devices.putModel(system, modelSchema.parse({ ...ovenModel, key, version, ...hawkbit }));
    if (outcome.kind === "refused") throw new Error(outcome.rule);
  }

  /** Registers an appliance. @returns its token */
  async oven(id: string, model = "oven"): Promise<string> {
    const outcome = await this.devices.register(system, [{ id, model }]);
    if (outcome.kind === "refused") throw new Error(outcome.rule);
    return outcome.tokens.get(id) ?? "";
  }

  async release(version: string, bytes: Uint8Array, fileName = `${version}.swu`, model = "oven"): Promise<string> {
    const id = randomIds.next();
    const file = join(this.dir, id);
    await writeFile(file, bytes);
    const digest = (name: string) => createHash(name).update(bytes).digest("hex");
    const hashes = { sha256: digest("sha256"), sha1: digest("sha1"), md5: digest("md5") };
    const path = `fw/${model}/${fileName}`;
    const releaseCounter = this.#releases.size + 1;
    this.#releases.set(id, { id, model, version, releaseCounter, path, length: bytes.length, ...hashes, file });
    return id;
  }

  /** Creates the delivery of a release. @returns its id */
  async offer(deviceId: string, releaseId: string, options: OfferOptions = {}): Promise<string> {
    const release = this.#releases.get(releaseId);
    const device = (await this.devices.find([deviceId])).get(deviceId);
    if (release === undefined || device === undefined) throw new Error("there is no such thing");
    const { consent = "automatic", notBeforeMs = null, windows = [], lifeMs = 30 * 86_400_000 } = options;
    const { path, sha256, length, releaseCounter, version } = release;
    const image = { releaseId, path, sha256, length, releaseCounter, version, security: false, notes: "" };
    const body = { ...image, rolloutId: null, consent, notBeforeMs, postponeUntilMsMax: null, windows };
    const expiresAtMs = this.clock.nowMs() + lifeMs;
    const shared = { kind: "firmware", subject: "firmware", label: version, priority: 5, expiresAtMs } as const;
    const { ids, afterCommit } = await transaction(this.base.db, (tx) =>
      this.deliveries.create(tx, [{ device, body, ...shared }]),
    );
    afterCommit();
    const [id] = ids;
    if (id === undefined) throw new Error("nothing was created");
    return id;
  }

  /** What became of a delivery: phase, step, and everything that was said of it. */
  async delivery(id: string) {
    const found = await this.deliveries.get(id);
    if (found === null) throw new Error("there is no such delivery");
    return { ...found.delivery, receipts: found.receipts };
  }

  async key(role: StaffRole): Promise<string> {
    return (await this.staff.createKey(system, role, role)).secret;
  }

  /** One request; `authorization` as the header has it. */
  async ask(
    method: Method,
    url: string,
    sent: {
      authorization?: string;
      headers?: Record<string, string>;
      body?: unknown;
      raw?: string;
      address?: string;
    } = {},
  ): Promise<DdiAnswer> {
    const payload = sent.raw ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
    const response = await this.app.inject({
      method,
      url: url.replace(/^https?:\/\/[^/]+/, ""),
      remoteAddress: sent.address ?? "192.0.2.7",
      headers: {
        ...(sent.authorization === undefined ? {} : { authorization: sent.authorization }),
        ...(payload === undefined ? {} : { "content-type": "application/json;charset=UTF-8" }),
        ...sent.headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = String(response.headers["content-type"]).includes("json") && response.body !== "";
    const { statusCode: status, headers, body: text } = response;
    return { status, headers, text, body: isJson ? response.json() : null };
  }
}

/** A client that does what it is told, one request at a time. */
export class DdiClient {
  readonly #house: DdiHouse;
  readonly id: string;
  readonly authorization: string;

  constructor(house: DdiHouse, id: string, authorization: string) {
    this.#house = house;
    this.id = id;
    this.authorization = authorization;
  }

  ask(method: Method, path: string, sent: Omit<Parameters<DdiHouse["ask"]>[2] & object, "authorization"> = {}) {
    const { authorization } = this;
    const url = path.startsWith("http") ? path : `/default/controller/v1/${this.id}${path}`;
    return this.#house.ask(method, url, { authorization, ...sent });
  }

  async links(): Promise<Record<string, { href: string }>> {
    const { status, body } = await this.ask("GET", "");
    if (status !== 200) throw new Error(`the base answered ${status}`);
    return body._links;
  }

  /** Polls, and reads what is to be installed. */
  async deployment(): Promise<{ actionId: number; artifact: DdiAnswer["body"]; body: DdiAnswer["body"] } | null> {
    const link = (await this.links())["deploymentBase"];
    if (link === undefined) return null;
    const { body } = await this.ask("GET", link.href);
    return { actionId: Number(body.id), artifact: body.deployment.chunks[0].artifacts[0], body };
  }

  report(actionId: number, execution: string, finished = "none", details: string[] = []) {
    const body = { id: String(actionId), status: { execution, result: { finished }, details } };
    return this.ask("POST", `/deploymentBase/${actionId}/feedback`, { body });
  }

  answerCancel(actionId: number, execution: string, finished = "success") {
    const body = { id: String(actionId), status: { execution, result: { finished }, details: [] } };
    return this.ask("POST", `/cancelAction/${actionId}/feedback`, { body });
  }

  put(data: Record<string, string>, mode?: string) {
    return this.ask("PUT", "/configData", { body: { ...(mode === undefined ? {} : { mode }), data } });
  }
}
