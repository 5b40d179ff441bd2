import type { KeyObject } from "node:crypto";
import { claimPrefix } from "#protocol/link/messages.ts";
import { Deliveries, deliveriesData, QuietCommands } from "./deliveries/deliveries.ts";
import { createDownRoad } from "./down-road.ts";
import { farStores } from "./far-stores.ts";
import { Devices, devicesData, findDevices, findModels, type MetricLayout, tenureSpansOf } from "./devices/devices.ts";
import { Events, eventsData, Outbox, Webhooks } from "./events/events.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import type { Round } from "./engagement/engagement.ts";
import { createHouseholdSlices, readersOf } from "./household-slices.ts";
import type { GatewayLinkDeps } from "./ingest/gateway-link.ts";
import { findReleases } from "./firmware/firmware.ts";
import { findHouseholds, findMembers, Households } from "./households/households.ts";
import { ingestData } from "./ingest/ingest.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database.ts";
import { trimIdempotency } from "./platform/idempotency.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import type { Authority } from "./pki/pki.ts";
import { Notices, noticesData, type NoticeSettings, StoreWatch } from "./notices/notices.ts";
import { Provisioning } from "./provisioning/provisioning.ts";
import { Security, securityData, WireStreams } from "./security/security.ts";
import { Search } from "./search/search.ts";
import { ErasedList, Rights } from "./rights/rights.ts";
import { Backtests, findCases, FirmwareWatch, Listening, Service } from "./service/service.ts";
import { ruleTools } from "./rule-tools.ts";
import { createSoftwareSlices } from "./software-slices.ts";
import { allowed, type Principal, principalText, Staff } from "./staff/staff.ts";
import {
  FasterSampling,
  type InfluxConfig,
  InfluxReadings,
  LiveTails,
  ParkedReadings,
  type Retention,
  Telemetry,
} from "./telemetry/telemetry.ts";
import { createUpRoad } from "./up-road.ts";

export interface SlicesDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  hub: GatewayHub;
  /** Where firmware images and media lie. */
  artifactsDir: string;
  /** The gateway's, which an erasure looks into; it looks nowhere where this is left out. */
  spoolDir?: string;
  /** Where it is noted who was erased, outside the database; nowhere where this is left out. */
  erasedFile?: string;
  /** Of this installation, and not in the database: signs the links to files, and hides the codes that appliances show. */
  secret: Buffer;
  publicUrl: () => string;
  /** Sign the firmware repository's timestamps, and the director's statements: Ed25519, and two keys. */
  firmwareKeys: { timestamp: KeyObject; director: KeyObject };
  /** Signs the devices' certificates. */
  fleetCa: () => Authority;
  deviceCertificateMs: number;
  /** How long readings, rollups and events are kept, where it is not as usual. */
  retention?: Retention;
  /** Keeps the readings, where the database does not. */
  influx?: InfluxConfig | undefined;
  /** How staff are told; by webhook alone where it is left out. */
  notices?: NoticeSettings;
  /** Carries out a round of campaigns in another thread; in this one where it is left out. */
  carryOutCampaigns?: () => Promise<Round>;
}

export type Slices = ReturnType<typeof createSlices>;

/** Makes the slices and tells each what it needs of the others. */
export function createSlices(deps: SlicesDeps) {
  const { database, clock, ids, logger, hub } = deps;
  const db = database.db;
  const staff = new Staff({ db, clock, ids });
  const devices = new Devices({ db, clock, ids, audit: staff.audit });
  const outbox = new Outbox(ids);
  const events = new Events({ db, clock, logger });
  const webhooks = new Webhooks({
    db,
    clock,
    ids,
    audit: staff.audit,
    outbox,
    secret: deps.secret,
    reach: deps.notices?.reach ?? "public",
    publicUrl: deps.publicUrl,
    onError: (error) => logger.warn({ event: "webhook.failed", error: String(error) }),
  });
  const security = new Security({ db, clock, ids, outbox, logger });
  const wires = new WireStreams({ clock, send: (message) => hub.send(message) });
  staff.audit.onRecorded((tx, change) => security.audited(tx, change));
  const notices = new Notices({
    db,
    clock,
    ids,
    audit: staff.audit,
    outbox,
    secret: deps.secret,
    settings: deps.notices ?? { mail: null, reach: "public" },
    publicUrl: deps.publicUrl,
    onError: (error) => logger.warn({ event: "notice.failed", error: String(error) }),
  });
  const deliveries = new Deliveries({ db, clock, ids, outbox, audit: staff.audit, devices });
  const listening = new Listening({ db, clock });
  const layoutOf = (model: string) => devices.layout(model);
  const parkedReadings = new ParkedReadings({ db, clock, ids });
  const influx = openInflux(deps, parkedReadings, layoutOf);
  const telemetry = new Telemetry({
    db,
    clock,
    layoutOf,
    modelsOf: (keys) => devices.modelsOf(keys),
    ...(deps.retention === undefined ? {} : { retention: deps.retention }),
    influx,
  });
  const service = new Service({
    db,
    clock,
    ids,
    audit: staff.audit,
    outbox,
    appliances: devices,
    eventsOf: (device, page) => telemetry.timeline(device, page),
    readings: () => telemetry.store,
    onEvidenceError: (error, caseId) => logger.warn({ event: "case.evidence_failed", caseId, error: String(error) }),
    localeOf: async (device) => (await readersOf(households, [device])).get(device.key)?.locale ?? null,
    around: {
      watched: devices.watched,
      readings: telemetry.store,
      completeReadings: telemetry.complete,
      cameBefore: telemetry.cameBefore,
      silenceUntilMs: (forMs) => listening.silenceUntilMs(forMs),
      widely: (definition) => backtests.widely(definition),
      measured: (models) => measuredBy(devices, telemetry, models),
      tools: ruleTools(devices, deliveries, () => ofHouseholds),
    },
    mayWork: (staffKeyId) => staff.isAllowed(staffKeyId, "cases.write"),
    workers: () => staff.whoMay("cases.write"),
    holdHousehold: async (tx, id) => (await households.hold(tx, [id])).get(id) ?? null,
    async homeOf(id) {
      const found = await households.get(id);
      return found === null ? null : { locale: found.household.locale, members: found.household.members.length };
    },
    deliveries,
    artifactsDir: deps.artifactsDir,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
  });
  deliveries.onMoved((tx, moves) => service.diagnosis.moved(tx, moves));
  deliveries.onMoved((tx, moves) => service.conversations.moved(tx, moves));
  const tails = new LiveTails({ clock, layoutOf: (model) => devices.layout(model) });
  const quiet = new QuietCommands({
    clock,
    ids,
    secret: deps.secret,
    send: (ref, deviceId, payload) => hub.send({ kind: "deliver", ref, deviceId, channel: "inbox", payload }),
  });
  const sampling = new FasterSampling({
    clock,
    online: (keys) => devices.online(keys),
    async begin(by, device, { args, lifeMs }) {
      const sent = await deliveries.commands.send(by, device.id, { name: "sample_faster", args, lifeMs });
      const made = sent.kind === "accepted" ? await deliveries.get(sent.id) : null;
      return made === null ? null : { id: made.delivery.id, generation: made.delivery.generation };
    },
    again: (device, asking) => quiet.send(device.id, { name: "sample_faster", ...asking }),
    tell: (deviceKey, word) => tails.sampling(deviceKey, word),
    onError: (error) => logger.warn({ event: "sampling.failed", error: String(error) }),
  });
  const households = new Households({
    db,
    clock,
    ids,
    audit: staff.audit,
    outbox,
    logger,
    appliances: devices,
    planted: { deliveries, cases: service },
    readings: telemetry,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
  });
  const firmwareWatch = new FirmwareWatch({
    db,
    clock,
    ids,
    incidents: service.incidentLife,
    eventsOf: (query, limit) => telemetry.eventsOf(query, limit),
  });
  const software = createSoftwareSlices({
    db,
    clock,
    ids,
    logger,
    audit: staff.audit,
    outbox,
    devices,
    deliveries,
    households,
    telemetry,
    artifactsDir: deps.artifactsDir,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
    firmwareKeys: deps.firmwareKeys,
  });
  const backtests = new Backtests({
    db,
    clock,
    ids,
    audit: staff.audit,
    logger,
    appliances: devices,
    watched: devices.watched,
    telemetry,
    sample: (filter, limit) => software.rollouts.sample(filter, limit),
    ruleOf: (id) => service.rules.inForce(id),
    silenceUntilMs: (forMs) => listening.silenceUntilMs(forMs),
    silenceUntilAt: (forMs, atMs) => listening.silenceUntilAt(forMs, atMs),
  });
  const ofHouseholds = createHouseholdSlices({
    db,
    clock,
    ids,
    logger,
    hub,
    audit: staff.audit,
    outbox,
    devices,
    deliveries,
    households,
    service,
    telemetry,
    artifactsDir: deps.artifactsDir,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
    reach: deps.notices?.reach ?? "public",
    mail: deps.notices?.mail ?? null,
    carryOutCampaigns: deps.carryOutCampaigns,
  });
  const { content } = ofHouseholds;
  const rights = new Rights({
    db,
    clock,
    ids,
    audit: staff.audit,
    households,
    // A household's own rows are named by others, and which appliances were its by nearly all: these go last, in this order.
    data: [
      ...deliveriesData,
      ...securityData,
      ...noticesData,
      ...ingestData,
      ...telemetry.householdData((keys, tx) => devices.refsByKey(keys, tx)),
      ...service.householdData,
      ...eventsData,
      ...ofHouseholds.householdData,
      ...devicesData,
      ...households.householdData.toReversed(),
    ],
    farStores: farStores({ db, clock, hub, telemetry, deliveries, service, influx, spoolDir: deps.spoolDir }),
    erasedList:
      deps.erasedFile === undefined
        ? null
        : new ErasedList(deps.erasedFile, (line) => logger.error({ event: "rights.erased_list_damaged", line })),
    spansOf: tenureSpansOf,
    modelOf: async (key) => devices.model(key),
    kept: telemetry.keptWords,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
    onError: (error) => logger.warn({ event: "rights.failed", error: String(error) }),
  });
  const down = createDownRoad({
    clock,
    logger,
    hub,
    devices,
    deliveries,
    quiet,
    firmware: software.firmware,
    service,
    quietEndsAt: ofHouseholds.quietEndsAt,
    quietOver: ofHouseholds.quietOver,
  });
  const provisioning = new Provisioning({
    db,
    clock,
    ids,
    audit: staff.audit,
    outbox,
    devices: devices.certified,
    hasModel: async (key) => (await devices.model(key)) !== null,
    fleet: deps.fleetCa,
    announce: (message) => hub.send(message),
    certificateValidMs: deps.deviceCertificateMs,
    onRefused: ({ rule, from, address }) => {
      // An appliance in a hurry, and nothing to look into.
      if (rule === "too_early" || rule === "too_many_certificates") return;
      const [name, principal] =
        from.kind === "claim"
          ? [from.serial, claimPrefix + from.batch]
          : [from.deviceId, principalText({ kind: "device", id: from.deviceId })];
      security.note({ kind: "claim_refused", reason: rule, address, name, principal });
    },
  });
  const search = new Search({
    db,
    logger,
    allowed,
    sources: [
      { kind: "device", permission: "fleet.read", find: findDevices },
      { kind: "member", permission: "households.read", find: findMembers },
      { kind: "household", permission: "households.read", find: findHouseholds },
      {
        kind: "case",
        permission: "service.read",
        find: (tx, scope) => findCases(tx, scope, (keys) => devices.refsByKey(keys, tx)),
      },
      { kind: "release", permission: "firmware.read", find: findReleases },
      { kind: "model", permission: "fleet.read", find: findModels },
    ],
  });

  const up = createUpRoad({
    database,
    clock,
    ids,
    logger,
    devices,
    ddi: software.ddi,
    telemetry,
    influx,
    tails,
    sampling,
    security,
    deliveries,
    quiet,
    ownerUpdates: software.ownerUpdates,
    service,
    households,
    events,
    follow: ofHouseholds.follow,
  });
  devices.onSignals({
    credentialsChanged: (deviceId, disconnect) => hub.send({ kind: "forget", name: deviceId, disconnect }),
    desiredChanged: (deviceId) => down.desired.wanted(deviceId),
  });

  const linkDeps: Omit<GatewayLinkDeps, "send"> = {
    ingest: up.ingest,
    points: up.points,
    logger,
    async onBoot(gatewayId, newBootId) {
      await up.booted(gatewayId, newBootId);
      wires.gatewayCame();
    },
    identify: (name) =>
      name.startsWith(claimPrefix)
        ? provisioning.batches.identity(name.slice(claimPrefix.length))
        : devices.identity(name),
    enrol: (from, payload, address) => provisioning.enrolments.answer(from, payload, address),
    denyList: (send) => provisioning.certificates.denyList(send),
    feeds: () => content.snapshot(),
    onWire: (message) => wires.receive(message),
    ...down.onLink,
  };
  return {
    staff,
    devices,
    desired: down.desired,
    telemetry,
    influx,
    parkedReadings,
    ingest: up.ingest,
    points: up.points,
    households,
    deliveries,
    dispatcher: down.dispatcher,
    ...software,
    service,
    firmwareWatch,
    backtests,
    listening,
    ...ofHouseholds,
    notices,
    storeWatch:
      influx === undefined ? null : new StoreWatch({ db, clock, outbox, store: "InfluxDB", isUp: () => influx.isUp() }),
    outbox,
    events,
    webhooks,
    rights,
    provisioning,
    security,
    wires,
    tails,
    sampling,
    search,
    linkDeps,
    /** The principal of a key, whoever's it is; null where it opens nothing. */
    authenticate: async (key: string): Promise<Principal | null> =>
      (await households.members.authenticate(key)) ?? staff.authenticate(key),
    trimIdempotency: () => trimIdempotency(db, clock.nowMs()),
    async load() {
      await devices.load();
      await telemetry.load();
      await software.firmware.load();
      await listening.load();
      await service.load();
      await backtests.load();
      await ofHouseholds.load();
      await search.load();
    },
  };
}

/** Which of some models there are, or of all, and what they declare or their appliances have said beside it. */
async function measuredBy(devices: Devices, { unknownMetrics }: Telemetry, keys: readonly string[] | null) {
  const models = (await devices.models()).filter(({ key }) => keys?.includes(key) ?? true);
  const beside = await Promise.all(models.map(({ key }) => unknownMetrics.of(key)));
  const metrics = [...models.flatMap((model) => model.metrics), ...beside.flat()].map(({ name }) => name);
  return { models: new Set(models.map(({ key }) => key)), metrics: new Set(metrics) };
}

/** The store of readings, where it is not the database. */
function openInflux(
  { database, clock, ids, logger, hub, influx: config }: SlicesDeps,
  parked: ParkedReadings,
  layoutOf: (model: string) => MetricLayout,
): InfluxReadings | undefined {
  if (config === undefined) return undefined;
  const oldestWaitingMs = () => hub.oldestPointsWaitingMs(clock.nowMs());
  return new InfluxReadings({ db: database.db, clock, ids, logger, config, parked, layoutOf, oldestWaitingMs });
}
