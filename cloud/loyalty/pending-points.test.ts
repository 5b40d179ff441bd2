/** Points that are pending count for no tier: against a plain model of what is active when, and told late as in time. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { HouseholdAct } from "../households/households.ts";

const dayMs = 86_400_000;
/** How long what each of these gives is pending. */
const delaysDays = { "thing.at_once": 0, "thing.in_a_week": 7, "thing.in_three_weeks": 21 } as const;
type Kind = keyof typeof delaysDays;
const kinds: Kind[] = ["thing.at_once", "thing.in_a_week", "thing.in_three_weeks"];
const bounds = { base: 0, silver: 100, gold: 300 };
const names = ["base", "silver", "gold"] as const;

const clock = new SetClock();
let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open({ clock });
  const program = (await kitchen.as("viewer", "GET", "/loyalty/program")).body.definition;
  const tiers = names.map((key) => ({
    key,
    title: key,
    fromPoints: bounds[key],
    multiplierPct: key === "base" ? 100 : 150,
  }));
  await kitchen.as("content", "PUT", "/loyalty/program", { ...program, tiers, periodMonths: 12 });
  for (const [type, days] of Object.entries(delaysDays)) {
    const { status } = await kitchen.as("content", "PUT", `/loyalty/rules/${type.replace(".", "_")}`, {
      title: type,
      act: { type, from: ["shop"] },
      facts: { worth: "number" },
      effects: [{ points: { of: "worth", max: 1_000 } }],
      limit: { kind: "none" },
      tierMultiplied: true,
      delayMs: days * dayMs,
    });
    if (status !== 200) throw new Error(`the rule for ${type} was not made`);
  }
});
afterAll(() => kitchen.close());

const home = async (): Promise<string> =>
  (await kitchen.as("admin", "POST", "/households", { name: "Huber", locale: "de", timeZone: "Europe/Berlin" })).body
    .id;
const tell = (...acts: HouseholdAct[]) =>
  kitchen.base.db.transaction().execute((tx) => kitchen.slices.loyalty.ingest(tx, acts));
const act = (householdId: string, type: Kind, worth: number, atMs: number): HouseholdAct => ({
  householdId,
  source: `shop:${randomUUID()}`,
  origin: "shop",
  type,
  atMs,
  data: { worth },
  device: null,
});
const entries = async (id: string) => (await kitchen.slices.loyalty.ledger(id, null, 500))?.entries ?? [];
const tierOf = async (id: string) =>
  (await kitchen.slices.loyalty.tiers(kitchen.base.db, [id])).get(id)?.key ?? "nothing";

interface Earned {
  activeAtMs: number;
  points: number;
  takenBackAtMs: number | null;
}
/** Points of some moment: active by then, and not taken back by then. */
const activeAt = (earned: readonly Earned[], atMs: number): number =>
  earned
    .filter((one) => one.activeAtMs <= atMs && (one.takenBackAtMs === null || one.takenBackAtMs > atMs))
    .reduce((sum, { points }) => sum + points, 0);
/** The most that was active at any moment until `nowMs`. */
const mostActive = (earned: readonly Earned[], nowMs: number): number => {
  const moments = earned.map(({ activeAtMs }) => activeAtMs).filter((atMs) => atMs <= nowMs);
  return Math.max(0, ...moments.map((atMs) => activeAt(earned, atMs)));
};

type Step = { kind: Kind; worth: number } | { waitDays: number } | { takeBack: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom(...kinds), worth: fc.integer({ min: 10, max: 120 }) }) },
  { weight: 2, arbitrary: fc.record({ waitDays: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ takeBack: fc.nat(3) }) },
);

const reachedAndTakenBackAtOnce: Step[] = [
  { kind: "thing.at_once", worth: 62 },
  { kind: "thing.at_once", worth: 38 },
  { takeBack: 0 },
  { kind: "thing.at_once", worth: 10 },
];

test("a tier is reached by what is active and by nothing that is pending; what is taken back while it is pending never counted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
      const id = await home();
      const known = new Map<string, Earned>();
      // What was reached stays within its period, also where it is taken back in the very moment in which it was reached.
      let most = 0;
      for (const one of [...steps, { waitDays: 30 }]) {
        const nowMs = clock.nowMs();
        if ("kind" in one) await tell(act(id, one.kind, one.worth, nowMs));
        if ("takeBack" in one) {
          const open = (await entries(id)).filter(({ kind, state }) => kind === "earning" && state !== "reversed");
          const wanted = open[one.takeBack];
          const earned = known.get(wanted?.id ?? "");
          if (wanted === undefined || earned === undefined) continue;
          await kitchen.slices.loyalty.reverse({ kind: "system" }, wanted.id, "sent back");
          earned.takenBackAtMs = nowMs;
        }
        if ("waitDays" in one) clock.forward(one.waitDays * dayMs);
        for (const { id: entry, kind, points, activeAtMs } of await entries(id))
          if (kind === "earning" && !known.has(entry)) known.set(entry, { activeAtMs, points, takenBackAtMs: null });
        await kitchen.slices.loyalty.tick();
        most = Math.max(most, mostActive([...known.values()], clock.nowMs()));
        expect(await tierOf(id)).toBe(names.findLast((name) => bounds[name] <= most));
      }
    }),
    { numRuns: 15, examples: [[reachedAndTakenBackAtOnce]] },
  );
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true, broken: [] });
});

test("what is pending counts on the day on which it becomes active also where all of it is told months later", async () => {
  const bought = fc.array(
    fc.record({ kind: fc.constantFrom(...kinds), worth: fc.integer({ min: 10, max: 90 }), day: fc.nat(60) }),
    { minLength: 4, maxLength: 15 },
  );
  await fc.assert(
    fc.asyncProperty(bought, fc.infiniteStream(fc.integer({ min: 1, max: 8 })), async (all, sizes) => {
      const [inTime, late] = [await home(), await home()];
      const fromMs = clock.nowMs();
      const acts = (id: string) =>
        all
          .toSorted((a, b) => a.day - b.day)
          .map(({ kind, worth, day }, at) => ({
            ...act(id, kind, worth, fromMs + day * dayMs + at * 60_000),
            source: `shop:${id}-${at}`,
          }));
      const ofInTime = acts(inTime);
      for (let day = 0; day <= 90; day += 1) {
        await tell(...ofInTime.filter(({ atMs }) => Math.floor((atMs - fromMs) / dayMs) === day));
        if (day % 5 === 0) await kitchen.slices.loyalty.tick();
        clock.forward(dayMs);
      }
      const rest = acts(late);
      while (rest.length > 0) await tell(...rest.splice(0, sizes.next().value ?? 1));
      await kitchen.slices.loyalty.tick();
      expect(await story(late)).toEqual(await story(inTime));
    }),
    { numRuns: 8 },
  );
});

/** What was earned, and the tier at the end of each day on which it changed. */
async function story(id: string) {
  const { rows } = await sql<{ day: string; tier: string }>`
    SELECT DISTINCT ON (1) (to_timestamp(c.at_ms / 1000.0) AT TIME ZONE 'Europe/Berlin')::date::text AS day, c.to_tier AS tier
    FROM loyalty_tier_change c JOIN ledger_account a ON a.key = c.account WHERE a.household_id = ${id}
    ORDER BY 1, c.at_ms DESC, c.sequence DESC`.execute(kitchen.base.db);
  const earned = (await entries(id)).map(({ day, rule, points }) => `${day} ${rule} ${points}`).toSorted();
  return { earned, tiers: rows };
}

test("a household whose points become active while nobody looks has its tier from then, and its period too", async () => {
  const id = await home();
  const boughtMs = clock.nowMs();
  await tell(act(id, "thing.in_a_week", 150, boughtMs));
  await kitchen.slices.loyalty.tick();
  expect((await kitchen.slices.loyalty.standing(id))?.pointsInPeriod).toBe(0);
  expect(await tierOf(id)).toBe("base");
  clock.forward(40 * dayMs);
  await kitchen.slices.loyalty.tick();
  expect((await kitchen.slices.loyalty.standing(id))?.pointsInPeriod).toBe(150);
  const { rows } = await sql<{ at_ms: number }>`
    SELECT c.at_ms FROM loyalty_tier_change c JOIN ledger_account a ON a.key = c.account WHERE a.household_id = ${id}`.execute(
    kitchen.base.db,
  );
  expect(rows.map((row) => row.at_ms)).toEqual([boughtMs + 7 * dayMs]);
});
