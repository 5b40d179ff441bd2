/** What rules give for what was done, once and again. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ledgerOfTests } from "../../test/support/ledger.ts";
import { loyaltyDefinition, valuesMax } from "./core/rule.ts";

const dayMs = 86_400_000;
/** When the ledger of a test begins. */
const t0 = Date.UTC(2026, 0, 5, 12);
const by = { kind: "system" } as const;
const { time, loyalty, kept, home, act, tell, held, entries, expectSound, rule } = await ledgerOfTests();

const putAs = async (key: string, definition: object) => {
  const outcome = await loyalty.rules.put(by, key, loyaltyDefinition.parse({ title: key, ...definition }));
  return "kind" in outcome ? outcome : null;
};
const putOdd = (definition: object) => putAs("odd", definition);
const back = (of: string) => ({
  act: { type: "sent.back", from: ["shop"] },
  facts: { order: "text" },
  returns: { rule: of, by: "order" },
  limit: { kind: "none" },
});
const nothing = (detail: string) => expect.objectContaining({ rule: "earning_returns_nothing", detail });
const varies = (detail: string) => expect.objectContaining({ rule: "earning_streak_varies", detail });
const read = (who: string, type: string, page: number) =>
  act(who, type, 0, { page: `p${page}` }, { origin: type === "page.read" ? "web" : "shop" });

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

test("a return that would take nothing back is refused, and so is a change after which it would", async () => {
  const bought = {
    act: { type: "bought", from: ["shop"] },
    facts: { order: "text" },
    effects: [{ points: 5 }],
    limit: { kind: "once_per", fact: "order" },
  };
  expect(await putAs("sent_back", back("bought"))).toEqual(nothing("returns.rule: there is no rule bought."));
  expect(await putAs("bought", { ...bought, limit: { kind: "none" } })).toBe(null);
  expect(await putAs("sent_back", back("bought"))).toEqual(
    nothing("returns.rule: bought does not give once for each value of a fact."),
  );
  expect(await putAs("bought", bought)).toBe(null);
  expect(await putAs("sent_back", back("bought"))).toBe(null);
  expect(await putAs("bought", { ...bought, limit: { kind: "per", period: "day", count: 1 } })).toEqual(
    nothing("limit: sent_back takes back what this gives, by the value of a fact."),
  );
  // What nobody sends back any more may earn as it likes.
  expect(await putAs("sent_back", { ...back("bought"), enabled: false })).toBe(null);
  expect(await putAs("bought", { ...bought, limit: { kind: "none" } })).toBe(null);
});

test("a streak whose points would vary with the order in which its acts are told is refused at the field", async () => {
  const weekly = {
    act: { type: "bread.baked" },
    facts: { loaves: "number" },
    limit: { kind: "none" },
    streak: { period: "week", length: 3 },
  };
  expect(await putOdd({ ...weekly, effects: [{ points: 1 }, { points: { of: "loaves", max: 9 } }] })).toEqual(
    varies("effects.1.points: a streak gives a fixed number."),
  );
  expect(await putOdd({ ...weekly, effects: [{ points: 1, to: "referrer" }] })).toEqual(
    varies("effects.0.to: a streak is the household's own."),
  );
  expect(await putOdd({ ...weekly, effects: [{ points: 1 }], tierMultiplied: true })).toEqual(
    varies("tierMultiplied: a streak gives the same in every tier."),
  );
});

test("whoever names new values for ever earns by so many, told at once, in pieces and again; the shop's word is taken", async () => {
  const once = { facts: { page: "text" }, effects: [{ points: 1 }], limit: { kind: "once_per", fact: "page" } };
  await rule("pages", { act: { type: "page.read", from: ["web"] }, ...once });
  await rule("receipts", { act: { type: "receipt.printed", from: ["shop"] }, ...once });
  const [id, other] = [home(), home()];
  const pages = Array.from({ length: valuesMax + 20 }, (_, page) => read(id, "page.read", page));
  await tell(...pages.slice(0, 7));
  await tell(...pages.slice(7, valuesMax - 5));
  await tell(...pages.slice(valuesMax - 5));
  expect(await held(id)).toEqual({ active: valuesMax, pending: 0 });
  await tell(...pages);
  await tell(read(id, "page.read", 3), read(id, "page.read", 9_999));
  expect(await held(id)).toEqual({ active: valuesMax, pending: 0 });
  await tell(...Array.from({ length: valuesMax + 20 }, (_, page) => read(other, "receipt.printed", page)));
  expect(await held(other)).toEqual({ active: valuesMax + 20, pending: 0 });
  await expectSound();
});

test("conditions, amounts, first times, values and several effects: each act earns what its rule says, a referrer too", async () => {
  await rule("saver", {
    act: { type: "wash.done" },
    facts: { program: "text", saved_wh: "number" },
    when: 'program != "Quick" && saved_wh >= 100 && tier == "base" && locale.startsWith("de")',
    effects: [{ points: { of: "saved_wh", unit: 100, times: 1.5, round: "nearest", max: 20 } }, { points: 1 }],
    limit: { kind: "per", period: "week", count: 2 },
  });
  time.nowMs = t0 + 8 * dayMs;
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

test("a dry run tells what a rule would have given for what is kept, and stores nothing", async () => {
  time.nowMs = t0 + 30 * dayMs;
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
    replay: { missing: [{ source: forgotten.source, rule: "price_checked", points: 2, householdId: id }] },
  });
  expect(await loyalty.check()).toEqual(before);
});
