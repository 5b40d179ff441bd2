import { Devices } from "./devices/devices.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import type { GatewayLinkDeps } from "./ingest/gateway-link.ts";
import { Ingest, type IngestSlices } from "./ingest/ingest.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import { Staff } from "./staff/staff.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export interface SlicesDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  hub: GatewayHub;
  /** Where firmware images and media lie. */
  artifactsDir: string;
  /** Signs the links to files. */
  secret: Buffer;
  publicUrl: () => string;
}

export type Slices = ReturnType<typeof createSlices>;

/** Makes the slices and tells each what it needs of the others. */
export function createSlices(deps: SlicesDeps) {
  const { database, clock, ids, logger, hub } = deps;
  const db = database.db;
  const staff = new Staff({ db, clock, ids });
  const devices = new Devices({ db, clock, ids, audit: staff.audit });
  const telemetry = new Telemetry({ db, clock, layoutOf: (model) => devices.layout(model) });
  let bootId: string | null = null;

  const ingestSlices: IngestSlices = {
    findDevices: (wanted) => devices.find(wanted),
    prepareReadings: (facts) => telemetry.prepare(facts),
    readings: (client, facts) => telemetry.ingestReadings(client, facts),
    events: (tx, facts) => telemetry.ingestEvents(tx, facts),
    reported: (tx, facts) => devices.ingestReported(tx, facts),
    presence: (tx, facts) => devices.ingestPresence(tx, facts, bootId),
    receipts: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    replies: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    effects: async () => [],
  };
  const ingest = new Ingest({ database, slices: ingestSlices, clock, ids, logger });

  devices.onSignals({
    credentialsChanged: (deviceId, disconnect) => hub.send({ kind: "forget", deviceId, disconnect }),
    desiredChanged: () => {},
  });

  const linkDeps: Omit<GatewayLinkDeps, "send"> = {
    ingest,
    logger,
    async onBoot(gatewayId, newBootId) {
      bootId = newBootId;
      await devices.endOtherBoots(gatewayId, newBootId);
    },
    identify: (deviceId) => devices.identity(deviceId),
    feeds: async () => ({ version: 0, items: [] }),
    onReady() {},
    onWritten() {},
    onNotWritten() {},
  };

  return {
    staff,
    devices,
    telemetry,
    ingest,
    linkDeps,
    async load() {
      await devices.load();
      await telemetry.load();
    },
  };
}
