/** The slices that serve households: what they are told, what they earn, what they agreed to. */
import { Consent } from "./consent/consent.ts";
import { Content, type Reader } from "./content/content.ts";
import type { Deliveries } from "./deliveries/deliveries.ts";
import { type DeviceRef, type Devices, deviceSerials } from "./devices/devices.ts";
import { Calendar, Engagement, type Round } from "./engagement/engagement.ts";
import type { Outbox } from "./events/events.ts";
import { Facts } from "./facts/facts.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import { type HouseholdAct, type Households, namesOf } from "./households/households.ts";
import type { AfterCommit } from "./ingest/ingest.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { Loyalty } from "./loyalty/loyalty.ts";
import type { Clock } from "./platform/clock.ts";
import type { Db } from "./platform/database.ts";
import type { Ids } from "./platform/ids.ts";
import type { Logger } from "./platform/logger.ts";
import type { MailSettings } from "./platform/mail-sender.ts";
import type { Reach } from "./platform/webhooks/public-address.ts";
import { profileFacts, Segments } from "./segments/segments.ts";
import { madeSerials } from "./provisioning/provisioning.ts";
import { retainedActs, updatesOf } from "./retained-acts.ts";
import type { Service } from "./service/service.ts";
import type { Audit } from "./staff/staff.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export interface HouseholdSlicesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  hub: GatewayHub;
  audit: Audit;
  outbox: Outbox;
  devices: Devices;
  deliveries: Deliveries;
  households: Households;
  service: Service;
  telemetry: Telemetry;
  artifactsDir: string;
  /** Of this installation, and not in the database. */
  secret: Buffer;
  publicUrl: () => string;
  /** How far the addresses may lead that are called. */
  reach: Reach;
  /** Null: no mail is sent. */
  mail: MailSettings | null;
  /** A round of them, in another thread; in this one where it is left out. */
  carryOutCampaigns?: (() => Promise<Round>) | undefined;
}

/** Makes them and tells each what it needs of the others. */
export function createHouseholdSlices(deps: HouseholdSlicesDeps) {
  const { db, clock, ids, hub, audit, outbox, devices, deliveries, households, service } = deps;
  const content = new Content({
    db,
    clock,
    ids,
    outbox,
    audit,
    devices,
    deliveries,
    readersOf: (refs) => readersOf(households, refs),
    onChanged: (topics) => hub.send({ kind: "feeds_changed", ...topics }),
    onMissed: (topics) => hub.send({ kind: "feeds", ...topics }),
    artifactsDir: deps.artifactsDir,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
  });
  devices.onModelPut((tx, before, after) => content.feedFit.modelPut(tx, before, after));
  devices.onCame((tx, deviceKeys) => content.newcomers.came(tx, deviceKeys));
  const consent = new Consent({ db, clock, ids, audit, outbox, households });
  const loyalty = new Loyalty({
    db,
    clock,
    ids,
    audit,
    outbox,
    households,
    deliveries,
    service,
    appliances: devices,
    profiles: { facts: profileFacts, of: (tx, householdIds) => segments.profiles(tx, householdIds) },
    acts: (tx, asked, limit) => retainedActs({ devices, telemetry: deps.telemetry }, tx, asked, limit),
    secret: deps.secret,
    reach: deps.reach,
  });
  deliveries.onMoved(async (tx, moves) => {
    const updated = moves.filter(({ kind, to }) => kind === "firmware" && to === "done");
    if (updated.length === 0) return;
    const refs = await devices.refsByKey(
      updated.map(({ deviceKey }) => deviceKey),
      tx,
    );
    await loyalty.ingest(tx, updatesOf(updated, refs, clock.nowMs()));
  });
  /** When it is no longer quiet, of those households where it is now. */
  const quietEnds = async (householdIds: readonly string[]): Promise<Map<string, number>> => {
    const wanted = await households.quietHoursOf(householdIds);
    const calendar = new Calendar(clock.nowMs());
    return new Map(
      [...wanted].flatMap(([id, { timeZone, quiet }]): [string, number][] => {
        const untilMs = calendar.quietUntilMs(timeZone, quiet);
        return untilMs === null ? [] : [[id, untilMs]];
      }),
    );
  };
  /** The same of the appliances that stand there. */
  const quietEndsAt = async (deviceIds: readonly string[]): Promise<Map<string, number>> => {
    const owned = [...(await devices.find(deviceIds))].flatMap(([id, { householdId }]): [string, string][] =>
      householdId === null ? [] : [[id, householdId]],
    );
    const ends = await quietEnds([...new Set(owned.map(([, householdId]) => householdId))]);
    return new Map(
      owned.flatMap(([id, householdId]): [string, number][] => {
        const untilMs = ends.get(householdId);
        return untilMs === undefined ? [] : [[id, untilMs]];
      }),
    );
  };
  /** Lets go what the displays of those wait for who keep other quiet hours than before. @returns the appliances that have something to get */
  const quietOver = async (): Promise<string[]> => {
    const released = await households.hoursChanges.take(db, "displays", async (tx, changed) => {
      const homes = [...(await households.reachOf(tx, changed)).values()];
      return deliveries.release(
        tx,
        homes.flatMap((home) => home.devices.map(({ id }) => id)),
      );
    });
    return released ?? [];
  };
  const lifecycle = new Lifecycle({
    db,
    clock,
    audit,
    outbox,
    households: { timeZoneOf: (wanted) => households.timeZoneOf(wanted), namesOf },
    service,
    asking: {
      ids,
      appliances: devices,
      deliveries,
      hoursChanged: (lookAgain) => households.hoursChanges.take(db, "questions", lookAgain),
      claimWeek: (tx, householdIds) => service.feedback.claimWeek(tx, householdIds),
      async askable(householdIds) {
        const [reach, agreed, quiet] = await Promise.all([
          households.reachOf(db, householdIds),
          consent.agreedTo(db, householdIds, "improve"),
          quietEnds(householdIds),
        ]);
        return new Map(
          [...reach].map(([id, { locale }]) => [
            id,
            { locale, quietUntilMs: quiet.get(id) ?? null, agreed: agreed.has(id) },
          ]),
        );
      },
    },
  });
  service.feedback.onAskedForQuiet(async (householdIds) => new Set((await quietEnds(householdIds)).keys()));
  households.onMerged((tx, merge) => lifecycle.merged(tx, merge));
  households.onUnmerged((tx, merge) => lifecycle.unmerged(tx, merge));
  // Behind those who open cases, since what they open at this moment goes along; before those who count them.
  households.onMerged((tx, merge) => service.merges.householdMerged(tx, merge));
  households.onUnmerged((tx, merge) => service.merges.householdUnmerged(tx, merge));
  const segments = new Segments({
    db,
    clock,
    audit,
    outbox,
    sources: {
      home: (tx, householdIds) => households.homesOf(householdIds, tx),
      appliances: (tx, householdIds) => devices.ownedBy(tx, householdIds),
      consents: (tx, householdIds) => consent.agreed(tx, householdIds),
      points: async (tx, householdIds) =>
        new Map([...(await loyalty.balances(tx, householdIds))].map(([id, { active }]) => [id, active])),
      tier: async (tx, householdIds) =>
        new Map([...(await loyalty.tiers(tx, householdIds))].map(([id, { key }]) => [id, key])),
      stage: (tx, householdIds) => lifecycle.stages(tx, householdIds),
      openCases: (tx, householdIds) => service.openCases(tx, householdIds),
    },
    namesOf: (householdIds) => namesOf(db, householdIds),
  });
  devices.onFactsChanged((tx, householdIds) => segments.appliancesChanged(tx, householdIds));
  devices.onModelChanged((tx, model) => segments.modelChanged(tx, model));
  households.onMerged((tx, merge) => segments.merged(tx, merge));
  households.onUnmerged((tx, merge) => segments.unmerged(tx, merge));
  const engagement = new Engagement({
    db,
    clock,
    ids,
    audit,
    outbox,
    households,
    content,
    consent,
    lifecycle,
    deliveries,
    models: devices,
    segments,
    appliances: deviceSerials,
    made: madeSerials,
    namesOf,
    referencesOf: (tx, householdIds) => households.prospects.referencesOf(tx, householdIds),
    service: deps.service,
    offersMadeWhen: (tx, keys) => loyalty.offers.madeWhen(tx, keys),
    async grant(tx, wanted) {
      const granted = await loyalty.offers.grant(tx, wanted);
      return "kind" in granted ? null : { ...granted };
    },
    tierEnding: (tx, asked) => loyalty.tierBook.ending(tx, asked),
    mail: deps.mail,
    reach: deps.reach,
    secret: deps.secret,
    publicUrl: deps.publicUrl,
    onError: (error) => deps.logger.warn({ event: "engagement.failed", error: String(error) }),
    carryOutElsewhere: deps.carryOutCampaigns,
  });
  content.takenBack.onSendAgain(engagement.takenBack);
  content.takenBack.onSendAgain(service.sentByRules);
  loyalty.tierBook.onAskedForUses(async (tx) =>
    (await segments.comparedWith(tx, "tier")).map(({ id, text }) => ({
      tier: text,
      what: `the condition of the segment ${id} names`,
    })),
  );
  segments.onAskedForUsers((tx, segmentIds) => engagement.usersOfSegments(tx, segmentIds));
  /** What follows from what households did, in the transaction that records it; what is given back waits for the commit. */
  const follow = async (tx: Db, acts: readonly HouseholdAct[]): Promise<AfterCommit[]> => {
    await loyalty.ingest(tx, acts);
    await lifecycle.ingest(tx, acts);
    await engagement.ingest(tx, acts);
    await segments.ingest(tx, acts);
    return [];
  };
  const facts = new Facts({ db, clock, households, secret: deps.secret, follow });
  return {
    content,
    consent,
    facts,
    loyalty,
    lifecycle,
    segments,
    engagement,
    quietEndsAt,
    quietOver,
    /** What these slices hold about households, in the order of erasing. */
    householdData: [
      ...segments.householdData,
      ...lifecycle.householdData,
      // Rewards and tiers are found by the account, which is nobody's once the points are erased.
      ...loyalty.householdData.toReversed(),
      ...engagement.householdData,
      ...facts.householdData,
      ...consent.householdData,
    ],
    follow,
    /** What campaigns and what hears of them keep in memory, in a thread that does nothing but carry them out: as it is by now. */
    async loadForCampaigns() {
      await service.policies.load();
      await lifecycle.reload();
      await loyalty.tierBook.load();
    },
    async load() {
      await loyalty.load();
      await lifecycle.load();
      await segments.load();
      await engagement.load();
    },
  };
}

/** The language and the zone that each appliance's household chose. An appliance without a household is left out. */
export async function readersOf(households: Households, devices: readonly DeviceRef[]): Promise<Map<number, Reader>> {
  const zones = await households.timeZoneOf([...new Set(devices.flatMap(({ householdId }) => householdId ?? []))]);
  return new Map(
    devices.flatMap(({ key, householdId }): [number, Reader][] => {
      const zone = householdId === null ? undefined : zones.get(householdId);
      return zone === undefined ? [] : [[key, zone]];
    }),
  );
}
