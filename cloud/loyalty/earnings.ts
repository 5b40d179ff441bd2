import { createHmac } from "node:crypto";
import type { Outbox } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Facts, FactTypes } from "../platform/predicate/predicate.ts";
import { calendarDay, endOfDayAfterMs, periodAfter, periodOf } from "./core/calendar.ts";
import type { CompiledRule } from "./core/compiled-rule.ts";
import {
  allValues,
  countsValues,
  decideEarnings,
  type Decided,
  type Earning,
  type EarningAct,
  earningKey,
  type Known,
  limitKeyFor,
  markKey,
} from "./core/earning.ts";
import { momentsOf, rounds } from "./core/moments.ts";
import { givingBack, partiesOf, referrerOf, timesOf, type Zones } from "./core/parties.ts";
import type { Account, Accounts, Entry, LedgerStore } from "./ledger-store.ts";
import { accountIn, type PointMoves } from "./point-moves.ts";
import type { Earned, Held, Tiers } from "./tiers.ts";

/** What this slice needs of households: the zone in which their days are counted. Unknown households are missing from the answer. */
export interface HouseholdDays {
  timeZoneOf(householdIds: readonly string[], db?: Db): Promise<Map<string, { timeZone: string; locale: string }>>;
}

/** What is known of households beside the act that earns: the facts that segments see. */
export interface HouseholdProfiles {
  facts: FactTypes;
  /** As of now, by household; who has no profile is missing. */
  of(db: Db, householdIds: readonly string[]): Promise<ReadonlyMap<string, Facts>>;
}

/** Points that another part of the service gives, under a name of its own. */
export interface Award {
  householdId: string;
  points: number;
  /** Identity of what they are for, unique for ever together with `rule`. */
  source: string;
  /** Who gives them, such as `service:RULE`. */
  rule: string;
  /** What they are for, in words for the household. */
  title: string;
  atMs: number;
  device: { key: number; id: string } | null;
}

export type AwardOutcome =
  | { kind: "earned"; transferId: string }
  | { kind: "unchanged" }
  | { kind: "refused"; rule: "exists_with_different_amount" | "loyalty_household_not_found" | "award_out_of_range" };

export interface EarningsDeps {
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  households: HouseholdDays;
  profiles: HouseholdProfiles;
  ledger: LedgerStore;
  moves: PointMoves;
  tiers: Tiers;
  rules: () => readonly CompiledRule[];
  /** Of this installation: what the sources of erased households are kept under. */
  secret: Uint8Array;
}

/** Most points of one award: a mistake in a rule must not become a fortune. */
export const awardPointsMax = 10_000;

/** Gives points for what households do, in the transaction that records it. */
export class Earnings {
  readonly #deps: EarningsDeps;

  constructor(deps: EarningsDeps) {
    this.#deps = deps;
  }

  /** Sent again, in any order, acts earn nothing more. */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const types = new Set(this.#deps.rules().map(({ rule }) => rule.definition.act.type));
    const earning = acts.filter(({ type }) => types.has(type));
    if (earning.length === 0) return;
    const people = earning.flatMap(({ householdId, data }) => [householdId, ...referrerOf(data)]);
    const zones = await this.#deps.households.timeZoneOf([...new Set(people)], tx);
    const events = actsWithDays(earning, zones);
    // Accounts of all rounds at once, so that none is asked for while another is held.
    const beneficiaries = people.filter((id) => zones.has(id));
    if (events.length === 0) return;
    await this.#deps.ledger.lockAccounts(tx, beneficiaries);
    const profiles = await this.#profiles(tx, events);
    // A day at a time: what a household earned on one decides its tier on the next, in whatever batches they came.
    const parts = { partiesOf: (act: EarningAct) => partiesOf(act, zones), givesBack: givingBack(this.#deps.rules()) };
    for (const round of rounds(events, parts)) await this.#round(tx, round, zones, profiles);
  }

  /** Asked once for a batch, and only where a rule reads it. */
  async #profiles(tx: Db, acts: readonly EarningAct[]): Promise<ReadonlyMap<string, Facts>> {
    const { rules, profiles } = this.#deps;
    const reading = rules().filter(({ readsProfile, rule }) => readsProfile && rule.definition.enabled);
    const types = new Set(reading.map(({ rule }) => rule.definition.act.type));
    const ids = acts.flatMap(({ type, householdId }) => (types.has(type) ? [householdId] : []));
    return ids.length === 0 ? new Map() : profiles.of(tx, [...new Set(ids)]);
  }

  async #round(tx: Db, acts: readonly EarningAct[], zones: Zones, profiles: ReadonlyMap<string, Facts>): Promise<void> {
    const { ledger, rules } = this.#deps;
    const firstMs = timesOf(acts, zones, Math.min);
    const lastMs = timesOf(acts, zones, Math.max);
    const accounts = await ledger.lockAccounts(tx, [...firstMs.keys()]);
    const held = (times: ReadonlyMap<string, number>) =>
      [...times].map(([id, atMs]) => ({ ...heldIn(accounts, zones, id), atMs }));
    const due = await this.#activate(tx, held(lastMs), firstMs);
    await this.#deps.tiers.endBefore(tx, held(firstMs));
    const known = {
      ...(await this.#known(tx, acts, accounts, zones)),
      profileOf: (id: string) => profiles.get(id) ?? {},
    };
    const decided = decideEarnings(rules(), acts, known);
    await this.#write(tx, decided, accounts);
    const { moments, pending } = momentsOf(
      decided.earnings,
      due.map(({ account, atMs }) => ({ householdId: account.householdId, atMs })),
      lastMs,
    );
    const { tiers } = this.#deps;
    await tiers.expectActive(
      tx,
      pending.map(({ householdId, atMs }) => ({ account: accountIn(accounts, householdId).key, atMs })),
    );
    await tiers.look(
      tx,
      moments.map(({ householdId, atMs, gained }) => ({ ...heldIn(accounts, zones, householdId), atMs, gained })),
    );
    await this.#giveBack(tx, decided.returns, accounts);
  }

  /** What was pending until these acts counts for the tier that they find. @returns what becomes active between them */
  async #activate(tx: Db, until: readonly Held[], firstMs: ReadonlyMap<string, number>): Promise<Earned[]> {
    const { tiers, rules } = this.#deps;
    if (!rules().some(({ rule }) => rule.definition.delayMs > 0)) return [];
    const due = await tiers.takeActivated(tx, until);
    if (due.length === 0) return [];
    const isBefore = ({ account, atMs }: Earned) => atMs <= (firstMs.get(account.householdId) ?? atMs);
    await tiers.look(tx, due.filter(isBefore));
    return due.filter((one) => !isBefore(one));
  }

  /** Gives points that no earning rule decides. The same again changes nothing; another amount is refused by name. */
  async award(tx: Db, award: Award): Promise<AwardOutcome> {
    const { householdId, points, source, rule, atMs, device } = award;
    if (!Number.isSafeInteger(points) || points < 1 || points > awardPointsMax)
      return { kind: "refused", rule: "award_out_of_range" };
    const zones = await this.#deps.households.timeZoneOf([householdId], tx);
    const zone = zones.get(householdId);
    if (zone === undefined) return { kind: "refused", rule: "loyalty_household_not_found" };
    const { ledger, tiers } = this.#deps;
    const accounts = await ledger.lockAccounts(tx, [householdId]);
    const { decided } = await ledger.known(tx, { sources: this.#sources([source]), accounts: [], limits: [] });
    const before = decided.get(earningKey(source, rule, 0)) ?? decided.get(earningKey(this.erased(source), rule, 0));
    if (before !== undefined)
      return before === points ? { kind: "unchanged" } : { kind: "refused", rule: "exists_with_different_amount" };
    const day = calendarDay(atMs, zone.timeZone);
    const days = tiers.definition.expiresAfterDays;
    const id = this.#deps.ids.next();
    await this.#append(
      tx,
      [
        {
          ...this.#entry(accounts, { id, householdId, points, basePoints: points, atMs, activeAtMs: atMs, day }),
          rule,
          ruleVersion: 1,
          source,
          effectIndex: 0,
          deviceKey: device?.key ?? null,
          limitAccount: null,
          limitKey: null,
          isOnce: false,
          reason: award.title,
          lotTimes: {
            activeAtMs: atMs,
            expiresAtMs: days === null ? null : endOfDayAfterMs(day, days, zone.timeZone),
          },
        },
      ],
      [{ householdId, deviceId: device?.id ?? null, title: award.title }],
    );
    await tiers.look(tx, [{ ...heldIn(accounts, zones, householdId), atMs, gained: [{ points, activeAtMs: atMs }] }]);
    return { kind: "earned", transferId: id };
  }

  /** What stays of a source when its household is erased: enough to know it again, and nothing to read. */
  erased(source: string): string {
    return `erased:${createHmac("sha256", this.#deps.secret).update(`ledger\n${source}`).digest("base64url")}`;
  }

  /** As a source is looked for: as it was told, and as it is kept after an erasure. */
  #sources(sources: readonly string[]): string[] {
    return sources.flatMap((source) => [source, this.erased(source)]);
  }

  async #known(
    tx: Db,
    acts: readonly EarningAct[],
    accounts: Accounts,
    zones: Zones,
  ): Promise<Omit<Known, "profileOf">> {
    const { ledger, tiers, rules } = this.#deps;
    const all = [...accounts.households.values()];
    const sources = new Map(acts.map(({ source }) => [this.erased(source), source]));
    const said = await ledger.known(tx, {
      sources: [...sources.keys(), ...sources.values()],
      accounts: all,
      limits: limitsOf(rules(), acts),
    });
    const decided = new Map(
      [...said.decided].map(([key, points]): [string, number | null] => {
        const [index, rule, source] = splitKey(key);
        return [earningKey(sources.get(source) ?? source, rule, Number(index)), points];
      }),
    );
    const tierAt = await tiers.history(
      tx,
      all.map((account) => ({ ...account, timeZone: zones.get(account.householdId)?.timeZone ?? "UTC" })),
    );
    return {
      ...said,
      decided,
      marks: await this.#marks(tx, acts, all),
      tierAt,
      expiresAfterDays: tiers.definition.expiresAfterDays,
      exists: (householdId) => accounts.households.has(householdId),
    };
  }

  async #marks(tx: Db, acts: readonly EarningAct[], accounts: readonly Account[]): Promise<Set<string>> {
    const { ledger, rules } = this.#deps;
    const types = new Set(acts.map(({ type }) => type));
    const streaks = rules().flatMap(({ rule: { key, definition } }) =>
      definition.streak !== null && types.has(definition.act.type) ? [{ key, ...definition.streak }] : [],
    );
    if (streaks.length === 0) return new Set();
    const days = acts.map(({ day }) => day).toSorted();
    const [first = "", last = ""] = [days[0], days.at(-1)];
    const froms = streaks.map(({ period, length }) => periodAfter(periodOf(first, period), period, -length));
    const tos = streaks.map(({ period, length }) => periodAfter(periodOf(last, period), period, length));
    const marks = await ledger.marks(
      tx,
      accounts,
      streaks.map(({ key }) => key),
      { from: froms.toSorted()[0] ?? first, to: tos.toSorted().at(-1) ?? last },
    );
    return new Set(marks.map(({ rule, householdId, period }) => markKey(rule, householdId, period)));
  }

  async #write(tx: Db, { earnings, refusals, marks }: Decided, accounts: Accounts): Promise<void> {
    const { ledger, clock } = this.#deps;
    await ledger.addMarks(
      tx,
      marks.map(({ householdId, rule, period }) => ({ account: accountIn(accounts, householdId).key, rule, period })),
    );
    await this.#append(
      tx,
      earnings.map((earning) => this.#earned(accounts, earning)),
      earnings.map(({ householdId, act, rule }) => ({
        householdId,
        deviceId: act.device?.id ?? null,
        title: rule.definition.title,
      })),
    );
    await ledger.recordRefusals(
      tx,
      refusals.map(({ act, rule, effectIndex, refused, points }) => {
        const { source, householdId } = act;
        return { source, rule: rule.key, effectIndex, refused, points, householdId, recordedAtMs: clock.nowMs() };
      }),
    );
  }

  async #giveBack(tx: Db, returns: Decided["returns"], accounts: Accounts): Promise<void> {
    const { ledger, moves } = this.#deps;
    for (const { act, of, limitKey } of returns) {
      const account = accountIn(accounts, act.householdId).key;
      const given = { account, rule: of, limitKey, source: act.source, atMs: act.atMs };
      if (await ledger.noteReturn(tx, given)) await moves.giveBack(tx, act.householdId, given);
    }
  }

  #earned(accounts: Accounts, earning: Earning): Entry {
    const { act, rule, source, effectIndex, householdId, points, basePoints, atMs, activeAtMs, expiresAtMs } = earning;
    const { day, limitKey, isOnce } = earning;
    const id = this.#deps.ids.next();
    return {
      ...this.#entry(accounts, { id, householdId, points, basePoints, atMs, activeAtMs, day }),
      rule: rule.key,
      ruleVersion: rule.version,
      source,
      effectIndex,
      deviceKey: act.device?.key ?? null,
      limitAccount: limitKey === null ? null : accountIn(accounts, act.householdId).key,
      limitKey,
      isOnce,
      reason: null,
      lotTimes: { activeAtMs, expiresAtMs },
    };
  }

  #entry(
    accounts: Accounts,
    earned: {
      id: string;
      householdId: string;
      points: number;
      basePoints: number;
      atMs: number;
      activeAtMs: number;
      day: string;
    },
  ) {
    const { householdId, ...rest } = earned;
    return {
      ...rest,
      kind: "earning" as const,
      debitAccount: accounts.own.issuance,
      creditAccount: accountIn(accounts, householdId).key,
      lot: earned.id,
      cause: null,
      reverses: null,
      recordedAtMs: this.#deps.clock.nowMs(),
    };
  }

  async #append(
    tx: Db,
    entries: readonly Entry[],
    told: readonly { householdId: string; deviceId: string | null; title: string }[],
  ): Promise<void> {
    await this.#deps.ledger.append(tx, entries);
    await this.#deps.outbox.add(
      tx,
      entries.map(({ points, rule, activeAtMs, atMs, id }, at) => {
        const householdId = told[at]?.householdId ?? "";
        return {
          type: "hearth.points.earned",
          subject: `household:${householdId}`,
          atMs,
          data: { ...told[at], points, rule, activeAtMs, transferId: id },
        };
      }),
    );
  }
}

const heldIn = (accounts: Accounts, zones: Zones, householdId: string) => ({
  account: accountIn(accounts, householdId),
  timeZone: zones.get(householdId)?.timeZone ?? "UTC",
});

const splitKey = (key: string): [string, string, string] => {
  const [index = "", rule = "", ...source] = key.split(" ");
  return [index, rule, source.join(" ")];
};

/** Acts of households that exist, each once, with their day and hour in the household's calendar. */
export function actsWithDays(acts: readonly HouseholdAct[], zones: Zones): EarningAct[] {
  const events = new Map<string, EarningAct>();
  for (const act of acts) {
    const zone = zones.get(act.householdId);
    if (zone === undefined || events.has(act.source)) continue;
    const { source, origin, device, householdId, type, atMs, data } = act;
    const day = calendarDay(atMs, zone.timeZone);
    const hour = hourOf(atMs, zone.timeZone);
    const { timeZone, locale } = zone;
    events.set(source, { source, origin, device, householdId, type, atMs, data, timeZone, locale, day, hour });
  }
  return [...events.values()];
}

const hourOf = (atMs: number, timeZone: string): number =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).hour;

/** The limits that these acts may count in, and those by which something given back is known. */
function limitsOf(rules: readonly CompiledRule[], acts: readonly EarningAct[]) {
  const wanted = new Map<string, { rule: string; householdId: string; limitKey: string }>();
  const byType = Map.groupBy(rules, ({ rule }) => rule.definition.act.type);
  for (const act of acts) {
    for (const { rule } of byType.get(act.type) ?? []) {
      const limitKey = limitKeyFor(rule.definition, act);
      if (typeof limitKey !== "string") continue;
      const { householdId } = act;
      for (const key of countsValues(rule.definition) ? [limitKey, allValues] : [limitKey])
        wanted.set(`${rule.key} ${householdId} ${key}`, { rule: rule.key, householdId, limitKey: key });
    }
  }
  return [...wanted.values()];
}
