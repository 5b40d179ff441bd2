/** All routes of Hearth on a database of their own, with a key for each role and everything that any answer said. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { GatewayHub } from "../../cloud/gateway-hub.ts";
import { consoleRoutes } from "../../cloud/http/console-routes.ts";
import { createHttp } from "../../cloud/http/http.ts";
import { newRoot } from "../../cloud/pki/pki.ts";
import { systemClock } from "../../cloud/platform/clock.ts";
import { GatewayWorker } from "../../cloud/platform/gateway-worker.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { problemCatalogue, routes } from "../../cloud/routes.ts";
import { createSlices } from "../../cloud/slices.ts";
import { type Permission, type StaffRole, staffRoles } from "../../cloud/staff/staff.ts";
import { gatewayLimits } from "#protocol/link/limits.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

export interface KnownRoute {
  /** `GET /api/v1/devices/:id` */
  name: string;
  method: string;
  url: string;
  permission: Permission | "open" | "anyone";
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
  /** Everything under /api/v1 and /files, as fastify knows it; without the HEAD that comes with every GET. */
  routes: KnownRoute[];
  ask(route: { method: string; url: string }, role: StaffRole | null, send?: Sent): Promise<Answer>;
  close(): Promise<void>;
}

export interface Sent {
  body?: unknown;
  /** As it stands, in place of `body`. */
  raw?: string;
  contentType?: string;
}

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
    publicUrl: () => "http://127.0.0.1",
    fleetCa: () => fleet,
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
  const app = await createHttp({
    logger,
    authenticate: (key) => slices.staff.authenticate(key),
    routes(server) {
      server.addHook("onRoute", ({ method, url, config }) => {
        for (const one of [method].flat()) {
          if (one === "HEAD" || config?.permission === undefined || url.endsWith("*")) continue;
          known.push({ name: `${one} ${url}`, method: one, url, permission: config.permission });
        }
      });
      const embedded = true;
      const deps = {
        slices,
        hub,
        gateway,
        database: base.database,
        clock: systemClock,
        startedAtMs: 0,
        filesMax: null,
      };
      routes(server, { ...deps, embedded });
    },
    problems: problemCatalogue,
  });
  consoleRoutes(app, dir, () => null);
  await app.ready();
  const secrets = new Map<StaffRole, string>();
  for (const role of staffRoles)
    secrets.set(role, (await slices.staff.createKey({ kind: "system" }, role, role)).secret);

  return {
    base,
    app,
    routes: known.filter(({ url }) => url.startsWith("/api/v1/") || url.startsWith("/files/")),
    async ask({ method, url }, role, { body, raw, contentType = "application/json" } = {}) {
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await app.inject({
        method: method as "GET",
        url,
        headers: {
          ...(role === null ? {} : { authorization: `Bearer ${secrets.get(role)}` }),
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
