/**
 * Points: earned by what households do, kept in a ledger that is only ever appended to.
 *
 *   acts --same transaction--> earning rules --> ledger (lots) --> tiers --> outbox
 *   rewards, offers --reserve--> points put aside --spend | release--> spent, or back in the lots that they came from
 */
import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { HouseholdAct, Households } from "../households/households.ts";
import type { Devices } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SecretBox } from "../platform/secret-box.ts";
import type { HouseholdEntry, TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import type { Audit, OwnerPrincipal, Principal } from "../staff/staff.ts";
import type { RuleRefusal } from "./core/compiled-rule.ts";
import { type RankedTier, tierAbove } from "./core/program.ts";
import type { LoyaltyDefinition } from "./core/rule.ts";
import type { Transfer } from "./core/transfer.ts";
import { wordsFor } from "./core/words.ts";
import { type DryRun, dryRun, type RetainedActs } from "./dry-run.ts";
import { EarningRules } from "./earning-rules.ts";
import { type Award, type AwardOutcome, Earnings, type HouseholdProfiles } from "./earnings.ts";
import { checkLedger, type LedgerCheck } from "./ledger-check.ts";
import { type Balance, LedgerReads } from "./ledger-reads.ts";
import { LedgerStore } from "./ledger-store.ts";
import { loyaltyData } from "./loyalty-data.ts";
import { Cancellations, type CancellationsDeps } from "./cancellations.ts";
import { MergedPoints, type MergedPointsDeps } from "./merged-points.ts";
import { Offers } from "./offers.ts";
import { type OwnerWordDeps, tellFailedOrder } from "./owner-word.ts";
import { accountIn, PointMoves } from "./point-moves.ts";
import { checkReplay, type ReplayCheck } from "./replay-check.ts";
import { Rewards } from "./rewards.ts";
import { Shop } from "./shop.ts";
import { Tiers } from "./tiers.ts";

export { loyaltyProblems } from "./errors.ts";
export type { Award, AwardOutcome } from "./earnings.ts";
export type { Balance } from "./ledger-reads.ts";
export type { RankedTier } from "./core/program.ts";

export interface LoyaltyDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  households: MergedPointsDeps["households"] & Pick<Households, "onMerged" | "onUnmerged">;
  /** What is known of households, for conditions that read it. */
  profiles: HouseholdProfiles;
  /** What is kept of what households did. */
  acts: RetainedActs;
  /** Of this installation, and not in the database. */
  secret: Uint8Array;
  /** How far the shop's address may lead. */
  reach: Reach;
  deliveries: OwnerWordDeps["deliveries"];
  service: CancellationsDeps["service"];
  appliances: OwnerWordDeps["appliances"] & Pick<Devices, "models">;
}

/** One line of a household's ledger. */
export type LedgerEntry = Transfer & { state: "pending" | "active" | "reversed"; isGain: boolean; title: string };

/** The one program so far. */
const program = "points";
const expiredAtOnce = 2_000;
const lotsShown = 200;

export class Loyalty {
  readonly rules: EarningRules;
  readonly tierBook: Tiers;
  readonly offers: Offers;
  readonly rewards: Rewards;
  readonly householdData: HouseholdData[];
  readonly shop: Shop;
  readonly cancellations: Cancellations;
  readonly #deps: LoyaltyDeps;
  readonly #ledger = new LedgerStore(program);
  readonly #reads = new LedgerReads(program);
  readonly #moves: PointMoves;
  readonly #earnings: Earnings;

  constructor(deps: LoyaltyDeps) {
    this.#deps = deps;
    const ledger = this.#ledger;
    this.rules = new EarningRules(deps);
    this.tierBook = new Tiers({ ...deps, ledger });
    this.tierBook.onAskedForUses((tx) => this.rewards.forTiers(tx));
    this.tierBook.onAskedForUses((tx) => this.offers.forTiers(tx));
    this.tierBook.onAskedForUses(async () => this.rules.forTiers());
    const mayOverdraw = () => this.tierBook.definition.returnsMayOverdraw;
    this.#moves = new PointMoves({ ...deps, ledger, reads: this.#reads, mayOverdraw });
    const parts = { ledger, moves: this.#moves, tiers: this.tierBook };
    this.#earnings = new Earnings({ ...deps, ...parts, rules: () => this.rules.compiled() });
    this.shop = new Shop({ ...deps, box: new SecretBox(deps.secret, "loyalty shop") });
    this.rewards = new Rewards({ ...deps, ...parts });
    this.householdData = loyaltyData({
      program,
      moves: this.#moves,
      erased: (source) => this.#earnings.erased(source),
      nowMs: () => deps.clock.nowMs(),
    });
    const merged = new MergedPoints({ ...deps, ...parts });
    deps.households.onMerged((tx, merge) => merged.merged(tx, merge));
    deps.households.onUnmerged((tx, merge) => merged.unmerged(tx, merge));
    this.cancellations = new Cancellations({ ...deps, shop: this.shop });
    this.offers = new Offers({
      ...deps,
      ...parts,
      shop: this.shop,
      cancellations: this.cancellations,
      models: () => deps.appliances.models(),
      tellFailed: (tx, failed) => tellFailedOrder(deps, tx, failed),
    });
  }

  /** Reads rules and program. Before the first batch. */
  async load(): Promise<void> {
    await this.rules.load();
    await this.tierBook.load();
  }

  /**
   * Gives the points that acts earn, in the transaction that records them. Sent again, in any order, they earn nothing more. What an
   * appliance of nobody saw earns for nobody.
   */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    await this.#earnings.ingest(tx, acts);
    await this.offers.ingest(tx, acts);
  }

  /** Gives points that no earning rule decides: the same again changes nothing, and another amount is refused by name. */
  award(tx: Db, award: Award): Promise<AwardOutcome> {
    return this.#earnings.award(tx, award);
  }

  /** What each household holds; who never earned holds nothing. */
  async balances(db: Db, householdIds: readonly string[]): Promise<Map<string, Balance>> {
    const found = await this.#reads.balances(db, householdIds, this.#deps.clock.nowMs());
    return new Map(householdIds.map((id) => [id, found.get(id) ?? { active: 0, pending: 0 }]));
  }

  /** The tier of each household, with its rank: 0 is the base. */
  tiers(db: Db, householdIds: readonly string[]): Promise<Map<string, RankedTier & { untilMs: number | null }>> {
    return this.tierBook.of(db, householdIds);
  }

  /** What has to happen as time passes: points and tiers end. */
  async tick(): Promise<void> {
    const { db } = this.#deps;
    while ((await transaction(db, (tx) => this.#moves.expire(tx, expiredAtOnce))) === expiredAtOnce);
    await this.rewards.tick();
    await this.tierBook.tick();
  }

  /** What a rule would have given for what was done in the last days, by one household or by all. Nothing is stored. */
  dryRun(
    definition: LoyaltyDefinition,
    over: { householdId: string | null; days: number },
  ): Promise<DryRun | RuleRefusal> {
    return dryRun({ ...this.#deps, tiers: this.tierBook }, definition, over);
  }

  /** Tells the ledger again all that is kept, and takes back whatever that did. */
  checkReplay(): Promise<ReplayCheck> {
    const { db, clock, acts } = this.#deps;
    return checkReplay({
      db,
      clock,
      acts,
      rules: () => this.rules.compiled(),
      ingest: (tx, told) => this.#earnings.ingest(tx, told),
      earnedSince: (tx, sequence) => this.#reads.earnedSince(tx, sequence),
      lastSequence: (tx) => this.#reads.lastSequence(tx),
    });
  }

  /**
   * What a household holds, with its tier, and how far it is to the next; null where there is no such household.
   *
   * @param toHousehold whether it is the household that reads it, in its language
   */
  async standing(householdId: string, { toHousehold = false }: { toHousehold?: boolean } = {}) {
    const { db, households } = this.#deps;
    const zone = (await households.timeZoneOf([householdId])).get(householdId);
    if (zone === undefined) return null;
    const [balances, tiers, account] = await Promise.all([
      this.balances(db, [householdId]),
      this.tiers(db, [householdId]),
      this.#reads.accountKey(db, householdId),
    ]);
    const tier = tiers.get(householdId);
    if (tier === undefined) throw new Error("a household without a tier");
    const pointsInPeriod = account === null ? 0 : await this.tierBook.pointsInPeriod(db, account, zone.timeZone);
    const next = tierAbove(this.tierBook.definition, tier);
    const nameOf = ({ title, names }: RankedTier) => (toHousehold ? (wordsFor(names, zone.locale) ?? title) : title);
    return {
      balance: balances.get(householdId) ?? { active: 0, pending: 0 },
      tier: { key: tier.key, title: nameOf(tier), benefits: tier.benefits, rank: tier.rank, untilMs: tier.untilMs },
      pointsInPeriod,
      next:
        next === null
          ? null
          : {
              key: next.key,
              title: nameOf(next),
              benefits: next.benefits,
              fromPoints: next.fromPoints,
              pointsMissing: Math.max(0, next.fromPoints - pointsInPeriod),
            },
    };
  }

  /** A household's lots that hold something, first-expiring first, with what they were earned for. */
  async lots(householdId: string) {
    const lots = await this.#reads.lots(this.#deps.db, householdId, lotsShown);
    return lots.map((lot) => ({
      ...lot,
      title: this.#titleOf({ kind: "earning", rule: lot.rule, reason: null }, noTitles),
    }));
  }

  /** What the program owes: points that households hold, and what of them expires by when. */
  async liability(untilMs: readonly number[]) {
    return this.#reads.liability(this.#deps.db, this.#deps.clock.nowMs(), untilMs);
  }

  /** Takes an earning back by transfers that point at it. */
  async reverse(
    by: Principal,
    transferId: string,
    reason: string,
  ): Promise<LedgerEntry | Refused<"earning_not_found" | "earning_already_reversed" | "exceeds_balance">> {
    const { db, clock, ids, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const householdId = await this.#reads.householdOf(tx, transferId);
      if (householdId === null) return refused("earning_not_found");
      const accounts = await this.#ledger.lockAccounts(tx, [householdId]);
      const earning = await this.#reads.get(tx, transferId);
      if (earning === null) return refused("earning_not_found");
      if (earning.reversed) return refused("earning_already_reversed");
      const cause = { id: ids.next(), rule: earning.rule, reason, atMs: clock.nowMs() };
      const account = accountIn(accounts, householdId);
      const limits = { mayTakeLess: false, mayOverdraw: false };
      const outcome = await this.#moves.reverse(tx, accounts, account, earning, cause, limits);
      if (outcome.kind === "refused") return outcome;
      const [first] = outcome.entries;
      if (first === undefined) throw new Error("a reversal moved nothing");
      await audit.record(tx, {
        principal: by,
        action: "points.reversed",
        subject: `household:${householdId}`,
        after: { transferId, points: outcome.points, reason },
      });
      const { lotTimes: _times, ...transfer } = first;
      const whole = { ...transfer, points: outcome.points, sequence: 0, reversed: false };
      return { ...whole, state: "active", isGain: false, title: this.#titleOf(whole, noTitles) };
    });
  }

  /** A household's entries, newest first, below a sequence; null where there is no such household. */
  async ledger(
    householdId: string,
    beforeSequence: number | null,
    limit: number,
  ): Promise<{ entries: LedgerEntry[]; lastSequence: number | null } | null> {
    if (!(await this.#exists(householdId))) return null;
    const { db } = this.#deps;
    const account = await this.#reads.accountKey(db, householdId);
    const transfers = await this.#reads.ofHousehold(db, householdId, beforeSequence, limit);
    const entries = await this.#entriesOf(transfers, account);
    return { entries, lastSequence: transfers.at(-1)?.sequence ?? null };
  }

  /** What a household holds; null where there is no such household. */
  async balance(householdId: string): Promise<Balance | null> {
    if (!(await this.#exists(householdId))) return null;
    return (await this.balances(this.#deps.db, [householdId])).get(householdId) ?? null;
  }

  /** Recomputes what must hold of the ledger; with `replay` also tells it again all that is kept. */
  async check({ replay = false }: { replay?: boolean } = {}): Promise<LedgerCheck & { replay?: ReplayCheck }> {
    const check = await checkLedger(this.#deps.db);
    if (!replay) return check;
    const told = await this.checkReplay();
    return { ...check, ok: check.ok && told.missing.length === 0, replay: told };
  }

  nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** What there is to have for points, in the household's language. */
  async rewardsFor(householdId: string) {
    const zone = (await this.#deps.households.timeZoneOf([householdId])).get(householdId);
    const all = (await this.rewards.list()).filter(({ definition }) => definition.enabled);
    return all.map(({ key, definition, taken }) => {
      const { kind, pointsCost, tier, stock, texts } = definition;
      const { title, description } = wordsFor(texts, zone?.locale ?? "") ?? definition;
      const left = stock === null ? null : Math.max(0, stock - taken);
      return { key, title, description, kind, pointsCost, tier, left };
    });
  }

  /** Puts a reward aside for a household. */
  reserveReward(householdId: string, key: string) {
    return transaction(this.#deps.db, (tx) => this.rewards.reserve(tx, householdId, key));
  }

  settleReward(householdId: string, id: string, event: "redeem" | "release") {
    return transaction(this.#deps.db, (tx) => this.rewards.settle(tx, householdId, id, event));
  }

  /** A touch in the app, or taking one back. */
  touchOffer(by: OwnerPrincipal, offerId: string, event: "redeem" | "undo") {
    const { db, clock, ids } = this.#deps;
    const touch = { source: `app:${ids.next()}`, atMs: clock.nowMs(), deviceKey: null };
    return transaction(db, async (tx) =>
      event === "redeem"
        ? this.offers.redeem(tx, by.householdId, offerId, touch)
        : this.offers.undo(tx, by.householdId, offerId),
    );
  }

  /** Points that an appliance's events earned, newest first. */
  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const transfers = await this.#reads.timeline(this.#deps.db, device.key, page);
    return transfers.map((transfer) => {
      const { kind, points, rule, activeAtMs, source, reverses, reason } = transfer;
      const signed = kind === "earning" ? `+${points}` : `−${points}`;
      return {
        atMs: transfer.atMs,
        kind: "points",
        id: transfer.id,
        title: `${signed} points: ${kind === "earning" ? this.#titleOf(transfer, noTitles) : "taken back"}`,
        data: {
          points: kind === "earning" ? points : -points,
          rule,
          activeAtMs,
          eventId: eventIdOf(source),
          reverses,
          reason,
        },
      };
    });
  }

  /** What moved a household's points, newest first. */
  async householdTimeline(householdId: string, page: TimelinePage): Promise<HouseholdEntry[]> {
    const account = await this.#reads.accountKey(this.#deps.db, householdId);
    if (account === null) return [];
    const transfers = await this.#reads.happened(this.#deps.db, account, page);
    return (await this.#entriesOf(transfers, account)).map(householdEntry);
  }

  /** Active points of all households. */
  async counts(): Promise<{ pointsActive: number }> {
    const { active } = await this.#reads.liability(this.#deps.db, this.#deps.clock.nowMs(), []);
    return { pointsActive: active };
  }

  async #entriesOf(transfers: readonly Transfer[], account: number | null): Promise<LedgerEntry[]> {
    const titles = await this.#reads.titles(this.#deps.db, new Set(transfers.map(({ rule }) => rule)));
    const nowMs = this.#deps.clock.nowMs();
    return transfers.map((transfer) => {
      const isPending = transfer.kind === "earning" && transfer.activeAtMs > nowMs;
      const state = transfer.reversed ? "reversed" : isPending ? "pending" : "active";
      return { ...transfer, state, isGain: transfer.creditAccount === account, title: this.#titleOf(transfer, titles) };
    });
  }

  /**
   * What an entry is for, in words. An award brings its own.
   *
   * @param titles of rewards and offers, by the rule that an entry names them with
   */
  #titleOf({ kind, rule, reason }: Pick<Transfer, "kind" | "rule" | "reason">, titles: Titles): string {
    const title = this.rules.get(rule)?.definition.title ?? titles.get(rule) ?? causeWords.get(rule);
    return title ?? (kind === "earning" ? (reason ?? rule) : rule);
  }

  async #exists(householdId: string): Promise<boolean> {
    return (await this.#deps.households.timeZoneOf([householdId])).has(householdId);
  }
}

type Titles = ReadonlyMap<string, string>;
/** Points are earned by a rule or an award alone: no reward and no offer brings any. */
const noTitles: Titles = new Map();

/** Why points moved where no rule, reward or offer is behind it. */
const causeWords: Titles = new Map([
  ["expiry", "Points that ran out"],
  ["merge", "Households were joined"],
  ["unmerge", "Households were parted"],
  ["erasure", "The household was erased"],
]);

/** What became of points that were there already, in words, with what they were for. */
const movedWords: Partial<Record<Transfer["kind"], (title: string) => string>> = {
  reversal: () => "taken back",
  reservation: (title) => `put aside for ${title}`,
  release: (title) => `no longer put aside for ${title}`,
  refund: (title) => `given back for ${title}`,
  expiry: () => "expired",
  merge: () => "of households that were joined or parted",
};

const householdEntry = ({ atMs, id, points, isGain, kind, title, rule }: LedgerEntry): HouseholdEntry => ({
  atMs,
  kind: "points",
  id,
  title: `${isGain ? "+" : "−"}${points} points: ${movedWords[kind]?.(title) ?? title}`,
  data: { points: isGain ? points : -points, rule },
});

/** The event's own id, of a source `device/event`; null where no appliance saw it. */
export const eventIdOf = (source: string): string | null =>
  source.includes("/") && !source.startsWith("streak:") ? source.slice(source.indexOf("/") + 1) : null;
export const deviceIdOf = (source: string): string | null =>
  source.includes("/") && !source.startsWith("streak:") ? source.slice(0, source.indexOf("/")) : null;
