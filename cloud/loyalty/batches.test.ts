/** How acts are cut into batches changes nothing: against the same acts told one by one. */
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { HouseholdAct } from "../households/households.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** How long what each of these gives is pending: the first two within a day. */
const delaysHours = { at_once: 0, in_hours: 5, in_days: 50, by_word: 0 } as const;
type Thing = keyof typeof delaysHours;
/** What is bought by word of another household gives that one points too. */
const things: Thing[] = ["at_once", "in_hours", "in_days", "by_word"];
const houses = ["huber", "maier"] as const;
type House = (typeof houses)[number];
type Houses = Readonly<Record<House, string>>;

const clock = new SetClock();
let kitchen: Kitchen;

const rule = async (key: string, definition: object) => {
  const { status } = await kitchen.as("content", "PUT", `/loyalty/rules/${key}`, { title: key, ...definition });
  if (status !== 200) throw new Error(`the rule ${key} was not made`);
};

beforeAll(async () => {
  kitchen = await Kitchen.open({ clock });
  const program = (await kitchen.as("viewer", "GET", "/loyalty/program")).body.definition;
  const tiers = Object.entries({ base: 0, silver: 100, gold: 200, crown: 400 }).map(([key, fromPoints], rank) => ({
    key,
    title: key,
    fromPoints,
    multiplierPct: 100 + 50 * rank,
  }));
  await kitchen.as("content", "PUT", "/loyalty/program", { ...program, tiers, periodMonths: 1 });
  for (const thing of things) {
    await rule(`bought_${thing}`, {
      act: { type: `bought.${thing}`, from: ["shop"] },
      facts: { order_id: "text", worth: "number" },
      effects: [
        { points: { of: "worth", max: 1_000 } },
        thing === "by_word" ? { points: { of: "worth", max: 1_000 }, to: "referrer" } : { points: 1 },
      ],
      limit: { kind: "once_per", fact: "order_id" },
      tierMultiplied: true,
      delayMs: delaysHours[thing] * hourMs,
    });
    await rule(`returned_${thing}`, {
      act: { type: `returned.${thing}`, from: ["shop"] },
      facts: { order_id: "text" },
      returns: { rule: `bought_${thing}`, by: "order_id" },
      limit: { kind: "none" },
    });
  }
  await rule("two_days", {
    act: { type: "bought.at_once", from: ["shop"] },
    effects: [{ points: 30 }],
    limit: { kind: "none" },
    streak: { period: "day", length: 2 },
  });
});
afterAll(() => kitchen.close());

interface Told {
  by: House;
  kind: "bought" | "returned" | "cooked";
  thing: Thing;
  order: number;
  worth: number;
  hour: number;
}
const told: fc.Arbitrary<Told> = fc.record({
  by: fc.constantFrom(...houses),
  kind: fc.constantFrom("bought", "bought", "returned", "cooked"),
  thing: fc.constantFrom("at_once", "at_once", ...things),
  order: fc.nat(4),
  worth: fc.integer({ min: 20, max: 130 }),
  // Hours in steps of four, so that some are of one moment: of three days, and of those a month later, when tiers end.
  hour: fc.nat(35).map((step) => (step < 18 ? step * 4 : step * 4 + 28 * 24)),
});

const home = async (): Promise<string> =>
  (await kitchen.as("admin", "POST", "/households", { name: "Huber", locale: "de", timeZone: "Europe/Berlin" })).body
    .id;
const street = async (): Promise<Houses> => ({ huber: await home(), maier: await home() });
const tell = (acts: readonly HouseholdAct[]) =>
  kitchen.base.db.transaction().execute(async (tx) => {
    await kitchen.slices.loyalty.ingest(tx, acts);
    await kitchen.slices.lifecycle.ingest(tx, acts);
  });

const atOven = { origin: "appliance" as const, type: "program.finished" };

function actsOf(ids: Houses, all: readonly Told[], fromMs: number): HouseholdAct[] {
  return all
    .map(({ by, kind, thing, order, worth, hour }, at) => {
      const householdId = ids[by];
      const when = { householdId, atMs: fromMs + hour * hourMs };
      const id = `${ids.huber}-${String(at).padStart(3, "0")}`;
      const oven = { key: 1, id: `oven-of-${by}`, model: "oven" };
      if (kind === "cooked")
        return { ...when, ...atOven, source: `${oven.id}/${id}`, data: { program: `P${order}` }, device: oven };
      const data = { order_id: `${order}`, worth, referrer: ids[by === "huber" ? "maier" : "huber"] };
      return { ...when, source: `shop:${id}`, origin: "shop" as const, type: `${kind}.${thing}`, data, device: null };
    })
    .toSorted((a, b) => a.atMs - b.atMs || (a.source < b.source ? -1 : 1));
}

/** Everything that ledger, tiers and stages say of a household, without the ids. */
async function story(id: string) {
  const { loyalty, lifecycle } = kitchen.slices;
  const { db } = kitchen.base;
  const { rows: history } = await sql`
    SELECT c.at_ms, c.from_tier, c.to_tier, c.points FROM loyalty_tier_change c JOIN ledger_account a ON a.key = c.account
    WHERE a.household_id = ${id} ORDER BY c.sequence`.execute(db);
  const { rows: stages } = await sql`
    SELECT at_ms, from_stage, to_stage, causes FROM lifecycle_change WHERE household_id = ${id} ORDER BY place`.execute(
    db,
  );
  const entries = ((await loyalty.ledger(id, null, 500))?.entries ?? []).map(
    ({ day, kind, rule: key, points, activeAtMs }) => `${day} ${kind} ${key} ${points} ${activeAtMs}`,
  );
  const lots = (await loyalty.lots(id)).map(({ left, expiresAtMs }) => `${left} ${expiresAtMs}`);
  return {
    history,
    stages,
    stage: (await lifecycle.stages(db, [id])).get(id),
    entries: entries.toSorted(),
    lots: lots.toSorted(),
    balance: (await loyalty.balances(db, [id])).get(id),
    tier: (await loyalty.tiers(db, [id])).get(id),
  };
}

const bought = (order: number, worth: number, hour: number, thing: Thing = "at_once", by: House = "huber"): Told => ({
  by,
  kind: "bought",
  thing,
  order,
  worth,
  hour,
});
const returned = (order: number, hour: number): Told => ({ ...bought(order, 0, hour), kind: "returned" });
/** Never 100 points at once. */
const boughtAndReturned = [bought(0, 60, 0), returned(0, 1), bought(1, 60, 2)];
/** Silver from the first, gold from the second of one moment. */
const twoOfOneMoment = [bought(0, 120, 4), bought(1, 120, 4)];
/** Silver from when the first becomes active, and not from the second. */
const activeBetween = [bought(0, 120, 0, "in_hours"), bought(1, 30, 8)];
/** Silver from what the other bought by word on the third day, with what was bought before it. */
const referredLater = [bought(0, 25, 0), bought(1, 25, 24), bought(0, 40, 48, "by_word", "maier"), bought(2, 30, 72)];
/** Silver until the month is over; of one day after that both find it gone. */
const endedBetween = [bought(0, 120, 0), bought(1, 50, 40 * 24), bought(2, 50, 40 * 24 + 2)];
/** Late by less than a notice: silver until the notice is over. */
const toldBeforeItEnds = endedBetween.map((one) => ({ ...one, hour: one.hour + 25 * 24 }));
const known = [boughtAndReturned, twoOfOneMoment, activeBetween, referredLater, endedBetween, toldBeforeItEnds];

test("acts of two households, returns and what becomes active between them, cut into batches anyhow, come to the points, tiers, stages and history of one by one", async () => {
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 9 }));
  await fc.assert(
    fc.asyncProperty(fc.array(told, { minLength: 3, maxLength: 18 }), sizes, async (all, cuts) => {
      const fromMs = clock.nowMs();
      clock.forward(72 * dayMs);
      const [oneByOne, inBatches] = [await street(), await street()];
      for (const act of actsOf(oneByOne, all, fromMs)) await tell([act]);
      const rest = actsOf(inBatches, all, fromMs);
      // Within a batch they stand in any order.
      while (rest.length > 0) await tell(rest.splice(0, cuts.next().value ?? 1).toReversed());
      await kitchen.slices.loyalty.tick();
      await kitchen.slices.lifecycle.tick();
      for (const house of houses) expect(await story(inBatches[house])).toEqual(await story(oneByOne[house]));
    }),
    { numRuns: 14, examples: known.map((all) => [all, fc.stream(forever(9))]) },
  );
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true, broken: [] });
});

function* forever(size: number): Generator<number, void> {
  for (;;) yield size;
}

test("what was bought and returned counts for no tier with what is bought after it, told at once", async () => {
  const ids = await street();
  const fromMs = clock.nowMs();
  clock.forward(dayMs);
  await tell(actsOf(ids, boughtAndReturned, fromMs));
  expect((await kitchen.slices.loyalty.tiers(kitchen.base.db, [ids.huber])).get(ids.huber)?.key).toBe("base");
});

test("whom nobody told that their tier ends keeps it until the notice is over, also where they act before anybody looked", async () => {
  const ids = await street();
  const fromMs = clock.nowMs();
  clock.forward(45 * dayMs);
  await tell(actsOf(ids, endedBetween, fromMs));
  const tier = async () => (await kitchen.slices.loyalty.tiers(kitchen.base.db, [ids.huber])).get(ids.huber);
  expect(await tier()).toMatchObject({ key: "silver", untilMs: clock.nowMs() + 30 * dayMs });
  clock.forward(30 * dayMs);
  await kitchen.slices.loyalty.tick();
  expect((await tier())?.key).toBe("base");
});
