import { sql } from "kysely";
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Refused } from "../platform/refused.ts";
import { type Lot, spendable, takeBack, takeFrom, type Taken, isActive } from "./core/lots.ts";
import type { NewTransfer, TransferKind } from "./core/transfer.ts";
import type { Account, Accounts, Entry, LedgerStore } from "./ledger-store.ts";
import type { LedgerReads } from "./ledger-reads.ts";

export interface PointMovesDeps {
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  ledger: LedgerStore;
  reads: LedgerReads;
  mayOverdraw: () => boolean;
}

/** Why points move that were not earned just now. */
export interface Cause {
  id: string;
  /** `reward:KEY`, `offer:KEY` and the like. */
  rule: string;
  reason: string | null;
  atMs: number;
}

/** Moves points that are there: put aside, spent, given back, taken back, handed from one household to another. */
export class PointMoves {
  readonly #deps: PointMovesDeps;

  constructor(deps: PointMovesDeps) {
    this.#deps = deps;
  }

  /** Puts points aside, those that expire first before others. The household must exist. */
  async reserve(
    tx: Db,
    householdId: string,
    points: number,
    cause: Cause,
  ): Promise<{ kind: "reserved" } | Refused<"exceeds_balance">> {
    const { ledger, clock } = this.#deps;
    const accounts = await ledger.lockAccounts(tx, [householdId]);
    const account = accountIn(accounts, householdId);
    const nowMs = clock.nowMs();
    const lots = await ledger.lots(tx, account.key);
    if (spendable(lots, nowMs) < points) return { kind: "refused", rule: "exceeds_balance" };
    const active = lots.filter((lot) => isActive(lot, nowMs));
    const taken = takeFrom(active, points);
    await ledger.append(tx, this.#entries("reservation", taken, account.key, accounts.own.reserved, cause));
    return { kind: "reserved" };
  }

  /** Gives back what was put aside, to the lots that it came from: they expire when they would have. */
  async release(tx: Db, cause: Cause): Promise<number> {
    const { ledger, reads } = this.#deps;
    const reserved = await reads.outstanding(tx, cause.id, "reserved");
    const own = await ledger.ownAccounts(tx);
    return this.#back(tx, "release", reserved, own.reserved, cause);
  }

  /** What was put aside is spent. */
  async spend(tx: Db, householdId: string, cause: Cause): Promise<number> {
    const { ledger, reads, outbox } = this.#deps;
    const own = await ledger.ownAccounts(tx);
    const taken = await reads.outstanding(tx, cause.id, "reserved");
    const points = sumOf(taken);
    await ledger.append(tx, this.#entries("spending", taken, own.reserved, own.spent, cause));
    if (points > 0) await outbox.add(tx, [this.#fact("spent", householdId, points, cause)]);
    return points;
  }

  /** Gives back what was spent. */
  async refund(tx: Db, cause: Cause): Promise<number> {
    const { ledger, reads } = this.#deps;
    const spent = await reads.outstanding(tx, cause.id, "spent");
    const own = await ledger.ownAccounts(tx);
    return this.#back(tx, "refund", spent, own.spent, cause);
  }

  /** Takes an earning back by transfers that point at it. The household's account is held. */
  async reverse(
    tx: Db,
    accounts: Accounts,
    account: Account,
    earning: Pick<
      NewTransfer,
      "id" | "points" | "rule" | "ruleVersion" | "source" | "effectIndex" | "deviceKey" | "day" | "activeAtMs"
    >,
    cause: Cause,
    { mayTakeLess, mayOverdraw }: { mayTakeLess: boolean; mayOverdraw: boolean },
  ): Promise<{ kind: "reversed"; points: number; entries: Entry[] } | Refused<"exceeds_balance">> {
    const { ledger, outbox } = this.#deps;
    const lots = await ledger.lots(tx, account.key);
    const taken = takeBack(lots, { lot: earning.id, points: earning.points }, { mayOverdraw });
    const points = sumOf(taken);
    if (points < earning.points && !mayTakeLess) return { kind: "refused", rule: "exceeds_balance" };
    const { rule, ruleVersion, source, effectIndex, deviceKey, day, activeAtMs } = earning;
    const entries = this.#entries("reversal", taken, account.key, accounts.own.reversed, cause).map((entry) => ({
      ...entry,
      rule,
      ruleVersion,
      source,
      effectIndex,
      deviceKey,
      day,
      activeAtMs,
      reverses: earning.id,
    }));
    await ledger.append(tx, entries);
    if (points > 0) {
      const fact = this.#fact("reversed", account.householdId, points, { ...cause, rule });
      await outbox.add(tx, [{ ...fact, data: { ...fact.data, transferId: entries[0]?.id, reverses: earning.id } }]);
    }
    return { kind: "reversed", points, entries };
  }

  /** Takes back what a rule gave for something that was returned; of points that are spent, as much as the program allows. */
  async giveBack(
    tx: Db,
    householdId: string,
    given: { account: number; rule: string; limitKey: string; source: string; atMs: number },
  ): Promise<void> {
    const { ledger, reads, ids, clock, mayOverdraw } = this.#deps;
    const earnings = await reads.byLimit(tx, given);
    for (const earning of earnings) {
      // A referrer's points come back too.
      const to = await reads.householdOf(tx, earning.id);
      if (to === null || earning.reversed) continue;
      const accounts = await ledger.lockAccounts(tx, [to]);
      const account = accountIn(accounts, to);
      const cause = { id: ids.next(), rule: earning.rule, reason: "returned", atMs: given.atMs };
      const allowed = { mayTakeLess: true, mayOverdraw: mayOverdraw() };
      const outcome = await this.reverse(tx, accounts, account, earning, cause, allowed);
      if (outcome.kind === "reversed" && outcome.points < earning.points)
        await ledger.recordRefusals(tx, [
          {
            source: given.source,
            rule: earning.rule,
            effectIndex: earning.effectIndex,
            refused: "exceeds_balance",
            points: earning.points - outcome.points,
            householdId,
            recordedAtMs: clock.nowMs(),
          },
        ]);
    }
  }

  /** Moves everything that one household holds to another, lot by lot, each with the times that it had. Both accounts are held. */
  async hand(tx: Db, from: Account, to: Account, cause: Cause): Promise<number> {
    const { ledger } = this.#deps;
    const lots = await ledger.lots(tx, from.key);
    const entries = lots.flatMap((lot) =>
      this.#entries(
        "merge",
        [{ lot: lot.lot, points: Math.abs(lot.pointsLeft) }],
        lot.pointsLeft > 0 ? from.key : to.key,
        lot.pointsLeft > 0 ? to.key : from.key,
        cause,
        lot,
      ),
    );
    await ledger.append(tx, entries);
    return lots.reduce((sum, { pointsLeft }) => sum + pointsLeft, 0);
  }

  /** Takes back what `hand` moved, as far as it is still there. Both accounts are held. */
  async handBack(tx: Db, from: Account, to: Account, mergeId: string, cause: Cause): Promise<number> {
    const { ledger, reads } = this.#deps;
    const moved = await reads.ofCause(tx, mergeId, "merge");
    const lots = new Map((await ledger.lots(tx, from.key)).map((lot) => [lot.lot, lot]));
    const entries = moved.flatMap(({ lot, points, creditAccount }) => {
      const left = lots.get(lot);
      // What is owed was moved the other way.
      const isOwed = creditAccount !== from.key;
      const back = left === undefined ? 0 : Math.min(points, isOwed ? -left.pointsLeft : left.pointsLeft);
      if (back <= 0) return [];
      const [debit, credit] = isOwed ? [to.key, from.key] : [from.key, to.key];
      return this.#entries("merge", [{ lot, points: back }], debit, credit, cause, left);
    });
    await ledger.append(tx, entries);
    return sumOf(entries);
  }

  /** Lets points go whose time is over, of one batch of accounts. @returns how many lots it were */
  async expire(tx: Db, limit: number): Promise<number> {
    const { ledger, clock, ids, outbox } = this.#deps;
    const nowMs = clock.nowMs();
    // Only accounts that nobody else works with: the others come next time.
    const { rows } = await sql<{ account: number; household_id: string; lot: string; points: number; at_ms: number }>`
      WITH due AS (
        SELECT account, lot, points_left, expires_at_ms FROM ledger_lot
        WHERE points_left > 0 AND expires_at_ms <= ${nowMs} ORDER BY expires_at_ms LIMIT ${limit}
      ), held AS (
        SELECT key, household_id FROM ledger_account WHERE key IN (SELECT account FROM due)
        ORDER BY key FOR UPDATE SKIP LOCKED
      )
      SELECT l.account, held.household_id, l.lot, l.points_left AS points, l.expires_at_ms AS at_ms
      FROM held JOIN ledger_lot l ON l.account = held.key
      WHERE l.points_left > 0 AND l.expires_at_ms <= ${nowMs}
      ORDER BY l.account, l.expires_at_ms LIMIT ${limit}`.execute(tx);
    if (rows.length === 0) return 0;
    const own = await ledger.ownAccounts(tx);
    const id = ids.next();
    const entries = rows.flatMap(({ account, lot, points, at_ms: atMs }) =>
      this.#entries("expiry", [{ lot, points }], account, own.expired, { id, rule: "expiry", reason: null, atMs }),
    );
    await ledger.append(tx, entries);
    await outbox.add(
      tx,
      [...Map.groupBy(rows, ({ household_id: householdId }) => householdId)].map(([householdId, lots]) =>
        this.#fact("expired", householdId, sumOf(lots), { id, rule: "expiry", reason: null, atMs: nowMs }),
      ),
    );
    return rows.length;
  }

  async #back(
    tx: Db,
    kind: "release" | "refund",
    back: readonly { lot: string; account: number; points: number }[],
    from: number,
    cause: Cause,
  ): Promise<number> {
    const { ledger, reads } = this.#deps;
    // The household may have become part of another meanwhile.
    const into = await reads.heldAccounts(
      tx,
      back.map(({ account }) => account),
    );
    const times = await reads.lotTimes(
      tx,
      back.map(({ lot }) => lot),
    );
    const entries = back.flatMap(({ lot, points, account }) =>
      this.#entries(kind, [{ lot, points }], from, into.get(account) ?? account, cause, times.get(lot)),
    );
    await ledger.append(tx, entries);
    return sumOf(entries);
  }

  #entries(
    kind: TransferKind,
    taken: readonly Taken[],
    debitAccount: number,
    creditAccount: number,
    cause: Cause,
    lotTimes?: Pick<Lot, "activeAtMs" | "expiresAtMs">,
  ): Entry[] {
    const { ids, clock } = this.#deps;
    return taken.map(({ lot, points }) => ({
      id: ids.next(),
      kind,
      debitAccount,
      creditAccount,
      lot,
      cause: cause.id,
      points,
      basePoints: null,
      atMs: cause.atMs,
      activeAtMs: cause.atMs,
      recordedAtMs: clock.nowMs(),
      rule: cause.rule,
      ruleVersion: 1,
      source: `${kind}:${cause.id}`,
      effectIndex: 0,
      deviceKey: null,
      day: new Date(cause.atMs).toISOString().slice(0, 10),
      limitAccount: null,
      limitKey: null,
      isOnce: false,
      reverses: null,
      reason: cause.reason,
      ...(lotTimes === undefined
        ? {}
        : { lotTimes: { activeAtMs: lotTimes.activeAtMs, expiresAtMs: lotTimes.expiresAtMs } }),
    }));
  }

  #fact(what: "spent" | "expired" | "reversed", householdId: string, points: number, cause: Cause): NotableFact {
    const data = { householdId, points, rule: cause.rule };
    return { type: `hearth.points.${what}`, subject: `household:${householdId}`, atMs: cause.atMs, data };
  }
}

const sumOf = (taken: readonly { points: number }[]): number => taken.reduce((sum, { points }) => sum + points, 0);

export function accountIn(accounts: Accounts, householdId: string): Account {
  const account = accounts.households.get(householdId);
  if (account === undefined) throw new Error("a household whose points move has no account");
  return account;
}
