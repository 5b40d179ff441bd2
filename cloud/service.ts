/**
 * Hearth as one process: the parts, made and joined here and nowhere else.
 *
 *   data folder locked -> PostgreSQL (child) -> migrations -> slices -> HTTP -> gateway (thread) -> ready
 */
import { mkdir, access, constants } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type CloudMessage, gatewayLimits, type GatewayMessage } from "#protocol/link/messages.ts";
import { Devices, deviceProblems } from "./devices/devices.ts";
import { devicesRoutes, modelsRoutes } from "./devices/devices-routes.ts";
import { type Health, healthRoutes } from "./http/health-routes.ts";
import { createHttp } from "./http/http.ts";
import { overviewRoutes } from "./http/overview-routes.ts";
import { timelineRoutes } from "./http/timeline-routes.ts";
import { GatewayLink } from "./ingest/gateway-link.ts";
import { Ingest, ping } from "./ingest/ingest.ts";
import { ingestRoutes } from "./ingest/ingest-routes.ts";
import { type Clock, every, type Ticker } from "./platform/clock.ts";
import { type Config, StartError } from "./platform/config.ts";
import { lockDataDir } from "./platform/data-lock.ts";
import { Database, migrate } from "./platform/database.ts";
import { lockDatabase } from "./platform/database-lock.ts";
import { GatewayWorker } from "./platform/gateway-worker.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import { PostgresServer } from "./platform/postgres-server.ts";
import { Staff } from "./staff/staff.ts";
import { staffProblems } from "./staff/errors.ts";
import { staffRoutes } from "./staff/staff-routes.ts";
import { Telemetry } from "./telemetry/telemetry.ts";
import { telemetryRoutes } from "./telemetry/telemetry-routes.ts";
