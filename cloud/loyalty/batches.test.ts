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
const delaysHours = { at_once: 0, in_hours: 5, in_days: 50 } as const;
type Thing = keyof typeof delaysHours;
const things: Thing[] = ["at_once", "in_hours", "in_days"];

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
  await kitchen.as("content", "PUT", "/loyalty/program", { ...program, tiers, periodMonths: 12 });
  for (const thing of things) {
    await rule(`bought_${thing}`, {
      act: { type: `bought.${thing}`, from: ["shop"] },
      facts: { order_id: "text", worth: "number" },
      effects: [{ points: { of: "worth", max: 1_000 } }, { points: 1 }],
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
  kind: "bought" | "returned";
  thing: Thing;
  order: number;
  worth: number;
  hour: number;
}
const told: fc.Arbitrary<Told> = fc.record({
  kind: fc.constantFrom("bought", "bought", "returned"),
  thing: fc.constantFrom("at_once", "at_once", ...things),
  order: fc.nat(4),
  worth: fc.integer({ min: 20, max: 130 }),
  // Hours of three days in steps of four, so that some are of one moment.
  hour: fc.nat(17).map((step) => step * 4),
});

const home = async (): Promise<string> =>
  (await kitchen.as("admin", "POST", "/households", { name: "Huber", locale: "de", timeZone: "Europe/Berlin" })).body
    .id;
const tell = (acts: readonly HouseholdAct[]) =>
  kitchen.base.db.transaction().execute((tx) => kitchen.slices.loyalty.ingest(tx, acts));

function actsOf(householdId: string, all: readonly Told[], fromMs: number): HouseholdAct[] {
  return all
    .map(({ kind, thing, order, worth, hour }, at) => ({
      householdId,
      source: `shop:${householdId}-${String(at).padStart(3, "0")}`,
      origin: "shop" as const,
      type: `${kind}.${thing}`,
      atMs: fromMs + hour * hourMs,
      data: { order_id: `${order}`, worth },
      device: null,
    }))
    .toSorted((a, b) => a.atMs - b.atMs || (a.source < b.source ? -1 : 1));
}

/** Everything that the ledger and the tiers say of a household, without the ids. */
async function story(id: string) {
  const { loyalty } = kitchen.slices;
  const { rows: history } = await sql`
    SELECT c.at_ms, c.from_tier, c.to_tier, c.points FROM loyalty_tier_change c JOIN ledger_account a ON a.key = c.account
    WHERE a.household_id = ${id} ORDER BY c.sequence`.execute(kitchen.base.db);
  const entries = ((await loyalty.ledger(id, null, 500))?.entries ?? []).map(
    ({ day, kind, rule: key, points, activeAtMs }) => `${day} ${kind} ${key} ${points} ${activeAtMs}`,
  );
  const lots = (await loyalty.lots(id)).map(({ left, expiresAtMs }) => `${left} ${expiresAtMs}`);
  return {
    history,
    entries: entries.toSorted(),
    lots: lots.toSorted(),
    balance: (await loyalty.balances(kitchen.base.db, [id])).get(id),
    tier: (await loyalty.tiers(kitchen.base.db, [id])).get(id),
  };
}

const bought = (order: number, worth: number, hour: number, thing: Thing = "at_once"): Told => ({
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

test("acts, returns and what becomes active between them, cut into batches anyhow, come to the tier, history and balance of one by one", async () => {
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 9 }));
  await fc.assert(
    fc.asyncProperty(fc.array(told, { minLength: 3, maxLength: 18 }), sizes, async (all, cuts) => {
      const fromMs = clock.nowMs();
      clock.forward(10 * dayMs);
      const [oneByOne, inBatches] = [await home(), await home()];
      for (const act of actsOf(oneByOne, all, fromMs)) await tell([act]);
      const rest = actsOf(inBatches, all, fromMs);
      // Within a batch they stand in any order.
      while (rest.length > 0) await tell(rest.splice(0, cuts.next().value ?? 1).toReversed());
      await kitchen.slices.loyalty.tick();
      expect(await story(inBatches)).toEqual(await story(oneByOne));
    }),
    {
      numRuns: 20,
      examples: [boughtAndReturned, twoOfOneMoment, activeBetween].map((all) => [all, fc.stream(forever(9))]),
    },
  );
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true, broken: [] });
});

function* forever(size: number): Generator<number, void> {
  for (;;) yield size;
}

test("what was bought and returned counts for no tier with what is bought after it, told at once", async () => {
  const id = await home();
  const fromMs = clock.nowMs();
  clock.forward(dayMs);
  await tell(actsOf(id, boughtAndReturned, fromMs));
  expect((await kitchen.slices.loyalty.tiers(kitchen.base.db, [id])).get(id)?.key).toBe("base");
});
