/** All routes of Hearth on a database of their own, with a key for each role and everything that any answer said. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { GatewayHub } from "../../cloud/gateway-hub.ts";
import { consoleRoutes } from "../../cloud/http/console-routes.ts";
import { createHttp } from "../../cloud/http/http.ts";
import { KeyGuard } from "../../cloud/http/key-guard.ts";
import { newRoot } from "../../cloud/pki/pki.ts";
import { systemClock } from "../../cloud/platform/clock.ts";
import { transaction } from "../../cloud/platform/database.ts";
import { GatewayWorker } from "../../cloud/platform/gateway-worker.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { problemCatalogue, routes } from "../../cloud/routes.ts";
import { createSlices, type Slices } from "../../cloud/slices.ts";
import { type OwnerPrincipal, type Permission, type StaffRole, staffRoles } from "../../cloud/staff/staff.ts";
import { gatewayLimits } from "#protocol/link/limits.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { newFirmwareKeys } from "../support/release-kit.ts";
import { unknownId } from "./requests.ts";

/** Who asks: staff of a role, or a person of a household; `stranger` is the owner of another one. */
export type Actor = StaffRole | OwnerActor;
export const ownerActors = ["owner", "member", "stranger"] as const;
type OwnerActor = (typeof ownerActors)[number];

export interface KnownRoute {
  /** `GET /api/v1/devices/:id` */
  name: string;
  method: string;
  url: string;
  permission: Permission | "open" | "anyone";
  /** Whoever has no key may come in as nobody. */
  keyless: boolean;
}

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
}

export interface WholeApi {
  base: TestDatabase;
  app: FastifyInstance;
  /** Everything under /api/v1 and /files, and /metrics, as fastify knows it; without the HEAD that comes with every GET. */
  routes: KnownRoute[];
  ask(route: { method: string; url: string }, who: Actor | null, send?: Sent): Promise<Answer>;
  /** The person that an actor is at the moment: somebody new where what they did ended their key. */
  person(who: OwnerActor): Promise<OwnerPrincipal>;
  close(): Promise<void>;
}

export interface Sent {
  body?: unknown;
  /** As it stands, in place of `body`. */
  raw?: string;
  contentType?: string;
}

/** Who each person is at the moment; they and their households are made as they are asked for. */
function peopleOf({ db }: TestDatabase, { households }: Slices, secrets: Map<Actor, string>) {
  const houses = new Map<"home" | "strangers", string>();
  return async function person(who: OwnerActor): Promise<OwnerPrincipal> {
    const role = who === "member" ? "member" : "owner";
    const now = await households.members.authenticate(secrets.get(who) ?? "");
    if (now?.role === role) return now;
    const house = who === "stranger" ? "strangers" : "home";
    const found = await households.get(houses.get(house) ?? unknownId);
    const hasRoom = role === "member" || found?.household.members.every((one) => one.role === "member") === true;
    const preferences = { name: house, locale: "en", timeZone: "UTC", channels: quiet };
    const { id } =
      found !== null && hasRoom ? found.household : await households.create({ kind: "system" }, preferences);
    houses.set(house, id);
    const { secret } = await transaction(db, (tx) => households.members.add(tx, id, { name: who, email: null, role }));
    secrets.set(who, secret);
    return person(who);
  };
}

const isOwnerActor = (who: Actor | null): who is OwnerActor => ownerActors.some((actor) => actor === who);
const quiet = { order: [], quiet: null, perWeekMax: null };

export async function createWholeApi(): Promise<WholeApi> {
  const base = await createTestDatabase();
  const dir = await mkdtemp(join(tmpdir(), "hearth-api-"));
  await writeFile(join(dir, "index.html"), "<!doctype html><title>Hearth</title>");
  const logger = createLogger("silent");
  const hub = new GatewayHub();
  const fleet = await newRoot(
    { commonName: "Fleet", organisation: "Makers" },
    { nowMs: Date.now(), validMs: 86_400_000 },
  );
  const slices = createSlices({
    database: base.database,
    clock: systemClock,
    ids: randomIds,
    logger,
    hub,
    artifactsDir: join(dir, "artifacts"),
    secret: Buffer.alloc(32, 7),
    firmwareKeys: newFirmwareKeys(),
    publicUrl: () => "http://127.0.0.1",
    fleetCa: () => fleet,
    deviceCertificateMs: 0,
  });
  await slices.load();
  // Not started: no route needs it, and health says that it does not listen.
  const gateway = new GatewayWorker({
    config: {
      gatewayId: "main",
      mqtt: { host: "127.0.0.1", port: 0 },
      mqtts: null,
      spoolDir: dir,
      spoolBytesMax: 0,
      logLevel: "silent",
      limits: gatewayLimits,
    },
    logger,
    onLink() {},
    onGone() {},
  });
  const known: KnownRoute[] = [];
  const keyGuard = new KeyGuard({ clock: systemClock, note: (refused) => slices.security.note(refused) });
  const app = await createHttp({
    logger,
    authenticate: (key) => slices.authenticate(key),
    keyGuard,
    routes(server) {
      server.addHook("onRoute", ({ method, url, config }) => {
        for (const one of [method].flat()) {
          if (one === "HEAD" || config?.permission === undefined || url.endsWith("*")) continue;
          const { permission, keyless = false } = config;
          known.push({ name: `${one} ${url}`, method: one, url, permission, keyless });
        }
      });
      const embedded = true;
      const deps = {
        slices,
        hub,
        gateway,
        campaigns: { failure: null },
        database: base.database,
        certificates: { root: "", problems: () => [] },
        clock: systemClock,
        startedAtMs: 0,
        filesMax: null,
        keyGuard,
      };
      routes(server, { ...deps, embedded });
    },
    problems: problemCatalogue,
  });
  consoleRoutes(app, dir, () => null);
  await app.ready();
  const secrets = new Map<Actor, string>();
  for (const role of staffRoles)
    secrets.set(role, (await slices.staff.createKey({ kind: "system" }, role, role)).secret);
  const person = peopleOf(base, slices, secrets);

  return {
    base,
    app,
    routes: known.filter(({ url }) => url.startsWith("/api/v1/") || url.startsWith("/files/") || url === "/metrics"),
    person,
    async ask({ method, url }, who, { body, raw, contentType = "application/json" } = {}) {
      // Where the database is away the key from before must do.
      if (isOwnerActor(who)) await person(who).catch(() => null);
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await app.inject({
        method: method as "GET",
        url,
        headers: {
          ...(who === null ? {} : { authorization: `Bearer ${secrets.get(who)}` }),
          ...(payload === undefined ? {} : { "content-type": contentType }),
        },
        ...(payload === undefined ? {} : { payload }),
      });
      const isJson = String(response.headers["content-type"]).includes("json") && response.body !== "";
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        body: isJson ? response.json() : null,
      };
    },
    async close() {
      await app.close();
      await base.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
