/** A tier that goes does not give what was for few to all. */
import fc from "fast-check";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { ledgerOfTests } from "../../test/support/ledger.ts";
import { offerDefinition, priceFor } from "./core/offer.ts";
import { isReached, type ProgramDefinition, programDefinition } from "./core/program.ts";
import { rewardDefinition } from "./core/reward.ts";
import { loyaltyDefinition } from "./core/rule.ts";

const by = { kind: "system" } as const;
const dayMs = 86_400_000;
const { database, time, loyalty, home, act, tell } = await ledgerOfTests();

const tiersOf = (...keys: string[]): ProgramDefinition =>
  programDefinition.parse({
    expiresAfterDays: null,
    returnsMayOverdraw: false,
    periodMonths: 12,
    noticeDays: 30,
    tiers: keys.map((key, at) => ({ key, title: key, fromPoints: at * 100 })),
  });
const apron = rewardDefinition.parse({ title: "Apron", kind: "product", pointsCost: 5, tier: "gold" });
const filter = offerDefinition.parse({
  title: "Filter",
  article: "F-1",
  currency: "EUR",
  listPriceMinor: 2_000,
  floorMinor: 1_000,
  prices: [{ tier: "gold", priceMinor: 1_200, reason: "You are a gold member" }],
});

/** A household of the lowest tier, with a few points. */
async function newcomer(): Promise<string> {
  const id = home();
  await loyalty.rules.put(
    by,
    "bread",
    loyaltyDefinition.parse({
      title: "Bread",
      act: { type: "bread.baked" },
      effects: [{ points: 10 }],
      limit: { kind: "once" },
    }),
  );
  await tell(act(id, "bread.baked", 1));
  return id;
}

test("a tier that a reward or an offer's price is for is not taken away while they stand; its title may change", async () => {
  await loyalty.tierBook.put(by, tiersOf("base", "silver", "gold"));
  await loyalty.rewards.put(by, "apron", apron);
  await loyalty.offers.put(by, "filter", filter);
  const without = () => loyalty.tierBook.put(by, tiersOf("base", "silver"));
  expect(await without()).toMatchObject({ rule: "tier_in_use", detail: "tiers: the reward apron is for gold." });
  await loyalty.rewards.put(by, "apron", { ...apron, enabled: false });
  expect(await without()).toMatchObject({
    rule: "tier_in_use",
    detail: "tiers: a price of the offer filter is for gold.",
  });
  expect(loyalty.tierBook.definition.tiers).toHaveLength(3);
  const renamed = tiersOf("base", "silver", "gold");
  renamed.tiers[2]!.title = "Platinum";
  expect(await loyalty.tierBook.put(by, renamed)).toMatchObject({ definition: renamed });
  await loyalty.offers.put(by, "filter", { ...filter, prices: [] });
  expect(await without()).toMatchObject({ definition: { tiers: [{ key: "base" }, { key: "silver" }] } });
  expect(await loyalty.rewards.put(by, "apron", apron)).toMatchObject({ rule: "reward_tier_unknown" });
});

test("a tier that an earning rule's condition names is not taken away while the rule is in force, however it is named", async () => {
  await loyalty.tierBook.put(by, tiersOf("base", "silver", "gold"));
  await loyalty.rewards.put(by, "apron", { ...apron, enabled: false });
  const without = () => loyalty.tierBook.put(by, tiersOf("base", "silver"));
  const bake = (more: object) =>
    loyalty.rules.put(
      by,
      "gold_bread",
      loyaltyDefinition.parse({
        title: "Bread",
        act: { type: "bread.baked" },
        facts: { loaves: "number" },
        effects: [{ points: 10 }],
        limit: { kind: "once" },
        ...more,
      }),
    );
  const named = { rule: "tier_in_use", detail: "tiers: the condition of the earning rule gold_bread names gold." };
  for (const when of [
    'tier == "gold"',
    'loaves > 2 && !(tier in ["silver", "gold"])',
    '"gold" != tier || loaves == 1',
  ]) {
    expect(await bake({ when })).toMatchObject({ definition: { when } });
    expect(await without()).toMatchObject(named);
  }
  // Of something else it is no tier, and a name that no tier has had keeps nobody from anything.
  await bake({ when: 'origin == "gold" && tier == "platinum"' });
  expect(await without()).toMatchObject({ definition: { tiers: [{ key: "base" }, { key: "silver" }] } });
  await loyalty.tierBook.put(by, tiersOf("base", "silver", "gold"));
  await bake({ when: 'tier == "gold"' });
  expect(await without()).toMatchObject(named);
  await bake({ when: 'tier == "gold"', enabled: false });
  expect(await without()).toMatchObject({ definition: { tiers: [{ key: "base" }, { key: "silver" }] } });
});

test("what was for a tier that is gone all the same is for nobody, and an offer costs its list price", async () => {
  await loyalty.tierBook.put(by, tiersOf("base", "silver", "gold"));
  await loyalty.rewards.put(by, "apron", apron);
  await loyalty.offers.put(by, "filter", filter);
  const id = await newcomer();
  const definition = JSON.stringify(tiersOf("base", "silver"));
  await sql`INSERT INTO loyalty_program (version, definition, created_at_ms, created_by)
    SELECT max(version) + 1, ${definition}::jsonb, 1, 'an earlier version' FROM loyalty_program`.execute(database.db);
  await loyalty.tierBook.load();
  time.nowMs += 2 * dayMs;
  expect(await loyalty.reserveReward(id, "apron")).toMatchObject({ kind: "refused", rule: "reward_above_tier" });
  expect(
    await loyalty.offers.grantBy(by, { householdId: id, offer: "filter", expiresAtMs: time.nowMs + dayMs }),
  ).toMatchObject({ price: { amountMinor: 2_000 } });
});

test("whatever tiers there are, nobody pays a price of a tier that they have not", () => {
  const keys = fc.subarray(["base", "silver", "gold", "platinum"], { minLength: 1 });
  const wanted = fc.constantFrom("base", "silver", "gold", "platinum", null);
  fc.assert(
    fc.property(keys, fc.nat(3), wanted, (known, place, tier) => {
      const program = tiersOf(...known);
      const rank = Math.min(place, known.length - 1);
      const own = known.slice(0, rank + 1);
      const offer = { ...filter, prices: [{ tier, priceMinor: 1_200, reason: "Yours" }] };
      const { priceMinor } = priceFor(offer, (key) => isReached(program, key, rank));
      expect(priceMinor).toBe(tier === null || own.includes(tier) ? 1_200 : 2_000);
    }),
  );
});
