/** The slices that bring software to appliances: releases, their rollouts, and what owners and other update clients say to them. */
import type { KeyObject } from "node:crypto";
import { Ddi } from "./ddi/ddi.ts";
import { type Deliveries, OwnerUpdates, UpdateNotices } from "./deliveries/deliveries.ts";
import type { DeviceRef, Devices } from "./devices/devices.ts";
import type { Outbox } from "./events/events.ts";
import { Firmware } from "./firmware/firmware.ts";
import type { Households } from "./households/households.ts";
import type { Clock } from "./platform/clock.ts";
import type { Db } from "./platform/database.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import { Rollouts } from "./rollouts/rollouts.ts";
import type { Audit } from "./staff/staff.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

interface SoftwareSlicesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  audit: Audit;
  outbox: Outbox;
  devices: Devices;
  deliveries: Deliveries;
  households: Households;
  telemetry: Telemetry;
  artifactsDir: string;
  /** Of this installation, and not in the database. */
  secret: Buffer;
  publicUrl: () => string;
  firmwareKeys: { timestamp: KeyObject; director: KeyObject };
}

/** Makes them and tells each what it needs of the others. */
export function createSoftwareSlices(deps: SoftwareSlicesDeps) {
  const { db, clock, ids, logger, audit, outbox, devices, deliveries, households, telemetry } = deps;
  const ownerUpdates = new OwnerUpdates({ db, clock, outbox, audit, deliveries, appliances: devices });
  const updateNotices = new UpdateNotices({ clock, deliveries });
  const firmware = new Firmware({
    db,
    clock,
    ids,
    outbox,
    audit,
    devices,
    deliveries,
    artifactsDir: deps.artifactsDir,
    linkSecret: deps.secret,
    timestampKey: deps.firmwareKeys.timestamp,
    directorKey: deps.firmwareKeys.director,
    publicUrl: deps.publicUrl,
  });
  const ddi = new Ddi({
    db,
    clock,
    ids,
    audit,
    deliveries,
    devices,
    firmware,
    timeZoneOf: (device) => timeZoneOf(devices, households, device),
    secret: deps.secret,
    publicUrl: deps.publicUrl,
  });
  const rollouts = new Rollouts({
    db,
    clock,
    ids,
    outbox,
    audit,
    models: devices,
    deliveries,
    firmware,
    telemetry,
    notices: updateNotices,
    onError: (error, rolloutId) => logger.warn({ event: "rollout.failed", rolloutId, error: String(error) }),
  });
  deliveries.log.nameRollouts((wanted) => rollouts.namesOf(wanted));
  return { ownerUpdates, updateNotices, firmware, ddi, rollouts };
}

/** Where the clock on the wall goes that an appliance goes by: its own word first, then its household's. */
async function timeZoneOf(devices: Devices, households: Households, device: DeviceRef): Promise<string> {
  const own = (await devices.get(device.id))?.time_zone ?? null;
  if (own !== null || device.householdId === null) return own ?? "UTC";
  return (await households.timeZoneOf([device.householdId])).get(device.householdId)?.timeZone ?? "UTC";
}
