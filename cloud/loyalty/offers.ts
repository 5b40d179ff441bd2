import type { NotableFact, Outbox } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import type { Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { fallbackLocale, type Market, marketsOf } from "../platform/best-locale.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { attemptMsMax } from "../platform/webhooks/webhook-sender.ts";
import type { Cancellations } from "./cancellations.ts";
import { callPauseMs } from "./core/call-pause.ts";
import { type GrantRefusal, stepGrant } from "./core/grant-life.ts";
import {
  type Money,
  languagesOf,
  type Offer,
  type OfferDefinition,
  offerWords,
  priceFor,
  refusedOffer,
} from "./core/offer.ts";
import type { FailedOrder } from "./core/owner-words.ts";
import { isReached } from "./core/program.ts";
import type { HouseholdDays } from "./earnings.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { type Grant, OffersStore } from "./offers-store.ts";
import type { PointMoves } from "./point-moves.ts";
import type { Shop } from "./shop.ts";
import type { Tiers, TierUse } from "./tiers.ts";
import { putVersion } from "./versioned.ts";

export interface OffersDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  households: HouseholdDays;
  ledger: LedgerStore;
  moves: PointMoves;
  tiers: Tiers;
  /** What each model's readers read. */
  models: () => Promise<{ key: string; locales: readonly string[] }[]>;
  shop: Shop;
  cancellations: Cancellations;
  /** Tells a household on a display that its order came to nothing, and how. @returns what waits for the commit */
  tellFailed: (tx: Db, order: FailedOrder & { householdId: string; deviceKey: number | null }) => Promise<() => void>;
}

/** What an appliance shows of an offer. */
export interface GrantedOffer {
  offerId: string;
  listPrice: Money;
  price: Money;
  reason: string;
  pointsCost?: number;
}

/** Who redeems, where and when. */
interface Touch {
  source: string;
  atMs: number;
  deviceKey: number | null;
}

/** So long a touch can be taken back. */
export const undoMs = 10_000;
/** Appliances that were offline tell of touches later; until then an offer that ran out is only closed to others. */
const lateTouchMs = 7 * 86_400_000;
const offersMax = 200;
const lifeMsMax = 366 * 86_400_000;
const atOnce = 50;
/** Longer than a call takes: whoever died in the middle of one is given up for dead then. */
const leaseMs = 2 * attemptMsMax;
/** A shop that does not answer for so long is not going to. */
const tryForMs = 24 * 3_600_000;

/** Offers: what a household may have at a price of its own, and one touch that orders it. */
export class Offers {
  readonly #deps: OffersDeps;
  readonly #store = new OffersStore();

  constructor(deps: OffersDeps) {
    this.#deps = deps;
  }

  list(db: Db = this.#deps.db): Promise<Offer[]> {
    return this.#store.list(db);
  }

  /** Their prices that are not for everybody. */
  async forTiers(tx: Db): Promise<TierUse[]> {
    return (await this.list(tx)).flatMap(({ key, definition: { prices, enabled } }) =>
      enabled
        ? prices.flatMap(({ tier }) => (tier === null ? [] : [{ tier, what: `a price of the offer ${key} is for` }]))
        : [],
    );
  }

  async put(
    by: Principal,
    key: string,
    definition: OfferDefinition,
    basedOn?: number,
  ): Promise<
    | Offer
    | Overtaken
    | (Refused<"offer_below_floor" | "offer_above_list_price" | "offer_tier_unknown"> & { detail: string })
    | Refused<"too_many_offers">
  > {
    const { tiers } = this.#deps;
    const refusal = refusedOffer(definition, new Set(tiers.definition.tiers.map((tier) => tier.key)));
    if (refusal !== null) return { kind: "refused", ...refusal };
    const kind = { noun: "offer" as const, countMax: offersMax, store: this.#store, basedOn };
    const put = await putVersion(this.#deps, by, kind, key, definition, (made): Offer => made);
    return put === "full" ? refused("too_many_offers") : put;
  }

  /** Of some offers those that may be made now, and those whose time is yet to come. */
  async madeWhen(db: Db, keys: readonly string[]): Promise<Map<string, "now" | "later">> {
    const nowMs = this.#deps.clock.nowMs();
    const wanted = new Set(keys);
    const offers = keys.length === 0 ? [] : await this.#store.list(db);
    return new Map(
      offers.flatMap(({ key, definition: { enabled, fromMs, untilMs } }): [string, "now" | "later"][] => {
        if (!wanted.has(key) || !enabled || (untilMs !== null && nowMs >= untilMs)) return [];
        return [[key, fromMs !== null && nowMs < fromMs ? "later" : "now"]];
      }),
    );
  }

  /** Makes an offer to a household, at the price of its tier. What it is told stays, whatever becomes of the offer. */
  async grant(
    tx: Db,
    { householdId, offerKey, expiresAtMs }: { householdId: string; offerKey: string; expiresAtMs: number },
  ): Promise<
    GrantedOffer | Refused<"offer_not_found" | "offer_disabled" | "offer_not_in_force" | "offer_life_out_of_range">
  > {
    const { clock, ids, tiers } = this.#deps;
    const offer = await this.#store.get(tx, offerKey);
    if (offer === null) return refused("offer_not_found");
    const { definition } = offer;
    if (!definition.enabled) return refused("offer_disabled");
    const nowMs = clock.nowMs();
    const { fromMs, untilMs } = definition;
    if ((fromMs !== null && nowMs < fromMs) || (untilMs !== null && nowMs >= untilMs))
      return refused("offer_not_in_force");
    if (expiresAtMs <= nowMs || expiresAtMs > nowMs + lifeMsMax) return refused("offer_life_out_of_range");
    const rank = (await tiers.of(tx, [householdId])).get(householdId)?.rank ?? 0;
    const { priceMinor, reason } = priceFor(definition, (tier) => isReached(tiers.definition, tier, rank));
    const grant: Grant = {
      id: ids.next(),
      householdId,
      offer: offer.key,
      offerVersion: offer.version,
      listPriceMinor: definition.listPriceMinor,
      priceMinor,
      currency: definition.currency,
      reason,
      pointsCost: definition.pointsCost,
      grantedAtMs: nowMs,
      expiresAtMs: Math.min(expiresAtMs, untilMs ?? expiresAtMs),
      state: "granted",
      redeemedAtMs: null,
      source: null,
      deviceKey: null,
      undoUntilMs: null,
      nextAtMs: null,
      giveUpAtMs: null,
      attempts: 0,
      settledAtMs: null,
      detail: null,
    };
    await this.#store.addGrant(tx, grant);
    await this.#tell(tx, "granted", grant, nowMs);
    const wanted = await this.#localeOf(tx, householdId, definition);
    return grantedOffer({
      ...grant,
      ...(wanted === null ? {} : { reason: offerWords(definition, grant, wanted).reason }),
    });
  }

  /** What the household reads; null where the offer speaks one language alone. */
  async #localeOf(db: Db, householdId: string, definition: OfferDefinition): Promise<string | null> {
    if (Object.keys(definition.texts).length === 0) return null;
    return (await this.#deps.households.timeZoneOf([householdId], db)).get(householdId)?.locale ?? fallbackLocale;
  }

  /** As `grant`, by a person. */
  async grantBy(
    by: Principal,
    { householdId, offer, expiresAtMs }: { householdId: string; offer: string; expiresAtMs: number },
  ) {
    const { db, audit, households } = this.#deps;
    if (!(await households.timeZoneOf([householdId])).has(householdId)) return refused("loyalty_household_not_found");
    return transaction(db, async (tx) => {
      const outcome = await this.grant(tx, { householdId, offerKey: offer, expiresAtMs });
      if ("kind" in outcome) return outcome;
      const subject = `household:${householdId}`;
      await audit.record(tx, { principal: by, action: "offer.granted", subject, after: { offer, ...outcome } });
      return outcome;
    });
  }

  /**
   * What appliances tell of touches, and of those that were taken back. In the batch's transaction. A touch is made at an appliance, or by
   * its people with their own key: whoever else reports one has no business with it.
   */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    for (const { type, householdId, source, atMs, device, data } of acts) {
      if (device === null || (type !== "offer.redeemed" && type !== "offer.undone")) continue;
      const { offerId } = data;
      if (typeof offerId !== "string" || !uuid.test(offerId)) continue;
      if (type === "offer.undone") {
        await this.undo(tx, householdId, offerId);
        continue;
      }
      const outcome = await this.redeem(tx, householdId, offerId, { source, atMs, deviceKey: device.key });
      if (outcome.kind !== "refused" || outcome.rule === "offer_grant_not_found") continue;
      const told = { householdId, offerId, reason: outcome.rule, source };
      await this.#deps.outbox.add(tx, [
        { type: "hearth.offer.refused", subject: `household:${householdId}`, atMs, data: told },
      ]);
    }
  }

  /** One touch. The same touch again changes nothing, and another one is refused. */
  async redeem(
    tx: Db,
    householdId: string,
    offerId: string,
    touch: Touch,
  ): Promise<
    | { kind: "redeeming" | "unchanged"; grant: Grant }
    | Refused<GrantRefusal | "offer_grant_not_found" | "exceeds_balance">
  > {
    const { clock, moves } = this.#deps;
    const grant = await this.#lock(tx, offerId);
    if (grant?.householdId !== householdId) return refused("offer_grant_not_found");
    if (grant.source === touch.source) return { kind: "unchanged", grant };
    const outcome = stepGrant(grant.state, "redeem");
    if (outcome.kind === "refused") return outcome;
    if (touch.atMs >= grant.expiresAtMs) return refused("offer_expired");
    const nowMs = clock.nowMs();
    if (grant.pointsCost !== null) {
      const cause = this.#cause(grant, nowMs);
      const reserved = await moves.reserve(tx, householdId, grant.pointsCost, cause);
      if (reserved.kind === "refused") return reserved;
    }
    const undoUntilMs = nowMs + undoMs;
    const next: Grant = {
      ...grant,
      state: outcome.to,
      redeemedAtMs: touch.atMs,
      source: touch.source,
      deviceKey: touch.deviceKey,
      undoUntilMs,
      nextAtMs: undoUntilMs,
      giveUpAtMs: undoUntilMs + tryForMs,
    };
    await this.#store.update(tx, next);
    await this.#tell(tx, "redeeming", next, touch.atMs);
    return { kind: "redeeming", grant: next };
  }

  /** Takes a touch back, while there is time. */
  async undo(
    tx: Db,
    householdId: string,
    offerId: string,
  ): Promise<{ kind: "undone"; grant: Grant } | Refused<GrantRefusal | "offer_grant_not_found">> {
    const { clock, moves } = this.#deps;
    const grant = await this.#lock(tx, offerId);
    if (grant?.householdId !== householdId) return refused("offer_grant_not_found");
    const outcome = stepGrant(grant.state, "undo");
    if (outcome.kind === "refused") return outcome;
    const nowMs = clock.nowMs();
    if (grant.undoUntilMs !== null && nowMs >= grant.undoUntilMs) return refused("too_late_to_undo");
    if (grant.pointsCost !== null) await moves.release(tx, this.#cause(grant, nowMs));
    // Its source stays: the touch that was taken back is known when it is told again.
    const next: Grant = { ...grant, state: outcome.to, undoUntilMs: null, nextAtMs: null, giveUpAtMs: null };
    await this.#store.update(tx, next);
    await this.#tell(tx, "undone", next, nowMs);
    return { kind: "undone", grant: next };
  }

  /** Calls the shop for touches that nobody took back, and closes offers that ran out. About every second. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    await transaction(db, async (tx) => {
      const expired = await this.#store.expire(tx, nowMs - lateTouchMs, atOnce);
      for (const grant of expired) await this.#tell(tx, "expired", grant, grant.expiresAtMs);
    });
    for (;;) {
      const due = await this.#store.claim(db, clock.nowMs(), leaseMs, atOnce);
      await Promise.all(due.map((grant) => this.#call(grant)));
      if (due.length < atOnce) return;
    }
  }

  /** Offers made to a household, newest first, in the household's language. */
  async mine(householdId: string): Promise<(Grant & { title: string })[]> {
    const { db, households } = this.#deps;
    const wanted = (await households.timeZoneOf([householdId], db)).get(householdId)?.locale ?? fallbackLocale;
    return this.#inWords(db, await this.#store.ofHousehold(db, householdId, offersMax), wanted);
  }

  async recent(limit: number): Promise<(Grant & { title: string })[]> {
    return this.#inWords(this.#deps.db, await this.#store.recent(this.#deps.db, limit), fallbackLocale);
  }

  /** What each market reads of an offer. */
  async markets(definition: OfferDefinition): Promise<Market[]> {
    return marketsOf(languagesOf(definition), await this.#deps.models());
  }

  /** The points of its household first, as whoever earns does: two who want both never wait for each other. */
  async #lock(tx: Db, id: string): Promise<Grant | null> {
    const householdId = await this.#store.householdOf(tx, id);
    if (householdId === null) return null;
    await this.#deps.ledger.lockAccounts(tx, [householdId]);
    return this.#store.lockGrant(tx, id);
  }

  async #inWords(db: Db, grants: readonly Grant[], wanted: string): Promise<(Grant & { title: string })[]> {
    const definitions = await this.#store.definitions(db, grants);
    return grants.map((grant) => {
      const definition = definitions.get(`${grant.offer} ${grant.offerVersion}`);
      return {
        ...grant,
        ...(definition === undefined ? { title: grant.offer } : offerWords(definition, grant, wanted)),
      };
    });
  }

  /** One call, and what follows from it. The shop knows the call by the grant's id, however often it is made. */
  async #call(claimed: Grant): Promise<void> {
    const { db, clock, shop } = this.#deps;
    const definition = (await this.#store.definitions(db, [claimed])).get(`${claimed.offer} ${claimed.offerVersion}`);
    const outcome = await shop.order({
      key: claimed.id,
      article: definition?.article ?? claimed.offer,
      householdId: claimed.householdId,
      price: { amountMinor: claimed.priceMinor, currency: claimed.currency },
      listPrice: { amountMinor: claimed.listPriceMinor, currency: claimed.currency },
      points: claimed.pointsCost ?? 0,
      atMs: claimed.redeemedAtMs ?? clock.nowMs(),
    });
    const nowMs = clock.nowMs();
    const givenUp = outcome.kind === "away" && nowMs >= (claimed.giveUpAtMs ?? 0);
    if (outcome.kind === "away" && !givenUp) {
      const pauseMs = callPauseMs(claimed.attempts, outcome.retryAfterMs);
      await transaction(db, async (tx) => {
        const grant = await this.#store.lockGrant(tx, claimed.id);
        if (grant?.state !== "calling" || grant.attempts !== claimed.attempts) return;
        await this.#store.update(tx, { ...grant, nextAtMs: nowMs + pauseMs, detail: outcome.detail });
      });
      return;
    }
    const how = { took: null, refused: "refused", away: "unanswered" } as const;
    await this.#settle(claimed, how[outcome.kind], outcome.detail, definition ?? null);
  }

  async #settle(
    claimed: Grant,
    failedHow: FailedOrder["how"] | null,
    detail: string,
    definition: OfferDefinition | null,
  ): Promise<void> {
    const wasTaken = failedHow === null;
    const { db, clock, moves, cancellations, tellFailed } = this.#deps;
    const afterCommit = await transaction(db, async (tx) => {
      const grant = await this.#lock(tx, claimed.id);
      // Erased meanwhile, or settled by another call of the same key.
      if (grant === null) return undefined;
      const outcome = stepGrant(grant.state, wasTaken ? "took" : "refuse");
      if (outcome.kind === "refused") return undefined;
      const nowMs = clock.nowMs();
      const next: Grant = { ...grant, state: outcome.to, nextAtMs: null, settledAtMs: nowMs, detail };
      await this.#store.update(tx, next);
      const { householdId, deviceKey } = grant;
      if (grant.pointsCost !== null) {
        const cause = this.#cause(grant, nowMs);
        if (wasTaken) await moves.spend(tx, householdId, cause);
        else await moves.release(tx, { ...cause, reason: "the shop did not take the order" });
      }
      // Nobody knows whether it was charged.
      if (failedHow === "unanswered") await cancellations.owe(tx, grant.id);
      await this.#tell(tx, wasTaken ? "redeemed" : "failed", next, nowMs);
      if (wasTaken) return undefined;
      const wanted = definition === null ? null : await this.#localeOf(tx, householdId, definition);
      const title =
        definition === null || wanted === null
          ? (definition?.title ?? grant.offer)
          : offerWords(definition, grant, wanted).title;
      return tellFailed(tx, { householdId, deviceKey, title, how: failedHow, hadPoints: grant.pointsCost !== null });
    });
    afterCommit?.();
  }

  #cause(grant: Grant, atMs: number) {
    return { id: grant.id, rule: `offer:${grant.offer}`, reason: null, atMs };
  }

  #tell(tx: Db, what: string, grant: Grant, atMs: number): Promise<void> {
    const { householdId, id: offerId, offer, priceMinor, currency, pointsCost, detail } = grant;
    const data = { householdId, offerId, offer, price: { amountMinor: priceMinor, currency }, pointsCost, detail };
    const fact: NotableFact = { type: `hearth.offer.${what}`, subject: `household:${householdId}`, atMs, data };
    return this.#deps.outbox.add(tx, [fact]);
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const grantedOffer = (grant: Grant): GrantedOffer => ({
  offerId: grant.id,
  listPrice: { amountMinor: grant.listPriceMinor, currency: grant.currency },
  price: { amountMinor: grant.priceMinor, currency: grant.currency },
  reason: grant.reason,
  ...(grant.pointsCost === null ? {} : { pointsCost: grant.pointsCost }),
});
