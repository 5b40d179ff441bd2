import type { FastifyInstance } from "fastify";
import type { CampaignThread } from "./campaign-thread.ts";
import { consentProblems } from "./consent/consent.ts";
import { consentRoutes } from "./consent/consent-routes.ts";
import { myConsentsRoutes } from "./consent/my-consents-routes.ts";
import { contentProblems } from "./content/content.ts";
import { contentRoutes } from "./content/content-routes.ts";
import { ddiProblems } from "./ddi/ddi.ts";
import { ddiRoutes } from "./ddi/ddi-routes.ts";
import { ddiStaffRoutes } from "./ddi/ddi-staff-routes.ts";
import { deliveryProblems } from "./deliveries/deliveries.ts";
import { deliveriesRoutes } from "./deliveries/deliveries-routes.ts";
import { myUpdatesRoutes } from "./deliveries/my-updates-routes.ts";
import { deviceProblems } from "./devices/devices.ts";
import { devicesRoutes, modelsRoutes } from "./devices/devices-routes.ts";
import { engagementProblems } from "./engagement/engagement.ts";
import { campaignsRoutes } from "./engagement/campaigns-routes.ts";
import { decisionsRoutes } from "./engagement/decisions-routes.ts";
import { topicsRoutes } from "./engagement/topics-routes.ts";
import { unsubscribeRoutes } from "./engagement/unsubscribe-routes.ts";
import { eventProblems } from "./events/events.ts";
import { eventsRoutes } from "./events/events-routes.ts";
import { factProblems } from "./facts/facts.ts";
import { factsRoutes } from "./facts/facts-routes.ts";
import { webhooksRoutes } from "./events/webhooks-routes.ts";
import { firmwareProblems } from "./firmware/firmware.ts";
import { firmwareRoutes } from "./firmware/firmware-routes.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import { householdProblems } from "./households/households.ts";
import { mergesRoutes } from "./households/merges-routes.ts";
import { householdsRoutes } from "./households/households-routes.ts";
import { myDevicesRoutes } from "./households/my-devices-routes.ts";
import { myRoutes } from "./households/my-routes.ts";
import { householdTimelineRoutes, ofAppliances } from "./http/household-timeline-routes.ts";
import { type Health, healthRoutes } from "./http/health-routes.ts";
import type { KeyGuard } from "./http/key-guard.ts";
import { messagesRoutes } from "./http/messages-routes.ts";
import { overviewRoutes } from "./http/overview-routes.ts";
import { timelineRoutes } from "./http/timeline-routes.ts";
import { ingestRoutes } from "./ingest/ingest-routes.ts";
import { lifecycleProblems } from "./lifecycle/lifecycle.ts";
import { lifecycleRoutes } from "./lifecycle/lifecycle-routes.ts";
import { loyaltyProblems } from "./loyalty/loyalty.ts";
import { segmentProblems } from "./segments/segments.ts";
import { segmentsRoutes } from "./segments/segments-routes.ts";
import { loyaltyRoutes } from "./loyalty/loyalty-routes.ts";
import { myPointsRoutes } from "./loyalty/my-points-routes.ts";
import { offersRoutes } from "./loyalty/offers-routes.ts";
import { programRoutes } from "./loyalty/program-routes.ts";
import { Metrics } from "./metrics/metrics.ts";
import { metricsRoutes } from "./metrics/metrics-routes.ts";
import type { Certificates } from "./pki/pki.ts";
import { pkiRoutes } from "./pki/pki-routes.ts";
import { basedOnProblems } from "./platform/based-on.ts";
import { type Clock, inTime } from "./platform/clock.ts";
import { type Database, transaction } from "./platform/database.ts";
import type { GatewayWorker } from "./platform/gateway-worker.ts";
import { batchesRoutes } from "./provisioning/batches-routes.ts";
import { certificatesRoutes } from "./provisioning/certificates-routes.ts";
import { provisioningProblems } from "./provisioning/provisioning.ts";
import type { ProblemCatalogue } from "./platform/problem.ts";
import { noticeProblems } from "./notices/notices.ts";
import { noticesRoutes } from "./notices/notices-routes.ts";
import { predicateProblems, rolloutProblems } from "./rollouts/rollouts.ts";
import { rightsProblems } from "./rights/rights.ts";
import { rightsRoutes } from "./rights/rights-routes.ts";
import { rolloutsRoutes } from "./rollouts/rollouts-routes.ts";
import { scheduleRoutes } from "./rollouts/schedule-routes.ts";
import { searchProblems } from "./search/search.ts";
import { searchRoutes } from "./search/search-routes.ts";
import { securityProblems } from "./security/security.ts";
import { securityRoutes } from "./security/security-routes.ts";
import { wireRoutes } from "./security/wire-routes.ts";
import { backtestRoutes } from "./service/backtest-routes.ts";
import { incidentRoutes } from "./service/incident-routes.ts";
import { conversationProblems, diagnosisProblems, serviceProblems } from "./service/service.ts";
import { conversationRoutes } from "./service/conversation-routes.ts";
import { myCasesRoutes } from "./service/my-cases-routes.ts";
import { diagnosisRoutes } from "./service/diagnosis-routes.ts";
import { serviceRoutes } from "./service/service-routes.ts";
import type { Slices } from "./slices.ts";
import { allowed } from "./staff/staff.ts";
import { staffProblems } from "./staff/errors.ts";
import { staffRoutes } from "./staff/staff-routes.ts";
import { liveProblems } from "./telemetry/telemetry.ts";
import { liveRoutes } from "./telemetry/live-routes.ts";
import { parkedReadingsRoutes } from "./telemetry/parked-readings-routes.ts";
import { pointsProblems, rollupsProblems, telemetryProblems } from "./telemetry/telemetry.ts";
import { exportRoutes } from "./telemetry/export-routes.ts";
import { retentionRoutes } from "./telemetry/retention-routes.ts";
import { unknownMetricsRoutes } from "./telemetry/unknown-metrics-routes.ts";
import { telemetryRoutes } from "./telemetry/telemetry-routes.ts";

export interface RoutesDeps {
  slices: Slices;
  hub: GatewayHub;
  gateway: GatewayWorker;
  campaigns: Pick<CampaignThread, "failure">;
  database: Database;
  certificates: Pick<Certificates, "root" | "problems">;
  clock: Clock;
  startedAtMs: number;
  /** PostgreSQL is Hearth's own child. */
  embedded: boolean;
  filesMax: number | null;
  /** Slows down whoever guesses at tokens of appliances, as at keys. */
  keyGuard: KeyGuard;
  /** How long clients of hawkBit's device API wait between two polls, where it is not as usual. */
  ddiPollMs?: { idle: number; busy: number };
}

/** Every problem that the API can answer with. */
export const problemCatalogue: ProblemCatalogue = {
  ...staffProblems,
  ...deviceProblems,
  ...householdProblems,
  ...deliveryProblems,
  ...firmwareProblems,
  ...ddiProblems,
  ...rolloutProblems,
  ...predicateProblems,
  ...consentProblems,
  ...factProblems,
  ...contentProblems,
  ...engagementProblems,
  ...serviceProblems,
  ...diagnosisProblems,
  ...conversationProblems,
  ...lifecycleProblems,
  ...basedOnProblems,
  ...loyaltyProblems,
  ...segmentProblems,
  ...noticeProblems,
  ...eventProblems,
  ...rightsProblems,
  ...securityProblems,
  ...liveProblems,
  ...telemetryProblems,
  ...searchProblems,
  ...provisioningProblems,
};

/** All of the API, slice by slice. */
export function routes(app: FastifyInstance, deps: RoutesDeps): void {
  const { slices, database, clock } = deps;
  const { devices, telemetry, ingest, staff, households, deliveries, firmware, content, service, loyalty, events } =
    slices;
  const status = () => deps.hub.status;
  metricsRoutes(
    app,
    new Metrics({ gateway: { status, isListening: () => deps.gateway.isListening }, ingest, points: slices.points }),
  );
  healthRoutes(app, () => readHealth(deps));
  overviewRoutes(app, async () => {
    const [models, { byPhase, firmwareConfirmed }, cases, { pointsActive }] = await Promise.all([
      devices.counts(),
      deliveries.counts(),
      service.counts(),
      loyalty.counts(),
    ]);
    const sum = (pick: (model: (typeof models)[number]) => number) =>
      models.reduce((total, model) => total + pick(model), 0);
    return {
      atMs: clock.nowMs(),
      devices: { total: sum((model) => model.total), online: sum((model) => model.online), models },
      readingsCommitted: ingest.counters.readingsCommitted,
      deliveries: byPhase,
      firmwareConfirmed,
      cases,
      points: pointsActive,
      quarantined: ingest.counters.quarantined,
    };
  });
  pkiRoutes(app, deps.certificates);
  staffRoutes(app, staff, database.db);
  modelsRoutes(app, devices);
  devicesRoutes(app, devices);
  const agreedToImprove = (ids: readonly string[]) => slices.consent.agreedTo(database.db, ids, "improve");
  telemetryRoutes(app, { telemetry, devices, agreedToImprove, clock });
  parkedReadingsRoutes(app, slices.parkedReadings, devices);
  unknownMetricsRoutes(app, telemetry.unknownMetrics, devices);
  retentionRoutes(app, telemetry);
  exportRoutes(app, {
    telemetry,
    devices,
    agreedToImprove,
    clock,
    async exported(principal, { deviceIds, fromMs, toMs }) {
      // An owner's own, which nobody else needs to hear of.
      if (principal.kind === "owner") return;
      const subject = deviceIds.length === 1 ? `device:${deviceIds[0]}` : `devices:${deviceIds.length}`;
      const after = { deviceIds: deviceIds.slice(0, 20), fromMs, toMs };
      await transaction(database.db, (tx) =>
        staff.audit.record(tx, { principal, action: "telemetry.exported", subject, after }),
      );
    },
  });
  ingestRoutes(app, ingest);
  householdsRoutes(app, households);
  mergesRoutes(app, households);
  myRoutes(app, households);
  myDevicesRoutes(app, households);
  deliveriesRoutes(app, deliveries);
  myUpdatesRoutes(app, slices.ownerUpdates);
  firmwareRoutes(app, firmware);
  ddiRoutes(app, {
    ddi: slices.ddi,
    guard: deps.keyGuard,
    ...(deps.ddiPollMs === undefined ? {} : { pollMs: deps.ddiPollMs }),
  });
  ddiStaffRoutes(app, slices.ddi);
  rolloutsRoutes(app, slices.rollouts);
  scheduleRoutes(app, slices.rollouts);
  contentRoutes(app, content);
  campaignsRoutes(app, slices.engagement);
  decisionsRoutes(app, slices.engagement);
  topicsRoutes(app, slices.engagement);
  unsubscribeRoutes(app, slices.engagement);
  serviceRoutes(app, service);
  diagnosisRoutes(app, service.diagnosis);
  backtestRoutes(app, slices.backtests);
  incidentRoutes(app, service, slices.firmwareWatch);
  conversationRoutes(app, service.conversations, service.feedback);
  myCasesRoutes(app, service);
  consentRoutes(app, slices.consent);
  myConsentsRoutes(app, slices.consent);
  factsRoutes(app, slices.facts);
  lifecycleRoutes(app, slices.lifecycle);
  loyaltyRoutes(app, loyalty);
  segmentsRoutes(app, slices.segments);
  programRoutes(app, loyalty);
  offersRoutes(app, loyalty);
  myPointsRoutes(app, loyalty);
  noticesRoutes(app, slices.notices);
  eventsRoutes(app, events);
  webhooksRoutes(app, slices.webhooks);
  rightsRoutes(app, slices.rights);
  batchesRoutes(app, slices.provisioning);
  certificatesRoutes(app, slices.provisioning);
  securityRoutes(app, slices.security);
  wireRoutes(app, {
    wires: slices.wires,
    findDevices: (ids) => devices.find(ids),
    opened: (principal, id) =>
      transaction(database.db, (tx) =>
        staff.audit.record(tx, { principal, action: "device.wire_opened", subject: `device:${id}` }),
      ),
  });
  searchRoutes(app, slices.search);
  messagesRoutes(app, {
    clock,
    findDevices: (ids) => devices.find(ids),
    sources: {
      telemetry: (device, page) => telemetry.readingMessages(device, page),
      events: (device, page) => telemetry.eventMessages(device, page),
      reported: (device, page) => devices.reportedMessages(device, page),
      receipts: (device, page) => deliveries.log.messages(device, page),
    },
    read: (principal, id) =>
      transaction(database.db, (tx) =>
        staff.audit.record(tx, { principal, action: "device.messages_read", subject: `device:${id}` }),
      ),
  });
  liveRoutes(app, {
    tails: slices.tails,
    sampling: slices.sampling,
    seenBy: (principal, id) => devices.seenBy(principal, id),
    agreedToImprove,
    mayAsk: (principal) => principal.kind === "owner" || allowed(principal, "devices.command"),
    opened: (principal, ids) =>
      transaction(database.db, async (tx) => {
        for (const id of ids)
          await staff.audit.record(tx, { principal, action: "device.live_opened", subject: `device:${id}` });
      }),
  });
  const devicesOf = (id: string) => devices.ofHousehold(id);
  const eventsOf = async (...asked: Parameters<typeof telemetry.timeline>) =>
    slices.content.named(await telemetry.timeline(...asked));
  householdTimelineRoutes(app, {
    clock,
    exists: async (id) => (await households.partsOf(id)).length > 0,
    sources: {
      event: ofAppliances(devicesOf, eventsOf, "event"),
      case: ofAppliances(devicesOf, (device, page) => service.timeline(device, page), "case"),
      fact: (id, page) => slices.facts.timeline(id, page),
      consent: (id, page) => slices.consent.timeline(id, page),
      points: (id, page) => loyalty.householdTimeline(id, page),
      stage: (id, page) => slices.lifecycle.timeline(id, page),
      household: (id, page) => households.merges.timeline(id, page),
    },
  });
  timelineRoutes(app, {
    clock,
    seenBy: (principal, id) => devices.seenBy(principal, id),
    sources: {
      event: eventsOf,
      presence: (device, page) => devices.presence.timeline(device, page),
      quarantine: (device, page) => ingest.timeline(device, page),
      delivery: (device, page) => deliveries.log.timeline(device, page),
      case: (device, page) => service.timeline(device, page),
      firing: (device, page) => service.rules.timeline(device, page),
      points: (device, page) => loyalty.timeline(device, page),
      security: (device, page) => slices.security.timeline(device, page),
      rollout: (device, page) => slices.rollouts.timeline(device, page),
    },
  });
}

/** How many gaps health shows; the newest first. */
const gapsShown = 20;
/** Whoever watches is told that the database does not answer, and does not wait for it. */
const healthMsMax = 2_000;

/** Readings that lie in the database are stored with everything else. */
const ownReadings = {
  store: "postgres",
  waitingFor: null,
  behindRecords: 0,
  behindMs: 0,
  parked: 0,
  erasuresWaiting: 0,
} as const;

/** Of readings in a store of their own; null where they have none. */
async function readTelemetry({ slices, hub }: RoutesDeps): Promise<{
  state: Omit<Health["telemetry"], "rollups"> | null;
  problems: string[];
}> {
  const { influx, points } = slices;
  if (influx === undefined || points === null) return { state: null, problems: [] };
  const [isUp, parked, erasuresWaiting] = await Promise.all([
    inTime(influx.isUp(), healthMsMax),
    inTime(slices.parkedReadings.count(), healthMsMax),
    inTime(influx.erasuresWaiting(), healthMsMax),
  ]);
  const { status } = hub;
  const behind = status?.behind.points ?? null;
  const state = { isUp: isUp === true, waitingFor: points.waitingFor, behind, erasuresWaiting: erasuresWaiting ?? 0 };
  return {
    state: {
      store: "influx",
      up: state.isUp,
      waitingFor: state.waitingFor,
      behindRecords: behind?.records ?? 0,
      behindMs: behind?.oldestMs ?? 0,
      parked: parked ?? 0,
      erasuresWaiting: state.erasuresWaiting,
    },
    problems: pointsProblems({
      ...state,
      spoolBytes: status?.spoolBytes ?? 0,
      spoolBytesMax: status?.spoolBytesMax ?? 0,
    }),
  };
}

/** What failed is nobody's business once nothing is to be carried out. */
async function campaignProblems({ campaigns, slices }: RoutesDeps): Promise<string[]> {
  const { failure } = campaigns;
  if (failure === null || (await inTime(slices.engagement.isAnyToCarryOut(), healthMsMax)) === false) return [];
  return [`Campaigns stand still: ${failure}`];
}

async function readHealth(deps: RoutesDeps): Promise<Health> {
  const { slices, hub, gateway, clock } = deps;
  const { counters } = slices.ingest;
  // One question: between two, the database could go away, and the answer would be an error in place of a word about it.
  const [found, telemetry, rollups, ofCampaigns] = await Promise.all([
    inTime(slices.ingest.gaps(gapsShown), healthMsMax),
    readTelemetry(deps),
    inTime(slices.telemetry.rollupsBehind(), healthMsMax),
    campaignProblems(deps),
  ]);
  const rollupsBehind = rollups ?? { hours: 0, behindMs: 0 };
  const up = found !== null;
  const gaps = found ?? [];
  const status = hub.status;
  const problems = [
    ...(up ? [] : ["The database does not answer; devices are acknowledged all the same, up to the spool's bound."]),
    ...(gateway.isListening ? [] : ["The gateway is not listening."]),
    ...(status?.spoolFull === true
      ? ["The spool is at its bound: devices are held off until the database catches up."]
      : []),
    ...(hub.failure === null ? [] : [`The up road stands still: ${hub.failure}`]),
    ...telemetry.problems,
    ...rollupsProblems(rollupsBehind),
    ...deps.certificates.problems(),
    ...slices.firmware.repository.problems(),
    ...ofCampaigns,
    ...(slices.ingest.waitingFor === null ? [] : [`The up road waits for the database: ${slices.ingest.waitingFor}`]),
  ];
  return {
    telemetry: {
      ...(telemetry.state ?? { ...ownReadings, up }),
      rollups: { hoursBehind: rollupsBehind.hours, behindMs: rollupsBehind.behindMs },
    },
    status: problems.length === 0 ? "ok" : "degraded",
    problems,
    database: { up, embedded: deps.embedded },
    gateway: {
      up: gateway.isListening,
      connections: status?.connections ?? 0,
      spoolRecords: status?.spoolRecords ?? 0,
      spoolBytes: status?.spoolBytes ?? 0,
      spoolBytesMax: status?.spoolBytesMax ?? 0,
      spoolFull: status?.spoolFull ?? false,
      held: status?.held ?? 0,
      connectsWaiting: status?.connectsWaiting ?? 0,
      counters: status?.counters ?? {},
    },
    upRoad: {
      behindRecords: status?.behind.effects.records ?? 0,
      behindMs: status?.behind.effects.oldestMs ?? 0,
      waitingFor: slices.ingest.waitingFor,
      recordsCommitted: counters.recordsCommitted,
      readingsCommitted: counters.readingsCommitted,
      quarantined: counters.quarantined,
      gaps,
    },
    process: {
      uptimeMs: clock.nowMs() - deps.startedAtMs,
      rssBytes: process.memoryUsage.rss(),
      openFilesMax: deps.filesMax,
    },
  };
}
