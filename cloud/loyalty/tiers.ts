import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { calendarDay, monthsAfterMs } from "./core/calendar.ts";
import { type Program, type ProgramDefinition, type RankedTier, tierAbove, tierFor, tierOf } from "./core/program.ts";
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

/** A household of which points became active, and when last. */
export interface Earned {
  account: Account;
  timeZone: string;
  atMs: number;
}

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

  async put(by: Principal, definition: ProgramDefinition): Promise<Program> {
    const { db, clock, audit } = this.#deps;
    this.#program = await transaction(db, async (tx) => {
      await this.#store.lockProgram(tx);
      const before = await this.#store.program(tx);
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
    return this.#program;
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

  /** Notes when pending points become active: `activate` looks at the household then. */
  async expectActive(tx: Db, pending: readonly { account: number; atMs: number }[]): Promise<void> {
    await this.#store.addActivations(tx, pending);
  }

  /** Moves households up whose pending points became active until a time each, as of when they did. Their accounts are held. */
  async activate(tx: Db, until: readonly Earned[]): Promise<number> {
    const all = new Map(until.map((one) => [one.account.key, one]));
    const due = await this.#store.takeActivations(
      tx,
      until.map(({ account, atMs }) => ({ account: account.key, untilMs: atMs })),
    );
    for (const { account, atMs } of due) {
      const one = all.get(account);
      if (one !== undefined) await this.afterEarning(tx, [{ ...one, atMs }]);
    }
    return due.length;
  }

  /** Moves households up that earned enough. Their accounts are held. */
  async afterEarning(tx: Db, earned: readonly Earned[]): Promise<void> {
    const lowest = this.definition.tiers[1];
    const candidates = lowest === undefined ? [] : earned.filter(({ account }) => account.earned >= lowest.fromPoints);
    if (candidates.length === 0) return;
    const standings = await this.#store.standings(
      tx,
      candidates.map(({ account }) => account.key),
    );
    const able: Earned[] = [];
    for (const one of candidates) {
      const standing = standings.get(one.account.key);
      const settled = standing === undefined ? undefined : await this.#settle(tx, standing, one, one.atMs);
      const above = tierAbove(this.definition, tierOf(this.definition, settled?.tier ?? null));
      if (above === null || one.account.earned < above.fromPoints) continue;
      if (settled === undefined) standings.delete(one.account.key);
      else standings.set(one.account.key, settled);
      able.push(one);
    }
    const sums = await this.#store.activeIn(
      tx,
      able.map(({ account, atMs, timeZone }) => ({
        account: account.key,
        fromMs: this.#before(atMs, timeZone),
        toMs: atMs,
      })),
    );
    for (const one of able) {
      const points = sums.get(one.account.key) ?? 0;
      const current = tierOf(this.definition, standings.get(one.account.key)?.tier ?? null);
      const reached = tierFor(this.definition, points);
      if (reached.rank > current.rank) await this.#change(tx, one, current, reached, points, one.atMs);
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
        return this.activate(
          tx,
          [...accounts.values()].map((account) => ({
            account,
            timeZone: timeZone(account.householdId),
            atMs: nowMs,
          })),
        );
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

  /** Points that count for a tier now. */
  async pointsInPeriod(db: Db, account: number, timeZone: string): Promise<number> {
    const toMs = this.#deps.clock.nowMs();
    const sums = await this.#store.activeIn(db, [{ account, fromMs: this.#before(toMs, timeZone), toMs }]);
    return sums.get(account) ?? 0;
  }

  counts(): Promise<Map<string, number>> {
    return this.#store.counts(this.#deps.db);
  }

  async #look(tx: Db, standing: Standing, one: Earned): Promise<void> {
    const { clock, outbox } = this.#deps;
    const nowMs = clock.nowMs();
    const { noticeDays } = this.definition;
    const points = await this.#activeBefore(tx, standing.account, standing.untilMs, one.timeZone);
    const tier = tierOf(this.definition, standing.tier);
    const isShort = points < tier.fromPoints;
    const isLongOver = standing.untilMs + noticeDays * dayMs <= nowMs;
    if (standing.untilMs <= nowMs && (!isShort || standing.noticedAtMs !== null || isLongOver)) {
      await this.#settle(tx, standing, one, nowMs);
      return;
    }
    if (!isShort) return this.#store.note(tx, standing.account, { noticedAtMs: null, untilMs: standing.untilMs });
    // Whoever was not told in time keeps the tier until they have been.
    const untilMs = Math.max(standing.untilMs, nowMs + noticeDays * dayMs);
    await this.#store.note(tx, standing.account, { noticedAtMs: nowMs, untilMs });
    const { householdId } = one.account;
    const data = { householdId, tier: tier.key, untilMs, pointsMissing: tier.fromPoints - points };
    await outbox.add(tx, [{ type: "hearth.tier.ending", subject: `household:${householdId}`, atMs: nowMs, data }]);
  }

  /** Looks at each end of a tier until a time. @returns what is left; undefined at the base */
  async #settle(tx: Db, standing: Standing, one: Earned, untilMs: number): Promise<Standing | undefined> {
    let now: Standing | undefined = standing;
    while (now !== undefined && now.untilMs <= untilMs) {
      const points = await this.#activeBefore(tx, now.account, now.untilMs, one.timeZone);
      const tier = tierOf(this.definition, now.tier);
      const reached = tierFor(this.definition, points);
      now =
        reached.rank >= tier.rank
          ? await this.#keep(tx, now, one.timeZone)
          : await this.#change(tx, one, tier, reached, points, now.untilMs);
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
    { account, timeZone }: Earned,
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
    const sums = await this.#store.activeIn(tx, [{ account, fromMs: this.#before(toMs, timeZone), toMs }]);
    return sums.get(account) ?? 0;
  }
}
