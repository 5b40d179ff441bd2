import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { calendarDay, decideEarnings, type Decided, type Earning, type EarningEvent } from "./core/earning.ts";
import type { LoyaltyDefinition, LoyaltyRule } from "./core/rule.ts";
import { checkLedger, type LedgerCheck } from "./ledger-check.ts";
import { type Account, LedgerStore, type NewTransfer } from "./ledger-store.ts";
import { LoyaltyRulesStore } from "./loyalty-rules-store.ts";

export { loyaltyProblems } from "./errors.ts";

/** What this slice needs of households: the zone in which their days are counted. Unknown households are missing from the answer. */
export interface HouseholdDays {
  timeZoneOf(householdIds: readonly string[], db?: Db): Promise<Map<string, { timeZone: string }>>;
}

export interface Balance {
  active: number;
  pending: number;
}

/** One line of the ledger. A reversal is always `active`. */
export type LedgerEntry = NewTransfer & { state: "pending" | "active" | "reversed" };

/** The one program so far. */
const program = "points";
const rulesMax = 100;

type Refused<R extends string> = { kind: "refused"; rule: R };
const refused = <R extends string>(rule: R): Refused<R> => ({ kind: "refused", rule });

/** Points: earned by what appliances do, kept in a ledger that is only ever appended to. */
export class Loyalty {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #audit: Audit;
  readonly #outbox: Outbox;
  readonly #households: HouseholdDays;
  readonly #ledger = new LedgerStore(program);
  readonly #rulesStore = new LoyaltyRulesStore();
  #rules: LoyaltyRule[] = [];
  #eventTypes = new Set<string>();

  constructor(deps: { db: Db; clock: Clock; ids: Ids; audit: Audit; outbox: Outbox; households: HouseholdDays }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#audit = deps.audit;
    this.#outbox = deps.outbox;
    this.#households = deps.households;
  }

  /** Reads the rules. Before the first batch. */
  async load(): Promise<void> {
    this.#enforce(await this.#rulesStore.list(this.#db));
  }

  /**
   * Gives the points that events earn, in the batch's transaction. Sent again, in any order, they earn nothing more. What an
   * appliance of nobody saw earns for nobody.
   */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const earning = acts.filter(({ type }) => this.#eventTypes.has(type));
    if (earning.length === 0) return;
    const events = await this.#eventsOf(tx, earning);
    if (events.length === 0) return;
    const accounts = await this.#ledger.lockAccounts(
      tx,
      events.map((event) => event.householdId),
    );
    const known = await this.#ledger.known(tx, {
      sources: events.map((event) => event.source),
      accounts,
      days: [...new Set(events.map((event) => event.day))],
      onceRules: this.#rules.filter((rule) => rule.definition.limit.kind === "once").map((rule) => rule.key),
    });
    await this.#write(tx, decideEarnings(this.#rules, events, known), accounts);
  }

  rules(): LoyaltyRule[] {
    return this.#rules;
  }

  /** Puts a rule's next version in force, or makes the rule. The same definition again changes nothing. */
  async putRule(
    by: Principal,
    key: string,
    definition: LoyaltyDefinition,
  ): Promise<LoyaltyRule | Refused<"too_many_loyalty_rules">> {
    const outcome = await transaction(this.#db, async (tx) => {
      const rules = await this.#rulesStore.listForChange(tx);
      const before = rules.find((rule) => rule.key === key);
      if (before === undefined && rules.length >= rulesMax) return refused("too_many_loyalty_rules");
      const made = { createdAtMs: this.#clock.nowMs(), createdBy: principalText(by) };
      const rule: LoyaltyRule = { key, version: (before?.version ?? 0) + 1, definition, ...made };
      await this.#rulesStore.insert(tx, rule);
      await this.#audit.record(tx, {
        principal: by,
        action: before === undefined ? "loyalty_rule.created" : "loyalty_rule.changed",
        subject: `loyalty_rule:${key}`,
        before: before?.definition,
        after: definition,
      });
      return rule;
    });
    if (!("kind" in outcome)) await this.load();
    return outcome;
  }

  /** Takes an earning back by a transfer that points at it. */
  async reverse(
    by: Principal,
    transferId: string,
    reason: string,
  ): Promise<LedgerEntry | Refused<"earning_not_found" | "earning_already_reversed" | "exceeds_balance">> {
    return transaction(this.#db, async (tx) => {
      const householdId = await this.#ledger.householdOf(tx, transferId);
      if (householdId === null) return refused("earning_not_found");
      const accounts = await this.#ledger.lockAccounts(tx, [householdId]);
      const earning = await this.#ledger.get(tx, transferId);
      if (earning === null) return refused("earning_not_found");
      if (earning.reversed) return refused("earning_already_reversed");
      const account = accounts.find((found) => found.key === earning.creditAccount);
      if (account === undefined || account.credits - account.debits < earning.points) return refused("exceeds_balance");
      const nowMs = this.#clock.nowMs();
      const id = this.#ids.next();
      const { sequence: _sequence, reversed: _reversed, ...same } = earning;
      const reversal: NewTransfer = {
        ...same,
        id,
        kind: "reversal",
        debitAccount: account.key,
        creditAccount: keyOf(accounts, "reversed"),
        atMs: nowMs,
        recordedAtMs: nowMs,
        onceFor: null,
        reverses: transferId,
        reason,
      };
      await this.#ledger.append(tx, [reversal]);
      const { points, rule } = earning;
      const subject = `household:${householdId}`;
      const data = { householdId, points, rule, transferId: id, reverses: transferId };
      await this.#outbox.add(tx, [{ type: "hearth.points.reversed", subject, atMs: nowMs, data }]);
      await this.#audit.record(tx, { principal: by, action: "points.reversed", subject, after: { ...data, reason } });
      return this.#entryOf({ ...reversal, reversed: false });
    });
  }

  /**
   * A household's transfers, newest first; null where there is no such household.
   *
   * @param before the sequence below which the page begins
   */
  async ledger(
    householdId: string,
    before: number | null,
    limit: number,
  ): Promise<{ entries: LedgerEntry[]; lastSequence: number | null } | null> {
    if (!(await this.#exists(householdId))) return null;
    const transfers = await this.#ledger.ofHousehold(this.#db, householdId, before, limit);
    return { entries: transfers.map((row) => this.#entryOf(row)), lastSequence: transfers.at(-1)?.sequence ?? null };
  }

  /** What a household holds; null where there is no such household. */
  async balance(householdId: string): Promise<Balance | null> {
    if (!(await this.#exists(householdId))) return null;
    const account = await this.#ledger.account(this.#db, householdId);
    if (account === null) return { active: 0, pending: 0 };
    const pending = await this.#ledger.pending(this.#db, account.key, this.#clock.nowMs());
    return { active: account.credits - account.debits - pending, pending };
  }

  check(): Promise<LedgerCheck> {
    return checkLedger(this.#db);
  }

  /** Points that an appliance's events earned, newest first. */
  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const transfers = await this.#ledger.timeline(this.#db, device.key, page);
    const titles = new Map(this.#rules.map((rule) => [rule.key, rule.definition.title]));
    return transfers.map((transfer) => {
      const { kind, points, rule, activeAtMs, source, reverses, reason } = transfer;
      const signed = kind === "earning" ? `+${points}` : `−${points}`;
      return {
        atMs: transfer.atMs,
        kind: "points",
        id: transfer.id,
        title: `${signed} points: ${kind === "earning" ? (titles.get(rule) ?? rule) : "taken back"}`,
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

  /** Active points of all households. */
  async counts(): Promise<{ pointsActive: number }> {
    const pending = await this.#ledger.pending(this.#db, null, this.#clock.nowMs());
    return { pointsActive: (await this.#ledger.held(this.#db)) - pending };
  }

  #entryOf(transfer: NewTransfer & { reversed: boolean }): LedgerEntry {
    const isPending = transfer.kind === "earning" && transfer.activeAtMs > this.#clock.nowMs();
    const state = transfer.reversed ? "reversed" : isPending ? "pending" : "active";
    return { ...transfer, state };
  }

  async #exists(householdId: string): Promise<boolean> {
    return (await this.#households.timeZoneOf([householdId])).has(householdId);
  }

  #enforce(rules: LoyaltyRule[]): void {
    this.#rules = rules;
    this.#eventTypes = new Set(rules.filter((rule) => rule.definition.enabled).map((rule) => rule.definition.event));
  }

  /** The events that may earn, each once, with their day in the household's calendar. */
  async #eventsOf(tx: Db, acts: readonly HouseholdAct[]): Promise<EarningEvent[]> {
    const zones = await this.#households.timeZoneOf([...new Set(acts.map(({ householdId }) => householdId))], tx);
    const events = new Map<string, EarningEvent>();
    for (const { source, householdId, type, atMs, device } of acts) {
      const zone = zones.get(householdId);
      if (zone === undefined || device === null || events.has(source)) continue;
      const day = calendarDay(atMs, zone.timeZone);
      events.set(source, { source, deviceId: device.id, deviceKey: device.key, householdId, type, atMs, day });
    }
    return [...events.values()];
  }

  async #write(tx: Db, { earnings, refusals }: Decided, accounts: readonly Account[]): Promise<void> {
    const recordedAtMs = this.#clock.nowMs();
    const households = new Map(accounts.map((account) => [account.householdId, account.key]));
    const issuance = keyOf(accounts, "issuance");
    const transfers = earnings.map((earning): NewTransfer => {
      const creditAccount = households.get(earning.event.householdId);
      if (creditAccount === undefined) throw new Error("a household that earns has no account");
      return { ...toTransfer(earning), id: this.#ids.next(), debitAccount: issuance, creditAccount, recordedAtMs };
    });
    await this.#ledger.append(tx, transfers);
    await this.#ledger.recordRefusals(
      tx,
      refusals.map(({ event, rule, effectIndex, refused: why, points }) => {
        const { source, householdId } = event;
        return { source, rule: rule.key, effectIndex, refused: why, points, householdId, recordedAtMs };
      }),
    );
    await this.#outbox.add(
      tx,
      earnings.map(({ event, rule, points, activeAtMs }, at) => ({
        type: "hearth.points.earned",
        subject: `household:${event.householdId}`,
        atMs: event.atMs,
        data: {
          householdId: event.householdId,
          deviceId: event.deviceId,
          points,
          rule: rule.key,
          title: rule.definition.title,
          activeAtMs,
          transferId: transfers[at]?.id,
        },
      })),
    );
  }
}

/** The event's own id, of a source `device/event`. */
export const eventIdOf = (source: string): string => source.slice(source.indexOf("/") + 1);
export const deviceIdOf = (source: string): string => source.slice(0, source.indexOf("/"));

function keyOf(accounts: readonly Account[], kind: Account["kind"]): number {
  const account = accounts.find((found) => found.kind === kind);
  if (account === undefined) throw new Error(`the program has no ${kind} account`);
  return account.key;
}

function toTransfer({ event, rule, effectIndex, points, activeAtMs }: Earning) {
  return {
    kind: "earning" as const,
    points,
    atMs: event.atMs,
    activeAtMs,
    rule: rule.key,
    ruleVersion: rule.version,
    source: event.source,
    effectIndex,
    deviceKey: event.deviceKey,
    day: event.day,
    onceFor: rule.definition.limit.kind === "once" ? event.householdId : null,
    reverses: null,
    reason: null,
  };
}
