import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { GrantState } from "./core/grant-life.ts";
import { type Offer, type OfferDefinition, offerDefinition } from "./core/offer.ts";

/** An offer made to one household. */
export interface Grant {
  id: string;
  householdId: string;
  offer: string;
  offerVersion: number;
  listPriceMinor: number;
  priceMinor: number;
  currency: string;
  reason: string;
  pointsCost: number | null;
  grantedAtMs: number;
  expiresAtMs: number;
  state: GrantState;
  redeemedAtMs: number | null;
  source: string | null;
  deviceKey: number | null;
  undoUntilMs: number | null;
  nextAtMs: number | null;
  giveUpAtMs: number | null;
  attempts: number;
  settledAtMs: number | null;
  detail: string | null;
}

interface GrantRow {
  id: string;
  household_id: string;
  offer: string;
  offer_version: number;
  list_price_minor: number;
  price_minor: number;
  currency: string;
  reason: string;
  points_cost: number | null;
  granted_at_ms: number;
  expires_at_ms: number;
  state: GrantState;
  redeemed_at_ms: number | null;
  source: string | null;
  device_key: number | null;
  undo_until_ms: number | null;
  next_at_ms: number | null;
  give_up_at_ms: number | null;
  attempts: number;
  settled_at_ms: number | null;
  detail: string | null;
}

interface OfferRow {
  key: string;
  version: number;
  definition: OfferDefinition;
  created_at_ms: number;
  created_by: string;
}

const toOffer = (row: OfferRow): Offer => ({
  key: row.key,
  version: row.version,
  definition: offerDefinition.parse(row.definition),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

const toGrant = (row: GrantRow): Grant => ({
  id: row.id,
  householdId: row.household_id,
  offer: row.offer,
  offerVersion: row.offer_version,
  listPriceMinor: row.list_price_minor,
  priceMinor: row.price_minor,
  currency: row.currency,
  reason: row.reason,
  pointsCost: row.points_cost,
  grantedAtMs: row.granted_at_ms,
  expiresAtMs: row.expires_at_ms,
  state: row.state,
  redeemedAtMs: row.redeemed_at_ms,
  source: row.source,
  deviceKey: row.device_key,
  undoUntilMs: row.undo_until_ms,
  nextAtMs: row.next_at_ms,
  giveUpAtMs: row.give_up_at_ms,
  attempts: row.attempts,
  settledAtMs: row.settled_at_ms,
  detail: row.detail,
});

/** Taken while an offer changes, so that versions follow one another. */
const offersLock = 4_711_004;

/** Where orders go. The key that signs them lies sealed. */
export interface StoredShop {
  url: string;
  secret: Buffer;
  version: number;
  changedAtMs: number;
  changedBy: string;
}

/** SQL of offers, and of those made to households. */
export class OffersStore {
  /** The newest version of each. */
  async list(db: Db): Promise<Offer[]> {
    const { rows } = await sql<OfferRow>`
      SELECT DISTINCT ON (key) * FROM loyalty_offer ORDER BY key, version DESC`.execute(db);
    return rows.map(toOffer);
  }

  /** The offer in force and how many there are, with no other change of offers until the transaction ends. */
  async forChange(tx: Db, key: string): Promise<{ before: Offer | null; count: number }> {
    await sql`SELECT pg_advisory_xact_lock(${offersLock})`.execute(tx);
    const all = await this.list(tx);
    return { before: all.find((one) => one.key === key) ?? null, count: all.length };
  }

  async get(db: Db, key: string): Promise<Offer | null> {
    const { rows } = await sql<OfferRow>`
      SELECT * FROM loyalty_offer WHERE key = ${key} ORDER BY version DESC LIMIT 1`.execute(db);
    return rows.map(toOffer)[0] ?? null;
  }

  /** Titles and articles of versions, by `key version`. */
  async definitions(
    db: Db,
    wanted: readonly { offer: string; offerVersion: number }[],
  ): Promise<Map<string, OfferDefinition>> {
    const { rows } = await sql<OfferRow>`
      SELECT o.* FROM (SELECT DISTINCT * FROM unnest(${wanted.map(({ offer }) => offer)}::text[],
        ${wanted.map(({ offerVersion }) => offerVersion)}::int[]) AS w(key, version)) AS w
      JOIN loyalty_offer o ON o.key = w.key AND o.version = w.version`.execute(db);
    return new Map(rows.map(toOffer).map(({ key, version, definition }) => [`${key} ${version}`, definition]));
  }

  async insert(tx: Db, { key, version, definition, createdAtMs, createdBy }: Offer): Promise<void> {
    await sql`INSERT INTO loyalty_offer (key, version, definition, created_at_ms, created_by)
      VALUES (${key}, ${version}, ${JSON.stringify(definition)}::jsonb, ${createdAtMs}, ${createdBy})`.execute(tx);
  }

  async addGrant(tx: Db, grant: Grant): Promise<void> {
    await sql`
      INSERT INTO loyalty_grant (id, household_id, home_id, offer, offer_version, list_price_minor, price_minor, currency, reason, points_cost,
        granted_at_ms, expires_at_ms, state)
      VALUES (${grant.id}, ${grant.householdId}, ${grant.householdId}, ${grant.offer}, ${grant.offerVersion}, ${grant.listPriceMinor}, ${grant.priceMinor},
        ${grant.currency}, ${grant.reason}, ${grant.pointsCost}, ${grant.grantedAtMs}, ${grant.expiresAtMs}, ${grant.state})`.execute(
      tx,
    );
  }

  async householdOf(db: Db, id: string): Promise<string | null> {
    const { rows } = await sql<{
      household_id: string;
    }>`SELECT household_id FROM loyalty_grant WHERE id = ${id}`.execute(db);
    return rows[0]?.household_id ?? null;
  }

  /** Held until the transaction ends: of two touches at once the second sees what the first did. */
  async lockGrant(tx: Db, id: string): Promise<Grant | null> {
    const { rows } = await sql<GrantRow>`SELECT * FROM loyalty_grant WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows.map(toGrant)[0] ?? null;
  }

  async ofHousehold(db: Db, householdId: string, limit: number): Promise<Grant[]> {
    const { rows } = await sql<GrantRow>`
      SELECT * FROM loyalty_grant WHERE household_id = ${householdId} ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toGrant);
  }

  async recent(db: Db, limit: number): Promise<Grant[]> {
    const { rows } = await sql<GrantRow>`SELECT * FROM loyalty_grant ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toGrant);
  }

  async update(tx: Db, grant: Grant): Promise<void> {
    await sql`
      UPDATE loyalty_grant SET state = ${grant.state}, redeemed_at_ms = ${grant.redeemedAtMs}, source = ${grant.source},
        device_key = ${grant.deviceKey}, undo_until_ms = ${grant.undoUntilMs}, next_at_ms = ${grant.nextAtMs},
        give_up_at_ms = ${grant.giveUpAtMs}, attempts = ${grant.attempts}, settled_at_ms = ${grant.settledAtMs},
        detail = ${grant.detail}
      WHERE id = ${grant.id}`.execute(tx);
  }

  /**
   * Takes those whose undo time is over or whose next attempt is due, until `leaseMs` from now: whoever dies meanwhile leaves them to be
   * called again.
   */
  async claim(db: Db, nowMs: number, leaseMs: number, limit: number): Promise<Grant[]> {
    const { rows } = await sql<GrantRow>`
      UPDATE loyalty_grant SET state = 'calling', next_at_ms = ${nowMs + leaseMs}, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM loyalty_grant WHERE state IN ('redeeming', 'calling') AND next_at_ms <= ${nowMs}
        ORDER BY next_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ) RETURNING *`.execute(db);
    return rows.map(toGrant);
  }

  async expire(tx: Db, nowMs: number, limit: number): Promise<Grant[]> {
    const { rows } = await sql<GrantRow>`
      UPDATE loyalty_grant SET state = 'expired', settled_at_ms = ${nowMs}
      WHERE id IN (
        SELECT id FROM loyalty_grant WHERE state = 'granted' AND expires_at_ms <= ${nowMs}
        ORDER BY expires_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ) RETURNING *`.execute(tx);
    return rows.map(toGrant);
  }

  async shop(db: Db): Promise<StoredShop | null> {
    const { rows } = await sql<{
      url: string;
      secret: Buffer;
      version: number;
      changed_at_ms: number;
      changed_by: string;
    }>`SELECT url, secret, version, changed_at_ms, changed_by FROM loyalty_shop`.execute(db);
    const [row] = rows;
    if (row === undefined) return null;
    const { url, secret, version, changed_at_ms: changedAtMs, changed_by: changedBy } = row;
    return { url, secret, version, changedAtMs, changedBy };
  }

  /** The shop, with no other change of it until the transaction ends. */
  async shopForChange(tx: Db): Promise<StoredShop | null> {
    await sql`LOCK TABLE loyalty_shop IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
    return this.shop(tx);
  }

  async putShop(tx: Db, { url, secret, version, changedAtMs, changedBy }: StoredShop): Promise<void> {
    await sql`
      INSERT INTO loyalty_shop (url, secret, version, changed_at_ms, changed_by)
      VALUES (${url}, ${secret}, ${version}, ${changedAtMs}, ${changedBy})
      ON CONFLICT (one) DO UPDATE SET url = excluded.url, secret = excluded.secret, version = excluded.version,
        changed_at_ms = excluded.changed_at_ms, changed_by = excluded.changed_by`.execute(tx);
  }
}
