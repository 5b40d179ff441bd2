import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { ledgerOfTests } from "../../test/support/ledger.ts";

const dayMs = 86_400_000;
/** When the ledger of a test begins. */
const t0 = Date.UTC(2026, 0, 5, 12);
const by = { kind: "system" } as const;
const { time, database, loyalty, hears, unhears, home, act, tell, give, held, lots, expectSound, change, facts } =
  await ledgerOfTests();

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
  time.nowMs += dayMs;
  await loyalty.tick();
  expect(await lots(id)).toEqual([
    { left: 20, expiresAtMs: endOf(20) },
    { left: 50, expiresAtMs: endOf(30) },
  ]);
  time.nowMs = endOf(20) - 1;
  await loyalty.tick();
  expect(await held(id)).toEqual({ active: 70, pending: 0 });
  time.nowMs += 1;
  expect(await held(id)).toEqual({ active: 50, pending: 0 });
  await loyalty.tick();
  expect(await held(id)).toEqual({ active: 50, pending: 0 });
  expect(await facts(id, "hearth.points.expired")).toMatchObject([{ points: 20 }]);
  await expectSound();
});

const aReward = {
  title: "The last one",
  description: "",
  texts: {},
  kind: "product" as const,
  pointsCost: 40,
  reserveMs: dayMs,
  stock: null,
  tier: null,
  enabled: true,
};

test("a reward is redeemed once and its stock is never given twice; given back, its points expire when they would have", async () => {
  const [id, other] = [home(), home()];
  const day = (time.nowMs - t0) / dayMs;
  await give(id, 40, day);
  await give(other, 40, day);
  const before = await lots(id);
  await loyalty.rewards.put(by, "last", { ...aReward, stock: 1 });
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

test("what moved points for a reward is told by what the reward is called, and not by its key", async () => {
  const id = home();
  await give(id, 90, (time.nowMs - t0) / dayMs);
  await loyalty.rewards.put(by, "cook_book", { ...aReward, title: "The cook book" });
  const reserved = await loyalty.reserveReward(id, "cook_book");
  if (reserved.kind !== "reserved") throw new Error(reserved.kind);
  await loyalty.settleReward(id, reserved.redemption.id, "release");
  const told = await loyalty.ledger(id, null, 2);
  expect(told?.entries.map(({ kind, title, rule }) => [kind, title, rule])).toEqual([
    ["release", "The cook book", "reward:cook_book"],
    ["reservation", "The cook book", "reward:cook_book"],
  ]);
  const timeline = await loyalty.householdTimeline(id, { beforeMs: time.nowMs + 1, limit: 2 });
  expect(timeline.map(({ title }) => title)).toEqual([
    "+40 points: no longer put aside for The cook book",
    "−40 points: put aside for The cook book",
  ]);
});

const ofShop = (id: string, type: string, day: number) =>
  act(id, type, day, { order_id: `o-${id}`, amount_minor: 5_000 }, { origin: "shop" });

test("an order that is sent back takes its points back, told in whichever order, and what is spent is never owed unless the program says so", async () => {
  time.nowMs = t0 + 100 * dayMs;
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

test("households that become one have one ledger: points move by transfers, do not double, and go back when it is undone", async () => {
  time.nowMs = t0 + 20 * dayMs;
  const [prospect, owner] = [home(), home()];
  const checked = act(prospect, "price.checked", 1);
  const told = act(prospect, "order.placed", 2, { order_id: "m-1", amount_minor: 8_000 }, { origin: "shop" });
  await tell(checked, told);
  await give(owner, 25, 5);
  const before = await lots(prospect);
  const merge = {
    mergeId: randomUUID(),
    from: prospect,
    into: owner,
    atMs: time.nowMs,
    parts: [prospect],
    staying: [],
  };
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

test("whatever households earn, put aside, redeem, release and return, debits equal credits and the lots are the balance", async () => {
  await change({ expiresAfterDays: 20, returnsMayOverdraw: false });
  const step = fc.record({
    kind: fc.constantFrom("give", "order", "return", "reserve", "redeem", "release", "wait", "reverse"),
    n: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const id = home();
      time.nowMs = t0;
      const open: string[] = [];
      for (const { kind, n } of steps) {
        const day = (time.nowMs - t0) / dayMs;
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
          time.nowMs += n * 3 * dayMs;
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
