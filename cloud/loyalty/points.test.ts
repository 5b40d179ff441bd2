import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Outbox } from "../events/events.ts";
import type { HouseholdAct, Unmerged } from "../households/households.ts";
import type { Db } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import type { ProgramDefinition } from "./core/program.ts";
import { loyaltyDefinition } from "./core/rule.ts";
import { Loyalty } from "./loyalty.ts";

const dayMs = 86_400_000;
/** A Monday. */
const t0 = Date.UTC(2026, 0, 5, 12);
let nowMs = t0;
let database: TestDatabase;
let loyalty: Loyalty;
const kept: HouseholdAct[] = [];
const households = new Set<string>();
const hears: ((tx: Db, merge: Unmerged) => Promise<void>)[] = [];
const unhears: ((tx: Db, merge: Unmerged) => Promise<void>)[] = [];
const by = { kind: "system" } as const;

beforeAll(async () => {
  database = await createTestDatabase();
  const clock = { nowMs: () => nowMs };
  loyalty = new Loyalty({
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
    appliances: { ofHousehold: async () => [], models: async () => [] },
  });
  await loyalty.load();
});
afterAll(() => database.drop());

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

test("an act that no appliance saw earns, and a service rule's award is given once and never with another amount", async () => {
  const id = home();
  await tell(act(id, "feedback.given", 0));
  expect(await held(id)).toEqual({ active: 10, pending: 0 });
  expect(await give(id, 30, 0, "case-1")).toMatchObject({ kind: "earned" });
  expect(await give(id, 30, 0, "case-1")).toEqual({ kind: "unchanged" });
  expect(await give(id, 31, 0, "case-1")).toEqual({ kind: "refused", rule: "exists_with_different_amount" });
  expect(await give(id, 10_001, 0)).toEqual({ kind: "refused", rule: "award_out_of_range" });
  expect(await give(randomUUID(), 1, 0)).toEqual({ kind: "refused", rule: "loyalty_household_not_found" });
  expect(await held(id)).toEqual({ active: 40, pending: 0 });
  await expectSound();
});

const endOf = (day: number) => Date.UTC(2026, 0, 5 + day, 23);

test("points expire by lot at the end of a day of the household's calendar, and those that expire first are spent first", async () => {
  await change({ expiresAfterDays: 30 });
  const id = home();
  await give(id, 50, 0);
  await give(id, 20, -10);
  expect(await lots(id)).toEqual([
    { left: 20, expiresAtMs: endOf(20) },
    { left: 50, expiresAtMs: endOf(30) },
  ]);
  await loyalty.rewards.put(by, "mug", {
    title: "Mug",
    description: "",
    texts: {},
    kind: "product",
    pointsCost: 30,
    reserveMs: dayMs,
    stock: 2,
    tier: null,
    enabled: true,
  });
  const put = await loyalty.reserveReward(id, "mug");
  expect(put.kind).toBe("reserved");
  expect(await lots(id)).toEqual([{ left: 40, expiresAtMs: endOf(30) }]);
  // Nobody redeems it: it is released by itself, to the lots that it came from.
  nowMs += dayMs;
  await loyalty.tick();
  expect(await lots(id)).toEqual([
    { left: 20, expiresAtMs: endOf(20) },
    { left: 50, expiresAtMs: endOf(30) },
  ]);
  nowMs = endOf(20) - 1;
  await loyalty.tick();
  expect(await held(id)).toEqual({ active: 70, pending: 0 });
  nowMs += 1;
  expect(await held(id)).toEqual({ active: 50, pending: 0 });
  await loyalty.tick();
  expect(await held(id)).toEqual({ active: 50, pending: 0 });
  expect(await facts(id, "hearth.points.expired")).toMatchObject([{ points: 20 }]);
  await expectSound();
});

test("a reward is redeemed once and its stock is never given twice; given back, its points expire when they would have", async () => {
  const [id, other] = [home(), home()];
  const day = (nowMs - t0) / dayMs;
  await give(id, 40, day);
  await give(other, 40, day);
  const before = await lots(id);
  await loyalty.rewards.put(by, "last", {
    title: "The last one",
    description: "",
    texts: {},
    kind: "product",
    pointsCost: 40,
    reserveMs: dayMs,
    stock: 1,
    tier: null,
    enabled: true,
  });
  const both = await Promise.all([loyalty.reserveReward(id, "last"), loyalty.reserveReward(other, "last")]);
  expect(both.map((one) => (one.kind === "refused" ? one.rule : one.kind)).toSorted()).toEqual([
    "reserved",
    "reward_out_of_stock",
  ]);
  const won = both.find((one) => one.kind === "reserved");
  if (won?.kind !== "reserved") throw new Error("nobody has it");
  const { id: redemption, householdId } = won.redemption;
  const redeem = () => loyalty.settleReward(householdId, redemption, "redeem");
  expect((await Promise.all([redeem(), redeem()])).map(({ kind }) => kind).toSorted()).toEqual(["refused", "settled"]);
  expect(await held(householdId)).toEqual({ active: 0, pending: 0 });
  expect(await loyalty.rewards.refund(by, redemption, "broken")).toMatchObject({ kind: "settled" });
  expect(await loyalty.rewards.refund(by, redemption, "broken")).toMatchObject({ rule: "redemption_refunded" });
  expect(await lots(householdId)).toEqual(before);
  await expectSound();
});

const ofShop = (id: string, type: string, day: number) =>
  act(id, type, day, { order_id: `o-${id}`, amount_minor: 5_000 }, { origin: "shop" });

test("an order that is sent back takes its points back, told in whichever order, and what is spent is never owed unless the program says so", async () => {
  nowMs = t0 + 100 * dayMs;
  const [inOrder, outOfOrder, spent, owing] = [home(), home(), home(), home()];
  await tell(ofShop(inOrder, "order.placed", 90));
  expect(await held(inOrder)).toEqual({ active: 0, pending: 50 });
  await tell(ofShop(inOrder, "order.returned", 95));
  expect(await held(inOrder)).toEqual({ active: 0, pending: 0 });
  await tell(ofShop(outOfOrder, "order.returned", 95));
  await tell(ofShop(outOfOrder, "order.placed", 90));
  expect(await held(outOfOrder)).toEqual({ active: 0, pending: 0 });

  for (const [id, may] of [
    [spent, false],
    [owing, true],
  ] as const) {
    await change({ returnsMayOverdraw: may });
    await tell(ofShop(id, "order.placed", 80));
    await give(id, 10, 80);
    expect(await held(id)).toEqual({ active: 60, pending: 0 });
    await loyalty.rewards.put(by, "big", {
      title: "Big",
      description: "",
      texts: {},
      kind: "product",
      pointsCost: 55,
      reserveMs: dayMs,
      stock: null,
      tier: null,
      enabled: true,
    });
    const put = await loyalty.reserveReward(id, "big");
    if (put.kind === "reserved") await loyalty.settleReward(id, put.redemption.id, "redeem");
    await tell(ofShop(id, "order.returned", 95));
    await expectSound();
  }
  expect(await held(spent)).toEqual({ active: 0, pending: 0 });
  expect(await held(owing)).toEqual({ active: -45, pending: 0 });
  expect(await loyalty.reserveReward(owing, "big")).toMatchObject({ rule: "exceeds_balance" });
});

const putOdd = async (definition: object) => {
  const outcome = await loyalty.rules.put(by, "odd", loyaltyDefinition.parse({ title: "Odd", ...definition }));
  return "kind" in outcome ? outcome : null;
};

test("a rule that would mint without limit, reads what it does not declare or cannot be typed is refused by name and place", async () => {
  const base = { act: { type: "door.opened" }, effects: [{ points: 5 }], limit: { kind: "none" } };
  expect(await putOdd(base)).toMatchObject({ rule: "earning_without_limit" });
  expect(await putOdd({ ...base, act: { type: "door.opened", from: ["shop", "app"] } })).toMatchObject({
    rule: "earning_without_limit",
  });
  const limited = { ...base, limit: { kind: "per", period: "day", count: 1 } };
  expect(await putOdd({ ...limited, effects: [{ points: { of: "wh", max: 9 } }] })).toMatchObject({
    rule: "earning_fact_unknown",
    detail: "effects.0.points.of: facts has no number named wh.",
  });
  expect(await putOdd({ ...limited, facts: { wh: "number" }, when: 'wh == "much"' })).toMatchObject({
    rule: "earning_predicate_refused",
  });
  expect(await putOdd({ ...limited, when: 'origin.matches("(a+)+$")' })).toMatchObject({
    rule: "earning_predicate_refused",
  });
  expect(await putOdd({ ...limited, effects: [] })).toMatchObject({ rule: "earning_rule_does_nothing" });
  expect(() => loyaltyDefinition.parse({ ...limited, title: "x", effects: [{ points: { of: "wh" } }] })).toThrow("max");
});

test("conditions, amounts, first times, values and several effects: each act earns what its rule says, a referrer too", async () => {
  await rule("saver", {
    act: { type: "wash.done" },
    facts: { program: "text", saved_wh: "number" },
    when: 'program != "Quick" && saved_wh >= 100 && tier == "base" && locale.startsWith("de")',
    effects: [{ points: { of: "saved_wh", unit: 100, times: 1.5, round: "nearest", max: 20 } }, { points: 1 }],
    limit: { kind: "per", period: "week", count: 2 },
  });
  nowMs = t0 + 8 * dayMs;
  const [id, friend] = [home(), home()];
  const wash = (day: number, saved_wh: number, program = "Eco") => act(id, "wash.done", day, { program, saved_wh });
  await tell(wash(0, 90), wash(0, 500, "Quick"), act(id, "wash.done", 0, { saved_wh: 900 }));
  expect(await held(id)).toEqual({ active: 0, pending: 0 });
  await tell(wash(0, 233), wash(1, 100_000), wash(2, 400), wash(7, 100));
  expect((await entries(id)).toSorted()).toEqual([
    "2026-01-05 earning saver 1",
    "2026-01-05 earning saver 3",
    "2026-01-06 earning saver 1",
    "2026-01-06 earning saver 20",
    "2026-01-12 earning saver 1",
    "2026-01-12 earning saver 2",
  ]);
  const cook = (day: number, program: string) => act(id, "program.finished", day, { program }, { origin: "appliance" });
  await tell(cook(3, "HotAir"), cook(3, "Grill"), cook(4, "HotAir"));
  expect((await entries(id)).filter((line) => /variety|first_cook/.test(line)).toSorted()).toEqual([
    "2026-01-08 earning first_cook 50",
    "2026-01-08 earning variety 15",
    "2026-01-08 earning variety 15",
  ]);
  await tell(act(friend, "referral.paired", 5, { referrer: id }), act(friend, "referral.paired", 6, { referrer: id }));
  await tell(act(id, "referral.paired", 6, { referrer: id }));
  expect((await entries(id)).filter((line) => line.includes("referral"))).toEqual([
    "2026-01-11 earning referral 50",
    "2026-01-10 earning referral 100",
  ]);
  expect(await held(friend)).toEqual({ active: 50, pending: 0 });
  await expectSound();
});

test("a streak earns in each period that ends a run without a gap, whichever of its acts is told first", async () => {
  await rule("weekly", {
    act: { type: "bread.baked" },
    effects: [{ points: 25 }],
    limit: { kind: "none" },
    streak: { period: "week", length: 3 },
  });
  const weeks = [0, 1, 2, 3, 5, 6, 7];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(weeks, { minLength: weeks.length }), fc.nat(6), async (order, offset) => {
      const id = home();
      for (const week of order) await tell(act(id, "bread.baked", week * 7 + (offset % 7)));
      expect((await entries(id)).toSorted()).toEqual([
        "2026-01-19 earning weekly 25",
        "2026-01-26 earning weekly 25",
        "2026-02-23 earning weekly 25",
      ]);
    }),
    { numRuns: 8 },
  );
  await expectSound();
});

const threeTiers: ProgramDefinition["tiers"] = [
  { key: "base", title: "Member", names: {}, fromPoints: 0, multiplierPct: 100, benefits: "" },
  { key: "silver", title: "Silver", names: {}, fromPoints: 100, multiplierPct: 150, benefits: "Free filters" },
  { key: "gold", title: "Gold", names: {}, fromPoints: 300, multiplierPct: 200, benefits: "" },
];

test("a tier is reached with its points, kept for its period, kept on with points of that period, and lost only after a notice", async () => {
  await change({ tiers: threeTiers, periodMonths: 6, noticeDays: 30, expiresAfterDays: null });
  const [fades, stays] = [home(), home()];
  nowMs = t0 + 10 * dayMs;
  for (const id of [fades, stays]) {
    await give(id, 90, 0);
    expect((await loyalty.standing(id))?.next).toMatchObject({ key: "silver", pointsMissing: 10 });
    await give(id, 20, 10);
    expect(await facts(id, "hearth.tier.changed")).toMatchObject([{ from: "base", to: "silver", points: 110 }]);
  }
  const untilMs = Date.UTC(2026, 6, 15, 11);
  expect((await loyalty.tiers(database.db, [fades])).get(fades)).toMatchObject({ key: "silver", rank: 1, untilMs });
  await give(stays, 80, 60);
  nowMs = untilMs - 31 * dayMs;
  await loyalty.tick();
  expect(await facts(fades, "hearth.tier.ending")).toEqual([]);
  nowMs = untilMs - 20 * dayMs;
  await loyalty.tick();
  await loyalty.tick();
  expect(await facts(fades, "hearth.tier.ending")).toMatchObject([{ tier: "silver" }]);
  // Whoever was told ten days late keeps the tier ten days longer.
  nowMs = untilMs + 1;
  await loyalty.tick();
  expect((await loyalty.tiers(database.db, [fades])).get(fades)?.key).toBe("silver");
  nowMs = untilMs + 10 * dayMs;
  await loyalty.tick();
  expect((await loyalty.tiers(database.db, [fades])).get(fades)).toMatchObject({ key: "base", untilMs: null });
  expect(await facts(fades, "hearth.tier.changed")).toMatchObject([{ to: "silver" }, { from: "silver", to: "base" }]);
  await expectSound();
});

test("acts of months told late, in batches of any size, give the ledger that they would have given in time", async () => {
  await change({ tiers: threeTiers, periodMonths: 12, noticeDays: 30, expiresAfterDays: 400 });
  await rule("bought", {
    act: { type: "till.paid", from: ["shop"] },
    facts: { minor: "number" },
    effects: [{ points: { of: "minor", unit: 100, max: 500 } }],
    limit: { kind: "per", period: "day", count: 2 },
    tierMultiplied: true,
  });
  nowMs = t0 + 300 * dayMs;
  const days = fc.array(
    fc.record({ day: fc.nat(200), hour: fc.nat(23), minor: fc.integer({ min: 100, max: 9_000 }) }),
    {
      minLength: 5,
      maxLength: 25,
    },
  );
  await fc.assert(
    fc.asyncProperty(days, fc.infiniteStream(fc.integer({ min: 1, max: 12 })), async (bought, sizes) => {
      const acts = (id: string) =>
        bought
          .map(({ day, hour, minor }, at) =>
            act(
              id,
              "till.paid",
              0,
              { minor },
              {
                origin: "shop",
                source: `shop:${id}-${String(at).padStart(3, "0")}`,
                atMs: t0 + day * dayMs + hour * 3_600_000,
              },
            ),
          )
          .toSorted((a, b) => a.atMs - b.atMs || (a.source < b.source ? -1 : 1));
      const [inTime, late] = [home(), home()];
      for (const one of acts(inTime)) {
        nowMs = one.atMs;
        await tell(one);
      }
      nowMs = t0 + 300 * dayMs;
      const rest = acts(late);
      while (rest.length > 0) await tell(...rest.splice(0, sizes.next().value ?? 1));
      expect((await entries(late)).toSorted()).toEqual((await entries(inTime)).toSorted());
      expect(await alike(late)).toEqual(await alike(inTime));
    }),
    { numRuns: 12 },
  );
  await expectSound();
});

test("households that become one have one ledger: points move by transfers, do not double, and go back when it is undone", async () => {
  nowMs = t0 + 20 * dayMs;
  const [prospect, owner] = [home(), home()];
  const checked = act(prospect, "price.checked", 1);
  const told = act(prospect, "order.placed", 2, { order_id: "m-1", amount_minor: 8_000 }, { origin: "shop" });
  await tell(checked, told);
  await give(owner, 25, 5);
  const before = await lots(prospect);
  const merge = { mergeId: randomUUID(), from: prospect, into: owner, atMs: nowMs, parts: [prospect], staying: [] };
  const run = (all: typeof hears) =>
    database.db.transaction().execute(async (tx) => {
      for (const hear of all) await hear(tx, merge);
    });
  await run(hears);
  expect(await held(prospect)).toEqual({ active: 0, pending: 0 });
  expect(await held(owner)).toEqual({ active: 107, pending: 0 });
  // Told again, now that it is the other's, and the same order by another report: neither earns.
  await tell({ ...checked, householdId: owner }, { ...told, householdId: owner });
  await tell(act(owner, "order.placed", 3, { order_id: "m-1", amount_minor: 8_000 }, { origin: "shop" }));
  expect(await held(owner)).toEqual({ active: 107, pending: 0 });
  await expectSound();
  await run(unhears);
  expect(await held(owner)).toEqual({ active: 25, pending: 0 });
  expect(await lots(prospect)).toEqual(before);
  await expectSound();
});

test("an erased household leaves the ledger whole and nothing that names it, and what earned once never earns again", async () => {
  const id = home();
  const ordered = act(id, "order.placed", 2, { order_id: "secret-order", amount_minor: 8_000 }, { origin: "shop" });
  await tell(ordered, act(id, "feedback.given", 3));
  await give(id, 20, 1, "case-of-erika");
  const put = await loyalty.reserveReward(id, "mug");
  expect(put.kind).toBe("reserved");
  const { held: total, reserved } = await loyalty.check();
  const named = loyalty.householdData.map(({ name }) => name);
  expect(named).toEqual(["points", "tiers", "rewards", "offers"]);
  const listed: unknown[] = [];
  for (const data of loyalty.householdData) for await (const row of data.rows(database.db, id)) listed.push(row);
  expect(JSON.stringify(listed)).toContain("case-of-erika");
  await database.db.transaction().execute(async (tx) => {
    for (const data of loyalty.householdData.toReversed()) await data.erase(tx, id);
  });
  const tables = [
    "ledger_account",
    "ledger_transfer",
    "ledger_refusal",
    "loyalty_redemption",
    "loyalty_grant",
    "loyalty_return",
  ];
  for (const table of tables) {
    const { rows } = await sql<{ found: number }>`
      SELECT count(*) AS found FROM ${sql.raw(table)} t WHERE to_jsonb(t)::text ~ ${`${id}|secret-order|erika|${ordered.source}`}`.execute(
      database.db,
    );
    expect([table, rows[0]?.found]).toEqual([table, 0]);
  }
  const after = await loyalty.check();
  expect(after).toMatchObject({ ok: true, held: total + 30, reserved: reserved - 30 });
  const heir = home();
  await tell({ ...ordered, householdId: heir });
  expect(await give(heir, 20, 1, "case-of-erika")).toEqual({ kind: "unchanged" });
  expect(await held(heir)).toEqual({ active: 0, pending: 0 });
  await expect(sql`UPDATE ledger_transfer SET points = 1`.execute(database.db)).rejects.toThrow("append-only");
});

test("a dry run tells what a rule would have given for what is kept, and stores nothing", async () => {
  nowMs = t0 + 30 * dayMs;
  const [id, other] = [home(), home()];
  kept.splice(0, kept.length, ...[1, 2, 3].map((day) => act(id, "bread.baked", day)), act(other, "bread.baked", 4));
  const definition = loyaltyDefinition.parse({
    title: "Bread",
    act: { type: "bread.baked" },
    effects: [{ points: 4 }],
    limit: { kind: "per", period: "week", count: 2 },
  });
  const before = await loyalty.check();
  expect(await loyalty.dryRun(definition, { householdId: null, days: 30 })).toMatchObject({
    acts: 4,
    households: 2,
    earnings: 3,
    points: 12,
    refused: 1,
    effects: [{ householdId: id, day: "2026-01-06", points: 4 }, { day: "2026-01-07" }, { householdId: other }],
  });
  expect(await loyalty.dryRun(definition, { householdId: other, days: 30 })).toMatchObject({ points: 4 });
  expect(await loyalty.dryRun(definition, { householdId: null, days: 1 })).toMatchObject({ acts: 0, points: 0 });
  expect(await loyalty.check()).toEqual(before);
});

test("telling the ledger again all that is kept earns nothing; what was never told to it is found", async () => {
  const id = home();
  kept.splice(
    0,
    kept.length,
    ...[0, 7, 14, 21].map((day) => act(id, "bread.baked", day)),
    act(id, "feedback.given", 3),
  );
  await tell(...kept);
  const before = await loyalty.check();
  expect(await loyalty.check({ replay: true })).toMatchObject({ ok: true, replay: { acts: 5, missing: [] } });
  const forgotten = act(id, "price.checked", 9);
  kept.push(forgotten);
  expect(await loyalty.check({ replay: true })).toMatchObject({
    ok: false,
    replay: { missing: [{ source: forgotten.source, rule: "price_checked", points: 2 }] },
  });
  expect(await loyalty.check()).toEqual(before);
});

test("whatever households earn, put aside, redeem, release and return, debits equal credits and the lots are the balance", async () => {
  await change({ expiresAfterDays: 20, returnsMayOverdraw: false });
  const step = fc.record({
    kind: fc.constantFrom("give", "order", "return", "reserve", "redeem", "release", "wait", "reverse"),
    n: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const id = home();
      nowMs = t0;
      const open: string[] = [];
      for (const { kind, n } of steps) {
        const day = (nowMs - t0) / dayMs;
        const ordered = { order_id: `${id}-${n}`, amount_minor: 1_000 * (n + 1) };
        if (kind === "give") await give(id, 10 + n, day);
        if (kind === "order") await tell(act(id, "order.placed", day, ordered, { origin: "shop" }));
        if (kind === "return") await tell(act(id, "order.returned", day, ordered, { origin: "shop" }));
        if (kind === "reserve") {
          const put = await loyalty.reserveReward(id, "big");
          if (put.kind === "reserved") open.push(put.redemption.id);
        }
        const [first] = open;
        if (kind === "redeem" && first !== undefined) await loyalty.settleReward(id, first, "redeem");
        if (kind === "release" && first !== undefined) await loyalty.settleReward(id, first, "release");
        if (kind === "redeem" || kind === "release") open.shift();
        if (kind === "wait") {
          nowMs += n * 3 * dayMs;
          await loyalty.tick();
        }
        if (kind === "reverse") {
          const earning = (await loyalty.ledger(id, null, 50))?.entries.find((entry) => entry.kind === "earning");
          if (earning !== undefined) await loyalty.reverse({ kind: "system" }, earning.id, "test");
        }
      }
      const sum = (await loyalty.ledger(id, null, 500))?.entries.reduce(
        (total, { isGain, points }) => total + (isGain ? points : -points),
        0,
      );
      const left = (await loyalty.lots(id)).reduce((total, lot) => total + lot.left, 0);
      expect(left).toBe(sum);
      expect(left).toBeGreaterThanOrEqual(0);
      await expectSound();
    }),
    { numRuns: 15 },
  );
});
