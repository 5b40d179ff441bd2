/** The ledger of points on a database of its own, with households that are known by name alone and a clock that a test sets. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, expect } from "vitest";
import { Outbox } from "../../cloud/events/events.ts";
import type { HouseholdAct, Unmerged } from "../../cloud/households/households.ts";
import { loyaltyDefinition } from "../../cloud/loyalty/core/rule.ts";
import type { ProgramDefinition } from "../../cloud/loyalty/core/program.ts";
import { Loyalty } from "../../cloud/loyalty/loyalty.ts";
import type { Db } from "../../cloud/platform/database.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { Audit } from "../../cloud/staff/staff.ts";
import { createTestDatabase } from "./postgres.ts";

const dayMs = 86_400_000;
/** A Monday. */
const t0 = Date.UTC(2026, 0, 5, 12);
const by = { kind: "system" } as const;

/** The ledger of a file of tests. */
export async function ledgerOfTests() {
  const time = { nowMs: t0 };
  const database = await createTestDatabase();
  afterAll(() => database.drop());
  const kept: HouseholdAct[] = [];
  const households = new Set<string>();
  const hears: ((tx: Db, merge: Unmerged) => Promise<void>)[] = [];
  const unhears: ((tx: Db, merge: Unmerged) => Promise<void>)[] = [];

  const clock = { nowMs: () => time.nowMs };
  const loyalty = new Loyalty({
    db: database.db,
    clock,
    ids: randomIds,
    audit: new Audit(clock),
    outbox: new Outbox(randomIds),
    households: {
      timeZoneOf: async (ids) =>
        new Map(
          ids.filter((id) => households.has(id)).map((id) => [id, { timeZone: "Europe/Berlin", locale: "de-DE" }]),
        ),
      onMerged: (hear) => void hears.push(hear),
      onUnmerged: (hear) => void unhears.push(hear),
    },
    profiles: { facts: {}, of: async () => new Map() },
    acts: async (_db, { types, householdId, fromMs, toMs }, limit) =>
      kept
        .filter((act) => types.includes(act.type) && (householdId === null || act.householdId === householdId))
        .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
        .slice(0, limit),
    secret: Buffer.alloc(32, 7),
    reach: "loopback",
    deliveries: { create: async () => ({ ids: [], afterCommit() {} }) },
    service: { openFor: async () => ({ kind: "opened", caseId: randomUUID() }) },
    appliances: { ofHousehold: async () => [], models: async () => [] },
  });
  await loyalty.load();

  function home(): string {
    const id = randomUUID();
    households.add(id);
    return id;
  }

  const act = (
    householdId: string,
    type: string,
    day: number,
    data: Record<string, unknown> = {},
    more: Partial<HouseholdAct> = {},
  ): HouseholdAct => ({
    householdId,
    source: `app:${randomUUID()}`,
    origin: "app",
    type,
    atMs: t0 + day * dayMs,
    data,
    device: null,
    ...more,
  });
  const tell = (...acts: HouseholdAct[]) => database.db.transaction().execute((tx) => loyalty.ingest(tx, acts));
  const give = (householdId: string, points: number, day: number, source: string = randomUUID()) =>
    database.db.transaction().execute((tx) =>
      loyalty.award(tx, {
        householdId,
        points,
        source,
        rule: "service:test",
        title: "For patience",
        atMs: t0 + day * dayMs,
        device: null,
      }),
    );
  const held = async (id: string) => (await loyalty.balances(database.db, [id])).get(id);
  const lots = async (id: string) => (await loyalty.lots(id)).map(({ left, expiresAtMs }) => ({ left, expiresAtMs }));
  /** Two of one moment are alike: which of them is named first means nothing. */
  const alike = async (id: string) => (await lots(id)).map((lot) => JSON.stringify(lot)).toSorted();
  const entries = async (id: string) =>
    ((await loyalty.ledger(id, null, 500))?.entries ?? []).map(
      ({ day, rule, kind, points, isGain }) => `${day} ${kind} ${rule} ${isGain ? points : -points}`,
    );
  const expectSound = async () => expect(await loyalty.check()).toMatchObject({ ok: true, broken: [] });
  const rule = async (key: string, definition: object) => {
    const outcome = await loyalty.rules.put(by, key, loyaltyDefinition.parse({ title: key, ...definition }));
    // In force from the beginning, so that acts of any day go by it.
    await sql`UPDATE loyalty_rule SET from_ms = 0 WHERE key = ${key}`.execute(database.db);
    await loyalty.rules.load();
    return outcome;
  };
  const change = async (wanted: Partial<ProgramDefinition>) =>
    loyalty.tierBook.put(by, { ...loyalty.tierBook.definition, ...wanted });
  const facts = async (id: string, type: string) => {
    const { rows } = await sql<{ data: Record<string, unknown> }>`
    SELECT data FROM outbox WHERE subject = ${`household:${id}`} AND type = ${type} ORDER BY id`.execute(database.db);
    return rows.map(({ data }) => data);
  };

  return {
    time,
    database,
    loyalty,
    kept,
    households,
    hears,
    unhears,
    home,
    act,
    tell,
    give,
    held,
    lots,
    alike,
    entries,
    expectSound,
    rule,
    change,
    facts,
  };
}
