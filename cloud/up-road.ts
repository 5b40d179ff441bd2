/** What each slice is told of what the appliances say, and in which order. */
import type { Ddi } from "./ddi/ddi.ts";
import type { Deliveries, OwnerUpdates, QuietCommands } from "./deliveries/deliveries.ts";
import type { Devices } from "./devices/devices.ts";
import type { Events } from "./events/events.ts";
import { actsOf, asOwnedThen, type HouseholdAct, type Households, withoutCode } from "./households/households.ts";
import { type AfterCommit, Ingest, type IngestSlices, PointsReader } from "./ingest/ingest.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database, Db } from "./platform/database.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import type { Security } from "./security/security.ts";
import { type Service, withoutWords } from "./service/service.ts";
import type { FasterSampling, InfluxReadings, LiveTails, Telemetry } from "./telemetry/telemetry.ts";

interface UpRoadDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  devices: Devices;
  ddi: Ddi;
  telemetry: Telemetry;
  /** Keeps the readings, where the database does not. */
  influx: InfluxReadings | undefined;
  tails: LiveTails;
  sampling: FasterSampling;
  security: Security;
  deliveries: Deliveries;
  quiet: QuietCommands;
  ownerUpdates: OwnerUpdates;
  service: Service;
  households: Households;
  events: Events;
  /** What follows from what households did, in the transaction that records it. */
  follow: (tx: Db, acts: readonly HouseholdAct[]) => Promise<AfterCommit[]>;
}

export function createUpRoad(deps: UpRoadDeps) {
  const { database, clock, ids, logger, devices, ddi, telemetry, influx, tails, sampling, security } = deps;
  const { deliveries, quiet, ownerUpdates, service, households, events } = deps;
  let bootId: string | null = null;
  const ingestSlices: IngestSlices = {
    findDevices: (wanted) => devices.find(wanted),
    deviceChanges: () => devices.timesForgotten,
    prepareReadings: (facts) => telemetry.prepare(facts),
    readings: (client, prepared) => telemetry.ingestReadings(client, prepared),
    async events(tx, facts) {
      const whole = new Map(facts.map((fact) => [withoutWords(withoutCode(fact)), fact]));
      const { fresh, altered } = await telemetry.ingestEvents(tx, [...whole.keys()]);
      const asSaid = (fact: (typeof fresh)[number]) => whole.get(fact) ?? fact;
      return { fresh: fresh.map(asSaid), altered: altered.map(asSaid) };
    },
    async reported(tx, facts) {
      await devices.ingestReported(tx, facts);
      await ddi.attributes.noteReported(tx, facts);
    },
    presence: (tx, facts) => devices.presence.ingest(tx, facts, bootId),
    security: (tx, facts) => security.ingest(tx, facts),
    async receipts(tx, facts) {
      const { unknown, afterCommit } = await deliveries.ingestReceipts(tx, facts);
      return {
        unknown: unknown.filter(({ device, receipt }) => !quiet.owns(device.id, receipt.deliveryId)),
        afterCommit() {
          afterCommit();
          sampling.heard([], facts);
        },
      };
    },
    async replies(tx, facts) {
      const { unknown, afterCommit } = await deliveries.ingestReplies(tx, facts);
      await service.diagnosis.replied(tx, facts);
      return {
        unknown: unknown.filter(({ device, reply }) => !quiet.owns(device.id, reply.commandId)),
        afterCommit() {
          afterCommit();
          sampling.heard(facts, []);
        },
      };
    },
    async effects(tx, facts) {
      const owned = asOwnedThen(facts.events);
      const afterService = await service.ingest(tx, { ...facts, events: owned });
      const afterActs = await deps.follow(tx, actsOf(owned));
      await ownerUpdates.ingest(tx, facts.events);
      // Last: what happened until a factory reset was still its household's.
      const afterHouseholds = await households.ingest(tx, facts.events);
      const isWatched = tails.count > 0;
      return [
        afterService,
        ...afterActs,
        afterHouseholds,
        () => events.notify(),
        isWatched
          ? () =>
              tails.tell(
                facts.readings,
                facts.events.map((fact) => withoutWords(withoutCode(fact))),
              )
          : undefined,
      ];
    },
  };
  const ingest = new Ingest({ database, slices: ingestSlices, clock, ids, logger });
  const points =
    influx === undefined
      ? null
      : new PointsReader({
          db: database.db,
          findDevices: (wanted) => devices.find(wanted),
          sink: influx.points,
          clock,
          ids,
          logger,
        });
  return {
    ingest,
    points,
    /** A gateway said hello with this boot: whom an earlier one had on is not on. */
    async booted(gatewayId: string, newBootId: string): Promise<void> {
      bootId = newBootId;
      await devices.presence.endOtherBoots(gatewayId, newBootId);
    },
  };
}
