import type { Outbox } from "../events/events.ts";
import type { Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { isReached } from "./core/program.ts";
import { type RedemptionRefusal, type Reward, type RewardDefinition, stepRedemption } from "./core/reward.ts";
import type { HouseholdDays } from "./earnings.ts";
import type { LedgerStore } from "./ledger-store.ts";
import type { PointMoves } from "./point-moves.ts";
import { type Redemption, RewardsStore } from "./rewards-store.ts";
import type { Tiers, TierUse } from "./tiers.ts";
import { putVersion } from "./versioned.ts";

export interface RewardsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  households: HouseholdDays;
  ledger: LedgerStore;
  moves: PointMoves;
  tiers: Tiers;
}

const rewardsMax = 200;
const shownMax = 200;
const releasedAtOnce = 100;

/** Rewards: put aside for a time with their points, then redeemed, or released by themselves. */
export class Rewards {
  readonly #deps: RewardsDeps;
  readonly #store = new RewardsStore();

  constructor(deps: RewardsDeps) {
    this.#deps = deps;
  }

  list(db: Db = this.#deps.db): Promise<(Reward & { taken: number })[]> {
    return this.#store.list(db);
  }

  /** Those that are not for everybody. */
  async forTiers(tx: Db): Promise<TierUse[]> {
    return (await this.list(tx)).flatMap(({ key, definition: { tier, enabled } }) =>
      tier === null || !enabled ? [] : [{ tier, what: `the reward ${key} is for` }],
    );
  }

  async put(
    by: Principal,
    key: string,
    definition: RewardDefinition,
    basedOn?: number,
  ): Promise<Reward | Overtaken | Refused<"too_many_rewards"> | (Refused<"reward_tier_unknown"> & { detail: string })> {
    const { tiers } = this.#deps;
    if (definition.tier !== null && !tiers.definition.tiers.some((tier) => tier.key === definition.tier))
      return { ...refused("reward_tier_unknown"), detail: `tier: the program has no tier ${definition.tier}.` };
    const kind = { noun: "reward" as const, countMax: rewardsMax, store: this.#store, basedOn };
    const put = await putVersion(this.#deps, by, kind, key, definition, (made): Reward => made);
    return put === "full" ? refused("too_many_rewards") : put;
  }

  /** Puts a reward aside, with its points. */
  async reserve(
    tx: Db,
    householdId: string,
    key: string,
  ): Promise<
    | { kind: "reserved"; redemption: Redemption }
    | Refused<"reward_not_found" | "reward_disabled" | "reward_out_of_stock" | "reward_above_tier" | "exceeds_balance">
  > {
    const { clock, ids, ledger, moves, tiers } = this.#deps;
    await ledger.lockAccounts(tx, [householdId]);
    const found = await this.#store.lock(tx, key);
    if (found === null) return refused("reward_not_found");
    const { definition } = found;
    if (!definition.enabled) return refused("reward_disabled");
    if (definition.stock !== null && (await this.#store.taken(tx, key)) >= definition.stock)
      return refused("reward_out_of_stock");
    const rank = (await tiers.of(tx, [householdId])).get(householdId)?.rank ?? 0;
    if (!isReached(tiers.definition, definition.tier, rank)) return refused("reward_above_tier");
    const nowMs = clock.nowMs();
    const redemption: Redemption = {
      id: ids.next(),
      householdId,
      reward: key,
      title: definition.title,
      points: definition.pointsCost,
      state: "reserved",
      reservedAtMs: nowMs,
      untilMs: nowMs + definition.reserveMs,
      settledAtMs: null,
      reason: null,
    };
    const put = await moves.reserve(tx, householdId, definition.pointsCost, causeOf(redemption, nowMs));
    if (put.kind === "refused") return put;
    await this.#store.add(tx, redemption);
    await this.#tell(tx, "reserved", redemption, nowMs);
    return { kind: "reserved", redemption };
  }

  /** Redeems or releases what a household put aside. */
  async settle(
    tx: Db,
    householdId: string,
    id: string,
    event: "redeem" | "release",
  ): Promise<{ kind: "settled"; redemption: Redemption } | Refused<RedemptionRefusal | "redemption_not_found">> {
    const { clock, ledger } = this.#deps;
    await ledger.lockAccounts(tx, [householdId]);
    const found = await this.#store.lockRedemption(tx, id);
    if (found?.householdId !== householdId) return refused("redemption_not_found");
    const nowMs = clock.nowMs();
    // Nobody looked at the clock yet, but its time is over.
    const isOver = found.state === "reserved" && found.untilMs <= nowMs;
    const outcome = stepRedemption(found.state, event);
    if (outcome.kind === "refused") return outcome;
    if (isOver && event === "redeem") return refused("redemption_released");
    return { kind: "settled", redemption: await this.#move(tx, found, event, null, nowMs) };
  }

  /** Puts a reward aside and redeems it, for a household that asks a person for it. */
  async redeemFor(by: Principal, householdId: string, key: string) {
    const { db, audit, households } = this.#deps;
    if (!(await households.timeZoneOf([householdId])).has(householdId)) return refused("loyalty_household_not_found");
    return transaction(db, async (tx) => {
      const put = await this.reserve(tx, householdId, key);
      if (put.kind === "refused") return put;
      const subject = `household:${householdId}`;
      const after = { redemptionId: put.redemption.id, reward: key, points: put.redemption.points };
      await audit.record(tx, { principal: by, action: "reward.redeemed", subject, after });
      return this.settle(tx, householdId, put.redemption.id, "redeem");
    });
  }

  /** Gives back what was redeemed: the points expire when they would have. */
  async refund(
    by: Principal,
    id: string,
    reason: string,
  ): Promise<{ kind: "settled"; redemption: Redemption } | Refused<RedemptionRefusal | "redemption_not_found">> {
    const { db, clock, ledger, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const householdId = await this.#store.householdOf(tx, id);
      if (householdId === null) return refused("redemption_not_found");
      await ledger.lockAccounts(tx, [householdId]);
      const found = await this.#store.lockRedemption(tx, id);
      if (found === null) return refused("redemption_not_found");
      const outcome = stepRedemption(found.state, "refund");
      if (outcome.kind === "refused") return outcome;
      const redemption = await this.#move(tx, found, "refund", reason, clock.nowMs());
      const subject = `household:${householdId}`;
      const after = { redemptionId: id, points: found.points, reason };
      await audit.record(tx, { principal: by, action: "reward.refunded", subject, after });
      return { kind: "settled", redemption };
    });
  }

  /** Releases what nobody redeemed in time. */
  async tick(): Promise<void> {
    const { db, clock, ledger } = this.#deps;
    for (;;) {
      const nowMs = clock.nowMs();
      const due = await this.#store.due(db, nowMs, releasedAtOnce);
      for (const { id, householdId } of due)
        await transaction(db, async (tx) => {
          await ledger.lockAccounts(tx, [householdId]);
          const found = await this.#store.lockRedemption(tx, id);
          if (found?.state === "reserved") await this.#move(tx, found, "release", "time_over", nowMs);
        });
      if (due.length < releasedAtOnce) return;
    }
  }

  /** What a household put aside, newest first. */
  mine(householdId: string): Promise<Redemption[]> {
    return this.#store.ofHousehold(this.#deps.db, householdId, shownMax);
  }

  recent(limit: number): Promise<Redemption[]> {
    return this.#store.recent(this.#deps.db, limit);
  }

  async #move(
    tx: Db,
    found: Redemption,
    event: "redeem" | "release" | "refund",
    reason: string | null,
    atMs: number,
  ): Promise<Redemption> {
    const { moves } = this.#deps;
    const cause = { ...causeOf(found, atMs), reason };
    if (event === "redeem") await moves.spend(tx, found.householdId, cause);
    if (event === "release") await moves.release(tx, cause);
    if (event === "refund") await moves.refund(tx, cause);
    const state = event === "redeem" ? "redeemed" : event === "release" ? "released" : "refunded";
    await this.#store.settle(tx, found.id, { state, atMs, reason });
    const next: Redemption = { ...found, state, settledAtMs: atMs, reason };
    await this.#tell(tx, state, next, atMs);
    return next;
  }

  #tell(tx: Db, what: string, { householdId, id, reward, points }: Redemption, atMs: number): Promise<void> {
    const data = { householdId, redemptionId: id, reward, points };
    return this.#deps.outbox.add(tx, [
      { type: `hearth.reward.${what}`, subject: `household:${householdId}`, atMs, data },
    ]);
  }
}

const causeOf = ({ id, reward }: Redemption, atMs: number) => ({ id, rule: `reward:${reward}`, reason: null, atMs });
