import type { Outbox } from "../events/events.ts";
import { newestOf, type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { calendarDay, monthsAfterMs, startOfDayMs } from "./core/calendar.ts";
import type { Gain } from "./core/moments.ts";
import { type Program, type ProgramDefinition, type RankedTier, tierAbove, tierFor, tierOf } from "./core/program.ts";
import { tierEnding } from "./core/tier-words.ts";
import { wordsFor } from "./core/words.ts";
import type { Account, LedgerStore } from "./ledger-store.ts";
import { type Standing, TiersStore } from "./tiers-store.ts";

export interface TiersDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  ledger: LedgerStore;
  households: { timeZoneOf(ids: readonly string[], db?: Db): Promise<Map<string, { timeZone: string }>> };
}

/** A household at a time. Its account is held. */
export interface Held {
  account: Account;
  timeZone: string;
  atMs: number;
}

/** A moment at which points of a household became active. */
export interface Earned extends Held {
  /** What the ledger got since `account` was read, or since the household's moment before. */
  gained: readonly Gain[];
}

/** Something that names a tier; `what` is said before the tier's key: `the reward apron is for`. */
export interface TierUse {
  tier: string;
  what: string;
}

type TierInUse = { kind: "refused"; rule: "tier_in_use"; detail: string };

const dayMs = 86_400_000;
const dueAtOnce = 200;

/**
 * Who has which tier, and until when.
 *
 * A tier is reached with the points that became active in the period before, kept for a period, and looked at again at its end: with the
 * points of that period it is kept for another, or the one that they reach takes its place, after a notice. Pending points count from
 * when they are active, and those that are taken back before never do. What is taken back once a tier is reached, be it in the same
 * moment, takes no tier: it counts at the end of the period.
 */
export class Tiers {
  readonly #deps: TiersDeps;
  readonly #store = new TiersStore();
  #program: Program | null = null;
  #uses: ((tx: Db) => Promise<TierUse[]>)[] = [];

  constructor(deps: TiersDeps) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    this.#program = await this.#store.program(this.#deps.db);
  }

  get program(): Program {
    if (this.#program === null) throw new Error("the program was not loaded");
    return this.#program;
  }

  get definition(): ProgramDefinition {
    return this.program.definition;
  }

  /** Who says what names a tier; what is named does not go. */
  onAskedForUses(uses: (tx: Db) => Promise<TierUse[]>): void {
    this.#uses.push(uses);
  }

  /** Puts the program's next version in force. A tier that something names does not go. */
  async put(by: Principal, definition: ProgramDefinition, basedOn?: number): Promise<Program | Overtaken | TierInUse> {
    const { db, clock, audit } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      await this.#store.lockProgram(tx);
      const before = await this.#store.program(tx);
      const other = changedMeanwhile(basedOn, newestOf(before));
      if (other !== null) return other;
      const inUse = await this.#inUse(tx, before.definition, definition);
      if (inUse !== null) return inUse;
      const made = { createdAtMs: clock.nowMs(), createdBy: principalText(by) };
      const next: Program = { version: before.version + 1, definition, ...made };
      await this.#store.insertProgram(tx, next);
      await audit.record(tx, {
        principal: by,
        action: "loyalty_program.changed",
        subject: "loyalty_program",
        before: before.definition,
        after: definition,
      });
      return next;
    });
    if (!("kind" in outcome)) this.#program = outcome;
    return outcome;
  }

  async #inUse(tx: Db, before: ProgramDefinition, next: ProgramDefinition): Promise<TierInUse | null> {
    const kept = new Set(next.tiers.map(({ key }) => key));
    // A name that no tier has had, in a condition, keeps nobody from changing the program.
    const gone = new Set(before.tiers.flatMap(({ key }) => (kept.has(key) ? [] : [key])));
    for (const ask of this.#uses) {
      const first = (await ask(tx)).find(({ tier }) => gone.has(tier));
      if (first !== undefined)
        return { kind: "refused", rule: "tier_in_use", detail: `tiers: ${first.what} ${first.tier}.` };
    }
    return null;
  }

  /** The tier of each household at a time: a tier counts from the day after it was reached. */
  async history(
    tx: Db,
    accounts: readonly (Account & { timeZone: string })[],
  ): Promise<(householdId: string, atMs: number) => RankedTier> {
    const changes = Map.groupBy(
      await this.#store.changes(
        tx,
        accounts.map(({ key }) => key),
      ),
      ({ account }) => account,
    );
    const households = new Map(accounts.map((account) => [account.householdId, account]));
    return (householdId, atMs) => {
      const account = households.get(householdId);
      if (account === undefined) return tierOf(this.definition, null);
      const day = calendarDay(atMs, account.timeZone);
      const last = (changes.get(account.key) ?? []).findLast(
        (change) => calendarDay(change.atMs, account.timeZone) < day,
      );
      return tierOf(this.definition, last?.to ?? null);
    };
  }

  /** Notes when pending points become active: `takeActivated` finds the household then. */
  async expectActive(tx: Db, pending: readonly { account: number; atMs: number }[]): Promise<void> {
    await this.#store.addActivations(tx, pending);
  }

  /** Takes the moments until a time each at which pending points of households became active, to be looked at. Their accounts are held. */
  async takeActivated(tx: Db, until: readonly Held[]): Promise<Earned[]> {
    const all = new Map(until.map((one) => [one.account.key, one]));
    const due = await this.#store.takeActivations(
      tx,
      until.map(({ account, atMs }) => ({ account: account.key, untilMs: atMs })),
    );
    return due.flatMap(({ account, atMs }) => {
      const one = all.get(account);
      return one === undefined ? [] : [{ ...one, atMs, gained: [] }];
    });
  }

  /** Ends tiers whose time was over before the day of each moment, as far as nobody looked at that yet. Their accounts are held. */
  async endBefore(tx: Db, moments: readonly Held[]): Promise<void> {
    const ended = await this.#store.endedBy(
      tx,
      moments.map(({ account, atMs }) => ({ account: account.key, atMs })),
    );
    if (ended.size === 0) return;
    for (const one of moments) {
      const standing = ended.get(one.account.key);
      if (standing === undefined) continue;
      // Within the day what is earned before the end still counts.
      const beganMs = startOfDayMs(calendarDay(one.atMs, one.timeZone), one.timeZone);
      await this.#settle(tx, standing, one, beganMs);
    }
  }

  /** Moves households up that have enough at any of these moments, those of one household in order. Their accounts are held. */
  async look(tx: Db, moments: readonly Earned[]): Promise<void> {
    const lowest = this.definition.tiers[1];
    const candidates = lowest === undefined ? [] : toldBy(moments, lowest.fromPoints);
    if (candidates.length === 0) return;
    const standings = await this.#store.standings(tx, [...new Set(candidates.map(({ account }) => account.key))]);
    const isEnough = (earned: number, standing: Standing | undefined) => {
      const above = tierAbove(this.definition, tierOf(this.definition, standing?.tier ?? null));
      return above !== null && earned >= above.fromPoints;
    };
    const able = candidates.filter(({ account, atMs, earned }) => {
      const standing = standings.get(account.key);
      return isEnough(earned, standing) || (standing !== undefined && standing.untilMs <= atMs);
    });
    const spans = able.map(({ account, atMs, timeZone }) => ({
      account: account.key,
      fromMs: this.#before(atMs, timeZone),
      toMs: atMs,
    }));
    const sums = await this.#store.activeIn(tx, spans);
    for (const [place, one] of able.entries()) {
      const { key } = one.account;
      const before = standings.get(key);
      let standing = before === undefined ? undefined : await this.#settle(tx, before, one, one.atMs, one.notYet);
      const current = tierOf(this.definition, standing?.tier ?? null);
      const points = (sums[place] ?? 0) - one.notYet(spans[place]?.fromMs ?? 0, one.atMs);
      const reached = tierFor(this.definition, points);
      if (reached.rank > current.rank && isEnough(one.earned, standing))
        standing = await this.#change(tx, one, current, reached, points, one.atMs);
      if (standing === undefined) standings.delete(key);
      else standings.set(key, standing);
    }
  }

  /** Moves those up whose points became active, tells those whose tier is about to end, and ends it where it has. */
  async tick(): Promise<void> {
    const { db, clock, ledger } = this.#deps;
    const nowMs = clock.nowMs();
    await this.#activateDue(nowMs);
    const endingByMs = nowMs + this.definition.noticeDays * dayMs;
    for (;;) {
      const due = await this.#store.due(db, { endedByMs: nowMs, endingByMs }, dueAtOnce);
      if (due.length === 0) return;
      await transaction(db, async (tx) => {
        const ids = due.map(({ householdId }) => householdId);
        const { households } = await ledger.lockAccounts(tx, ids);
        const zones = await this.#deps.households.timeZoneOf(ids, tx);
        const standings = await this.#store.standings(
          tx,
          due.map(({ account }) => account),
        );
        for (const account of households.values()) {
          const standing = standings.get(account.key);
          const timeZone = zones.get(account.householdId)?.timeZone ?? "UTC";
          if (standing !== undefined) await this.#look(tx, standing, { account, timeZone, atMs: nowMs });
        }
      });
      if (due.length < dueAtOnce) return;
    }
  }

  async #activateDue(nowMs: number): Promise<void> {
    const { db, ledger, households } = this.#deps;
    for (;;) {
      const ids = await this.#store.activationsDue(db, nowMs, dueAtOnce);
      if (ids.length === 0) return;
      const activated = await transaction(db, async (tx) => {
        const { households: accounts } = await ledger.lockAccounts(tx, ids);
        const zones = await households.timeZoneOf(ids, tx);
        const timeZone = (id: string) => zones.get(id)?.timeZone ?? "UTC";
        const due = await this.takeActivated(
          tx,
          [...accounts.values()].map((account) => ({
            account,
            timeZone: timeZone(account.householdId),
            atMs: nowMs,
          })),
        );
        await this.look(tx, due);
        return due.length;
      });
      // Another worker was faster.
      if (activated === 0) return;
    }
  }

  /** Tier of each household, until when, and how far it is to the next. */
  async of(db: Db, householdIds: readonly string[]): Promise<Map<string, RankedTier & { untilMs: number | null }>> {
    const standings = await this.#store.ofHouseholds(db, this.#deps.ledger.program, householdIds);
    return new Map(
      householdIds.map((id) => {
        const standing = standings.get(id);
        return [id, { ...tierOf(this.definition, standing?.tier ?? null), untilMs: standing?.untilMs ?? null }];
      }),
    );
  }

  /** What is said to a household of its tier that ends then; null where it has another by now, or enough points to keep it. */
  async ending(
    db: Db,
    { householdId, tier, untilMs, locale }: { householdId: string; tier: string; untilMs: number; locale: string },
  ): Promise<{ locale: string; title: string; text: string } | null> {
    const { ledger, households } = this.#deps;
    const standing = (await this.#store.ofHouseholds(db, ledger.program, [householdId])).get(householdId);
    if (standing?.tier !== tier || standing.untilMs !== untilMs) return null;
    const timeZone = (await households.timeZoneOf([householdId], db)).get(householdId)?.timeZone ?? "UTC";
    const { fromPoints, title, names } = tierOf(this.definition, tier);
    const points = fromPoints - (await this.#activeBefore(db, standing.account, untilMs, timeZone));
    if (points <= 0) return null;
    return tierEnding(locale, { tier: wordsFor(names, locale) ?? title, untilMs, timeZone, points });
  }

  /** Points that count for a tier now. */
  async pointsInPeriod(db: Db, account: number, timeZone: string): Promise<number> {
    const toMs = this.#deps.clock.nowMs();
    return this.#activeBefore(db, account, toMs, timeZone);
  }

  counts(): Promise<Map<string, number>> {
    return this.#store.counts(this.#deps.db);
  }

  async #look(tx: Db, standing: Standing, one: Held): Promise<void> {
    if (standing.untilMs <= one.atMs) {
      await this.#settle(tx, standing, one, one.atMs);
      return;
    }
    const points = await this.#activeBefore(tx, standing.account, standing.untilMs, one.timeZone);
    const pointsMissing = tierOf(this.definition, standing.tier).fromPoints - points;
    if (pointsMissing > 0) await this.#giveNotice(tx, standing, one, pointsMissing);
    else await this.#store.note(tx, standing.account, { noticedAtMs: null, untilMs: standing.untilMs });
  }

  /** Whoever was not told in time keeps the tier until they have been. */
  async #giveNotice(tx: Db, standing: Standing, { account }: Held, pointsMissing: number): Promise<Standing> {
    const { clock, outbox } = this.#deps;
    const nowMs = clock.nowMs();
    const untilMs = Math.max(standing.untilMs, nowMs + this.definition.noticeDays * dayMs);
    const noticed = { ...standing, noticedAtMs: nowMs, untilMs };
    await this.#store.note(tx, standing.account, noticed);
    const { householdId } = account;
    const data = { householdId, tier: standing.tier, untilMs, pointsMissing };
    await outbox.add(tx, [{ type: "hearth.tier.ending", subject: `household:${householdId}`, atMs: nowMs, data }]);
    return noticed;
  }

  /**
   * Looks at each end of a tier until a time. Whom nobody told that it ends is told first, unless that is so long ago that the notice would
   * be over too.
   *
   * @param notYet what the ledger has already of later moments
   * @returns what is left; undefined at the base
   */
  async #settle(
    tx: Db,
    standing: Standing,
    one: Held,
    untilMs: number,
    notYet: ToldMoment["notYet"] = () => 0,
  ): Promise<Standing | undefined> {
    const tellFromMs = this.#deps.clock.nowMs() - this.definition.noticeDays * dayMs;
    let now: Standing | undefined = standing;
    while (now !== undefined && now.untilMs <= untilMs) {
      const fromMs = this.#before(now.untilMs, one.timeZone);
      const inPeriod = await this.#activeBefore(tx, now.account, now.untilMs, one.timeZone);
      const points = inPeriod - notYet(fromMs, now.untilMs);
      const tier = tierOf(this.definition, now.tier);
      const reached = tierFor(this.definition, points);
      if (reached.rank >= tier.rank) now = await this.#keep(tx, now, one.timeZone);
      else if (now.noticedAtMs === null && now.untilMs > tellFromMs)
        return this.#giveNotice(tx, now, one, tier.fromPoints - points);
      else now = await this.#change(tx, one, tier, reached, points, now.untilMs);
    }
    return now;
  }

  async #keep(tx: Db, standing: Standing, timeZone: string): Promise<Standing> {
    const untilMs = monthsAfterMs(standing.untilMs, this.definition.periodMonths, timeZone);
    const kept = { ...standing, untilMs, noticedAtMs: null };
    await this.#store.putStanding(tx, kept);
    return kept;
  }

  async #change(
    tx: Db,
    { account, timeZone }: Held,
    from: RankedTier,
    to: RankedTier,
    points: number,
    atMs: number,
  ): Promise<Standing | undefined> {
    const { clock, outbox } = this.#deps;
    const { householdId, key } = account;
    const untilMs = monthsAfterMs(atMs, this.definition.periodMonths, timeZone);
    const standing: Standing = { account: key, tier: to.key, sinceMs: atMs, untilMs, noticedAtMs: null };
    if (to.rank === 0) await this.#store.removeStanding(tx, key);
    else await this.#store.putStanding(tx, standing);
    const recordedAtMs = clock.nowMs();
    await this.#store.addChange(tx, { account: key, atMs, recordedAtMs, from: from.key, to: to.key, points });
    const data = { householdId, from: from.key, to: to.key, points, untilMs: to.rank === 0 ? null : untilMs };
    await outbox.add(tx, [{ type: "hearth.tier.changed", subject: `household:${householdId}`, atMs, data }]);
    return to.rank === 0 ? undefined : standing;
  }

  #before(atMs: number, timeZone: string): number {
    return monthsAfterMs(atMs, -this.definition.periodMonths, timeZone);
  }

  async #activeBefore(tx: Db, account: number, toMs: number, timeZone: string): Promise<number> {
    const [points = 0] = await this.#store.activeIn(tx, [{ account, fromMs: this.#before(toMs, timeZone), toMs }]);
    return points;
  }
}

interface ToldMoment extends Earned {
  /** What the household had earned by then. */
  earned: number;
  /** What the ledger has already of the household's later moments that was active after `fromMs` and until `toMs`. */
  notYet: (fromMs: number, toMs: number) => number;
}

/** The moments by which households had earned so much, those of each in order. */
function toldBy(moments: readonly Earned[], leastEarned: number): ToldMoment[] {
  const told: ToldMoment[] = [];
  const ofAccounts = Map.groupBy(moments, ({ account }) => account.key);
  for (const ofOne of ofAccounts.values()) {
    let earned = ofOne[0]?.account.earned ?? 0;
    for (const [at, moment] of ofOne.entries()) {
      earned += sumOf(moment.gained);
      if (earned < leastEarned) continue;
      const notYet = (fromMs: number, toMs: number) =>
        ofOne
          .slice(at + 1)
          .reduce(
            (sum, { gained }) =>
              sum + sumOf(gained.filter(({ activeAtMs }) => activeAtMs > fromMs && activeAtMs <= toMs)),
            0,
          );
      told.push({ ...moment, earned, notYet });
    }
  }
  return told;
}

const sumOf = (gains: readonly Gain[]): number => gains.reduce((sum, { points }) => sum + points, 0);
